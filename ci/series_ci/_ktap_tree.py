"""What a KTAP report has said so far: the lines since the last result, the tests of one level, and their full names."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from series_ci import text
from series_ci.results import Result, Status

LOST = "no result line: the kernel or the test died"
LOG_HEAD = 50
LOG_TAIL = 150
LOG_WIDTH = 1000
MAX_LOST = 1000  # a plan of a garbled million must not become a million results


class Log:
    """The lines since the last result, uncleaned: most logs are kept once and never shown."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=LOG_TAIL)
        self._count = 0

    def add(self, line: str) -> None:
        """One more line, cut if it is very long."""
        self._count += 1
        if self._count <= LOG_HEAD:
            self._head.append(line[:LOG_WIDTH])
        else:
            self._tail.append(line[:LOG_WIDTH])

    def last(self) -> str:
        """The newest line, or "" if there was none since the last result."""
        return self._tail[-1] if self._tail else self._head[-1] if self._head else ""

    def take(self, lead: str) -> tuple[str, ...]:
        """All lines without the level's prefix and the comment's `# `; the log is empty afterwards."""
        if not self._count:
            return ()
        dropped = self._count - len(self._head) - len(self._tail)
        gap = [f"... {dropped} lines left out ..."] if dropped else []
        kept = [text.split(line)[2] for line in (*self._head, *gap, *self._tail)]
        self._head, self._count = [], 0
        self._tail.clear()
        return tuple(line.removeprefix(lead).removeprefix("# ") for line in kept)


@dataclass(slots=True)
class Test:
    """One test; its name is still that of its own line, as its parents are not known before theirs came."""

    name: str
    status: Status
    reason: str = ""
    log: tuple[str, ...] = ()
    children: list[Test] = field(default_factory=list)


@dataclass(slots=True)
class Level:
    """The tests whose lines start at one column.

    `header` announces the test that runs now; a `firm` one promises a result line, any other only tells a name. `plan`
    and `numbers` are those of the last block: one program, or one script, may print several reports in a row.
    """

    lead: str
    column: int
    declared: bool = False
    log: tuple[str, ...] = ()
    tests: list[Test] = field(default_factory=list)
    plan: int = -1
    numbers: list[int] = field(default_factory=list)
    header: str = ""
    firm: bool = False
    bail: str = ""
    skip: str = ""

    def add(self, test: Test, number: int | None = None) -> None:
        """One more test has ended, and with it what the header announced."""
        self.numbers.append(len(self.numbers) + 1 if number is None else number)
        self.tests.append(test)
        self.header, self.firm = "", False

    def lose(self, child: Level | None, log: tuple[str, ...]) -> None:
        """The announced test, or the one that the child level's tests belong to, will get no result line."""
        children = child.tests if child else []
        if not self.header and (not children or len(self.numbers) == self.plan):
            self.tests += children  # nothing was announced, or all that was has come: no parent is missing
            return
        reason = (child.bail if child else "") or self.bail or LOST
        name = self.header or f"#{len(self.numbers) + 1}"
        self.add(Test(name, Status.CRASH, reason, (child.log if child else ()) + log, children))

    def end_block(self, parent: Status | None = None) -> None:
        """Whatever the plan announced and did not come is CRASH.

        One exception: ksft_exit_skip(), called after a plan was printed, says SKIP once and means all that is left.
        """
        lost = self.plan - len(self.numbers)
        if lost > 0:
            status, reason = Status.CRASH, self.bail or LOST
            last = self.tests[-1] if self.tests and self.numbers and parent is Status.SKIP else None
            if last and last.status is Status.SKIP and last.name in (last.reason, f"#{self.numbers[-1]}"):
                status, reason = last.status, last.reason
            self.tests += [Test(f"#{k}", status, reason) for k in self._missing(lost)]
        self.plan, self.numbers = -1, []

    def _missing(self, lost: int) -> Iterator[int]:
        seen = {k for k in self.numbers if 1 <= k <= self.plan}
        free = (k for k in range(1, self.plan + 1) if k not in seen)
        repeated = self.plan - len(seen) - lost  # where numbers were wrong, the last ones are those that did not come
        return islice(free, repeated, repeated + min(lost, MAX_LOST))


def results(tests: Iterable[Test]) -> list[Result]:
    """The tests with their full names, in the order of the log."""
    used: dict[str, int] = {}
    found: list[Result] = []
    for test in tests:
        _add_named(test, "", "", used, found)
    return found


def _add_named(test: Test, before: str, parent: str, used: dict[str, int], found: list[Result]) -> None:
    path = _unique(before + _shortened(test.name, parent), used)
    for child in test.children:
        _add_named(child, f"{path}/" if before else f"{path}:", test.name, used, found)
    found.append(Result(path, test.status, test.reason, test.log))


def _shortened(name: str, parent: str) -> str:
    """`exit_skip.private.exiting` in `mm/exit_skip` is `private.exiting`: fixtures are called like their programs."""
    program = parent.rsplit("/", 1)[-1].partition(" ")[0]
    return (program and name.removeprefix(f"{program}.")) or name


def _unique(name: str, used: dict[str, int]) -> str:
    if name not in used:
        used[name] = 1
        return name
    while True:
        used[name] += 1
        numbered = f"{name} ({used[name]})"
        if numbered not in used:
            used[numbered] = 1
            return numbered
