from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import hosts, posted
from fakes.hosts import CANARY, FakeClock, Fault
from series_ci.errors import UsageError
from series_ci.post import patchwork, posting
from series_ci.post.http import Client
from series_ci.post.patchwork import Check
from series_ci.post.posting import CheckState, Posted
from series_ci.post.token import Token

CHECK = Check(posted.FIRST, "series-ci/x86_64", "fail", "regression", "https://example.org/1")


@pytest.fixture
def works() -> hosts.Patchwork:
    return hosts.Patchwork(posted.FIRST, posted.SECOND)


@pytest.fixture
def host(works: hosts.Patchwork) -> Iterator[hosts.Host]:
    with hosts.serve(works) as running:
        yield running


@pytest.fixture
def client(host: hosts.Host) -> Client:
    return Client(patchwork.server(host.url, Token(CANARY)), clock=FakeClock())


def post(client: Client, wanted: Sequence[Check], project: str | None) -> list[Posted]:
    return list(patchwork.post(client, wanted, project))


def test_verdict_is_on_every_patch_and_builds_on_their_own(tmp_path: Path) -> None:
    steps = [
        {"patch": "1/2", "commit": "a", "error": None, "new_warnings": []},
        {"patch": "2/2", "commit": "b", "error": "does not build: x", "new_warnings": []},
    ]
    found = posting.read(posted.folder(tmp_path, posted.summary(steps=steps, status=4)))
    made = list(patchwork.checks(found, found.context, "https://example.org/1"))
    assert [(each.message_id, each.context, each.state) for each in made] == [
        (posted.FIRST, "series-ci/x86_64", "fail"),
        (posted.FIRST, "series-ci/x86_64-build", "success"),
        (posted.SECOND, "series-ci/x86_64", "fail"),
        (posted.SECOND, "series-ci/x86_64-build", "fail"),
    ]
    warned = replace(found, state=CheckState.WARNING)
    assert next(patchwork.checks(warned, "c", "https://x/" + "y" * 200)) == replace(
        made[0], context="c", state="warning", target_url=""
    )


def test_what_was_added_is_told_with_its_place(client: Client, host: hosts.Host) -> None:
    what = f"check series-ci/x86_64 (fail) of {posted.FIRST}"
    where = f"{host.url}/api/1.2/patches/11/checks/1/"
    assert post(client, [CHECK], None) == [Posted(what, where)]
    assert post(client, [CHECK], None) == [Posted(what, where, new=False)]


def test_token_is_sent_in_patchworks_way(client: Client, host: hosts.Host) -> None:
    post(client, [CHECK], None)
    assert set(host.authorization) == {f"Token {CANARY}"}


@pytest.mark.parametrize("slugs", [False, True])
def test_posted_twice_is_there_once(client: Client, works: hosts.Patchwork, *, slugs: bool) -> None:
    works.slugs = slugs
    second = replace(CHECK, message_id=posted.SECOND)
    assert [[each.new for each in post(client, [CHECK, second], None)] for _ in range(2)] == [[True] * 2, [False] * 2]
    assert [each["patch"] for each in works.checks] == ["11", "12"]
    assert {each["context"] for each in works.checks} == {"series-ci-x86_64" if slugs else "series-ci/x86_64"}


def test_only_the_newest_counts(client: Client, works: hosts.Patchwork) -> None:
    """Back to what it was before the last: that is news."""
    for state in ("fail", "success", "fail"):
        assert [each.new for each in post(client, [replace(CHECK, state=state)], None)] == [True]
    assert [each["state"] for each in works.checks] == ["fail", "success", "fail"]


@pytest.mark.parametrize("how", ["reset", "half", "broken", "code"])
def test_answer_that_is_lost(client: Client, host: hosts.Host, works: hosts.Patchwork, how: str) -> None:
    host.faults.append(Fault(how, acted=True))
    post(client, [CHECK], None)
    assert len(works.checks) == 1


def test_mail_that_is_unknown_stops_all(client: Client, works: hosts.Patchwork) -> None:
    with pytest.raises(UsageError, match="knows no patch with the Message-ID x@y"):
        post(client, [CHECK, replace(CHECK, message_id="x@y")], None)
    assert works.checks == []


def test_mail_in_two_projects(client: Client, works: hosts.Patchwork) -> None:
    works.patches = [
        {"id": number, "msgid": f"<{posted.FIRST}>", "project": {"link_name": name}}
        for number, name in ((1, "lkml"), (2, "linux-mm"))
    ]
    with pytest.raises(UsageError, match="several projects: linux-mm, lkml") as caught:
        post(client, [CHECK], None)
    assert "--project" in caught.value.hint


def test_project_is_asked_for(client: Client, host: hosts.Host) -> None:
    post(client, [CHECK], "linux-mm")
    assert host.asked[0][1].endswith("&project=linux-mm")


def test_server_without_the_filter_is_not_believed(host: hosts.Host, client: Client) -> None:
    host.faults.append(Fault(code=200, body=[{"id": 1, "msgid": "<other@x>"}], method="GET"))
    with pytest.raises(UsageError, match="knows no patch"):
        post(client, [CHECK], None)


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (401, {"detail": "Invalid token."}, "Invalid token"),
        (403, {"detail": "You do not have permission."}, "patchwork.add_check"),
        (404, {"detail": "Not found."}, "no such page"),
        (400, {"state": ["A check must have a state."]}, "state: A check must have a state."),
    ],
)
def test_refusals(client: Client, host: hosts.Host, code: int, body: object, words: str) -> None:
    host.faults.append(Fault(code=code, body=body))
    with pytest.raises(UsageError) as caught:
        post(client, [CHECK], None)
    assert words in caught.value.message + caught.value.details
    assert CANARY not in repr(vars(caught.value))
