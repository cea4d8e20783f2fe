from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import hosts, posted
from fakes.hosts import CANARY, FakeClock, Fault
from series_ci.errors import InfrastructureError, UsageError
from series_ci.post import github, github_target, posting
from series_ci.post.github_target import Target
from series_ci.post.http import Client
from series_ci.post.posting import Publication
from series_ci.post.token import Token


@pytest.fixture
def hub() -> hosts.GitHub:
    return hosts.GitHub()


@pytest.fixture
def host(hub: hosts.GitHub) -> Iterator[hosts.Host]:
    with hosts.serve(hub) as running:
        yield running


@pytest.fixture
def client(host: hosts.Host) -> Client:
    return Client(github.server(host.url, Token(CANARY)), clock=FakeClock())


@pytest.fixture
def target(host: hosts.Host) -> Target:
    return Target(host.url, "o/r", posted.SHA, 7, "https://example.org/run/1")


def results(path: Path, tests: int = 1) -> Publication:
    return posting.read(posted.folder(path / f"run-{tests}", posted.broken(tests)))


class TestCheck:
    def test_made_whole(self, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path) -> None:
        github.post_check(client, target, results(tmp_path))
        (run,) = hub.runs
        assert (run["name"], run["head_sha"]) == ("series-ci/x86_64 v10", posted.SHA)
        assert (run["status"], run["conclusion"]) == ("completed", "failure")
        assert run["details_url"] == "https://example.org/run/1"
        assert [(each["path"], each["start_line"]) for each in hub.notes[1]] == [
            ("mm/rmap.c", 840),
            ("tools/testing/selftests/mm/exit_skip.c", 683),
        ]

    @pytest.mark.parametrize("tests", [1, 49, 50, 120])
    def test_posted_twice_is_there_once(
        self, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path, tests: int
    ) -> None:
        for _ in range(2):
            github.post_check(client, target, results(tmp_path, tests))
        assert len(hub.runs) == 1
        assert len(hub.notes[1]) == tests + 1
        assert len({each["start_line"] for each in hub.notes[1]}) == tests + 1

    def test_other_results_make_another(
        self, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path
    ) -> None:
        github.post_check(client, target, results(tmp_path, 1))
        github.post_check(client, target, results(tmp_path, 2))
        assert [len(notes) for notes in hub.notes.values()] == [2, 3]

    @pytest.mark.parametrize("how", ["reset", "half", "broken", "code"])
    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    @pytest.mark.parametrize("acted", [True, False])
    def test_lost_answers_double_nothing(
        self,
        client: Client,
        host: hosts.Host,
        hub: hosts.GitHub,
        target: Target,
        tmp_path: Path,
        *,
        how: str,
        method: str,
        acted: bool,
    ) -> None:
        host.faults.append(Fault(how, method=method, acted=acted))
        github.post_check(client, target, results(tmp_path, 120))
        assert host.faults == []
        assert len(hub.runs) == 1
        assert len(hub.notes[1]) == 121

    def test_interrupted_one_is_completed(
        self, client: Client, host: hosts.Host, hub: hosts.GitHub, target: Target, tmp_path: Path
    ) -> None:
        host.faults.append(Fault(code=501, method="PATCH"))
        with pytest.raises(InfrastructureError):
            github.post_check(client, target, results(tmp_path, 120))
        assert len(hub.notes[1]) == 50
        github.post_check(client, target, results(tmp_path, 120))
        assert (len(hub.runs), len(hub.notes[1])) == (1, 121)


class TestStatus:
    def test_only_what_is_new(self, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path) -> None:
        assert github.post_status(client, target, results(tmp_path)).new is True
        assert github.post_status(client, target, results(tmp_path)).new is False
        (status,) = hub.statuses
        assert (status["state"], status["context"]) == ("failure", "series-ci/x86_64")
        assert github.post_status(client, target, results(tmp_path, 2)).new is True

    def test_answer_that_is_lost(
        self, client: Client, host: hosts.Host, hub: hosts.GitHub, target: Target, tmp_path: Path
    ) -> None:
        host.faults.append(Fault("reset", acted=True))
        github.post_status(client, target, results(tmp_path))
        assert len(hub.statuses) == 1

    def test_description_fits(self, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path) -> None:
        found = posted.summary(version="v" * 300)
        github.post_status(client, target, posting.read(posted.folder(tmp_path, found)))
        assert len(hub.statuses[0]["description"]) == 140


