"""The silent default: everything may be called, nothing happens, and errors pass through."""

from __future__ import annotations

import pytest

from series_ci.progress import Progress, Step, count


def test_it_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    with progress.step("build") as step:
        step.update("1 object")
        step.note("cached")
    progress.say("a line")
    assert isinstance(step, Step)
    assert capfd.readouterr() == ("", "")


def test_an_error_in_a_step_is_not_swallowed() -> None:
    with pytest.raises(KeyError), Progress().step("build"):
        raise KeyError


def test_a_number_with_its_noun() -> None:
    words = [count(0, "file"), count(1, "file"), count(2, "file"), count(1, "base patch"), count(2, "base patch")]
    assert words == ["0 files", "1 file", "2 files", "1 base patch", "2 base patches"]
