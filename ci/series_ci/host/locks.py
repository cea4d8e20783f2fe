"""Locks on folders, held by the process that works there and by the programs that it has started."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from series_ci.host.files import disk_errors

REMAINS = 30.0
"""The maximum time in seconds that children of a killed process may hold its lock. They were told to end by then."""

_STANDARD = 2
"""The highest of the three standard descriptors."""


def _for_children() -> Iterator[int]:
    """Yield the inheritable descriptors of this process, besides the standard ones. The kernel knows which they are."""
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the descriptor that listed them is closed by now
            if number > _STANDARD and os.get_inheritable(number):
                yield number


def held() -> tuple[int, ...]:
    """Return the descriptors of the locks that this process holds, to be passed to the programs that it starts.

    No other descriptor is inheritable: Python opens files without inheritance, and `keep_from_children` handles those
    that this process was started with.
    """
    return tuple(_for_children())


def keep_from_children() -> None:
    """Make descriptors that this process was started with, such as a shell's or a caller's lock, not inheritable."""
    for number in _for_children():
        os.set_inheritable(number, False)


@contextmanager
def locked(path: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path` for the block. Call `waiting` once if another process holds it.

    flock() ends with its holder, so a killed process leaves no stale lock. Programs that are started in the block hold
    it too, so that what a killed process leaves running for a moment does not write at the same time as the next
    process.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+b")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().decode("ascii", "replace").strip() or "?"
            waiting(f"another series-ci (process {holder}) uses {path.parent}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()).encode())
        lock.flush()
        os.set_inheritable(lock.fileno(), True)
        yield


@contextmanager
def alone(path: Path, refuse: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path` for the block, like `locked`, but do not wait for another process.

    `refuse` is called with a text that names the holder, and has to raise. Children of a killed process do not count as
    a holder: they are waited for.
    """
    wait_for_remains(path)
    with locked(path, refuse):
        yield


def wait_for_remains(path: Path) -> None:
    """Wait up to REMAINS seconds until children of a killed holder are gone, if only they hold the lock file `path`."""
    end = time.monotonic() + REMAINS
    while is_locked(path) and not _runs(path.read_text("ascii", "replace")) and time.monotonic() < end:
        time.sleep(0.02)


def _runs(holder: str) -> bool:
    """Return whether the process that wrote its number into a lock file runs. If there is no number yet, it does."""
    return not holder.isdecimal() or Path(f"/proc/{holder}").exists()


def is_locked(path: Path) -> bool:
    """Return whether any process holds the lock file `path` right now."""
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
