"""Runs and comparisons as JSON, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.results.compare import Entry, SplatEntry
from series_ci.results.model import Run

_RUN = TypeAdapter(Run)


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


def changes(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The tests as JSON objects: name, base, patched (a status, or null), change.

    Reason, notes and seconds are there if there are any.
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
    """The kernel's complaints as JSON objects.

    They have kind, title, fingerprint, the function blamed and its callers, test, change, and lines.

    For a change of ALLOWED also `allowed`, the manifest's entry.
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
