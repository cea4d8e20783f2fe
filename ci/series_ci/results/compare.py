"""Compare the base's run with the run of the series: what changed, and whether that is a regression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from series_ci.errors import ExitStatus
from series_ci.manifest import allow
from series_ci.manifest.allow import Allowed
from series_ci.results import notes
from series_ci.results.model import BOOT_RESULT, Ended, Result, Run, Splat, Status


class Change(StrEnum):
    """What became of one test between the base and the series."""

    SAME = "SAME"  # equal status on both kernels; also a result that both lost in the same way
    FIXED = "FIXED"
    BROKEN = "BROKEN"
    SKIPPED = "SKIPPED"  # gave a result on the base, is skipped with the series
    GONE = "GONE"  # exists on the base only, and nothing crashed
    NEW = "NEW"  # exists with the series only, and does not fail
    FLAKY = "FLAKY"  # changed in one look at both kernels but not in another, or was lost once and not again
    ALLOWED = "ALLOWED"  # complaints only: would be NEW, but the manifest allows it


LOST = frozenset({Status.CRASH, Status.TIMEOUT, Status.NOTRUN, Status.NOTBUILT, Status.ERROR})
"""Statuses of a test that should have given a result and did not."""

_NUMBER = re.compile(r"\d+")


SEEN = frozenset({Status.PASS, Status.FAIL, Status.XFAIL})
"""Statuses of a test that ran and reported how it went."""

ONLY_BOOTED = "only booted"
"""The verdict if nothing is worse, but no test besides the boot gave a result."""


@dataclass(frozen=True)
class TestChange:
    """One test on both kernels. A status is None if that kernel's run does not know the test.

    `notes` tell in what state the test left the guest with the series, but not on the base. `seconds` is the duration
    of the test with the series, None if it was not measured.
    """

    name: str
    base: Status | None
    patched: Status | None
    change: Change
    reason: str = ""
    log: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def lost_alike(self) -> bool:
        """Return whether the test is SAME only because neither kernel gave a result."""
        return self.change is Change.SAME and (self.patched is None or self.patched in LOST)


@dataclass(frozen=True)
class SplatEntry:
    """One kernel complaint and where it was seen.

    `change` is NEW or ALLOWED (with the series only), SAME (on both kernels) or GONE (on the base only). `allowed` is
    the manifest's entry that makes it ALLOWED.
    """

    splat: Splat
    change: Change
    allowed: Allowed | None = None


class Compared:
    """What can be asked of a comparison with the base, whether it was just made or read from a run directory."""

    entries: tuple[TestChange, ...]
    splats: tuple[SplatEntry, ...]

    def having(self, change: Change) -> list[TestChange]:
        """Return the tests with this change."""
        return [entry for entry in self.entries if entry.change is change]

    @property
    def new_splats(self) -> list[Splat]:
        """Return the complaints that the base does not have. They are a regression even if every test passed."""
        return [entry.splat for entry in self.splats if entry.change is Change.NEW]

    @property
    def allowed_splats(self) -> list[tuple[Splat, Allowed]]:
        """Return the complaints that the base does not have and the manifest allows."""
        return [(entry.splat, entry.allowed) for entry in self.splats if entry.allowed]


@dataclass(frozen=True)
class Comparison(Compared):
    """What the series changed, as seen by one look at both kernels, or by several (`looks.join`)."""

    entries: tuple[TestChange, ...]
    splats: tuple[SplatEntry, ...]
    base_ended: Ended
    patched_ended: Ended

    @property
    def lost_alike(self) -> list[TestChange]:
        """Return the tests that are SAME only because neither kernel gave a result."""
        return [entry for entry in self.entries if entry.lost_alike]

    @property
    def nothing_seen(self) -> bool:
        """Return whether both kernels lost every result alike: nobody knows then whether anything broke."""
        return bool(self.entries) and len(self.lost_alike) == len(self.entries)

    @property
    def only_booted(self) -> bool:
        """Return whether no test but the boot gave a result with the series."""
        return not any(entry.patched in SEEN for entry in self.entries if entry.name != BOOT_RESULT)

    @property
    def ended_worse(self) -> bool:
        """Return whether the base's guest powered off and the guest with the series did not."""
        return self.base_ended is Ended.POWEROFF and self.patched_ended is not Ended.POWEROFF

    @property
    def status(self) -> ExitStatus:
        """Return REGRESSION if anything is worse than on the base, INFRASTRUCTURE if all results were lost, else OK."""
        if self.having(Change.BROKEN) or self.new_splats or self.ended_worse:
            return ExitStatus.REGRESSION
        return ExitStatus.INFRASTRUCTURE if self.nothing_seen else ExitStatus.OK

    @property
    def verdict(self) -> str:
        """Return the status in words."""
        words = {ExitStatus.REGRESSION: "regression", ExitStatus.INFRASTRUCTURE: "no result on either kernel"}
        return words.get(self.status, ONLY_BOOTED if self.only_booted else "no regression")


