"""The state of a sweep in progress: its versions and its bases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from series_ci.errors import Error, ExitStatus, SeriesError
from series_ci.kernel.base import Base
from series_ci.kernel.hazards import Permitted
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.mail.fetch import Fetched
from series_ci.manifest.request import Request
from series_ci.pipeline.judge import Judged
from series_ci.pipeline.outcome import Outcome
from series_ci.pipeline.rows import Row, Sweep, status
from series_ci.progress import Progress
from series_ci.results.coverage import Coverage
from series_ci.rundir.run import Stage


@dataclass
class VersionState:
    """A version of a sweep; a field is set when its stage is over.

    `elder` is the version whose results this one gets, since both have the same sources; `twins` are the versions that
    get the results of this one.
    """

    request: Request
    fetched: Fetched | None = None
    tree: TreeState | None = None
    commit: str = ""
    kernel: Kernel | None = None
    coverage: Coverage | None = None
    elder: VersionState | None = None
    twins: list[VersionState] = field(default_factory=list)
    error: Error | None = None
    judged: Judged | None = None
    permitted: tuple[Permitted, ...] = ()

    @property
    def label(self) -> str:
        """The version's label."""
        return self.request.label

    def row(self) -> Row:
        """Return the row of the version. A twin has the results of its elder."""
        elder = self.elder or self
        error = self.error or elder.error
        judged = elder.judged
        verdict = judged is not None or isinstance(error, SeriesError)
        outcome = None
        if verdict and self.fetched and self.tree:
            outcome = Outcome(
                self.request,
                self.fetched,
                self.tree.base,
                self.tree.refused,
                judged.runs if judged else (),
                judged.comparison if judged else None,
                error,
                boots=judged.boots if judged else (),
                build_setup=self.tree.build_setup,
                coverage=elder.coverage,
                permitted=self.permitted,
            )
        base = self.tree.base.spec if self.tree else ""
        return Row(self.request, outcome, error, self.stage, base, self.elder.label if self.elder else "")

    @property
    def stage(self) -> Stage:
        """The first stage that is not over; that of the elder for a twin."""
        if self.elder is not None:
            return self.elder.stage
        steps = {
            Stage.FETCH: self.fetched,
            Stage.TREE: self.tree,
            Stage.APPLY: self.commit,
            Stage.BUILD: self.kernel,
            Stage.BOOT: self.judged,
        }
        return next((stage for stage, made in steps.items() if not made), Stage.DONE)


@dataclass
class TreeState:
    """A base and the versions on it. The base's boots go to the folder `base` in `out`."""

    base: Base
    refused: tuple[str, ...]
    out: Path
    versions: list[VersionState] = field(default_factory=list)
    build_setup: BuildSetup | None = None
    kernel: Kernel | None = None


class EnoughError(Exception):
    """Raised to end a sweep after a version with a status other than 0, without `keep_going`."""


@dataclass(frozen=True)
class SweepState:
    """What all stages of a sweep share. `done` is called with the row of each version that is known."""

    sweep: Sweep
    progress: Progress
    done: Callable[[Row], None]

    @contextmanager
    def keeping(self, version: VersionState) -> Iterator[None]:
        """Store an Error of the block in the version and report the version. Raises what `tell` raises."""
        try:
            yield
        except Error as error:
            version.error = error
            self.tell(version)

    def tell(self, version: VersionState) -> None:
        """Report a version and its twins to `done`. Raises EnoughError if its status is not 0, without `keep_going`."""
        for twin in version.twins:
            self.done(twin.row())
        row = version.row()
        self.done(row)
        if status(row) is not ExitStatus.OK and not self.sweep.keep_going:
            raise EnoughError
