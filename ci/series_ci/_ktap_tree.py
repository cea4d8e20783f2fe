"""What a KTAP report has said so far: the lines since the last result, and the tests of one level."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from series_ci import text
from series_ci._ktap_names import Place, Sink, Test
from series_ci.results import Status

LOST = "no result line: the kernel or the test died"
LOG_HEAD = 50
LOG_TAIL = 150
LOG_WIDTH = 1000
MAX_LOST = 1000  # a plan of a garbled million must not become a million results
TEST = 500  # what a test takes beside its log, roughly, in bytes
MAX_STRAY = 10_000  # numbers out of order that are kept in mind


class Log:
    """The lines since the last result, uncleaned: most logs are kept once and never shown."""

    def __init__(self) -> None:
        self.count = 0
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=LOG_TAIL)

    def add(self, line: str) -> None:
        """One more line, cut if it is very long."""
        self.count += 1
        if self.count <= LOG_HEAD:
            self._head.append(line[:LOG_WIDTH])
        else:
            self._tail.append(line[:LOG_WIDTH])

    def last(self) -> str:
        """The newest line, or "" if there was none since the last result."""
        return self._tail[-1] if self._tail else self._head[-1] if self._head else ""

    def take(self, lead: str) -> tuple[str, ...]:
        """All lines without the level's prefix and the comment's `# `; the log is empty afterwards."""
        if not self.count:
            return ()
        dropped = self.count - len(self._head) - len(self._tail)
        gap = [f"... {dropped} lines left out ..."] if dropped else []
        kept = [text.split(line)[2] for line in (*self._head, *gap, *self._tail)]
        self._head, self.count = [], 0
        self._tail.clear()
        return tuple(line.removeprefix(lead).removeprefix("# ") for line in kept)


class Block:
    """One report: what its plan announced (-1: it has none), and the numbers that came."""

    def __init__(self, plan: int = -1) -> None:
        self.plan = plan
        self.count = 0
        self.last = 0
        self._upto = 0
        self._strays: set[int] = set()

    def add(self, number: int | None) -> None:
        """One more result, with the number that it bears."""
        self.count += 1
        self.last = self.count if number is None else number
        if self.last == self._upto + 1:
            self._upto += 1
            while self._strays and self._upto + 1 in self._strays:
                self._upto += 1
                self._strays.discard(self._upto)
        elif self.last > self._upto and len(self._strays) < MAX_STRAY:
            self._strays.add(self.last)

    def missing(self) -> Iterator[int]:
        """The numbers that did not come, at most MAX_LOST of them."""
        lost = self.plan - self.count
        if lost <= 0:
            return iter(())
        strays = {number for number in self._strays if number <= self.plan}
        repeated = self.count - min(self._upto, self.plan) - len(strays)
        free = (number for number in range(self._upto + 1, self.plan + 1) if number not in strays)
        # Where numbers were wrong, the last ones are those that did not come.
        return islice(free, repeated, repeated + min(lost, MAX_LOST))


@dataclass(slots=True)
class Level:
    """The tests whose lines start at one column.

    `place` is None until it is known whose children they are; they wait in `tests` till then. `header` announces the
    test that runs now; a `firm` one promises a result line, any other only tells a name. `path` is the full name of the
    announced test, once children have needed it.
    """

    lead: str
    column: int
    sink: Sink
    place: Place | None
    log: tuple[str, ...] = ()
    declared: bool = False
    tests: list[Test] = field(default_factory=list)
    last: Test | None = None
    block: Block = field(default_factory=Block)
    header: str = ""
    firm: bool = False
    path: str = ""
    bail: str = ""
    skip: str = ""

    def is_fresh(self) -> bool:
        """Whether it has said no more than that it speaks KTAP."""
        return self.declared and self.last is None and not self.header and self.block.plan < 0

    def inner(self) -> Place | None:
        """The place of the tests one level deeper, if it is certain."""
        if self.place is None or not self.firm:
            return None
        self.path = self.path or self.sink.path(self.place, self.header)
        return self.place.below(self.path, self.header)

    def settle(self, place: Place) -> None:
        """From now on it is known whose children the tests are."""
        self.place = place
        self.sink.waiting = 0
        for test in self.tests:
            self.sink.put(place, test)
        self.tests = []

    def add(self, test: Test, number: int | None = None) -> None:
        """One more test has ended, and with it what the header announced."""
        self.block.add(number)
        self.last = test
        if self.place is not None:
            self.sink.put(self.place, test, self.path)
        else:
            self._wait(test)
        if self.header:
            self.header, self.firm, self.path = "", False, ""

    def adopt(self, tests: Sequence[Test]) -> None:
        """Take in tests that have no line of their own, or no parent."""
        for test in tests:
            self.last = test
            if self.place is not None:
                self.sink.put(self.place, test)
            else:
                self._wait(test)

    def _wait(self, test: Test) -> None:
        self.tests.append(test)
        self.sink.waiting += TEST + sum(map(len, test.log))

    def note(self, log: tuple[str, ...]) -> None:
        """Keep lines that stand before the first test."""
        self.log = (self.log + log)[: LOG_HEAD + LOG_TAIL]

    def lose(self, child: Level | None, log: tuple[str, ...]) -> None:
        """The announced test, or the one that the child level's tests belong to, will get no result line."""
        children = child.tests if child else ()
        if not self.header and (not children or self.block.count == self.block.plan):
            self.adopt(children)  # nothing was announced, or all that was has come: no parent is missing
            return
        reason = (child.bail if child else "") or self.bail or LOST
        name = self.header or f"#{self.block.count + 1}"
        self.add(Test(name, Status.CRASH, reason, (child.log if child else ()) + log, children))

    def end_block(self, parent: Status | None = None) -> None:
        """Whatever the plan announced and did not come is CRASH.

        One exception: ksft_exit_skip(), called after a plan was printed, says SKIP once and means all that is left.
        """
        status, reason = Status.CRASH, self.bail or LOST
        last = self.last if self.block.count and parent is Status.SKIP else None
        if last and last.status is Status.SKIP and last.name in (last.reason, f"#{self.block.last}"):
            status, reason = last.status, last.reason
        self.adopt([Test(f"#{number}", status, reason) for number in self.block.missing()])
        self.block = Block()
