"""Locks between processes: who is refused, who waits, who inherits them, and what a killed one leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes import remains
from series_ci.host import locks
from series_ci.rundir import layout
from series_ci.versions import ledger


def test_the_lock_of_a_child_outlives_us(tmp_path: Path) -> None:
    """What a killed run has left behind may still write for a moment: the next one has to wait for it, too."""
    lock = tmp_path / ".lock"
    remains.leave(lock)
    assert locks.is_locked(lock)
    locks.wait_for_remains(lock)
    assert not locks.is_locked(lock)


def test_who_lives_and_holds_a_lock_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "REMAINS", 1000.0)
    with locks.locked(tmp_path / ".lock", pytest.fail):
        locks.wait_for_remains(tmp_path / ".lock")
        assert locks.is_locked(tmp_path / ".lock")
    locks.wait_for_remains(tmp_path / "nothing")


def test_what_a_killed_one_has_left_is_nobody_to_be_refused_for(tmp_path: Path) -> None:
    """Who kills a watch or a sweep and starts it again at once is not told that another one runs."""
    remains.leave(tmp_path / "state.json.lock")
    with ledger.opened(tmp_path / "state.json"):
        pass
    remains.leave(tmp_path / "run/.lock")
    with layout.opened(tmp_path / "run", "the words"):
        pass


def test_remains_that_do_not_go_are_waited_for_no_longer_than_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class RefusedError(Exception):
        pass

    def refuse(text: str) -> None:
        raise RefusedError(text)

    monkeypatch.setattr(locks, "REMAINS", 0.0)
    remains.leave(tmp_path / ".lock")
    with pytest.raises(RefusedError, match="another series-ci"), locks.alone(tmp_path / ".lock", refuse):
        pytest.fail("has a lock that another process holds")


HOLDER = """
import sys
import time
from pathlib import Path
from series_ci.host import locks
with locks.locked(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
    time.sleep(0.1)  # a lock that does not wait would be seen to be too early
    Path(sys.argv[1]).with_name("done").touch()
"""


class TestLocked:
    def test_second_process_is_told_who_holds_it_and_waits(self, tmp_path: Path) -> None:
        lock = tmp_path / "store/.lock"
        said: list[str] = []
        argv = [sys.executable, "-c", HOLDER, str(lock)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdin
            assert holder.stdout
            assert holder.stdout.readline() == b"held\n"

            def waiting(text: str) -> None:
                said.append(text)
                assert holder.poll() is None
                assert holder.stdin
                holder.stdin.close()  # only now does it let go

            with locks.locked(lock, waiting):
                assert lock.with_name("done").exists()
                assert lock.read_text() == str(os.getpid())
        assert len(said) == 1
        assert f"process {holder.pid}" in said[0]
        assert str(lock.parent) in said[0]

    def test_holder_that_was_killed_leaves_no_lock(self, tmp_path: Path) -> None:
        lock = tmp_path / ".lock"
        argv = [sys.executable, "-c", HOLDER, str(lock)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            holder.stdout.readline()
            holder.kill()
        with locks.locked(lock, pytest.fail):
            pass

    def test_is_free_again_after_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="x"), locks.locked(tmp_path / ".lock", pytest.fail):
            raise ValueError("x")
        with locks.locked(tmp_path / ".lock", pytest.fail):
            pass


STARTED = """
import subprocess, sys
from pathlib import Path
from series_ci import cli
from series_ci.host import locks, process
import click
@click.command()
def look():
    with locks.locked(Path(sys.argv[1]), print):
        sys.stdout.write(process.run(["sh", "-c", "ls -l /proc/$$/fd"]).out)
    return 0
cli.run(look, [])
"""


def test_children_get_our_locks_and_nothing_that_we_were_started_with(tmp_path: Path) -> None:
    with (tmp_path / "of the caller").open("w") as other:
        argv = [sys.executable, "-c", STARTED, str(tmp_path / "ours.lock")]
        done = subprocess.run(argv, pass_fds=[other.fileno()], capture_output=True, text=True, check=True)
    assert "ours.lock" in done.stdout
    assert "of the caller" not in done.stdout
