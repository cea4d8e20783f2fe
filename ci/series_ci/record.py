"""Runs and comparisons as JSON, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from series_ci import files
from series_ci.compare import Comparison
from series_ci.errors import UsageError
from series_ci.results import Run

_RUN = TypeAdapter(Run)
_ALLOWED = {"reason", "link", "expires"}


def write_run(path: Path, run: Run) -> None:
    """Write one run, by rename."""
    files.write_json(path, as_json(run))


def as_json(run: Run) -> dict[str, Any]:
    """One run as a JSON object."""
    found: dict[str, Any] = _RUN.dump_python(run, mode="json")
    return found


def read_run(path: Path) -> Run:
    """Read what `write_run` wrote. Raises UsageError for a file that is something else."""
    try:
        return _RUN.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: is not the record of a run: {error}") from error


def changes(comparison: Comparison) -> list[dict[str, Any]]:
    """The tests as JSON objects: name, base, patched (a status, or null), change; reason and notes if there are any."""
    rows = []
    for entry in comparison.entries:
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
        rows.append(row)
    return rows


def splats(comparison: Comparison) -> list[dict[str, Any]]:
    """The kernel's complaints as JSON objects: kind, title, fingerprint, the function blamed, test, change, lines.

    For a change of ALLOWED also `allowed`, the reason, link and last day that the manifest gives.
    """
    return [
        {
            "kind": each.splat.kind,
            "title": each.splat.title,
            "fingerprint": each.splat.fingerprint,
            "function": each.splat.function,
            "test": each.splat.test,
            "change": each.change.value,
            **({"allowed": each.allowed.model_dump(mode="json", include=_ALLOWED)} if each.allowed else {}),
            "lines": list(each.splat.lines),
            **({"decoded": list(each.splat.decoded)} if each.splat.decoded else {}),
        }
        for each in comparison.splats
    ]
