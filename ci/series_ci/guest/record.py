"""The record of one boot, run.json, and the names of what lies in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.results.model import Run

_RUN = TypeAdapter(Run)


def write_run(path: Path, run: Run) -> None:
    """Write one run, by rename."""
    files.write_json(path, run_json(run))


def run_json(run: Run) -> dict[str, Any]:
    """One run as a JSON object."""
    found: dict[str, Any] = _RUN.dump_python(run, mode="json")
    return found


def read_run(path: Path) -> Run:
    """Read what `write_run` wrote. Raises UsageError for a file that is something else."""
    try:
        return _RUN.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: is not the record of a run: {error}") from error


GUEST = "guest-"
"""What the folders of the second and later guests of a run are called, with their number behind it."""


RUN_FILE = "run.json"
"""In a boot's folder: the Run. It is written last, so what lies beside it is whole."""
