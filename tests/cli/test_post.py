from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kcidb_io import schema

from fakes import hosts, outcomes, posted, rundirs
from fakes.here import ROOT
from fakes.hosts import CANARY, Fault
from series_ci.cli import main, post
from series_ci.post import http
from series_ci.results.model import Result, Status

GITHUB = ["--repo", "o/r", "--sha", posted.SHA, "--pr", "7"]


@pytest.fixture(autouse=True)
def _environment(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_EVENT_PATH", "GITHUB_API_URL", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GH_TOKEN", "KCIDB_REST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_TOKEN", "PATCHWORK_TOKEN", "KCIDB_REST_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setattr(http.retry, "FIRST", 0.001)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return posted.folder(tmp_path / "run", posted.broken())


@pytest.fixture
def hub() -> hosts.GitHub:
    return hosts.GitHub()


@pytest.fixture
def host(hub: hosts.GitHub) -> Iterator[hosts.Host]:
    with hosts.serve(hub) as running:
        yield running


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What was printed since the last call, on both streams; never the token."""
    out, err = capsys.readouterr()
    assert CANARY not in out + err
    return out, err


@pytest.fixture(autouse=True)
def _canary_is_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a test of this file does: the token is in nothing that was printed or written."""
    yield
    printed(capsys)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or CANARY not in path.read_text("utf-8", "replace"), path


def test_all_of_github(
    host: hosts.Host,
    hub: hosts.GitHub,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = tmp_path / "summary"
    page.touch()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    argv = ["post", str(run), "--to", "github", "--url", host.url, *GITHUB, "-v"]
    assert main(argv) == 0
    assert main(argv) == 0
    assert [len(each) for each in (hub.runs, hub.statuses, hub.comments)] == [1, 1, 1]
    assert page.read_text().count("demo v10: regression") == 1
    out, err = printed(capsys)
    check, status, comment, summary = (
        "check run series-ci/x86_64 v10 (failure): https://github.example.org/o/r/runs/1",
        f"commit status series-ci/x86_64 (failure): https://api.example.org/statuses/{posted.SHA}",
        "comment: https://github.example.org/o/r/pull/7#issuecomment-1",
        f"job summary: {page}",
    )
    again = (f"posted {check}", *(f"there already: {each}" for each in (status, comment, summary)))
    assert out.splitlines() == [*(f"posted {each}" for each in (check, status, comment, summary)), *again]
    assert f"+ POST {host.url}/repos/o/r/check-runs\n" in err


def test_what_comes_from_elsewhere_is_verified_before_anything_is_sent(
    host: hosts.Host, hub: hosts.GitHub, tmp_path: Path, *, capsys: pytest.CaptureFixture[str]
) -> None:
    kernels = [outcomes.run(label, Result("boot", Status.PASS)) for label in ("base", "v10")]
    rundirs.version(tmp_path / "real", outcomes.outcome(*kernels))
    argv = ["post", str(tmp_path / "real"), "--to", "github", "--url", host.url, *GITHUB, "--verify"]
    (tmp_path / "real/evil").touch()
    assert main(argv) == 2
    assert "evil: is nothing that a run leaves behind" in printed(capsys)[1]
    assert host.asked == []
    (tmp_path / "real/evil").unlink()
    assert main(argv) == 0
    assert [len(each) for each in (hub.runs, hub.statuses, hub.comments)] == [1, 1, 1]


def test_only_a_part(host: hosts.Host, hub: hosts.GitHub, run: Path) -> None:
    assert main(["post", str(run), "--to", "github", "--url", host.url, *GITHUB, "--part", "status"]) == 0
    assert [len(each) for each in (hub.runs, hub.statuses, hub.comments)] == [0, 1, 0]


def test_dry_run_needs_no_token_and_sends_nothing(
    host: hosts.Host, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.delenv("GITHUB_TOKEN")
    big = posted.folder(tmp_path / "big", posted.broken(120))
    assert main(["post", str(big), "--to", "github", "--url", host.url, *GITHUB, "--dry-run"]) == 0
    out = printed(capsys)[0]
    assert host.asked == []
    assert not page.exists()
    assert [line for line in out.splitlines() if line.startswith(("POST", "PATCH", "APPEND"))] == [
        f"POST {host.url}/repos/o/r/check-runs",
        f"PATCH {host.url}/repos/o/r/check-runs/{{id}}",
        f"PATCH {host.url}/repos/o/r/check-runs/{{id}}",
        f"POST {host.url}/repos/o/r/statuses/{posted.SHA}",
        f"POST {host.url}/repos/o/r/issues/7/comments",
        f"APPEND {page}",
    ]
    assert out.count('"start_line"') == 121
    assert [line for line in out.splitlines() if line.startswith(("posted", "would", "there"))] == [
        f"would post check run series-ci/x86_64 v10 (failure): o/r@{posted.SHA[:12]}",
        f"would post commit status series-ci/x86_64 (failure): o/r@{posted.SHA[:12]}",
        "would post comment: o/r#7",
        f"would post job summary: {page}",
    ]
    assert main(["post", str(run), "--to", "patchwork", "--url", host.url, "--dry-run"]) == 0
    out = printed(capsys)[0]
    assert out.count("POST ") == 2
    assert out.count("would post check series-ci/x86_64 (fail) of ") == 2
    assert host.asked == []


def test_patchwork(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    works = hosts.Patchwork(posted.FIRST, posted.SECOND)
    with hosts.serve(works) as host:
        argv = ["post", str(run), "--to", "patchwork", "--url", host.url, "--context", "mine"]
        assert main(argv) == 0
        assert main(argv) == 0
    assert [each["context"] for each in works.checks] == ["mine", "mine"]
    checks = [
        f"check mine (fail) of {name}: {host.url}/api/1.2/patches/{patch}/checks/{number}/"
        for number, (name, patch) in enumerate(((posted.FIRST, 11), (posted.SECOND, 12)), 1)
    ]
    again = (f"there already: {each}" for each in checks)
    assert printed(capsys)[0].splitlines() == [*(f"posted {each}" for each in checks), *again]


def test_what_was_posted_before_an_error_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    works = hosts.Patchwork(posted.FIRST, posted.SECOND)
    with hosts.serve(works) as host:
        host.faults += [hosts.Fault(code=200, acted=True, body={}), hosts.Fault(code=403, body={"detail": "No."})]
        assert main(["post", str(run), "--to", "patchwork", "--url", host.url]) == 2
    out, err = printed(capsys)
    assert out.startswith(f"posted check series-ci/x86_64 (fail) of {posted.FIRST}: ")
    assert len(out.splitlines()) == 1
    assert "patchwork.add_check" in err


def test_nothing_to_post_is_no_success(
    host: hosts.Host, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, capsys: pytest.CaptureFixture[str]
) -> None:
    github = ["post", str(run), "--to", "github", "--url", host.url, *GITHUB]
    assert main([*github, "--part", "summary"]) == 2
    assert "no summary to write to" in printed(capsys)[1]
    (tmp_path / "empty.json").write_text('{"version": {"major": 5, "minor": 3}}')
    kcidb = ["post", str(run), "--to", "kcidb", "--url", host.url, "--file", str(tmp_path / "empty.json")]
    assert main(kcidb) == 2
    assert "nothing to post: the document has no checkout, build or test" in printed(capsys)[1]
    found = posted.summary()
    found["environment"]["patches"] = []
    bare = posted.folder(tmp_path / "bare", found)
    assert main(["post", str(bare), "--to", "patchwork", "--url", host.url]) == 2
    assert "nothing to post: the run names no patch" in printed(capsys)[1]
    assert host.asked == []


def test_kcidb_of_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got: list[Any] = []

    def act(_method: str, _path: str, _query: dict[str, str], body: object) -> hosts.Answer:
        got.append(body)
        return (200, {"status": "ok", "id": "abc"})

    with hosts.serve(act) as host:
        assert main(["post", str(run), "--to", "kcidb", "--url", host.url]) == 0
        assert main(["post", str(run), "--to", "kcidb", "--url", host.url, "--dry-run"]) == 0
    out = printed(capsys)[0]
    assert out.startswith(f"posted submission abc (2 checkouts, 2 builds, 4 tests): {host.url}/submit\n")
    assert f"would post submission (2 checkouts, 2 builds, 4 tests): {host.url}/submit\n" in out
    (document,) = got
    schema.LATEST.validate(document)
    assert [each["status"] for each in document["tests"] if each["path"].startswith("kselftest")] == ["PASS", "FAIL"]
    assert document["tests"][0]["id"] in out


def test_kcidb(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    document = run / "own.json"
    checkout = {"id": "series_ci:1", "origin": "series_ci"}
    document.write_text(json.dumps({"version": {"major": 5, "minor": 3}, "checkouts": [checkout]}))
    monkeypatch.delenv("KCIDB_REST_TOKEN")
    with hosts.serve(lambda *_: (200, {"status": "ok", "id": "abc"})) as host:
        monkeypatch.setenv("KCIDB_REST", host.url.replace("//", f"//{CANARY}@") + "/submit")
        assert main(["post", str(run), "--to", "kcidb", "--file", str(document), "-v"]) == 0
        assert host.asked == [("POST", "/submit")]
        assert host.authorization == [f"Bearer {CANARY}"]
    assert printed(capsys)[0] == f"posted submission abc (1 checkout): {host.url}/submit\n"


def test_mail_of_the_run_is_made_once(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["post", str(run), "--to", "mail"]
    assert main(argv) == 0
    out = printed(capsys)[0]
    file = run / "reply.eml"
    assert f"--in-reply-to=<{posted.FIRST}>" in out
    assert out.endswith(f" {file}\n")
    assert "Verdict: regression" in file.read_text()
    file.write_text(file.read_text().replace("Verdict", "In my words"))
    assert main(argv) == 0
    assert "In my words" in file.read_text()
    assert main([*argv, "--tested-by", "Tess Ter <tess@example.org>"]) == 2
    assert "is there already" in printed(capsys)[1]


def test_mail_prints_the_command(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reply.eml"
    file.write_text("To: a@example.org\nSubject: Re: x\nIn-Reply-To: <1@example.org>\n\nok\n")
    assert main(["post", str(run), "--to", "mail", "--file", str(file)]) == 0
    assert printed(capsys)[0] == (
        f"mail:    {file}\n"
        f"send it: git send-email --suppress-cc=all '--in-reply-to=<1@example.org>' --to=a@example.org {file}\n"
    )


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Fault(code=401, body={"message": f"Bad credentials {CANARY}"}), 2, "wrong or has expired"),
        (Fault(code=403, body={"message": f"No {CANARY}"}), 2, "checks: write"),
        (Fault(code=404, body={"message": "Not Found"}), 2, "no such repository"),
        (Fault(code=422, body={"message": "Invalid", "errors": [f"{CANARY} is no"]}), 2, "*** is no"),
        (Fault(code=429, headers={"Retry-After": "7200"}), 5, "7200 s"),
        (Fault(code=501, body=CANARY), 5, "try again later"),
        (
            Fault(code=302, headers={"Location": f"http://{CANARY}:{CANARY}@127.0.0.1:9/"}, method="GET"),
            2,
            "does not go",
        ),
    ],
)
def test_errors_are_told_without_the_token(
    host: hosts.Host, run: Path, fault: Fault, status: int, words: str, *, capsys: pytest.CaptureFixture[str]
) -> None:
    host.faults.append(fault)
    assert main(["post", str(run), "--to", "github", "--url", host.url, *GITHUB, "-v"]) == status
    err = printed(capsys)[1]
    assert words in err
    assert "Traceback" not in err


def test_bug_report_has_no_token(host: hosts.Host, run: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("requests.Session.request", broken)
    assert main(["post", str(run), "--to", "github", "--url", host.url, *GITHUB]) == 5
    assert "a bug" in (cache / "bug.txt").read_text()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--to", "github", "--project", "x", "--context", "y"], "--to github does not know --context, --project"),
        (["--to", "mail", "--pr", "3"], "does not know --pr"),
        (["--to", "mail", "--file", "/gone/reply.eml"], "reply.eml: cannot be read"),
        (["--to", "kcidb", "--file", "/gone/kcidb.json"], "kcidb.json: cannot be read"),
        (["--to", "mail", "--tested-by", "Tess Ter <tess@example.org>"], "not everything passed: regression"),
        (["--to", "github", "--tested-by", "Tess Ter <tess@example.org>"], "does not know --tested-by"),
        (["--to", "patchwork"], "--url is missing"),
        (["--to", "github", *GITHUB, "--url", "http://example.org"], "readable on its way"),
        (["--to", "github", *GITHUB[:4], "--part", "comment"], "no pull request"),
        (["--to", "nowhere"], "nowhere"),
    ],
)
def test_usage(run: Path, argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["post", str(run), *argv]) == 2
    assert words in printed(capsys)[1]


def test_no_token(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    assert main(["post", str(run), "--to", "github", *GITHUB]) == 2
    assert "GITHUB_TOKEN or GH_TOKEN is not set" in printed(capsys)[1]


def test_both_tables_help_and_readme_have_every_destination(capsys: pytest.CaptureFixture[str]) -> None:
    """A mail is written down and sent by git: nothing of it is posted here."""
    assert {*post._POSTERS, "mail"} == set(post.TAKES)
    assert main(["post", "--help"]) == 0
    told = capsys.readouterr().out.partition("Options:")[0]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [each for each in post.TAKES if f"{each}:" not in told or f"--to {each}" not in readme] == []
