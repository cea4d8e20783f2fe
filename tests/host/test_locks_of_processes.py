"""Locks between processes: who is refused, who waits, and what a killed one leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import remains
from series_ci.host import files
from series_ci.rundir import layout
from series_ci.versions import ledger


def test_the_lock_of_a_child_outlives_us(tmp_path: Path) -> None:
    """What a killed run has left behind may still write for a moment: the next one has to wait for it, too."""
    lock = tmp_path / ".lock"
    remains.leave(lock)
    assert files.is_locked(lock)
    files.wait_for_remains(lock)
    assert not files.is_locked(lock)


def test_who_lives_and_holds_a_lock_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "REMAINS", 1000.0)
    with files.locked(tmp_path / ".lock", pytest.fail):
        files.wait_for_remains(tmp_path / ".lock")
        assert files.is_locked(tmp_path / ".lock")
    files.wait_for_remains(tmp_path / "nothing")


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

    monkeypatch.setattr(files, "REMAINS", 0.0)
    remains.leave(tmp_path / ".lock")
    with pytest.raises(RefusedError, match="another series-ci"), files.alone(tmp_path / ".lock", refuse):
        pytest.fail("has a lock that another process holds")
