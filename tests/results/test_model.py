"""The words that end up in files and reports."""

from __future__ import annotations

import dataclasses

import pytest

from series_ci.results.model import Ended, Result, Run, Splat, Status


def test_the_statuses_are_the_words_of_the_reports() -> None:
    assert " ".join(Status) == "PASS FAIL SKIP XFAIL TIMEOUT CRASH ERROR NOTBUILT NOTRUN"
    assert " ".join(Ended) == "POWEROFF PANIC HANG LOST"
    assert f"{Status.NOTBUILT}" == "NOTBUILT"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Result("mm/a", Status.PASS), "status"),
        (Splat("BUG", "title", "ff"), "kind"),
        (Run("base", "c", Ended.HANG, 1.0, None, (), ()), "ended"),
    ],
)
def test_what_was_seen_does_not_change(value: Result | Splat | Run, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, "other")


def test_two_runs_do_not_share_their_environment() -> None:
    one, two = (Run(label, "c", Ended.POWEROFF, 1.0, 0.5, (), ()) for label in ("base", "v1"))
    one.environment["arch"] = "x86_64"
    assert two.environment == {}
