"""The silent default: everything may be called, nothing happens, and errors pass through."""

from __future__ import annotations

import pytest

from series_ci.progress import Progress, Step


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
