"""The base's run against the run with the series: what changed, and whether that is a regression."""

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
    """What became of one test from the base to the series."""

    SAME = "SAME"  # both kernels say the same of it, or lose it in the very same way
    FIXED = "FIXED"
    BROKEN = "BROKEN"
    SKIPPED = "SKIPPED"  # it gave a result on the base, and skips with the series
    GONE = "GONE"  # the base has it, the series does not, and nothing crashed
    NEW = "NEW"  # the series has it, the base does not, and it does not fail
    FLAKY = "FLAKY"  # changed in one look at both kernels and not in another, or lost once and then not
    ALLOWED = "ALLOWED"  # of complaints alone: it would be NEW, but the manifest expects it


LOST = frozenset({Status.CRASH, Status.TIMEOUT, Status.NOTRUN, Status.NOTBUILT, Status.ERROR})
"""Statuses that mean: there should be a result, and there is none."""

_NUMBER = re.compile(r"\d+")


SEEN = frozenset({Status.PASS, Status.FAIL, Status.XFAIL})
"""Statuses of a test that ran and said how it went."""

ONLY_BOOTED = "only booted"
"""The verdict where nothing is worse, but nothing but the boot was looked at."""


@dataclass(frozen=True)
class TestChange:
    """One test on both kernels; a status is None where the kernel's run does not know the test.

    `notes` say in what state it left the guest with the series, and not without; `seconds` is what it took with the
    series, where that was measured.
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
        """Whether it is SAME only in that neither kernel gave a result."""
        return self.change is Change.SAME and (self.patched is None or self.patched in LOST)


@dataclass(frozen=True)
class SplatEntry:
    """One kernel complaint and where it was seen: NEW or ALLOWED (with the series only), SAME (both), GONE (base only).

    `allowed` is the manifest's entry that makes it ALLOWED.
    """

    splat: Splat
    change: Change
    allowed: Allowed | None = None


@dataclass(frozen=True)
class Comparison:
    """What the series changed, as one look at both kernels shows it, or several (`looks.join`)."""

    entries: tuple[TestChange, ...]
    splats: tuple[SplatEntry, ...]
    base_ended: Ended
    patched_ended: Ended

    def having(self, change: Change) -> list[TestChange]:
        """The tests with this change."""
        return [entry for entry in self.entries if entry.change is change]

    @property
    def lost_alike(self) -> list[TestChange]:
        """The tests that are SAME only in that neither kernel gave a result."""
        return [entry for entry in self.entries if entry.lost_alike]

    @property
    def nothing_seen(self) -> bool:
        """Whether every single result was lost alike: nothing is known then, least of all that nothing broke."""
        return bool(self.entries) and len(self.lost_alike) == len(self.entries)

    @property
    def only_booted(self) -> bool:
        """Whether no test but the boot gave a result with the series."""
        return not any(each.patched in SEEN for each in self.entries if each.name != BOOT_RESULT)

    @property
    def new_splats(self) -> list[Splat]:
        """The complaints that the base does not have: a regression though every test passed."""
        return [entry.splat for entry in self.splats if entry.change is Change.NEW]

    @property
    def allowed_splats(self) -> list[tuple[Splat, Allowed]]:
        """The complaints that the base does not have and the manifest allows."""
        return [(entry.splat, entry.allowed) for entry in self.splats if entry.allowed]

    @property
    def ended_worse(self) -> bool:
        """Whether the guest with the series did not come to its end while the base's did."""
        return self.base_ended is Ended.POWEROFF and self.patched_ended is not Ended.POWEROFF

    @property
    def status(self) -> ExitStatus:
        """REGRESSION if anything is worse than on the base, INFRASTRUCTURE if both kernels gave no result at all."""
        if self.having(Change.BROKEN) or self.new_splats or self.ended_worse:
            return ExitStatus.REGRESSION
        return ExitStatus.INFRASTRUCTURE if self.nothing_seen else ExitStatus.OK

    @property
    def verdict(self) -> str:
        """The status in words."""
        words = {ExitStatus.REGRESSION: "regression", ExitStatus.INFRASTRUCTURE: "no result on either kernel"}
        return words.get(self.status, ONLY_BOOTED if self.only_booted else "no regression")


