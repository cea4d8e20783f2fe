"""`series-ci watch`: each new version is tested once, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import lab, mails, web
from fakes.here import ROOT
from fakes.lab import PATCHED, Lab
from series_ci.cli import main
from series_ci.errors import InfrastructureError
from series_ci.host import files, locks
from series_ci.pipeline import watch


@pytest.fixture
def world(shared: Lab) -> Lab:
    shared.qemu.plan()
    Path(f"{shared.qemu.file}.log").unlink(missing_ok=True)
    mails.folder(shared.mail, [*lab.mail(), *mails.series(mails.GOOD, version=5)])
    return shared


NEW = mails.message_id(5, 0)


def argv(world: Lab, state: Path, *more: str) -> list[str]:
    return ["watch", "--series", str(world.manifest), "--state", str(state), *more]


def stop_after(
    monkeypatch: pytest.MonkeyPatch, rounds: int, between: Callable[[], object] = lambda: None
) -> list[float]:
    """End the watch at its n-th sleep; the sleeps in minutes."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds / 60)
        if len(slept) == rounds:
            raise KeyboardInterrupt
        between()

    monkeypatch.setattr(watch, "sleep", sleep)
    return slept


def entry(state: Path) -> dict[str, Any]:
    found = files.read_json(state)
    assert found
    entries: dict[str, Any] = found["mails"][NEW]
    return entries


def test_once_prints_what_is_new_once(world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv(world, tmp_path / "state", "--once")) == 0
    (row,) = json.loads(capsys.readouterr().out)["include"]
    assert (row["versions"], row["series"]) == (NEW, str(world.manifest))
    assert (row["title"], row["label"]) == ("v5: Folios that end with their process", "v5")
    assert row["id"].isalnum()
    assert main(argv(world, tmp_path / "state", "--once")) == 0
    assert capsys.readouterr().out == '{"include": []}\n'
    assert world.qemu.calls == []


