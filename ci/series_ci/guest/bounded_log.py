"""Bound the log that a guest writes: only its beginning and its end are kept on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from series_ci.host import files

MIB = 1 << 20
LINE = 65536
"""Bytes of the longest line; a longer one is read as several."""

Passing = Callable[[Iterator[str]], object]
"""Called with the lines that will not be kept."""


@dataclass(frozen=True)
class Bound:
    """Bytes that are kept of the beginning and of the end. The end may grow to twice as many before it is cut."""

    head: int
    tail: int


CONSOLE = Bound(16 * MIB, 16 * MIB)
RESULTS = Bound(256 * MIB, 64 * MIB)


class Growing:
    """A file that QEMU writes to, and that `look` shortens.

    QEMU keeps its offset in the file, so the middle becomes a hole, and `finish` joins both ends when the guest has
    ended. `passing` is called with the lines of the middle before they are lost. `trouble` says why the file cannot be
    shortened; it is "" while that works.
    """

    def __init__(self, path: Path, bound: Bound, passing: Passing = lambda _lines: None) -> None:
        self.path = path
        self.bound = bound
        self.passing = passing
        self.trouble = ""
        self._start = self._end = bound.head

    @property
    def lost(self) -> int:
        """How many bytes of the middle are lost."""
        return self._end - self._start

    def look(self) -> None:
        """Punch a hole if the file has outgrown its bound; set `trouble` if the file system cannot."""
        size = files.size(self.path)
        if size - self._end <= 2 * self.bound.tail:
            return
        if not self.lost:
            self._start = self._end = self._line_end(self.bound.head)
        end = self._line_end(size - self.bound.tail)
        self.passing(lines(self.path, self._end, end))
        try:
            files.punch(self.path, self._end, end)
        except OSError as error:
            self.trouble = f"{self.path.name} has {size // MIB} MiB, and cannot be shortened here: {error.strerror}"
            return
        self._end = end

    def finish(self) -> None:
        """Join beginning and end, with a line between them that says how many bytes are lost."""
        if not self.lost:
            return
        joined = self.path.with_name(f".{self.path.name}.joined")
        with files.disk_errors(joined), self.path.open("rb") as source, joined.open("wb") as target:
            target.write(source.read(self._start))
            target.write(self._cut_mark())
            source.seek(self._end)
            shutil.copyfileobj(source, target)
            joined.rename(self.path)

    def joined(self, at: int) -> int:
        """Return the offset that an offset behind the middle will have when `finish` has joined the text, in bytes."""
        return at - self.lost + len(self._cut_mark()) if self.lost else at

    def _cut_mark(self) -> bytes:
        return f"[series-ci: {self.lost} bytes were cut out here]\n".encode()

    def _line_end(self, at: int) -> int:
        """Return the offset behind the line that `at` lies in; `at` if that line is longer than LINE."""
        with self.path.open("rb") as file:
            descriptor = file.fileno()
            place = os.pread(descriptor, LINE, at).find(b"\n")
        return at + place + 1


def lines(path: Path, start: int = 0, end: int | None = None) -> Iterator[str]:
    """Yield the lines of a part of a file (bytes `start` to `end`), with their line ends, reading one at a time.

    Bytes that are not UTF-8 become U+FFFD.
    """
    with path.open("rb") as file:
        file.seek(start)
        left = files.size(path) - start if end is None else end - start
        while left > 0 and (line := file.readline(min(left, LINE))):
            left -= len(line)
            yield line.decode("utf-8", "replace")
