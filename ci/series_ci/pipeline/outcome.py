"""The outcome of a request, and the VersionRun that is written for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import AlreadyAppliedError, ApplyError, Error, ExitStatus, NothingToTestError, SeriesError
from series_ci.host import paths
from series_ci.kernel.base import Base
from series_ci.kernel.each_patch import PatchBuild
from series_ci.kernel.hazards import Permitted
from series_ci.kernel.kernel import BuildSetup
from series_ci.mail.fetch import Fetched
from series_ci.manifest.request import Request
from series_ci.results.compare import Comparison
from series_ci.results.coverage import Coverage
from series_ci.results.model import Run
from series_ci.rundir.run import Boot, Origin, PatchResult, Problem, SentPatch, VersionRun, retried
from series_ci.rundir.summary import compared_status, compared_verdict


@dataclass(frozen=True)
class Outcome:
    """The outcome of a request. Without a `comparison`, `error` says why the version was not booted.

    `base` is the tree that was used; `refused` says why trees before it in the list were not. `steps` are the builds
    after each patch, if they were asked for. `runs` are pairs of a run of the base and one with the series, `boots` the
    folder of each run. `build_setup` is what the kernels were built with, `coverage` which files of the series are in
    them; both may be None if the version was not booted. `permitted` are the series' hazards that its manifest permits.
    """

    request: Request
    fetched: Fetched
    base: Base
    refused: tuple[str, ...]
    runs: tuple[Run, ...] = ()
    comparison: Comparison | None = None
    error: Error | None = None
    steps: tuple[PatchBuild, ...] = ()
    boots: tuple[Path, ...] = ()
    build_setup: BuildSetup | None = None
    coverage: Coverage | None = None
    permitted: tuple[Permitted, ...] = ()


def status(outcome: Outcome) -> ExitStatus:
    """Return the exit status of an outcome."""
    if outcome.comparison is not None:
        return compared_status(outcome.comparison, _broken_steps(outcome))
    assert outcome.error is not None
    return outcome.error.status


def verdict(outcome: Outcome) -> str:
    """Return the verdict of an outcome, two or three words."""
    if outcome.comparison is not None:
        return compared_verdict(outcome.comparison, _broken_steps(outcome))
    assert isinstance(outcome.error, SeriesError)
    return outcome.error.verdict


def _broken_steps(outcome: Outcome) -> int:
    return sum(step.error is not None for step in outcome.steps)


def version_run(outcome: Outcome) -> VersionRun:
    """Return the run of one version, as it is written and reported."""
    request, comparison, error = outcome.request, outcome.comparison, outcome.error
    boots = [
        Boot(os.path.relpath(folder, request.out), run)
        for folder, run in zip(outcome.boots, outcome.runs, strict=bool(outcome.boots))
    ]
    before, after = tuple(boots[::2]), tuple(boots[1::2])
    return VersionRun(
        series=request.series,
        version=request.label,
        title=outcome.fetched.title,
        message_id=request.message_id,
        verdict=verdict(outcome),
        status=status(outcome),
        entries=comparison.entries if comparison else (),
        splats=comparison.splats if comparison else (),
        steps=tuple(
            PatchResult(
                step.name, step.commit, step.error.message if step.error else None, step.warnings, step.coverage
            )
            for step in outcome.steps
        ),
        error=told(error),
        folder=str(request.out),
        environment=_environment(outcome),
        origin=_origin(outcome),
        repeat=request.repeat,
        base_boots=before,
        boots=after,
        coverage=outcome.coverage,
        permitted=outcome.permitted,
        retried=retried(before, after),
    )


_WITHOUT_A_BUILD = (ApplyError, AlreadyAppliedError, NothingToTestError)
"""Errors that do not depend on the architecture."""


def _environment(outcome: Outcome) -> Mapping[str, str]:
    """Return the environment of the boots; without boots, the architecture, unless the error does not depend on it."""
    if outcome.runs:
        return outcome.runs[0].environment
    return {} if isinstance(outcome.error, _WITHOUT_A_BUILD) else {"arch": outcome.request.arch.name}


def _origin(outcome: Outcome) -> Origin:
    fetched = outcome.fetched
    own = next((each.base_patches for each in outcome.request.trees if each.spec == outcome.base.spec), ())
    return Origin(
        archive=paths.named(outcome.request.archive),
        tree=paths.named(outcome.base.spec),
        refused=tuple(paths.named(why) for why in outcome.refused),
        base=outcome.base.commit,
        patched=outcome.runs[1].commit if outcome.runs else None,
        patches=tuple(
            SentPatch(patch.message_id, patch_id, patch.subject.title)
            for patch, patch_id in zip(fetched.patches, fetched.patch_ids, strict=True)
        ),
        base_patches=tuple(path.name for path in own),
        source=outcome.base.source,
    )


def told(error: Error | None) -> Problem | None:
    """Return an error in the form of reports, with paths that others can use."""
    return Problem(*(paths.named(text) for text in (error.message, error.details, error.hint))) if error else None
