"""The base's run against the run with the series: what changed, and whether that is a regression."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from series_ci.errors import ExitStatus
from series_ci.results import Ended, Result, Run, Splat, Status


class Change(StrEnum):
    """What became of one test from the base to the series."""

    SAME = "SAME"
    FIXED = "FIXED"
    BROKEN = "BROKEN"
    SKIPPED = "SKIPPED"  # it gave a result on the base, and skips with the series
    GONE = "GONE"  # the base has it, the series does not, and nothing crashed
    NEW = "NEW"  # the series has it, the base does not, and it does not fail
    FLAKY = "FLAKY"  # broken in one pair of runs, not in the other


LOST = frozenset({Status.CRASH, Status.TIMEOUT, Status.NOTRUN, Status.NOTBUILT})
"""Statuses that mean: there should be a result, and there is none."""


@dataclass(frozen=True)
class Entry:
    """One test on both kernels; a status is None where the kernel's run does not know the test."""

    name: str
    base: Status | None
    patched: Status | None
    change: Change
    reason: str = ""
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplatEntry:
    """One kernel complaint and where it was seen: NEW (with the series only), SAME (both), GONE (base only)."""

    splat: Splat
    change: Change


@dataclass(frozen=True)
class Comparison:
    """What the series changed. `again` is the second pair of runs' comparison, when there was one."""

    entries: tuple[Entry, ...]
    splats: tuple[SplatEntry, ...]
    base_ended: Ended
    patched_ended: Ended
    again: Comparison | None = field(default=None)

    def having(self, change: Change) -> list[Entry]:
        """The tests with this change."""
        return [entry for entry in self.entries if entry.change is change]

    @property
    def new_splats(self) -> list[Splat]:
        """The complaints that the base does not have: a regression though every test passed."""
        return [entry.splat for entry in self.splats if entry.change is Change.NEW]

    @property
    def ended_worse(self) -> bool:
        """Whether the guest with the series did not come to its end while the base's did."""
        return self.base_ended is Ended.POWEROFF and self.patched_ended is not Ended.POWEROFF

    @property
    def status(self) -> ExitStatus:
        """REGRESSION if anything is worse than on the base."""
        worse = self.having(Change.BROKEN) or self.new_splats or self.ended_worse
        return ExitStatus.REGRESSION if worse else ExitStatus.OK

    @property
    def verdict(self) -> str:
        """The status in words."""
        return "regression" if self.status is ExitStatus.REGRESSION else "no regression"


def compare(base: Run, patched: Run) -> Comparison:
    """Compare two runs test by test, by name, and complaint by complaint, by fingerprint."""
    before = {result.name: result for result in base.results}
    after = {result.name: result for result in patched.results}
    names = [result.name for result in base.results]
    names += [result.name for result in patched.results if result.name not in before]
    died = patched.ended is not Ended.POWEROFF
    entries = []
    for name in names:
        old, new = before.get(name), after.get(name)
        lost = new is None and (died or _parent_lost(name, after))
        was, now = (each.status if each else None for each in (old, new))
        change = _change(was, Status.NOTRUN if lost else now)
        shown = new or old
        assert shown is not None
        entries.append(Entry(name, was, now, change, shown.reason, shown.log))
    return Comparison(tuple(entries), tuple(_splats(base, patched)), base.ended, patched.ended)


def _parent_lost(name: str, after: dict[str, Result]) -> bool:
    """Whether one of the tests that `name` is part of died: then its absence says nothing good."""
    parents = [name[:at] for at, char in enumerate(name) if char in ":/"]
    return any(parent in after and after[parent].status in LOST for parent in parents)


def _change(old: Status | None, new: Status | None) -> Change:
    if new is None:
        return Change.GONE
    if old is None:
        return Change.NEW if _level(new) > 0 or new is Status.SKIP else Change.BROKEN
    if Status.SKIP in (old, new) and old is not new:
        return Change.SKIPPED if new is Status.SKIP else Change.NEW if _level(new) > 0 else Change.BROKEN
    difference = _level(new) - _level(old)
    return Change.FIXED if difference > 0 else Change.BROKEN if difference < 0 else Change.SAME


def _level(status: Status) -> int:
    """How good a status is. A result that is lost is worse than one that is bad: nothing at all is known then."""
    if status in LOST:
        return -1
    return {Status.PASS: 2, Status.XFAIL: 1}.get(status, 0)


def _splats(base: Run, patched: Run) -> list[SplatEntry]:
    before = {splat.fingerprint: splat for splat in base.splats}
    after = {splat.fingerprint: splat for splat in patched.splats}
    entries = [SplatEntry(splat, Change.SAME if key in before else Change.NEW) for key, splat in after.items()]
    return entries + [SplatEntry(splat, Change.GONE) for key, splat in before.items() if key not in after]


def with_second(first: Comparison, second: Comparison) -> Comparison:
    """The verdict of two pairs of runs: what is BROKEN in the first and not in the second is FLAKY.

    A complaint of the kernel stays one, however rarely it comes; so does one of the base's.
    """
    again = {entry.name: entry.change for entry in second.entries}
    entries = [
        replace(entry, change=Change.FLAKY)
        if entry.change is Change.BROKEN and again.get(entry.name) is not Change.BROKEN
        else entry
        for entry in first.entries
    ]
    ended = second if first.ended_worse and not second.ended_worse else first
    return Comparison(tuple(entries), _both(first, second), ended.base_ended, ended.patched_ended, again=second)


def _both(first: Comparison, second: Comparison) -> tuple[SplatEntry, ...]:
    found: dict[str, SplatEntry] = {}
    for entry in (*first.splats, *second.splats):
        earlier = found.setdefault(entry.splat.fingerprint, entry)
        if earlier.change is not entry.change:  # seen on both kernels, though not in one pair of runs
            found[entry.splat.fingerprint] = replace(earlier, change=Change.SAME)
    return tuple(found.values())
