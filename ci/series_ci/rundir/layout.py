"""Where a run directory lies; of a sweep or a bench: whether it is finished, and what the one in it was asked for.

A sweep takes long and may be killed at any moment. Its directory then has what was seen so far, and the next sweep with
the same words goes on in it; a directory with a summary is finished and is never written again.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.host import files, locks, paths

STATE = "sweep.json"
SUMMARY = "summary.json"
LOCK = ".lock"


def stamped(series: str, label: str) -> Path:
    """A folder that nobody has used: what lies in one would be taken for what an interrupted run has left."""
    # Seconds are enough for a person; the process number keeps two runs of one second apart.
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    name = f"{safe(series)}-{label}-{stamp}"
    names = (name if number == 1 else f"{name}.{number}" for number in itertools.count(1))
    return next(path for each in names if not (path := paths.runs() / each).exists())


def safe(series: str) -> str:
    """The name of a series, or a Message-ID, as the beginning of a folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", series)


def unfinished(folder: Path) -> str | None:
    """What the interrupted sweep of a folder was asked for, or None: it is finished, under way, or none."""
    state = files.read_json(folder / STATE)
    locks.wait_for_remains(folder / LOCK)
    if not state or (folder / SUMMARY).exists() or locks.is_locked(folder / LOCK):
        return None
    repeat = state.get("repeat")
    return repeat if isinstance(repeat, str) else None


@contextmanager
def opened(folder: Path, repeat: str) -> Iterator[bool]:
    """Hold a sweep's folder for the block, made if need be; yields whether an interrupted sweep left something there.

    Raises UsageError if another process works in it.
    """

    def busy(text: str) -> None:
        raise UsageError(f"{folder}: {text.partition(';')[0]}", hint="give another folder with --out")

    with locks.alone(folder / LOCK, busy):
        goes_on = (folder / STATE).exists()
        files.write_json(folder / STATE, {"repeat": repeat})
        try:
            yield goes_on
        finally:
            _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    """A sweep that came to nothing, for its mails are not to be had, say, leaves nothing to go on with."""
    if {path.name for path in folder.iterdir()} <= {STATE, LOCK}:
        (folder / STATE).unlink()
        (folder / LOCK).unlink()
        folder.rmdir()
