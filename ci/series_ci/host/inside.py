"""Open files below a folder that strangers write to, without following links, and up to a maximum size.

A tree that a series was applied to, and a folder in which its Makefiles have built, contain what their authors like:
links to files of this machine, devices without end, pipes that nobody writes to. Only regular files are read, and only
below the folder that the caller names. That folder itself is ours, and may be reached by a link.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from series_ci.errors import InfrastructureError

MIB = 1 << 20

MOST = 64 * MIB
"""The default maximum size, in bytes, of a file that is read into memory."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_NOT_FOLLOWED = {errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EISDIR}


class StrangeFileError(InfrastructureError):
    """A name does not stand for a regular file of acceptable size below the folder."""


def read(root: Path, name: str, most: int = MOST) -> bytes | None:
    """Return the content of a file, or None if there is none. Raise StrangeFileError."""
    with _opened(root, name, os.O_RDONLY) as handle:
        if handle is None:
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(most + 1)
    return _bounded(content, root / name, most)


def text(path: Path, most: int = MOST) -> str:
    """Return one of our logs as text, or both ends of it if it has more than `most` bytes.

    Raise StrangeFileError, and OSError.
    """
    with _opened(path.parent, path.name, os.O_RDONLY) as handle:
        if handle is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(most // 2)
            middle = os.fstat(handle).st_size - most // 2
            if middle > file.tell():
                content += b"\n[...]\n"
                file.seek(middle)
            content += file.read(most // 2)
    return content.decode("utf-8", "replace")


def is_file(root: Path, name: str) -> bool:
    """Return whether a name stands for a regular file that is reached through folders only."""
    try:
        with _opened(root, name, os.O_RDONLY) as handle:
            return handle is not None
    except StrangeFileError:
        return False


def is_folder(root: Path, name: str) -> bool:
    """Return whether a name stands for a folder that is reached through folders only."""
    try:
        with _folder(root, name) as handle:
            return handle is not None
    except StrangeFileError:
        return False


def write(root: Path, name: str, content: bytes, mode: int = 0o644) -> None:
    """Write a new file, and make the folders above it. Whatever has that name, perhaps a link, is removed first."""
    path = PurePosixPath(name)
    with _folder(root, str(path.parent), make=True) as folder:
        assert folder is not None
        with _not_followed(root / name):
            with suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=folder)
            handle = os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, mode, dir_fd=folder)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)


def append(root: Path, name: str, content: bytes) -> None:
    """Append to an existing file. Raise StrangeFileError."""
    with _opened(root, name, os.O_WRONLY | os.O_APPEND) as handle:
        if handle is None:
            raise StrangeFileError(f"{root / name}: is not there")
        with os.fdopen(handle, "ab", closefd=False) as file:
            file.write(content)


def copy(root: Path, name: str, target: Path, most: int) -> None:
    """Copy a file of at most `most` bytes to `target`. Raise StrangeFileError."""
    with _opened(root, name, os.O_RDONLY) as handle:
        if handle is None:
            raise StrangeFileError(f"{root / name}: is not there")
        status = os.fstat(handle)
        _bound(status.st_size, root / name, most)
        with os.fdopen(handle, "rb", closefd=False) as source, target.open("wb") as out:
            os.fchmod(out.fileno(), status.st_mode & 0o777)
            shutil.copyfileobj(source, out)


def _bounded(content: bytes, path: Path, most: int) -> bytes:
    _bound(len(content), path, most)
    return content


def _bound(size: int, path: Path, most: int) -> None:
    if size > most:
        raise StrangeFileError(f"{path}: has more than {most // MIB} MiB, and is not read")


@contextmanager
def _opened(root: Path, name: str, flags: int) -> Iterator[int | None]:
    """Yield a descriptor of a regular file, or None if there is no such file."""
    path = PurePosixPath(name)
    with _folder(root, str(path.parent)) as folder:
        if folder is None:
            yield None
            return
        try:
            with _not_followed(root / name):
                handle = os.open(path.name, flags | _FILE, dir_fd=folder)
        except FileNotFoundError:
            yield None
            return
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise StrangeFileError(f"{root / name}: is no regular file, and is not read")
            yield handle
        finally:
            os.close(handle)


@contextmanager
def _folder(root: Path, name: str, *, make: bool = False) -> Iterator[int | None]:
    """Yield a descriptor of a folder below `root`, or None if there is no such folder. Follow no link on the way."""
    try:
        handle = os.open(root, _FOLDER)
    except FileNotFoundError:
        yield None
        return
    try:
        for part in PurePosixPath(name).parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            with _not_followed(root / name):
                below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = below
    except FileNotFoundError:
        yield None
        return
    else:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _not_followed(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_FOLLOWED:
            raise
        raise StrangeFileError(
            f"{path}: is a link or no regular file, or lies behind one, and is not followed"
        ) from error
