from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes import hosts
from fakes.hosts import CANARY, FakeClock, Fault
from series_ci.errors import InfrastructureError, UsageError
from series_ci.post import kcidb
from series_ci.post.http import Client
from series_ci.post.token import Token

DOCUMENT = {
    "version": {"major": 5, "minor": 3},
    "checkouts": [{"id": "series-ci:1", "origin": "series_ci", "git_commit_hash": "ab" * 20}],
    "builds": [{"id": "series_ci:1", "origin": "series_ci", "checkout_id": "series_ci:1", "status": "PASS"}],
}


def document(path: Path, **changed: object) -> Path:
    file = path / "kcidb.json"
    file.write_text(json.dumps({**DOCUMENT, "checkouts": [{"id": "series_ci:1", "origin": "series_ci"}], **changed}))
    return file


def test_valid_document_is_submitted(tmp_path: Path) -> None:
    got: list[object] = []

    def act(_method: str, path: str, _query: dict[str, str], body: object) -> hosts.Answer:
        got.append(body)
        return (200, {"id": "abc", "status": "ok", "message": "Received"}) if path == "/submit" else (404, {})

    with hosts.serve(act) as host:
        # The database joins by ids: a submission that may have arrived is simply made again.
        host.faults.append(Fault("reset", acted=True))
        client = Client(kcidb.server(host.url, Token(CANARY)), clock=FakeClock())
        found = kcidb.read(document(tmp_path))
        done = kcidb.post(client, found)
    assert (done.what, done.where) == ("submission abc (1 checkout, 1 build)", f"{host.url}/submit")
    assert got == [found, found]
    assert host.authorization == [f"Bearer {CANARY}"] * 2


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"builds": [{"id": "x:1"}]}, "builds/0: 'checkout_id' is a required|builds/0: 'origin' is a required"),
        ({"version": {"major": 5, "minor": 99}}, "no KCIDB document of version 5"),
        ({"checkouts": [{"id": "series-ci:1", "origin": "series-ci"}]}, "checkouts/0/(id|origin): 'series-ci"),
    ],
)
def test_invalid_document_is_not(tmp_path: Path, changed: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        kcidb.read(document(tmp_path, **changed))


def test_no_document(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{")
    for name in ("x", "gone"):
        with pytest.raises(UsageError, match="cannot be read as JSON"):
            kcidb.read(tmp_path / name)


class TestPlace:
    def test_of_kernelcis_own_tools(self) -> None:
        url, token = kcidb.place({"KCIDB_REST": f"https://{CANARY}@db.kernelci.org/submit"}, None)
        assert url == "https://db.kernelci.org"
        assert token is not None
        assert token.header("Bearer") == f"Bearer {CANARY}"

    def test_options_and_own_variable_come_first(self) -> None:
        environment = {"KCIDB_REST": "https://other@db.kernelci.org", "KCIDB_REST_TOKEN": CANARY}
        url, token = kcidb.place(environment, "https://staging.db.kernelci.org/")
        assert url == "https://staging.db.kernelci.org"
        assert token is not None
        assert token.header("Bearer") == f"Bearer {CANARY}"

    def test_nowhere(self) -> None:
        with pytest.raises(UsageError, match="no server") as caught:
            kcidb.place({}, None)
        assert "staging" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (401, "JWT is required", "JWT is required; the token may not"),
        (400, "expected value", "was not taken"),
        (404, "", "no such page"),
    ],
)
def test_refusals(code: int, message: str, words: str) -> None:
    with hosts.serve(lambda *_: (200, {})) as host:
        host.faults.append(Fault(code=code, body={"id": "0", "status": "error", "message": message}))
        client = Client(kcidb.server(host.url, Token(CANARY)), clock=FakeClock())
        with pytest.raises(UsageError, match=words):
            kcidb.post(client, DOCUMENT)


@pytest.mark.parametrize("body", [{"status": "error", "message": "full"}, {"hello": 1}, []])
def test_answer_that_is_no_receipt(body: object) -> None:
    with hosts.serve(lambda *_: (200, body)) as host:
        client = Client(kcidb.server(host.url, Token(CANARY)), clock=FakeClock())
        with pytest.raises(InfrastructureError, match=r"not taken: full|has no status"):
            kcidb.post(client, DOCUMENT)
