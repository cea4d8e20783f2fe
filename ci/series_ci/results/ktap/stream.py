"""Read KTAP, the format in which kernel tests report: lines in, results out, nested to any depth.

A result is handed on as soon as its full name is certain: at once if `# selftests:` or `# Subtest:` announced its
parent, otherwise with the line of its parent. What is kept until then is bounded by NAMES and WAITING, whatever the
length of the log.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from series_ci.results import logline
from series_ci.results.ktap.dialects import Dialects
from series_ci.results.ktap.levels import LOST, Log
from series_ci.results.ktap.line import BEHIND, LINE, PLAIN, may_matter
from series_ci.results.ktap.names import Names, Sink
from series_ci.results.ktap.reader import WAITING, Reader
from series_ci.results.ktap.torn import may_end, mended
from series_ci.results.model import Result

__all__ = ["LOST", "NAMES", "WAITING", "Stream", "parse"]

NAMES = 100_000
"""The number of names that a stream remembers. Equal names are told apart if at most half as many came between them."""

_BOOT = re.compile(r"\[ *0\.0{6}\](?: ?\[[^\]]*\])? Linux version ")


def parse(lines: Iterable[str]) -> list[Result]:
    """Return the results in the log, in its order: children before their parent.

    Lines may have line ends. If the first line has one, a last line without one was cut and is ignored. Lines with
    printk's time stamp and lines without are read separately: kernel tests may report while a program does.
    """
    return list(read(lines, math.inf))


def read(lines: Iterable[str], names: float = NAMES) -> Iterator[Result]:
    """Yield the results of `parse` while the log is read."""
    stream = Stream(names)
    for line in lines:
        if stream.feed(line):
            yield from stream.take()
    stream.end()
    yield from stream.take()


class Stream:
    """Reads a log line by line. `take` returns the results that have become complete since its last call.

    If `saved`, the last line counts without a line end too, unless something shows that the log was cut: editors, mails
    and shells drop the last line end.
    """

    def __init__(self, names: float = NAMES, *, saved: bool = False) -> None:
        self._sink = Sink(Names(names))
        self._log = Log()
        self._kernel, self._user = Reader(self._log, self._sink), Reader(self._log, self._sink)
        self._dialects = Dialects()
        self._torn = ""  # the beginning of a line into which printk wrote
        self._indent: str | None = None  # what a mail puts before the kernel's lines; the first of them shows it
        self._ended: bool | None = None
        self._saved = saved
        self._rest = ""  # the last line, if it has no end

    def take(self) -> list[Result]:
        """Return the results that are complete, and forget them."""
        ready, self._sink.ready = self._sink.ready, []
        return ready

    def feed(self, line: str) -> bool:
        """Read a line. Return whether there are results to take."""
        if self._ended is None:
            self._ended = line.endswith("\n")
        if self._indent:
            line = line.removeprefix(self._indent)
        if "ok " in line and (form := PLAIN.match(line)) and self._is_itself(line):
            if not self._user.plain(form):
                self._log.add(line)
            return bool(self._sink.ready)
        torn = "] " in line and line[0] not in "[<"
        if (may_matter(line) or torn or self._torn or self._dialects.header) and (line[-1:] == "\n" or not self._ended):
            stamped, _, bare = logline.split(line)
            if self._stamped(line, bare) if stamped else self._unstamped(bare):
                return bool(self._sink.ready)
        elif self._saved and self._ended:
            self._rest = line
        self._log.add(line)
        return bool(self._sink.ready)

    def _is_itself(self, line: str) -> bool:
        """Return whether the line is whole, is not the rest of another one, and needs no translation."""
        dialects = self._dialects
        return not (self._torn or dialects.header or dialects.flat) and (line[-1:] == "\n" or not self._ended)

    def end(self) -> None:
        """End the log: no line is left."""
        if self._rest:
            stamped, _, bare = logline.split(self._rest)
            reader = self._kernel if stamped else self._user
            if may_end(bare, reader):
                _read(reader, bare)
        self._kernel.end()
        self._user.end()

    def _stamped(self, line: str, bare: str) -> bool:
        if self._indent is None:
            self._indent = ""
        if "Linux version " in bare and _BOOT.search(line):
            self.end()  # another kernel boots, so the one before has ended
            self._torn, self._dialects = "", Dialects()
        return _read(self._kernel, bare)

    def _unstamped(self, bare: str) -> bool:
        if self._torn:
            bare, self._torn = mended(self._torn, bare, self._user), ""
        if "] " in bare and (head := logline.tear(bare)):
            self._torn = head
            if self._indent is None and head.isspace():
                self._indent, self._torn = head, ""
                return self._stamped(bare, logline.split(bare[len(head) :])[2])
            return False
        line = self._dialects.translate(bare, self._log.last())
        return _read(self._user, line) or ("selftests: " in line and self._behind(line))

    def _behind(self, line: str) -> bool:
        """Read the result of the running test if it follows the test's last output on the same line."""
        result = BEHIND.search(line, 1)
        if result is None or not self._user.awaits(result["name"]):
            return False
        self._log.add(line[: result.start()])
        return _read(self._user, line[result.start() :])


def _read(reader: Reader, line: str) -> bool:
    if form := PLAIN.match(line):
        return reader.plain(form)
    return (form := LINE.match(line)) is not None and reader.read(form)
