"""Collect what is posted of a run: verdict, texts and annotations. Each destination shows what it can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from series_ci.errors import ExitStatus, NothingToTestError
from series_ci.host import files
from series_ci.mail import patchmail
from series_ci.post.annotations import Annotation, remarks
from series_ci.progress import count
from series_ci.report.markdown import COMMENT, markdown
from series_ci.results.compare import Change
from series_ci.rundir import words
from series_ci.rundir.read import mails, read_version
from series_ci.rundir.run import VersionRun
from series_ci.rundir.summary import version_json


class CheckState(StrEnum):
    """A verdict as destinations show it.

    WARNING: nothing is worse for certain, but not everything is good or was tested. UNKNOWN: nothing is known of the
    series, as something else failed.
    """

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Posted:
    """What was posted, and where it is to be seen. If not `new`, it was there before, and nothing was sent."""

    what: str
    where: str
    new: bool = True


@dataclass(frozen=True)
class PatchCheck:
    """One patch: its mail, and the state of its own build (None if it was not built by itself)."""

    message_id: str
    state: CheckState | None
    description: str


@dataclass(frozen=True)
class Publication:
    """One tested version. `title` is a line of plain text, `summary` Markdown that is short enough for a comment.

    `page` is Markdown for the summary of a job; `digest` is that of all results.
    """

    series: str
    version: str
    arch: str
    message_id: str
    state: CheckState
    title: str
    summary: str
    page: str
    annotations: tuple[Annotation, ...]
    steps: tuple[PatchCheck, ...]
    digest: str

    @property
    def context(self) -> str:
        """The name under which newer results on an architecture replace older ones."""
        return f"series-ci/{self.arch}"

    @property
    def identity(self) -> str:
        """An id that is the same whenever the same results are posted."""
        return f"series-ci:{self.version}:{self.digest[:32]}"


def read(folder: Path) -> Publication:
    """Return what is posted of a run directory. Raises UsageError if it has no finished run of one version."""
    return of(read_version(folder), _touched(folder))


def _touched(folder: Path) -> tuple[str, ...]:
    """Return the files that the patches of a run change."""
    return tuple(dict.fromkeys(path for raw in mails(folder) for path in patchmail.read(raw).paths))


def of(run: VersionRun, touched: Sequence[str]) -> Publication:
    """Return what is posted of a run; `touched` are the files that its patches change."""
    results = version_json(run)
    return Publication(
        series=run.series,
        version=run.version,
        arch=run.arch,
        message_id=run.message_id,
        state=_state(run),
        title=words.headline(run),
        summary=markdown(run, COMMENT),
        page=markdown(run),
        annotations=tuple(remarks(run, touched)),
        steps=tuple(_steps(run)),
        digest=files.digest(*(repr(results[key]) for key in _RESULTS), repr(run.origin.base)),
    )


def _state(run: VersionRun) -> CheckState:
    if run.status is ExitStatus.OK:
        return CheckState.WARNING if run.having(Change.FLAKY) else CheckState.SUCCESS
    # These are no failures of the series.
    if run.verdict == NothingToTestError.verdict:
        return CheckState.WARNING
    silent = (ExitStatus.NOT_TESTED, ExitStatus.INFRASTRUCTURE)
    return CheckState.UNKNOWN if run.status in silent else CheckState.FAILURE


_RESULTS = ("series", "version", "message_id", "verdict", "coverage", "changes", "splats", "steps", "error")


def _steps(run: VersionRun) -> Iterator[PatchCheck]:
    for index, patch in enumerate(run.origin.patches):
        state, description = None, ""
        if index < len(run.steps):
            error, warnings = run.steps[index].error, run.steps[index].new_warnings
            state = CheckState.FAILURE if error else CheckState.WARNING if warnings else CheckState.SUCCESS
            left_out = words.step(run.steps[index])
            if state is CheckState.SUCCESS and left_out and not run.steps[index].tested:
                state = CheckState.WARNING
            description = error or (count(len(warnings), "new warning") if warnings else left_out or "builds")
        yield PatchCheck(patch.message_id, state, description)
