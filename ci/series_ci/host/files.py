"""Write files that are either complete or absent, and compute digests of files."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from series_ci.errors import InfrastructureError
from series_ci.host import scratch

DISK = {
    errno.ENOSPC: "free some space, or put the cache elsewhere: SERIES_CI_CACHE=DIR",
    errno.EDQUOT: "free some space, or put the cache elsewhere: SERIES_CI_CACHE=DIR",
    errno.EACCES: "choose a folder that you may write: --out DIR for results, SERIES_CI_CACHE=DIR for the cache",
    errno.EPERM: "choose a folder that you may write: --out DIR for results, SERIES_CI_CACHE=DIR for the cache",
    errno.EROFS: "choose a folder that you may write: --out DIR for results, SERIES_CI_CACHE=DIR for the cache",
}
"""Errors of the disk and its permissions (as opposed to those of the program), and what to do about each."""


_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]


def disk_error(error: OSError, what: str) -> InfrastructureError:
    """Return the error to show for an error of the disk that occurred while `what` was written."""
    return InfrastructureError(f"{error.filename or what}: {error.strerror}", hint=DISK.get(error.errno or 0, ""))


_FULL = (os.strerror(errno.ENOSPC).lower(), os.strerror(errno.EDQUOT).lower(), "out of diskspace")


def is_full(text: str) -> bool:
    """Return whether a program's output, `text`, says that the disk is full. git has words of its own for that."""
    lower = text.lower()
    return any(words in lower for words in _FULL)


def disk_full(what: str) -> InfrastructureError:
    """Return the error to show if a program failed for lack of space."""
    reason = os.strerror(errno.ENOSPC)
    return InfrastructureError(f"{what}: {reason[0].lower()}{reason[1:]}", hint=DISK[errno.ENOSPC])


@contextmanager
def disk_errors(what: Path) -> Iterator[None]:
    """Turn an OSError in the block into one that says which file or folder could not be written, and why."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, str(what)) from error


def write(path: Path, content: bytes | str) -> None:
    """Write a file by renaming: a reader sees the old content or the new, never a part."""
    raw = content.encode() if isinstance(content, str) else content
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.file(path.name, path.parent) as (making, handle):
            with os.fdopen(handle, "wb", closefd=False) as out:
                out.write(raw)
            making.chmod(0o644)
            making.rename(path)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON that people can read, by renaming."""
    write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object that `write_json` wrote, or None if the file is missing or damaged: callers make it again."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def size(path: Path) -> int:
    """Return the size of a file in bytes, 0 if there is no such file (yet)."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def punch(path: Path, start: int, end: int) -> None:
    """Release the disk space of the bytes from `start` to `end`. They read as zeros; all others stay in place.

    Raise OSError if the file system has no holes (fallocate(2)).
    """
    keep_size_and_punch_hole = 3
    with path.open("r+b") as file:
        if _libc.fallocate(file.fileno(), keep_size_and_punch_hole, start, end - start):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))


def digest(*parts: bytes | str) -> str:
    """Return the SHA-256 over the parts, each with its length, so that moving a boundary changes the digest."""
    state = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        state.update(b"%d:" % len(raw))
        state.update(raw)
    return state.hexdigest()


def digest_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 over files: names (without folders) and contents, in the given order."""
    return digest(*(part for path in paths for part in (path.name, path.read_bytes())))


@contextmanager
def fresh_folder(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a folder to fill. It becomes `path` if the block succeeds, and is removed if it fails.

    Without `replace` an existing `path` is kept: whoever made it was first, and may be using it.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(path), scratch.folder(path.name, path.parent) as making:
        yield making
        making.chmod(0o755)
        if replace and path.exists():
            shutil.rmtree(path)
        try:
            making.rename(path)
        except OSError:
            if replace or not path.is_dir():
                raise
