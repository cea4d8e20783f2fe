"""Locks on folders, between processes: held by who works there and by the programs that it has started."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from series_ci.host.files import disk_errors

REMAINS = 30.0
"""Seconds that what a killed process leaves running may hold its lock; it was told to end, so that takes a moment."""

_STANDARD = 2
"""The last of the three descriptors that every program has."""


def _for_children() -> Iterator[int]:
    """The descriptors that programs started by us may have, besides the standard ones; the kernel knows them."""
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the one that lists them is closed by now
            if number > _STANDARD and os.get_inheritable(number):
                yield number


def held() -> tuple[int, ...]:
    """The descriptors of the locks that this process holds, for the programs that it starts.

    Nothing else of ours is inheritable: Python opens all files for itself alone, and `keep_from_children` sees to what
    we were started with.
    """
    return tuple(_for_children())


def keep_from_children() -> None:
    """Keep from the programs that we start what we were started with: a shell's descriptors, a caller's own lock."""
    for number in _for_children():
        os.set_inheritable(number, False)


@contextmanager
def locked(path: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path` for the block. `waiting` is told once when somebody else holds it.

    flock() goes away with its holder, so a killed process leaves no stale lock. The programs that are started in the
    block hold it, too: what a killed process leaves running for another moment does not write beside the next one.
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
    """Hold the lock file `path` for the block, like `locked`, where the caller does not wait for another process.

    `refuse` has to raise, and is told who has the lock. What a killed process has left of itself does not count as one.
    """
    wait_for_remains(path)
    with locked(path, refuse):
        yield


def wait_for_remains(path: Path) -> None:
    """Wait until what a killed holder of the lock file `path` has left running is gone, if that is all that holds it.

    REMAINS seconds at the most.
    """
    end = time.monotonic() + REMAINS
    while is_locked(path) and not _runs(path.read_text("ascii", "replace")) and time.monotonic() < end:
        time.sleep(0.02)


def _runs(holder: str) -> bool:
    """Whether the process that wrote its number into a lock file is there; one that has written none yet is."""
    return not holder.isdecimal() or Path(f"/proc/{holder}").exists()


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock file `path` right now."""
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
