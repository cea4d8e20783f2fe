"""Where a run directory lies, the names in it, and whether a sweep or a bench in it is finished.

What lies in the folder of one boot is named by `guest.record` and `kernel.logs`.

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
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.host import files, locks, paths, scratch

MAILS = "series.mbx"
"""The patches of a version, ready for git am."""

SENT = "sent.mbx"
"""The mails of a version as they were sent: the cover letter, if there is one, and the patches."""

SUMMARY = "summary.json"
"""The results. It is written last: a directory that has it is finished."""

TABLE = "summary.md"
"""The table of a sweep."""

JUNIT = "junit.xml"
"""The results as JUnit."""

RUN_LOCK = "run.lock"
"""All that a run was made of, and what came of it."""

REPLY = "reply.eml"
"""The reply to the thread, as `series-ci post --to mail` leaves it."""

REPRODUCTION = "reproduction.md"
"""What `series-ci reproduce` found, as a text for the thread."""

REPRODUCTION_JSON = "reproduction.json"
"""What `series-ci reproduce` found in a run that it made again."""

SAMPLES = "samples.jsonl"
"""The samples of a bench; those of one boot, in its folder."""

BENCH_PAGE = "bench.html"
"""The page of a bench."""

STATE = "sweep.json"
"""The command line of a sweep or a bench, as long as it is under way."""

IN_USE = ".lock"
"""Held by the process that works in the directory of a sweep or a bench."""

BASE, PATCHED = "base", "patched"
"""The folders of the first boots of the two kernels."""

PATCH = "patch-"
"""The folders of single patches: their number in the series follows."""


def any_of(*names: str) -> str:
    """Return a regular expression for these names."""
    return "|".join(re.escape(name) for name in names)


_INTERRUPTED = re.compile(
    rf"{any_of(MAILS, SENT, JUNIT, RUN_LOCK)}|(?:{BASE}|{PATCHED})(?:-2)?|{PATCH}\d+|\..*{re.escape(scratch.END)}"
)


def numbered(name: str, look: int) -> str:
    """Return the name of a kernel's boot in a look, counted from 1: the second of `base` is `base-2`."""
    return f"{name}-{look}" if look > 1 else name


def numbered_base(number: int) -> str:
    """Return the name of a base in the directory of a sweep, counted from 1: the second is `base.2`."""
    return f"{BASE}.{number}" if number > 1 else BASE


@dataclass(frozen=True)
class RunDir:
    """A run directory, or the folder of one version in that of a sweep: where its files and folders lie."""

    path: Path

    @property
    def mails(self) -> Path:
        """The patches, ready for git am."""
        return self.path / MAILS

    @property
    def sent(self) -> Path:
        """The mails as they were sent."""
        return self.path / SENT

    @property
    def summary(self) -> Path:
        """The results; the file that says that the run is finished."""
        return self.path / SUMMARY

    @property
    def table(self) -> Path:
        """The table of a sweep."""
        return self.path / TABLE

    @property
    def junit(self) -> Path:
        """The results as JUnit."""
        return self.path / JUNIT

    @property
    def run_lock(self) -> Path:
        """All that the run was made of."""
        return self.path / RUN_LOCK

    @property
    def reply(self) -> Path:
        """The reply to the thread."""
        return self.path / REPLY

    @property
    def reproduction(self) -> Path:
        """What `series-ci reproduce` found, as text."""
        return self.path / REPRODUCTION

    @property
    def reproduction_json(self) -> Path:
        """What `series-ci reproduce` found, as JSON."""
        return self.path / REPRODUCTION_JSON

    @property
    def samples(self) -> Path:
        """The samples of a bench."""
        return self.path / SAMPLES

    @property
    def bench_page(self) -> Path:
        """The page of a bench."""
        return self.path / BENCH_PAGE

    @property
    def state(self) -> Path:
        """The command line of a sweep or a bench that is under way."""
        return self.path / STATE

    @property
    def in_use(self) -> Path:
        """The file that the process which works here holds a lock of."""
        return self.path / IN_USE

    @property
    def base(self) -> Path:
        """The folder of the base's first boot."""
        return self.path / BASE

    def patched(self, look: int = 1) -> Path:
        """Return the folder of a boot with the series, in a look counted from 1."""
        return self.path / numbered(PATCHED, look)

    def patch(self, number: int) -> Path:
        """Return the folder of one patch of the series, counted from 1."""
        return self.path / f"{PATCH}{number}"

    def holds_interrupted(self) -> bool:
        """Return whether the folder is empty, or holds only what an interrupted run of one version leaves."""
        return all(_INTERRUPTED.fullmatch(path.name) for path in self.path.iterdir())


def stamped(series: str, label: str) -> Path:
    """Return the path of a new run directory: files in an old one would be taken for those of an interrupted run."""
    # The process number keeps two runs of the same second apart.
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    name = f"{safe(series)}-{label}-{stamp}"
    names = (name if number == 1 else f"{name}.{number}" for number in itertools.count(1))
    return next(path for each in names if not (path := paths.runs() / each).exists())


def safe(series: str) -> str:
    """Return the name of a series, or a Message-ID, with no characters that a folder's name should not have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", series)


def unfinished(folder: Path) -> str | None:
    """Return the command line of the interrupted sweep in a folder; None if it is finished, under way, or none."""
    run_dir = RunDir(folder)
    state = files.read_json(run_dir.state)
    locks.wait_for_remains(run_dir.in_use)
    if not state or run_dir.summary.exists() or locks.is_locked(run_dir.in_use):
        return None
    repeat = state.get("repeat")
    return repeat if isinstance(repeat, str) else None


@contextmanager
def opened(folder: Path, repeat: str) -> Iterator[bool]:
    """Hold a sweep's folder for the block, made if need be; yield whether an interrupted sweep left something there.

    Raises UsageError if another process works in it.
    """
    run_dir = RunDir(folder)

    def busy(text: str) -> None:
        raise UsageError(f"{folder}: {text.partition(';')[0]}", hint="give another folder with --out")

    with locks.alone(run_dir.in_use, busy):
        goes_on = run_dir.state.exists()
        files.write_json(run_dir.state, {"repeat": repeat})
        try:
            yield goes_on
        finally:
            _remove_if_empty(run_dir)


def _remove_if_empty(run_dir: RunDir) -> None:
    """Remove the folder of a sweep that wrote no results (its mails could not be fetched, say)."""
    if {path.name for path in run_dir.path.iterdir()} <= {STATE, IN_USE}:
        run_dir.state.unlink()
        run_dir.in_use.unlink()
        run_dir.path.rmdir()