def once(world: Lab, state: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[list[dict[str, str]], str]:
    """What `--once` prints and says."""
    capsys.readouterr()
    assert main(argv(world, state, "--once", *more)) == 0
    said = capsys.readouterr()
    rows: list[dict[str, str]] = json.loads(said.out)["include"]
    return rows, said.err


def test_what_is_not_posted_is_printed_again(world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    ((row,), _), ((same,), _) = (once(world, state, capsys, "--retry", "2") for _ in range(2))
    assert row == same
    assert (entry(state)["fate"], entry(state)["times"]) == ("told", 2)
    assert main(argv(world, state, "--posted", row["id"])) == 0
    assert entry(state)["fate"] == "posted"
    assert once(world, state, capsys, "--retry", "2")[0] == []
    assert main(argv(world, state, "--posted", row["id"])) == 0  # again, after a job was run again


def test_what_is_never_posted_is_given_up(world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    assert [len(once(world, state, capsys, "--retry", "2")[0]) for _ in range(3)] == [1, 1, 1]
    rows, said = once(world, state, capsys, "--retry", "2")
    assert rows == []
    assert f"({NEW}) was printed 3 times, and never posted: given up" in said


def test_what_one_matrix_has_no_room_for_is_printed_next(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, capsys: pytest.CaptureFixture[str]
) -> None:
    more = mails.series(mails.GOOD, version=6)
    mails.folder(world.mail, [*lab.mail(), *mails.series(mails.GOOD, version=5), *more])
    monkeypatch.setattr(watch, "MOST", 1)
    found = [once(world, tmp_path / "state", capsys)[0] for _ in range(3)]
    assert [[row["label"] for row in rows] for rows in found] == [["v5"], ["v6"], []]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--posted", "0123456789ab"], "--once has printed no such id"),
        (["--posted", "0123456789ab", "--once"], "--posted with neither"),
        (["--retry", "1"], "--retry goes with --once"),
    ],
)
def test_usage(world: Lab, tmp_path: Path, words: list[str], said: str, *, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv(world, tmp_path / "state", *words)) == 2
    assert said in capsys.readouterr().err


def test_what_did_not_get_out_is_printed_again(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_text: str) -> None:
        raise BrokenPipeError

    with monkeypatch.context() as patched:
        patched.setattr("click.echo", broken)
        assert main(argv(world, tmp_path / "state", "--once")) == 5
    assert main(argv(world, tmp_path / "state", "--once")) == 0
    assert len(json.loads(capsys.readouterr().out)["include"]) == 1


def test_a_new_version_is_tested_once(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slept = stop_after(monkeypatch, 3)
    assert main(argv(world, tmp_path / "state", "--accel", "tcg", "--interval", "7")) == 130
    said = capsys.readouterr()
    assert slept == [7, 7, 7]
    assert said.out.count("mini v5: no regression") == 1
    assert len(world.qemu.calls) == 2
    assert (entry(tmp_path / "state")["fate"], entry(tmp_path / "state")["status"]) == ("done", 0)
    stop_after(monkeypatch, 1)
    assert main(argv(world, tmp_path / "state", "--accel", "tcg")) == 130
    assert len(world.qemu.calls) == 2


def test_one_that_arrives_while_it_watches(world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mails.folder(world.mail, lab.mail())

    def arrive() -> None:
        mails.folder(world.mail, [*lab.mail(), *mails.series(mails.GOOD, version=5)])

    stop_after(monkeypatch, 2, arrive)
    assert main(argv(world, tmp_path / "state", "--accel", "tcg")) == 130
    assert entry(tmp_path / "state")["fate"] == "done"


def test_what_cannot_be_tested_was_tried(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(monkeypatch, 2)
    assert main(argv(world, tmp_path / "state", "--tree", str(tmp_path / "none"))) == 130
    assert entry(tmp_path / "state")["status"] != 0
    assert capsys.readouterr().err.count("error:") == 1


def test_a_killed_watch_goes_on_with_the_version_it_was_testing(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.qemu.plan({"kernel": PATCHED, "end": "hang"})
    state = tmp_path / "state"
    words = argv(world, state, "--accel", "tcg")
    env = {**os.environ, "PYTHONPATH": str(ROOT / "ci")}
    command = [sys.executable, "-m", "series_ci", *words]
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 120
        while len(world.qemu.calls) < 2:  # the second guest, which hangs
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
    out = Path(entry(state)["out"])
    assert entry(state)["fate"] == "trying"
    assert not (out / "summary.json").exists()

    world.qemu.plan()
    stop_after(monkeypatch, 2)
    assert main(words) == 130
    assert (entry(state)["fate"], entry(state)["out"]) == ("done", str(out))
    assert len(world.qemu.calls) == 3  # the base was not booted again


def test_a_watch_that_was_killed_after_the_test_only_writes_that_down(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, out = tmp_path / "state", tmp_path / "out"
    files.write_json(out / "summary.json", {"status": 1})
    files.write_json(state, {"mails": {NEW: {"fate": "trying", "title": "v5", "out": str(out), "status": None}}})
    stop_after(monkeypatch, 1)
    assert main(argv(world, state)) == 130
    assert (entry(state)["fate"], entry(state)["status"]) == ("done", 1)
    assert world.qemu.calls == []


def test_a_server_in_trouble_is_left_alone_for_longer_and_longer(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = iter([*[InfrastructureError("down")] * 6, None])

    def look(*_given: object) -> list[object]:
        if error := next(outcomes):
            raise error
        return []

    monkeypatch.setattr(watch.arrivals, "look", look)
    slept = stop_after(monkeypatch, 7)
    assert main(argv(world, tmp_path / "state")) == 130
    assert slept == [30, 60, 120, 240, 240, 240, 15]
    assert "down; looking again in 30 minutes" in capsys.readouterr().err


def test_once_says_that_the_server_is_down(world: Lab, tmp_path: Path) -> None:
    with web.serve({}) as server:
        server.search = lambda _query, _offset: (503, b"busy")
        assert main(argv(world, tmp_path / "state", "--once", "--archive", f"{server.url}/all/")) in (2, 5)
    assert not (tmp_path / "state").exists()


def test_two_watches_of_one_state(world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locks.locked(tmp_path / "state.lock", print):
        assert main(argv(world, tmp_path / "state", "--once")) == 2
    assert "another series-ci" in capsys.readouterr().err
