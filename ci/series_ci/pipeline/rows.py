"""A sweep as data: the request and the outcome of each version. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import Error, ExitStatus
from series_ci.host import paths
from series_ci.manifest.request import Request
from series_ci.pipeline import outcome
from series_ci.pipeline.outcome import Outcome
from series_ci.rundir.run import Stage
from series_ci.rundir.sweep_run import SweepRow, SweepRun


@dataclass(frozen=True)
class Sweep:
    """A sweep to be made: one request per version, and `repeat`, the command line that repeats the sweep.

    Without `keep_going` the sweep ends after the first version with a status other than 0.
    """

    series: str
    title: str
    requests: tuple[Request, ...]
    out: Path
    repeat: str
    keep_going: bool


@dataclass(frozen=True)
class Row:
    """The result of one version. Without an `outcome` there is no verdict, and `error` says why.

    `stage` is the step at which the version ended, `base` the spec of its tree, `same_as` the label of an earlier
    version with the same sources on the same base, or "".
    """

    request: Request
    outcome: Outcome | None
    error: Error | None
    stage: Stage
    base: str = ""
    same_as: str = ""

    @property
    def label(self) -> str:
        """The version's label."""
        return self.request.label


def status(row: Row) -> ExitStatus:
    """Return the exit status of a version."""
    if row.outcome is not None and row.outcome.comparison is not None:
        return row.outcome.comparison.status
    return row.error.status if row.error is not None else ExitStatus.OK


def sweep_run(sweep: Sweep, rows: Sequence[Row]) -> SweepRun:
    """Return the run of a sweep, as it is written and reported."""
    return SweepRun(sweep.series, sweep.title, tuple(_sweep_row(row) for row in rows), str(sweep.out), sweep.repeat)


def _sweep_row(row: Row) -> SweepRow:
    return SweepRow(
        label=row.label,
        message_id=row.request.message_id,
        stage=row.stage,
        status=status(row),
        base=paths.named(row.base),
        same_as=row.same_as,
        error=outcome.told(row.error),
        run=outcome.version_run(row.outcome) if row.outcome else None,
    )
