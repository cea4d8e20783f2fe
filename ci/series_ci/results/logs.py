"""Saved logs, of any size: their lines, unpacked on the way, and what these say of tests and of the kernel."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from series_ci.errors import UsageError
from series_ci.results import lava
from series_ci.results.ktap.stream import Stream
from series_ci.results.model import Result, Splat
from series_ci.results.splat import find

STDIN = "-"
"""The name of standard input."""

MAX_LINE = 65_536
"""Characters of a line that are read; the rest of a longer one is left out. A log without line ends has only one."""

_CHUNK = 1 << 18
_PACKED: dict[bytes, Callable[[BinaryIO], Any]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}


def scan(lines: Iterator[str], take: Callable[[list[Result]], None]) -> list[Splat]:
    """Hand the test results in a log to `take` as soon as they are complete; the kernel's complaints, at its end.

    The log is read once and not kept: what is, is bounded by `ktap.NAMES`, `ktap.WAITING`, and `splat.MAX_SPLATS`.
    """
    stream = Stream(saved=True)

    def passing() -> Iterator[str]:
        for line in lines:
            if stream.feed(line):
                take(stream.take())
            yield line

    splats = find.find(passing())
    stream.end()
    take(stream.take())
    return splats


@contextmanager
def opened(name: str) -> Iterator[Iterator[str]]:
    """The lines of a log, or of standard input if it is called `-`; gzip, xz and bzip2 are unpacked.

    Raises UsageError for what is not there or is no file, and after the block for what could not be read to its end.
    """
    try:
        with _binary(name) as file:
            lines = _Lines(file)
            yield iter(lines)
    except IsADirectoryError:
        raise UsageError(f"{name}: is a folder, not a log") from None
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}") from error
    if lines.problem:
        what = lines.problem.strerror if isinstance(lines.problem, OSError) else None
        raise UsageError(
            f"{name}: cannot be read to its end: {what or lines.problem}", hint="what came before was shown"
        )


@contextmanager
def _binary(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb", buffering=_CHUNK) as file:
            yield file


class _Lines:
    """The lines of a file up to its end, or up to what is broken."""

    def __init__(self, file: BinaryIO) -> None:
        self.problem: Exception | None = None
        start = cast(io.BufferedReader, file).peek(8)
        unpack = next((unpack for magic, unpack in _PACKED.items() if start.startswith(magic)), None)
        self._file = cast(BinaryIO, unpack(file)) if unpack else file

    def __iter__(self) -> Iterator[str]:
        text = io.TextIOWrapper(self._file, encoding="utf-8", errors="replace", newline="\n")
        try:
            while line := text.readline(MAX_LINE):
                if len(line) == MAX_LINE and line[-1] != "\n":
                    while (rest := text.readline(MAX_LINE)) and rest[-1] != "\n":
                        pass
                    line = line[:-1] + "\n"
                told = lava.console(line) if line.startswith(lava.START) else None
                if told is None:
                    yield line
                else:
                    yield from told
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            self.problem = error
        finally:
            text.detach()
