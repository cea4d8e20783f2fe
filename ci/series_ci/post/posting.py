"""What is posted of a run: a verdict, words, and places in files. Each destination takes from it what it can show."""

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

    WARNING: nothing is worse for sure, but not all is good, or not all was looked at. UNKNOWN: something around the
    test failed.
    """

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Posted:
    """What was posted, and where it can be seen now. Without `new` it was there before, and nothing was sent."""

    what: str
    where: str
    new: bool = True


@dataclass(frozen=True)
class PatchCheck:
    """What is known of one patch: its mail, and, if it was built by itself, how that went (else `state` is None)."""

    message_id: str
    state: CheckState | None
    description: str


@dataclass(frozen=True)
class Publication:
    """One tested version. `title` is a line without markup, `summary` Markdown that is short enough for a comment.

    `page` is the Markdown in full, for the summary of a job; `digest` is that of all the results.
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
        """The name under which results on this architecture replace each other."""
        return f"series-ci/{self.arch}"

    @property
    def identity(self) -> str:
        """The same for the same results, however often they are posted."""
        return f"series-ci:{self.version}:{self.digest[:32]}"


def read(folder: Path) -> Publication:
    """What there is to post of a run directory. Raises UsageError if it holds no finished run of one version."""
    return of(read_version(folder), _touched(folder))


def _touched(folder: Path) -> tuple[str, ...]:
    """The files that the patches of the run change."""
    return tuple(dict.fromkeys(path for raw in mails(folder) for path in patchmail.read(raw).paths))


def of(run: VersionRun, touched: Sequence[str]) -> Publication:
    """The posting of a run; `touched` are the files of its patches."""
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
    # These say nothing against the series.
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
