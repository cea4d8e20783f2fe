"""The state of reading one level of a KTAP report: the lines since the last result, and the tests so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from series_ci.results import logline
from series_ci.results.ktap.names import NestedTest, Place, Sink
from series_ci.results.model import Status

LOST = "no result line: the kernel or the test died"
LOG_HEAD = 50
LOG_TAIL = 150
LOG_WIDTH = 1000
MAX_LOST = 1000  # a plan of a garbled million must not become a million results
TEST = 500  # bytes that a test takes besides its log, roughly
MAX_STRAY = 10_000  # numbers out of order that are remembered
MAX_REPEATED = 10_000  # the last results of a block that are recognised, at least, when they are printed again
BAIL = "Bail out!"
"""The name of the result of a report that bailed out without losing a planned or announced test."""


class Log:
    """The lines since the last result, as they were read: most logs are kept once and never shown."""

    def __init__(self) -> None:
        self.count = 0
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=LOG_TAIL)

    def add(self, line: str) -> None:
        """Add a line, cut to LOG_WIDTH characters."""
        self.count += 1
        if self.count <= LOG_HEAD:
            self._head.append(line[:LOG_WIDTH])
        else:
            self._tail.append(line[:LOG_WIDTH])

    def last(self) -> str:
        """Return the newest line, or "" if there is none since the last result."""
        return self._tail[-1] if self._tail else self._head[-1] if self._head else ""

    def take(self, lead: str) -> tuple[str, ...]:
        """Return all lines without the level's prefix and the comment's `# `, and empty the log."""
        if not self.count:
            return ()
        dropped = self.count - len(self._head) - len(self._tail)
        gap = [f"... {dropped} lines left out ..."] if dropped else []
        kept = [logline.split(line)[2] for line in (*self._head, *gap, *self._tail)]
        self._head, self.count = [], 0
        self._tail.clear()
        return tuple(line.removeprefix(lead).removeprefix("# ") for line in kept)


class Block:
    """One report: the number of tests in its plan (-1 without a plan), and the numbers that came."""

    def __init__(self, plan: int = -1) -> None:
        self.plan = plan
        self.count = 0
        self.last = 0
        self._upto = 0
        self._strays: set[int] = set()
        self._new: dict[int, tuple[str, Status, str]] = {}
        self._old: dict[int, tuple[str, Status, str]] = {}

    def repeats(self, number: int, result: tuple[str, Status, str]) -> bool:
        """Return whether this result has come before in the block, with the same name, status and reason.

        A program that forks with output in its buffer has every child print that output once more. Of more than 2 *
        MAX_REPEATED numbers the oldest are forgotten.
        """
        if self._new.get(number) == result or self._old.get(number) == result:
            return True
        if len(self._new) >= MAX_REPEATED:
            self._old, self._new = self._new, {}
        self._new[number] = result
        return False

    def add(self, number: int | None) -> None:
        """Count a result. `number` is the number on its line, None if it has none."""
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
        """Return the numbers that did not come, at most MAX_LOST of them."""
        lost = self.plan - self.count
        if lost <= 0:
            return iter(())
        strays = {number for number in self._strays if number <= self.plan}
        repeated = self.count - min(self._upto, self.plan) - len(strays)
        free = (number for number in range(self._upto + 1, self.plan + 1) if number not in strays)
        # If there were wrong numbers, assume that the last ones of the plan are missing.
        return islice(free, repeated, repeated + min(lost, MAX_LOST))


@dataclass(slots=True)
class Level:
    """The tests whose lines start at one column.

    `place` is None until their parent is known; until then they wait in `tests`. `header` announces the test that runs
    now. If it is `firm` a result line will follow, otherwise it only gives a name. `path` is the full name of the
    announced test, set once its children have needed it. `bail` is why the program gave up; `bailed` is true as long as
    no result has that as its reason.
    """

    lead: str
    column: int
    sink: Sink
    place: Place | None
    log: tuple[str, ...] = ()
    declared: bool = False
    tests: list[NestedTest] = field(default_factory=list)
    last: NestedTest | None = None
    block: Block = field(default_factory=Block)
    header: str = ""
    firm: bool = False
    path: str = ""
    bail: str = ""
    bailed: bool = False
    skip: str = ""

    def is_fresh(self) -> bool:
        """Return whether the level has nothing but a version line yet."""
        return self.declared and self.last is None and not self.header and self.block.plan < 0

    def inner(self) -> Place | None:
        """Return the place of the tests one level deeper, or None if it is not certain."""
        if self.place is None or not self.firm:
            return None
        self.path = self.path or self.sink.path(self.place, self.header)
        return self.place.below(self.path, self.header)

    def settle(self, place: Place) -> None:
        """Set the place of the tests, which has become known, and hand on those that waited for it."""
        self.place = place
        self.sink.waiting = 0
        for test in self.tests:
            self.sink.put(place, test)
        self.tests = []

    def add(self, test: NestedTest, number: int | None = None) -> None:
        """Add a test that has ended. It ends what the header announced, too."""
        self.block.add(number)
        self.last = test
        if self.place is not None:
            self.sink.put(self.place, test, self.path)
        else:
            self._wait(test)
        if self.header:
            self.header, self.firm, self.path = "", False, ""

    def adopt(self, tests: Sequence[NestedTest]) -> None:
        """Add tests that have no line of their own, or no parent."""
        for test in tests:
            self.last = test
            if self.place is not None:
                self.sink.put(self.place, test)
            else:
                self._wait(test)

    def _wait(self, test: NestedTest) -> None:
        self.tests.append(test)
        self.sink.waiting += TEST + sum(map(len, test.log))

    def note(self, log: tuple[str, ...]) -> None:
        """Keep lines that precede the first test."""
        self.log = (self.log + log)[: LOG_HEAD + LOG_TAIL]

    def lose(self, child: Level | None, log: tuple[str, ...]) -> None:
        """Report as lost the announced test, or the parent of the child level's tests: its line will not come."""
        children = child.tests if child else ()
        if not self.header and (not children or self.block.count == self.block.plan):
            self.adopt(children)  # nothing was announced, or all that was announced has come: no parent is missing
            return
        reason = (child.bail if child else "") or self._lost()
        name = self.header or f"#{self.block.count + 1}"
        self.add(NestedTest(name, Status.CRASH, reason, (child.log if child else ()) + log, children))

    def end_block(self, parent: Status | None = None) -> None:
        """Report as CRASH whatever the plan announced and did not come.

        There is one exception: ksft_exit_skip(), called after a plan was printed, prints one SKIP that stands for all
        the rest.
        """
        missing = list(self.block.missing())
        status, reason = Status.CRASH, self._lost() if missing else ""
        last = self.last if self.block.count and parent is Status.SKIP else None
        if last and last.status is Status.SKIP and last.name in (last.reason, f"#{self.block.last}"):
            status, reason = last.status, last.reason
        self.adopt([NestedTest(f"#{number}", status, reason) for number in missing])
        if self.bailed:
            self.adopt([NestedTest(BAIL, Status.ERROR, self.bail.removeprefix(BAIL).strip())])
        self.block, self.bailed = Block(), False

    def _lost(self) -> str:
        """Return the reason for a lost result."""
        self.bailed = False
        return self.bail or LOST

    def give(self, parent: NestedTest) -> None:
        """Make the tests of this level the children of `parent`."""
        self.end_block(parent.status)
        if self.skip and parent.status in (Status.PASS, Status.SKIP):
            parent.status, parent.reason = Status.SKIP, parent.reason or self.skip
        parent.log, parent.children = self.log + parent.log, self.tests
