"""`series-ci b4-check`, also as b4 itself calls it."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes import rundirs
from fakes.lab import MANIFEST
from fakes.outcomes import MAIL, outcome, run
from series_ci.cli import main
from series_ci.host import process
from series_ci.results.model import Result, Status

GOOD, BAD = Result("mm/a", Status.PASS), Result("mm/a", Status.FAIL)
REPLY = MAIL.replace(b"\n\n", b"\nIn-Reply-To: <20260203.v10-0@example.org>\n\n", 1)
COVER = MAIL.replace(b"v10-1@", b"v10-0@").replace(b"[PATCH v10]", b"[PATCH v10 0/1]")


@pytest.fixture
def runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    return home / ".local/state/series-ci/runs"


def finished(
    folder: Path, date: int, result: Result = BAD, mails: tuple[bytes, ...] = (MAIL,), sent: tuple[bytes, ...] = ()
) -> None:
    rundirs.version(folder, outcome(run("base", GOOD), run("v10", result)), mails=mails, sent=sent)
    os.utime(folder / "summary.json", (date, date))


def ask(raw: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert main(["b4-check", *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_newest_run_of_that_mail_counts(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(runs / "a", 100)
    finished(runs / "b", 200, GOOD)
    (said,) = ask(MAIL, monkeypatch, capsys)
    assert set(said) == {"tool", "status", "summary", "url", "details"}
    assert (said["tool"], said["status"]) == ("series-ci", "pass")
    (runs / "b/summary.json").write_text("{")
    assert ask(MAIL, monkeypatch, capsys)[0]["status"] == "fail"


def test_a_damaged_run_is_passed_over(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(runs / "a", 100)
    finished(runs / "b", 200, GOOD)
    found = json.loads((runs / "b/summary.json").read_text())
    (runs / "b/summary.json").write_text(json.dumps({**found, "changes": 3}))
    assert ask(MAIL, monkeypatch, capsys)[0]["status"] == "fail"


def test_a_cover_letter_is_known_by_the_patches_that_answer_it(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(runs / "a", 100, mails=(REPLY,))
    assert ask(COVER, monkeypatch, capsys)[0]["status"] == "fail"
    # Whatever else was answered is not this version.
    assert ask(COVER.replace(b"0/1", b"1/1"), monkeypatch, capsys)[0]["status"] == "warn"


def test_a_cover_letter_is_that_of_the_run_and_no_other(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version is often sent in answer to the cover letter of the one before."""
    before = COVER.replace(b"v10-0@", b"v9-0@").replace(b"PATCH v10", b"PATCH v9")
    answer = REPLY.replace(b"v10-0@", b"v9-0@")
    finished(runs / "a", 100, mails=(answer,), sent=(answer,))
    assert ask(before, monkeypatch, capsys)[0]["status"] == "warn"
    # Nor has a patch to answer its cover letter itself.
    finished(runs / "b", 200, mails=(MAIL,), sent=(COVER, MAIL))
    assert ask(COVER, monkeypatch, capsys)[0]["status"] == "fail"


def test_runs_elsewhere(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(tmp_path / "elsewhere/x", 100)
    assert ask(MAIL, monkeypatch, capsys)[0]["status"] == "warn"
    for place in ("elsewhere", "elsewhere/x"):
        assert ask(MAIL, monkeypatch, capsys, "--runs", str(tmp_path / place))[0]["status"] == "fail"


def test_what_was_not_tested_says_how_to(
    runs: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (said,) = ask(MAIL, monkeypatch, capsys)
    assert (said["status"], said["summary"]) == ("warn", "not tested yet")
    assert said["details"].splitlines()[0] == f"to test it: series-ci test 20260203.v10-1@example.org --tree {home}"
    (home / "series").mkdir()
    (home / "series/mini.yaml").write_text(MANIFEST.replace("20260203.v4-0", "20260203.v10-1"))
    (home / "series/mini.config").touch()
    (home / "series/mail").mkdir()
    (home / "series/linux").mkdir()
    assert ask(MAIL, monkeypatch, capsys)[0]["details"].startswith("to test it: series-ci test v4 --series mini\n")


def test_no_mail(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\0\n")))
    assert main(["b4-check"]) == 2
    assert "no mail" in capsys.readouterr().err


REVIEW = """
import email, email.policy, json, sys
import b4
from b4.review import checks

raw = sys.stdin.buffer.read()
message = email.message_from_bytes(raw, policy=email.policy.EmailPolicy(utf8=True))
b4._setup_main_config()
_perpatch, series = checks.load_check_cmds()
found = checks.run_series_checks((message["Message-ID"].strip("<>"), message), series, sys.argv[1])
store = checks.get_db()
checks.store_results(store, "x", found)
print(json.dumps({"commands": series, "found": checks.get_cached_results(store, ["x"])["x"]}))
"""


@pytest.mark.parametrize("result", [GOOD, BAD, None])
def test_b4_itself_takes_the_answer(runs: Path, home: Path, tmp_path: Path, result: Result | None) -> None:
    """b4's own code reads the configuration, calls the command with a mail, and stores what its review shows."""
    if result is not None:
        finished(runs / "a", 100, result)
    program = tmp_path / "series-ci"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m series_ci "$@"\n')
    program.chmod(0o755)
    assert process.run(["git", "init", "-q", str(tmp_path / "linux")]).code == 0
    argv = ["git", "config", "--global", "--add", "b4.review-series-check-cmd", f"{program} b4-check"]
    assert process.run(argv).code == 0
    where = os.pathsep.join(path for path in sys.path if path)
    done = process.run(
        [sys.executable, "-c", REVIEW, str(tmp_path / "linux")],
        cwd=tmp_path / "linux",
        stdin=MAIL,
        env={"PYTHONPATH": where},
    )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["commands"] == [f"{program} b4-check"]
    (said,) = told["found"]
    expected = {GOOD: "pass", BAD: "fail", None: "warn"}[result]
    assert (said["tool"], said["status"]) == ("series-ci", expected)
    assert ("not tested yet" if result is None else "demo v10: ") in said["summary"]


def test_a_mail_of_another_version_is_another_version(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(runs / "a", 100)
    assert ask(MAIL.replace(b"v10-1@", b"v11-1@"), monkeypatch, capsys)[0]["status"] == "warn"
