"""What b4's review is told of a run."""

from __future__ import annotations

import pytest

from fakes.outcomes import outcome, run
from series_ci.errors import ApplyError, BuildError
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.report.b4 import NAMED, check, checks
from series_ci.results import looks
from series_ci.results.model import Result, Splat, Status


def one(base: Status, patched: Status) -> Outcome:
    log = ("setting up", "bad page")
    return outcome(run("base", Result("mm/a", base)), run("v10", Result("mm/a", patched, log=log)))


def flaky() -> Outcome:
    first, second = one(Status.PASS, Status.FAIL), one(Status.PASS, Status.PASS)
    assert first.comparison
    assert second.comparison
    return Outcome(
        first.request,
        first.fetched,
        first.base,
        (),
        first.runs,
        looks.join([first.comparison, second.comparison]),
    )


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (one(Status.PASS, Status.PASS), "pass", "no regression"),
        (one(Status.FAIL, Status.PASS), "pass", "FIXED mm/a: FAIL -> PASS\n"),
        (one(Status.PASS, Status.FAIL), "fail", "BROKEN mm/a: PASS -> FAIL (bad page)\n"),
        (flaky(), "warn", "in the first look, PASS -> PASS in the second look; bad page)\n"),
        (one(Status.CRASH, Status.CRASH), "warn", "no result on either kernel"),
        (outcome(error=ApplyError("hunk", details="x")), "fail", "hunk\nx\n"),
        (outcome(error=BuildError("a.c:1")), "fail", "does not build"),
        (outcome(run("base"), run("v10", splats=(Splat("BUG", "BUG: x", "ab"),))), "fail", "complaint: BUG: x\n"),
    ],
)
def test_a_check(found: Outcome, status: str, words: str) -> None:
    (said,) = checks(version_run(found), "https://example.org/1")
    assert (said["tool"], said["status"], said["url"]) == ("series-ci", status, "https://example.org/1")
    assert words in said["summary"] + "\n" + said["details"]
    assert said["details"].endswith("results: /runs/1\nrepeat: series-ci test v10 --series demo")


def test_many_are_counted() -> None:
    names = [f"mm/a:{number}" for number in range(NAMED + 3)]
    found = outcome(
        run("base", *(Result(name, Status.PASS) for name in names)),
        run("v10", *(Result(name, Status.FAIL) for name in names)),
    )
    assert "\nand 3 more BROKEN\n" in checks(version_run(found))[0]["details"]


def test_b4_gets_nothing_that_a_terminal_obeys() -> None:
    found = check("pass", "a\x1b[31m\u202eb", "one\ntwo\x9b", "x\x07")
    assert list(found.values())[2:] == ["a\\u001b[31m\\u202eb", "x\\u0007", "one\ntwo\\u009b"]