def compare(base: Run, patched: Run, allowed: Sequence[Allowed] = ()) -> Comparison:
    """Compare two runs: tests by name, complaints by fingerprint."""
    before = {result.name: result for result in base.results}
    after = {result.name: result for result in patched.results}
    names = [result.name for result in base.results]
    names += [result.name for result in patched.results if result.name not in before]
    attempted = _attempted(base), _attempted(patched)
    entries = []
    for name in names:
        old, new = before.get(name), after.get(name)
        states = _status(name, base, before), _status(name, patched, after)
        shown = new or old
        assert shown is not None
        change, reason = _change(*states), shown.reason
        if why := _contradicted(states, *(results.get(name, ()) for results in attempted)):
            change, reason = Change.FLAKY, "; ".join(filter(None, [why, reason]))
        old_status, new_status = (result.status if result else None for result in (old, new))
        seconds = new.seconds if new else None
        left = notes.new(old, new)
        entries.append(TestChange(name, old_status, new_status, change, reason, shown.log, left, seconds))
    return Comparison(tuple(entries), tuple(_splats(base, patched, allowed)), base.ended, patched.ended)


def _attempted(run: Run) -> dict[str, list[Result]]:
    """Return the results, by name, that were seen in guests which had to be started again. The boot is one of them."""
    by_name: dict[str, list[Result]] = {}
    for attempt in run.attempts:
        for result in attempt.results:
            by_name.setdefault(result.name, []).append(result)
    return by_name


def _contradicted(
    states: tuple[Status | None, Status | None], base: Sequence[Result], patched: Sequence[Result]
) -> str:
    """Return how guests that were started again contradict a pair of statuses, or "" if they do not.

    They do if one showed something with the series that is worse than on the base, or if the base was once as bad as
    the series is. What they showed on both kernels alike is no contradiction.
    """
    old, new = states
    known = {_kind(result) for result in base}
    for result in patched:
        if _kind(result) not in known and _change(old, result.status) is Change.BROKEN and result.status is not new:
            why = f": {result.reason}" if result.reason else ""
            return f"{result.status} in a guest that was started again{why}"
    if _change(old, new) is Change.BROKEN and any(result.status is new for result in base):
        return f"{new} on the base, too, in a guest that was started again"
    return ""


def _kind(result: Result) -> tuple[Status, str]:
    """Return a key that is equal if two kernels failed alike. Numbers in the reason differ from boot to boot."""
    return result.status, _NUMBER.sub("N", result.reason)


def _status(name: str, run: Run, results: dict[str, Result]) -> Status | None:
    """Return the status of a test in a run, or None if the run does not know the test.

    A test is NOTRUN if its result is missing because the guest died or a parent test was lost.
    """
    if result := results.get(name):
        return result.status
    parents = [name[:at] for at, char in enumerate(name) if char in ":/"]
    died = any(parent in results and results[parent].status in LOST for parent in parents)
    return Status.NOTRUN if died or run.ended is not Ended.POWEROFF else None


def _change(old: Status | None, new: Status | None) -> Change:
    """Return what a pair of statuses means. None stands for a test that a kernel does not know.

    With base and series swapped, FIXED becomes BROKEN, NEW becomes GONE, and SAME stays SAME, with these exceptions:

    * A result that is lost with the series is BROKEN, whatever the base had. If both kernels lost it in different ways
      (one hung where the other crashes), it is BROKEN in both directions, for neither has a result that could be
      better. Only a result that both lost in the same way is SAME: what is seen of it is equal, and what the base fails
      too is no regression. `lost_alike` tells the reports, and they tell the reader, that nothing else is known of it.
    * A test that the base skips or does not know, and that fails with the series, is BROKEN: nobody has seen it pass,
      but nobody has seen it fail before either. The other way round it is SKIPPED or GONE, not FIXED: that it is no
      longer seen to fail does not mean that it works.
    * A result that became a skip is SKIPPED. A skip that became a good result is NEW.
    """
    if new is None:
        return Change.GONE
    if new in LOST:
        return Change.SAME if old is new else Change.BROKEN
    if new is Status.SKIP:
        return {None: Change.NEW, Status.SKIP: Change.SAME}.get(old, Change.SKIPPED)
    if old in (None, Status.SKIP):
        return Change.NEW if _level(new) > 0 else Change.BROKEN
    difference = _level(new) - _level(old)
    return Change.FIXED if difference > 0 else Change.BROKEN if difference < 0 else Change.SAME


def _level(status: Status) -> int:
    """Return how good a status is. A lost result is worse than a bad one, because nothing at all is known then."""
    if status in LOST:
        return -1
    return {Status.PASS: 2, Status.XFAIL: 1}.get(status, 0)


def _splats(base: Run, patched: Run, allowed: Sequence[Allowed]) -> list[SplatEntry]:
    before = {splat.fingerprint: splat for splat in base.splats}
    after = {splat.fingerprint: splat for splat in patched.splats}
    entries = [
        SplatEntry(splat, Change.SAME) if key in before else _new_splat(splat, allowed) for key, splat in after.items()
    ]
    return entries + [SplatEntry(splat, Change.GONE) for key, splat in before.items() if key not in after]


def _new_splat(splat: Splat, allowed: Sequence[Allowed]) -> SplatEntry:
    entry = allow.find(allowed, splat.kind, splat.title, splat.fingerprint)
    return SplatEntry(splat, Change.ALLOWED if entry else Change.NEW, entry)
