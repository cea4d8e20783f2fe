"""Temporary files and folders that are removed soon, even if the process that made them was killed.

The process holds a lock on each. flock() ends with its holder, so what is not locked is abandoned, and the next process
that makes something in the same folder removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

END = ".series-ci-tmp"
"""The suffix of their names. Whatever has this suffix is ours to remove."""


@contextmanager
def folder(name: str, parent: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder in `parent`, or in the system's folder for temporary files, and remove it after the block.

    If the block renames it, it stays. Raise OSError.
    """
    where = parent or Path(tempfile.gettempdir())
    _remove_abandoned(where)
    path, lock = _held(lambda: Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=END, dir=where)))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


@contextmanager
def file(name: str, parent: Path) -> Iterator[tuple[Path, int]]:
    """Yield an empty file in `parent` and its open descriptor. It is removed like a `folder`."""
    _remove_abandoned(parent)
    path, handle = _held(lambda: _new_file(name, parent))
    try:
        yield path, handle
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(handle)


def _new_file(name: str, parent: Path) -> Path:
    handle, path = tempfile.mkstemp(prefix=f".{name}.", suffix=END, dir=parent)
    os.close(handle)
    return Path(path)


def _held(make: Callable[[], Path]) -> tuple[Path, int]:
    """Return the path that `make` makes, and a descriptor that holds the lock on it."""
    while True:
        path = make()
        try:
            handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        except FileNotFoundError:
            continue  # another process removed it before it was locked
        with suppress(OSError):  # on a file system without such locks nothing is removed either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():
            return path, handle
        os.close(handle)


def _remove_abandoned(parent: Path) -> None:
    """Remove what killed processes have left in a folder."""
    for path in parent.glob(f".*{END}"):
        with suppress(OSError):  # it is in use, belongs to another user, or is gone by now
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(handle)
