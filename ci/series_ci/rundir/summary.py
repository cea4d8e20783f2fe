"""Make the summary.json of one version. `read` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple
from typing import Any

from series_ci.errors import ExitStatus
from series_ci.kernel.base import Source
from series_ci.progress import count
from series_ci.results import coverage
from series_ci.results.compare import Comparison, SplatEntry, TestChange
from series_ci.rundir.run import SOURCE_KEYS, PatchResult, Problem, Retried, VersionRun


def compared_status(comparison: Comparison, broken: int) -> ExitStatus:
    """Return the exit status of a comparison if `broken` patches do not build: a regression goes first."""
    return ExitStatus.BUILD if comparison.status is ExitStatus.OK and broken else comparison.status


def compared_verdict(comparison: Comparison, broken: int) -> str:
    """Return the verdict of a comparison if `broken` patches do not build."""
    return comparison.verdict + (f", but no build after {count(broken, 'patch')}" if broken else "")


def _source(source: Source) -> dict[str, str]:
    """Return the known names of the tree, as keys of the environment."""
    return {key: value for key, value in zip(SOURCE_KEYS, astuple(source), strict=True) if value}


def _retried(guest: Retried) -> dict[str, str]:
    return {"kernel": guest.kernel, "folder": guest.folder, "ended": guest.ended.value, "why": guest.why}


def problem(error: Problem | None) -> dict[str, str] | None:
    """Return an error as a JSON object."""
    return {"message": error.message, "details": error.details, "hint": error.hint} if error else None


def _step(step: PatchResult) -> dict[str, Any]:
    return {
        "patch": step.patch,
        "commit": step.commit,
        "error": step.error,
        "new_warnings": list(step.new_warnings),
        "coverage": coverage.as_json(step.coverage),
    }


def version_json(run: VersionRun) -> dict[str, Any]:
    """Return the JSON object that `--json` prints and summary.json holds."""
    origin = run.origin
    return {
        "series": run.series,
        "version": run.version,
        "title": run.title,
        "message_id": run.message_id,
        "verdict": run.verdict,
        "status": int(run.status),
        "coverage": coverage.as_json(run.coverage),
        "changes": changes(run.entries),
        "splats": splats(run.splats),
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


def changes(entries: Sequence[TestChange]) -> list[dict[str, Any]]:
    """Return the tests as JSON objects: name, base, patched (a status, or null), change.

    Reason, notes and seconds are there if they are known.
    """
    rows = []
    for entry in entries:
        row: dict[str, Any] = {
            "name": entry.name,
            "base": entry.base and entry.base.value,
            "patched": entry.patched and entry.patched.value,
            "change": entry.change.value,
        }
        if entry.reason:
            row["reason"] = entry.reason
        if entry.notes:
            row["notes"] = list(entry.notes)
        if entry.seconds is not None:
            row["seconds"] = entry.seconds
        rows.append(row)
    return rows


def splats(entries: Sequence[SplatEntry]) -> list[dict[str, Any]]:
    """Return the kernel's complaints as JSON objects.

    They have kind, title, fingerprint, the function blamed and its callers, test, change and lines; those that are
    ALLOWED also `allowed`, the entry of the manifest.
    """
    return [
        {
            "kind": each.splat.kind,
            "title": each.splat.title,
            "fingerprint": each.splat.fingerprint,
            "function": each.splat.function,
            "trace": list(each.splat.trace),
            "test": each.splat.test,
            "change": each.change.value,
            **({"allowed": each.allowed.model_dump(mode="json", exclude_defaults=True)} if each.allowed else {}),
            "lines": list(each.splat.lines),
            **({"decoded": list(each.splat.decoded)} if each.splat.decoded else {}),
        }
        for each in entries
    ]