class TestComment:
    def test_one_that_is_kept(
        self, client: Client, host: hosts.Host, hub: hosts.GitHub, target: Target, tmp_path: Path
    ) -> None:
        for tests in (1, 1, 2):
            github.post_comment(client, target, results(tmp_path, tests))
        (comment,) = hub.comments
        assert comment["body"].startswith("<!-- series-ci:demo/x86_64 -->\n### demo v10: regression, 2 BROKEN")
        assert (host.count("POST"), host.count("PATCH")) == (1, 1)

    def test_answer_that_is_lost(
        self, client: Client, host: hosts.Host, hub: hosts.GitHub, target: Target, tmp_path: Path
    ) -> None:
        host.faults.append(Fault("half", acted=True))
        github.post_comment(client, target, results(tmp_path))
        assert len(hub.comments) == 1

    def test_of_a_stranger_is_not_taken_over(
        self, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path
    ) -> None:
        body = "<!-- series-ci:demo/x86_64 -->\nall is well"
        hub.comments.append({"id": 1, "user": {"type": "User"}, "author_association": "CONTRIBUTOR", "body": body})
        github.post_comment(client, target, results(tmp_path))
        assert [each["body"] == body for each in hub.comments] == [True, False]

    def test_marker_cannot_be_left(self, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path) -> None:
        github.post_comment(client, target, posting.read(posted.folder(tmp_path, posted.summary(series="a --> @all"))))
        assert hub.comments[0]["body"].splitlines()[0] == "<!-- series-ci:a------all/x86_64 -->"


