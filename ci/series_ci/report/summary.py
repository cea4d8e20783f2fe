"""The outcome as one JSON object: what `--json` prints and `summary.json` in the run directory holds."""

from __future__ import annotations

from typing import Any

from series_ci import record
from series_ci.errors import ApplyError, ExitStatus
from series_ci.pipeline import Outcome
from series_ci.progress import count


def status(outcome: Outcome) -> ExitStatus:
    """The exit status that the outcome stands for: a regression outweighs a patch on the way that does not build."""
    if outcome.comparison is not None:
        found = outcome.comparison.status
        return ExitStatus.BUILD if found is ExitStatus.OK and _broken_steps(outcome) else found
    assert outcome.error is not None
    return outcome.error.status


def verdict(outcome: Outcome) -> str:
    """The outcome in two or three words."""
    if outcome.comparison is not None:
        broken = _broken_steps(outcome)
        return outcome.comparison.verdict + (f", but no build after {count(broken, 'patch')}" if broken else "")
    return "does not apply" if isinstance(outcome.error, ApplyError) else "does not build"


def _broken_steps(outcome: Outcome) -> int:
    return sum(step.error is not None for step in outcome.steps)


def summary(outcome: Outcome) -> dict[str, Any]:
    """The JSON object."""
    request, fetched, comparison = outcome.request, outcome.fetched, outcome.comparison
    error = outcome.error
    return {
        "series": request.series,
        "version": request.label,
        "title": fetched.title,
        "message_id": request.message_id,
        "verdict": verdict(outcome),
        "status": int(status(outcome)),
        "changes": record.changes(comparison) if comparison else [],
        "splats": record.splats(comparison) if comparison else [],
        "steps": [
            {
                "patch": step.name,
                "commit": step.commit,
                "error": step.error.message if step.error else None,
                "new_warnings": list(step.warnings),
            }
            for step in outcome.steps
        ],
        "error": {"message": error.message, "details": error.details, "hint": error.hint} if error else None,
        "run_dir": str(request.out),
        "environment": {
            **(outcome.runs[0].environment if outcome.runs else {}),
            "archive": request.archive,
            "tree": outcome.base.spec,
            "trees_not_used": list(outcome.refused),
            "base_commit": outcome.base.commit,
            "patched_commit": outcome.runs[1].commit if outcome.runs else None,
            "patches": [
                {"message_id": patch.message_id, "patch_id": patch_id, "subject": patch.subject.title}
                for patch, patch_id in zip(fetched.patches, fetched.patch_ids, strict=True)
            ],
        },
        "repeat": request.repeat,
    }