def compare(base: Run, patched: Run, allowed: Sequence[Allowed] = ()) -> Comparison:
    """Compare two runs test by test, by name, and complaint by complaint, by fingerprint."""
    before = {result.name: result for result in base.results}
    after = {result.name: result for result in patched.results}
    names = [result.name for result in base.results]
    names += [result.name for result in patched.results if result.name not in before]
    tried = _attempted(base), _attempted(patched)
    entries = []
    for name in names:
        old, new = before.get(name), after.get(name)
        states = _status(name, base, before), _status(name, patched, after)
        shown = new or old
        assert shown is not None
        change, reason = _change(*states), shown.reason
        if why := _contradicted(states, *(each.get(name, ()) for each in tried)):
            change, reason = Change.FLAKY, "; ".join(filter(None, [why, reason]))
        was, now = (each.status if each else None for each in (old, new))
        took = new.seconds if new else None
        entries.append(TestChange(name, was, now, change, reason, shown.log, notes.new(old, new), took))
    return Comparison(tuple(entries), tuple(_splats(base, patched, allowed)), base.ended, patched.ended)


def _attempted(run: Run) -> dict[str, list[Result]]:
    """By name, what was seen of tests and of the boot in guests that were started again."""
    found: dict[str, list[Result]] = {}
    for result in (each for attempt in run.attempts for each in attempt.results):
        found.setdefault(result.name, []).append(result)
    return found


def _contradicted(
    states: tuple[Status | None, Status | None], base: Sequence[Result], patched: Sequence[Result]
) -> str:
    """What guests that were started again say against a pair of statuses, or nothing.

    What they showed with the series, and is worse than on the base; or that the base was once as bad as the series is.
    What they showed on both kernels alike says nothing.
    """
    old, new = states
    known = {_kind(each) for each in base}
    for each in patched:
        if _kind(each) not in known and _change(old, each.status) is Change.BROKEN and each.status is not new:
            return f"{each.status} in a guest that was started again" + (f": {each.reason}" if each.reason else "")
    if _change(old, new) is Change.BROKEN and any(each.status is new for each in base):
        return f"{new} on the base, too, in a guest that was started again"
    return ""


def _kind(result: Result) -> tuple[Status, str]:
    """What tells whether two kernels failed alike: amounts differ from boot to boot."""
    return result.status, _NUMBER.sub("N", result.reason)


def _status(name: str, run: Run, results: dict[str, Result]) -> Status | None:
    """What a run says of a test. One that a dead guest or a dead parent took along was not run; None: not known."""
    if found := results.get(name):
        return found.status
    parents = [name[:at] for at, char in enumerate(name) if char in ":/"]
    died = any(parent in results and results[parent].status in LOST for parent in parents)
    return Status.NOTRUN if died or run.ended is not Ended.POWEROFF else None


def _change(old: Status | None, new: Status | None) -> Change:
    """What a pair of statuses means; None is a test that a kernel does not know.

    Seen from the other side FIXED is BROKEN, SAME is SAME, NEW is GONE, and these are not each other's mirror:

    * A result that is lost with the series is BROKEN, never SAME, whatever the base had. If the base lost it in another
      way (it hung where the series crashes, say), it is so in both directions, for neither has a result that could be
      better. Only what both lose in the very same way is SAME: what is seen of it is equal, and what the base fails
      too is no regression. That nothing else is known of it, `lost_alike` tells the reports, and so do they.
    * A test that the base skips or does not know, and that fails with the series, is BROKEN: nobody has seen it pass,
      but nobody has seen it fail before either. The other way round it is SKIPPED or GONE, as any other is: that it is
      no longer seen to fail does not make it FIXED.
    * A result that became a skip is SKIPPED; a good one that a skip became is NEW.
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
    """How good a status is. A result that is lost is worse than one that is bad: nothing at all is known then."""
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
