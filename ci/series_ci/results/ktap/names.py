"""Turn tests into results: give them full names as soon as those of their parents are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from series_ci.results.model import Result, Status


@dataclass(slots=True)
class NestedTest:
    """One test under the name of its own line: the names of its parents may come only after it."""

    name: str
    status: Status
    reason: str = ""
    log: tuple[str, ...] = ()
    children: Sequence[NestedTest] = ()


MAX_NAME = 500
"""The maximum length of a full name in characters; longer ones are garbage. MAX_REASON limits a reason likewise."""

MAX_REASON = 2000


class Names:
    """Makes names unique: `a`, `a (2)`, `a (3)`. Beyond `limit` names it forgets the oldest."""

    def __init__(self, limit: float) -> None:
        self._half = limit / 2
        self._new: dict[str, int] = {}
        self._old: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return the name, or a numbered one if it is taken."""
        if name not in self._new and name not in self._old:
            if len(self._new) >= self._half:
                self._old, self._new = self._new, {}
            self._new[name] = 1
            return name
        count = self._new.get(name) or self._old[name]
        while True:
            count += 1
            numbered = f"{name} ({count})"
            if numbered not in self._new and numbered not in self._old:
                self._new[name] = count
                return self.take(numbered)


@dataclass(frozen=True, slots=True)
class Place:
    """The parent of tests: what precedes their names, and which prefix is left out of them.

    `exit_skip.private.exiting` in `mm/exit_skip` becomes `private.exiting`: fixtures are named after their programs.
    """

    before: str = ""
    left_out: str = ""

    def below(self, path: str, name: str) -> Place:
        """Return the place of the children of a test at this place."""
        program = name.rsplit("/", 1)[-1].partition(" ")[0]
        return Place(f"{path}/" if self.before else f"{path}:", f"{program}." if program else "")


ROOT = Place()


class Sink:
    """Collects results in the order in which they become complete, children before their parent.

    `waiting` is the size, in characters, of the tests that have no known place yet.
    """

    def __init__(self, names: Names) -> None:
        self.ready: list[Result] = []
        self.waiting = 0
        self._names = names

    def path(self, place: Place, name: str) -> str:
        """Return the full name of the next test of this name at this place."""
        return self._names.take(_cut(place.before + (name.removeprefix(place.left_out) or name), MAX_NAME))

    def put(self, place: Place, test: NestedTest, path: str = "") -> None:
        """Add a test whose place is known, and its children. `path` is its full name if that was taken before."""
        path = path or self.path(place, test.name)
        if test.children:
            self.waiting = 0
            inner = place.below(path, test.name)
            for child in test.children:
                self.put(inner, child)
        self.ready.append(_result(path, test))


def _result(path: str, test: NestedTest) -> Result:
    """Return Result(path, ...) in a third of the time: a frozen dataclass makes a call to set each field."""
    result = object.__new__(Result)
    result.__dict__.update(name=path, status=test.status, reason=_cut(test.reason, MAX_REASON), log=test.log)
    return result


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
