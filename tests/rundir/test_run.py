"""The model of a run directory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.outcomes import outcome, run
from series_ci.errors import ExitStatus
from series_ci.pipeline.outcome import version_run
from series_ci.results.compare import Change
from series_ci.results.model import Result, Splat, Status
from series_ci.rundir.run import Boot, Stage, VersionRun
from series_ci.rundir.sweep_run import SweepRow, SweepRun, place, worst

RUN = version_run(
    outcome(
        run("base", Result("a", Status.PASS), Result("b", Status.CRASH)),
        run("v10", Result("a", Status.FAIL), Result("b", Status.CRASH), splats=(Splat("BUG", "BUG: x", "ab"),)),
    )
)


def row(label: str, status: ExitStatus, found: VersionRun | None = None) -> SweepRow:
    return SweepRow(label, f"{label}@example.org", Stage.DONE, status, run=found)


def test_what_is_asked_of_a_version() -> None:
    assert [entry.name for entry in RUN.having(Change.BROKEN)] == ["a"]
    assert [entry.name for entry in RUN.entries if entry.lost_alike] == ["b"]
    assert [splat.title for splat in RUN.new_splats] == ["BUG: x"]
    assert (RUN.arch, RUN.machine) == ("x86_64", ["x86_64", "tcg"])
    assert replace(RUN, environment={}).arch == "any"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), 0),
        ((0, 3), 3),
        ((4, 3), 4),
        ((5, 1, 0), 1),
        ((2, 0), 2),
        ((6, 0), 6),
        ((5, 6), 5),
        ((6, 1), 1),
        ((6, 3), 3),
    ],
)
def test_a_regression_is_the_status_of_all_else_the_worst(statuses: tuple[int, ...], expected: int) -> None:
    assert worst([ExitStatus(each) for each in statuses]) == expected
    sweep = SweepRun("demo", "x", tuple(row("v", ExitStatus(each)) for each in statuses), "/runs/9", "again")
    assert sweep.status == expected


PASSED, BOOTED = replace(RUN, verdict="no regression"), replace(RUN, verdict="only booted")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0, PASSED)], "no regression"),
        ([(0, BOOTED), (0, PASSED)], "no regression"),
        ([(0, BOOTED)], "only booted"),
        ([(1, RUN), (6, None)], "regression"),
        ([(0, PASSED), (2, None)], "some versions cannot be had"),
        ([(0, PASSED), (5, None)], "some versions gave no result"),
        ([(0, PASSED), (3, None)], "no regression; some versions do not apply"),
        ([(0, BOOTED), (4, None)], "only booted; some versions do not build"),
        ([(0, PASSED), (6, None)], "no regression; some versions were not tested"),
        ([(0, BOOTED), (6, None)], "only booted; some versions were not tested"),
        # Nothing was booted: nothing is said of regressions.
        ([(3, None), (6, None)], "some versions do not apply"),
        ([(4, None)], "some versions do not build"),
        ([(6, None), (6, None)], "no version was tested"),
        ([], "no version was tested"),
    ],
)
def test_the_verdict_on_many_is_about_those_that_were_booted(
    rows: list[tuple[int, VersionRun | None]], expected: str
) -> None:
    made = tuple(row(f"v{at}", ExitStatus(status), found) for at, (status, found) in enumerate(rows))
    assert SweepRun("demo", "x", made, "/runs/9", "again").verdict == expected


def test_rows_of_which_nothing_is_known_have_no_run() -> None:
    sweep = SweepRun("demo", "x", (row("v1", ExitStatus.OK, RUN), row("v2", ExitStatus.OK)), "/runs/9", "again")
    assert sweep.runs == [RUN]
    assert [each.compared for each in sweep.rows] == [RUN, None]


def test_places_do_not_depend_on_where_the_directory_is() -> None:
    sweep = SweepRun("demo", "x", (), "/runs/9", "again")
    version = replace(RUN, folder="/runs/9/v1")
    assert place(sweep, version) == "v1"
    assert place(sweep, version, Boot("../base")) == "base"
    assert place(sweep, version, Boot("patched-2")) == "v1/patched-2"
    assert place(version, version, Boot("../base")) == "../base"
    assert place(version, version) == "."