def test_summary_of_the_job_is_added_once(tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_text("# before\n")
    found = results(tmp_path)
    assert [github.write_summary(page, found).new for _ in range(2)] == [True, False]
    assert page.read_text() == f"# before\n{found.summary}\n"
    with pytest.raises(InfrastructureError, match="page"):
        github.write_summary(tmp_path / "gone/page", found)


class TestRefusals:
    def refuse(
        self, host: hosts.Host, client: Client, target: Target, tmp_path: Path, part: str, **fault: Any
    ) -> UsageError:
        host.faults.append(Fault(**fault))
        with pytest.raises(UsageError) as caught:
            getattr(github, f"post_{part}")(client, target, results(tmp_path))
        assert CANARY not in repr(vars(caught.value))
        return caught.value

    @pytest.mark.parametrize(
        ("part", "right"),
        [("check", "checks: write"), ("status", "statuses: write"), ("comment", "pull-requests: write")],
    )
    @pytest.mark.parametrize("code", [403, 404])
    def test_missing_right_is_named(
        self, host: hosts.Host, client: Client, target: Target, tmp_path: Path, *, part: str, right: str, code: int
    ) -> None:
        body = {"message": "Resource not accessible by integration"}
        error = self.refuse(host, client, target, tmp_path, part, code=code, body=body)
        assert right in error.message
        assert "--part" not in error.hint
        assert error.hint

    def test_right_in_githubs_words(self, host: hosts.Host, client: Client, target: Target, tmp_path: Path) -> None:
        headers = {"X-Accepted-GitHub-Permissions": "issues=write; pull_requests=write"}
        error = self.refuse(
            host, client, target, tmp_path, "comment", code=403, headers=headers, body={"message": "No"}
        )
        assert "lacks issues: write; pull_requests: write" in error.message

    def test_token_of_a_person_makes_no_check_run(
        self, host: hosts.Host, client: Client, target: Target, tmp_path: Path
    ) -> None:
        body = {"message": "You must authenticate via a GitHub App."}
        error = self.refuse(host, client, target, tmp_path, "check", code=403, body=body)
        assert "--part status" in error.hint

    def test_wrong_fields_are_listed(self, host: hosts.Host, client: Client, target: Target, tmp_path: Path) -> None:
        errors = [{"resource": "CheckRun", "field": "head_sha", "code": "invalid"}, "No commit found"]
        body = {"message": "Validation Failed", "errors": errors}
        error = self.refuse(host, client, target, tmp_path, "check", code=422, body=body)
        assert error.details == "CheckRun head_sha invalid\nNo commit found"

    def test_token_that_is_none(self, host: hosts.Host, client: Client, target: Target, tmp_path: Path) -> None:
        error = self.refuse(host, client, target, tmp_path, "check", code=401, body={"message": f"Bad {CANARY}"})
        assert "wrong or has expired" in error.message

    def test_limit_is_no_missing_right(
        self, host: hosts.Host, client: Client, hub: hosts.GitHub, target: Target, tmp_path: Path
    ) -> None:
        body = {"message": "You have exceeded a secondary rate limit"}
        host.faults.append(Fault(code=403, body=body))
        github.post_check(client, target, results(tmp_path))
        assert len(hub.runs) == 1

    def test_other_server_answers(self, target: Target, tmp_path: Path) -> None:
        with hosts.serve(lambda *_: (200, {"check_runs": []})) as other:
            client = Client(github.server(other.url, Token(CANARY)), clock=FakeClock())
            with pytest.raises(InfrastructureError, match="has no output"):
                github.post_check(client, target, results(tmp_path))


class TestTarget:
    def find(self, environment: dict[str, str], **given: Any) -> Target:
        options = {"url": None, "repo": None, "sha": None, "pull": None, "page": "", **given}
        return github_target.find(environment, **options)

    def test_options_come_first(self) -> None:
        environment = {
            "GITHUB_REPOSITORY": "a/b",
            "GITHUB_SHA": "cd" * 20,
            "GITHUB_API_URL": "https://ghes.example/api/v3",
        }
        assert self.find(environment, repo="o/r", sha=posted.SHA.upper(), pull=3, url="https://x", page="p") == Target(
            "https://x", "o/r", posted.SHA, 3, "p"
        )
        assert self.find(environment) == Target("https://ghes.example/api/v3", "a/b", "cd" * 20, None, "")
        assert self.find({}, repo="o/r", sha=posted.SHA).url == "https://api.github.com"

    @pytest.mark.parametrize(
        ("event", "sha", "pull"),
        [
            ({"pull_request": {"number": 7, "head": {"sha": posted.SHA}}}, posted.SHA, 7),
            ({"workflow_run": {"head_sha": posted.SHA, "pull_requests": [{"number": 8}]}}, posted.SHA, 8),
            ({"workflow_run": {"head_sha": posted.SHA, "pull_requests": []}}, posted.SHA, None),
            ({"issue": {"number": 9, "pull_request": {}}}, "ee" * 20, 9),
            ({"issue": {"number": 9}}, "ee" * 20, None),
            ({"pull_request": "?", "workflow_run": []}, "ee" * 20, None),
        ],
    )
    def test_event(self, tmp_path: Path, event: object, sha: str, pull: int | None) -> None:
        path = tmp_path / "event.json"
        path.write_text(json.dumps(event))
        environment = {"GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": "ee" * 20, "GITHUB_EVENT_PATH": str(path)}
        found = self.find(environment)
        assert (found.sha, found.pull) == (sha, pull)

    def test_page_of_the_workflow(self) -> None:
        environment = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "5"}
        assert self.find({**environment, "GITHUB_SHA": posted.SHA}).page == "https://github.com/o/r/actions/runs/5"

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({}, "no repository"),
            ({"repo": "x"}, "not OWNER/NAME"),
            ({"repo": "o/r"}, "no commit"),
            ({"repo": "o/r", "sha": "abc"}, "not the whole id"),
            ({"repo": "o/r/../x", "sha": posted.SHA}, "not OWNER/NAME"),
        ],
    )
    def test_too_little(self, given: dict[str, str], why: str) -> None:
        with pytest.raises(UsageError, match=why):
            self.find({}, **given)
