"""The record of one boot, run.json, and the names of what lies in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.results.model import Run

RUN_FILE = "run.json"
"""The Run, in a boot's folder. It is written last: what lies beside it is whole."""

GUEST = "guest-"
"""The folders of the second and later guests of a boot: their number follows."""

TRY = "try-"
"""The folders of guests that came to nothing, in the folder of the guest that follows them: their number follows."""

CONSOLE = "console.log"
"""What the kernel printed on its console."""

RESULTS = "results.ktap"
"""The tests' output, as the guest wrote it to its port for results."""

STATUS = "status.txt"
"""What /init wrote to its status port, one line per step."""

QEMU_LOG = "qemu.log"
"""QEMU's standard output and standard error."""

QEMU_COMMAND = "qemu.cmd"
"""QEMU's command line, quoted for a shell."""

GUEST_FILES = (CONSOLE, RESULTS, STATUS, QEMU_LOG, QEMU_COMMAND)
"""The files that a guest leaves in its folder."""

_RUN = TypeAdapter(Run)


def write_run(path: Path, run: Run) -> None:
    """Write one run, by rename."""
    files.write_json(path, run_json(run))


def run_json(run: Run) -> dict[str, Any]:
    """Return a run as a JSON object."""
    value: dict[str, Any] = _RUN.dump_python(run, mode="json")
    return value


def read_run(path: Path) -> Run:
    """Read what `write_run` wrote. Raises UsageError for a file that is something else."""
    try:
        return _RUN.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: is not the record of a run: {error}") from error
