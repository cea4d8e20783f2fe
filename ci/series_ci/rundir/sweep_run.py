"""The run of many versions of one series, as the run directory of a sweep has it. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from series_ci.errors import ExitStatus
from series_ci.results.compare import ONLY_BOOTED
from series_ci.rundir.run import Boot, Problem, Stage, VersionRun


@dataclass(frozen=True)
class SweepRow:
    """One version of a sweep.

    `run` is None if it has no results: `error` says why, or is None if the sweep was stopped before. `stage` is where
    its test ended, `base` the spec of its tree, `same_as` the label of an earlier version with the same sources.
    """

    label: str
    message_id: str
    stage: Stage
    status: ExitStatus
    base: str = ""
    same_as: str = ""
    error: Problem | None = None
    run: VersionRun | None = None

    @property
    def compared(self) -> VersionRun | None:
        """The run, if the version was booted and compared with its base."""
        return self.run if self.run is not None and self.run.error is None else None


VERDICTS = {
    ExitStatus.REGRESSION: "regression",
    ExitStatus.USAGE: "some versions cannot be had",
    ExitStatus.INFRASTRUCTURE: "some versions gave no result",
}
"""The verdict on a sweep, by its exit status."""


BESIDES = {
    ExitStatus.APPLY: "some versions do not apply",
    ExitStatus.BUILD: "some versions do not build",
    ExitStatus.NOT_TESTED: "some versions were not tested",
}
"""What the verdict on a sweep adds to that on the versions that were booted, by its exit status."""


UNTESTED = "no version was tested"
"""The verdict on a sweep without errors in which no version was booted."""


@dataclass(frozen=True)
class SweepRun:
    """Many versions of one series. `folder` is the path of the run directory when it was written."""

    series: str
    title: str
    rows: tuple[SweepRow, ...]
    folder: str
    repeat: str

    @property
    def status(self) -> ExitStatus:
        """The exit status of the sweep."""
        return worst([row.status for row in self.rows])

    @property
    def verdict(self) -> str:
        """The status in words; "no regression" only if a version was booted."""
        if self.status in VERDICTS:
            return VERDICTS[self.status]
        verdicts = {row.compared.verdict for row in self.rows if row.compared}
        if not verdicts:
            return UNTESTED if self.status in (ExitStatus.OK, ExitStatus.NOT_TESTED) else BESIDES[self.status]
        passed = ONLY_BOOTED if verdicts == {ONLY_BOOTED} else "no regression"
        return "; ".join([passed, *([BESIDES[self.status]] if self.status in BESIDES else [])])

    @property
    def runs(self) -> list[VersionRun]:
        """The runs of the versions that have results, in order."""
        return [row.run for row in self.rows if row.run is not None]


def worst(statuses: Sequence[ExitStatus]) -> ExitStatus:
    """Return the exit status of several versions: that of a regression if there is one, else the highest.

    NOT_TESTED counts only if all others are OK.
    """
    errors = [each for each in statuses if each not in (ExitStatus.OK, ExitStatus.NOT_TESTED)]
    return ExitStatus.REGRESSION if ExitStatus.REGRESSION in errors else max(errors or statuses, default=ExitStatus.OK)


AnyRun = VersionRun | SweepRun


def place(root: AnyRun, run: VersionRun, boot: Boot | None = None) -> str:
    """Return the path of a version, or of one of its boots, relative to the run directory, which may have moved."""
    parts = [run.folder, *([boot.folder] if boot else [])]
    return posixpath.relpath(posixpath.join(*parts), root.folder)
