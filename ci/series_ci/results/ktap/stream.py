"""KTAP, the text in which kernel tests report: lines in, results out, nested to any depth.

A result is handed on as soon as its full name is certain: at once, where the parent was announced by `# selftests:` or
`# Subtest:`, else with the line of its parent. What is kept till then is bounded, whatever the length of the log: see
NAMES and WAITING.
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
"""Of a stream: equal names are told apart if no more than half as many others came between them."""

_BOOT = re.compile(r"\[ *0\.0{6}\](?: ?\[[^\]]*\])? Linux version ")


def parse(lines: Iterable[str]) -> list[Result]:
    """The results in the log, in its order: children before their parent.

    Lines may carry their line ends. If the first does, then a last line without one was cut, and says nothing. Lines
    with printk's time stamp and lines without one are read apart: kernel tests may report while a program does.
    """
    return list(read(lines, math.inf))


def read(lines: Iterable[str], names: float = NAMES) -> Iterator[Result]:
    """The same, as the log is read."""
    stream = Stream(names)
    for line in lines:
        if stream.feed(line):
            yield from stream.take()
    stream.end()
    yield from stream.take()


class Stream:
    """The same, line by line: `take` gives the results that have become complete since it was last called.

    Of a `saved` log the last line counts without a line end too, where nothing says that the log was cut: editors,
    mails and shells drop that end.
    """

    def __init__(self, names: float = NAMES, *, saved: bool = False) -> None:
        self._sink = Sink(Names(names))
        self._log = Log()
        self._kernel, self._user = Reader(self._log, self._sink), Reader(self._log, self._sink)
        self._dialects = Dialects()
        self._torn = ""  # the beginning of a line into which printk wrote
        self._indent: str | None = None  # of the kernel's lines, by which a mail quotes a log; known from the first one
        self._ended: bool | None = None
        self._saved = saved
        self._rest = ""  # the last line, if it has no end

    def take(self) -> list[Result]:
        """The results that are complete."""
        ready, self._sink.ready = self._sink.ready, []
        return ready

    def feed(self, line: str) -> bool:
        """Take in one line; whether there are results to take."""
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
        """Whether the line is whole, and neither the rest of another one nor to be translated."""
        dialects = self._dialects
        return not (self._torn or dialects.header or dialects.flat) and (line[-1:] == "\n" or not self._ended)

    def end(self) -> None:
        """No line is left."""
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
            self.end()  # a kernel begins, so the one before has ended
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
        """Take in the result of the test that runs, if it stands behind the last words of that."""
        found = BEHIND.search(line, 1)
        if found is None or not self._user.awaits(found["name"]):
            return False
        self._log.add(line[: found.start()])
        return _read(self._user, line[found.start() :])


def _read(reader: Reader, line: str) -> bool:
    if form := PLAIN.match(line):
        return reader.plain(form)
    return (form := LINE.match(line)) is not None and reader.read(form)
