"""Many versions of one series, tested: what the run directory of a sweep tells. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from series_ci.errors import ExitStatus
from series_ci.results.compare import ONLY_BOOTED
from series_ci.rundir.run import Boot, Problem, Stage, VersionRun


@dataclass(frozen=True)
class SweepRow:
    """One version of a sweep. Without a `run` nothing is known of it: `error` says why, or it was not its turn.

    `stage` is where its way ended, `base` the spec of its tree, `same_as` an earlier version with the same sources.
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
"""What the verdict on a sweep says besides that on the versions that were booted, by its exit status."""


UNTESTED = "no version was tested"
"""The verdict on a sweep in which nothing went wrong and no version was booted."""


@dataclass(frozen=True)
class SweepRun:
    """Many versions of one series. `folder` is the run directory as it was named then."""

    series: str
    title: str
    rows: tuple[SweepRow, ...]
    folder: str
    repeat: str

    @property
    def status(self) -> ExitStatus:
        """The exit status of all."""
        return worst([row.status for row in self.rows])

    @property
    def verdict(self) -> str:
        """The status in words. That there is no regression is said of versions that were booted, if there are any."""
        if self.status in VERDICTS:
            return VERDICTS[self.status]
        found = {row.compared.verdict for row in self.rows if row.compared}
        if not found:
            return UNTESTED if self.status in (ExitStatus.OK, ExitStatus.NOT_TESTED) else BESIDES[self.status]
        passed = ONLY_BOOTED if found == {ONLY_BOOTED} else "no regression"
        return "; ".join([passed, *([BESIDES[self.status]] if self.status in BESIDES else [])])

    @property
    def runs(self) -> list[VersionRun]:
        """The versions of which something is known, in order."""
        return [row.run for row in self.rows if row.run is not None]


def worst(found: Sequence[ExitStatus]) -> ExitStatus:
    """The exit status of several versions: a regression is what one looks for; else the highest number.

    That one of them was not tested hides nothing that went wrong with another.
    """
    wrong = [each for each in found if each not in (ExitStatus.OK, ExitStatus.NOT_TESTED)]
    return ExitStatus.REGRESSION if ExitStatus.REGRESSION in wrong else max(wrong or found, default=ExitStatus.OK)


AnyRun = VersionRun | SweepRun


def place(root: AnyRun, run: VersionRun, boot: Boot | None = None) -> str:
    """Where a version, or one of its boots, lies in the directory of the whole, which may have been moved since."""
    parts = [run.folder, *([boot.folder] if boot else [])]
    return posixpath.relpath(posixpath.join(*parts), root.folder)
