"""One version's run: made of what was seen, and as the JSON object that `--json` prints and `summary.json` holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, astuple
from typing import Any

from series_ci.errors import AlreadyAppliedError, ApplyError, Error, ExitStatus, NothingToTestError, SeriesError
from series_ci.host import paths
from series_ci.pipeline.stages import Outcome
from series_ci.progress import count
from series_ci.results import coverage
from series_ci.results.compare import Comparison
from series_ci.rundir import record
from series_ci.rundir.run import (
    SOURCE_KEYS,
    Boot,
    Origin,
    Problem,
    Retried,
    SentPatch,
    Source,
    Step,
    VersionRun,
    retried,
)


def status(outcome: Outcome) -> ExitStatus:
    """The exit status that the outcome stands for."""
    if outcome.comparison is not None:
        return compared_status(outcome.comparison, _broken_steps(outcome))
    assert outcome.error is not None
    return outcome.error.status


def verdict(outcome: Outcome) -> str:
    """The outcome in two or three words."""
    if outcome.comparison is not None:
        return compared_verdict(outcome.comparison, _broken_steps(outcome))
    assert isinstance(outcome.error, SeriesError)
    return outcome.error.verdict


def compared_status(comparison: Comparison, broken: int) -> ExitStatus:
    """Of a comparison, with so many patches on the way that do not build: a regression outweighs them."""
    return ExitStatus.BUILD if comparison.status is ExitStatus.OK and broken else comparison.status


def compared_verdict(comparison: Comparison, broken: int) -> str:
    """The same in words."""
    return comparison.verdict + (f", but no build after {count(broken, 'patch')}" if broken else "")


def _broken_steps(outcome: Outcome) -> int:
    return sum(step.error is not None for step in outcome.steps)


def ran(outcome: Outcome) -> VersionRun:
    """The run that an outcome is the end of."""
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
            Step(step.name, step.commit, step.error.message if step.error else None, step.warnings, step.coverage)
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
"""What is so on every architecture."""


def _environment(outcome: Outcome) -> Mapping[str, str]:
    """That of the boots; without any, the architecture that was built for."""
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
    """An error as reports have it."""
    return Problem(*(paths.named(text) for text in (error.message, error.details, error.hint))) if error else None


def _source(source: Source) -> dict[str, str]:
    """What is known of the tree, as keys of the environment."""
    return {key: value for key, value in zip(SOURCE_KEYS, astuple(source), strict=True) if value}


def _retried(guest: Retried) -> dict[str, str]:
    return {"kernel": guest.kernel, "folder": guest.folder, "ended": guest.ended.value, "why": guest.why}


def problem(error: Problem | None) -> dict[str, str] | None:
    """An error as a JSON object."""
    return {"message": error.message, "details": error.details, "hint": error.hint} if error else None


def _step(step: Step) -> dict[str, Any]:
    return {
        "patch": step.patch,
        "commit": step.commit,
        "error": step.error,
        "new_warnings": list(step.new_warnings),
        "coverage": coverage.as_json(step.coverage),
    }


def summary(run: VersionRun) -> dict[str, Any]:
    """The JSON object; `stored` reads it."""
    origin = run.origin
    return {
        "series": run.series,
        "version": run.version,
        "title": run.title,
        "message_id": run.message_id,
        "verdict": run.verdict,
        "status": int(run.status),
        "coverage": coverage.as_json(run.coverage),
        "changes": record.changes(run.entries),
        "splats": record.splats(run.splats),
        "steps": [_step(step) for step in run.steps],
        **({"permitted": [asdict(each) for each in run.permitted]} if run.permitted else {}),
        "error": problem(run.error),
        "run_dir": run.folder,
        "boots": {"base": [each.folder for each in run.base_boots], "patched": [each.folder for each in run.boots]},
        **({"retried": [_retried(each) for each in run.retried]} if run.retried else {}),
        "environment": {
            **run.environment,
            "archive": origin.archive,
            "tree": origin.tree,
            "base_patches": list(origin.base_patches),
            "trees_not_used": list(origin.refused),
            **_source(origin.source),
            "base_commit": origin.base,
            "patched_commit": origin.patched,
            "patches": [
                {"message_id": each.message_id, "patch_id": each.patch_id, "subject": each.subject}
                for each in origin.patches
            ],
        },
        "repeat": run.repeat,
    }
