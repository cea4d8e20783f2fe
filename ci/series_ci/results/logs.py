"""Read saved logs of any size: unpack them, and collect the test results and the kernel complaints in them."""

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
"""The name that stands for standard input."""

MAX_LINE = 65_536
"""The number of characters of a line that are read; the rest is dropped. A log without line ends is a single line."""

_CHUNK = 1 << 18
_PACKED: dict[bytes, Callable[[BinaryIO], Any]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}


def scan(lines: Iterator[str], take: Callable[[list[Result]], None]) -> list[Splat]:
    """Pass the test results in a log to `take` as soon as they are complete. Return the kernel's complaints at the end.

    The log is read once and not kept. What is kept is bounded by NAMES and WAITING of `ktap.stream`, and by
    MAX_SPLATS of `splat.find`.
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
    """Yield the lines of a log, or of standard input for the name `-`. Unpack gzip, xz and bzip2.

    Raise UsageError if the log does not exist or is no file, and at the end of the block if it could not be read to its
    end.
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
        reason = lines.problem.strerror if isinstance(lines.problem, OSError) else None
        raise UsageError(
            f"{name}: cannot be read to its end: {reason or lines.problem}", hint="what came before was shown"
        )


@contextmanager
def _binary(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb", buffering=_CHUNK) as file:
            yield file


class _Lines:
    """The lines of a file up to its end, or up to where it is damaged; `problem` is the error then."""

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
                console = lava.console(line) if line.startswith(lava.START) else None
                if console is None:
                    yield line
                else:
                    yield from console
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            self.problem = error
        finally:
            text.detach()
