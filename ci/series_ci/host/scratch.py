"""Temporary files and folders that do not outlive their maker for long, not even one that was killed.

Who makes one holds a lock on it. flock() goes away with its holder, so what nobody holds is nobody's any more, and the
next one who makes something in the same place removes it.
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
"""The end of their names: whatever is called so is ours to remove."""


@contextmanager
def folder(name: str, parent: Path | None = None) -> Iterator[Path]:
    """An empty folder in `parent`, or where the system has its temporary files; it is gone after the block.

    The block may give it another name, then it stays. Raises OSError.
    """
    where = parent or Path(tempfile.gettempdir())
    _remove_abandoned(where)
    made, lock = _held(lambda: Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=END, dir=where)))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


@contextmanager
def file(name: str, parent: Path) -> Iterator[tuple[Path, int]]:
    """An empty file in `parent`, and its open descriptor; the same as `folder` in all else."""
    _remove_abandoned(parent)
    made, handle = _held(lambda: _new_file(name, parent))
    try:
        yield made, handle
    finally:
        with suppress(FileNotFoundError):
            made.unlink()
        os.close(handle)


def _new_file(name: str, parent: Path) -> Path:
    handle, made = tempfile.mkstemp(prefix=f".{name}.", suffix=END, dir=parent)
    os.close(handle)
    return Path(made)


def _held(make: Callable[[], Path]) -> tuple[Path, int]:
    """What `make` makes, and a descriptor that holds the lock on it."""
    while True:
        made = make()
        try:
            handle = os.open(made, os.O_RDONLY if made.is_dir() else os.O_RDWR)
        except FileNotFoundError:
            continue  # somebody has removed it before it was locked
        with suppress(OSError):  # a file system that knows no such locks: then nothing is removed there either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if made.exists():
            return made, handle
        os.close(handle)


def _remove_abandoned(parent: Path) -> None:
    """Remove what the killed have left in a folder."""
    for path in parent.glob(f".*{END}"):
        with suppress(OSError):  # it is in use, is another user's, or has gone meanwhile
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(handle)
