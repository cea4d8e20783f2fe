"""Several looks at the same two kernels, each on fresh boots: what to look at again, and which changes to claim. Pure.

A change is claimed if two looks showed it. The second look runs only the tests that changed in the first one, in a
guest that is the same otherwise. A test may depend on those that ran before it. So if the second look ran fewer tests
and does not show what the first one did, a third look runs all of them, and two looks that agree outweigh the short
one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from series_ci.manifest.allow import Allowed
from series_ci.results import compare, notes
from series_ci.results.compare import Change, Comparison, SplatEntry, TestChange
from series_ci.results.model import BOOT_RESULT, Run, Status

ORDINALS = ("first", "second", "third")

MOST = len(ORDINALS)
"""The maximum number of looks at two kernels."""

_BAD = (Change.BROKEN, Change.FLAKY)
_UNCLAIMED = (Change.SAME, Change.FLAKY)
_NAMES = (Change.GONE, Change.NEW)
"""Changes of which results exist. Some tests name a result after something that they found out by trying."""


def verdict(pairs: Sequence[tuple[Run, Run]], allowed: Sequence[Allowed] = ()) -> Comparison:
    """Return the joint comparison of all looks. Each pair is a run of the base and a run with the series."""
    return join(compared(pairs, allowed))


def compared(pairs: Sequence[tuple[Run, Run]], allowed: Sequence[Allowed] = ()) -> list[Comparison]:
    """Return the comparison of each pair. An attempt of the base in one pair counts in all of them."""
    attempts = tuple(attempt for base, _patched in pairs for attempt in base.attempts)
    return [compare.compare(replace(base, attempts=attempts), patched, allowed) for base, patched in pairs]


def program(name: str) -> str:
    """Return the test that a result belongs to."""
    return name.partition(":")[0]


def again(first: Comparison, tests: Sequence[str]) -> list[str] | None:
    """Return the tests that a second look has to run to see every change twice, or None if no second look is needed.

    An empty list means a boot without tests. A test that did not compile needs no second look, since a boot cannot
    change that.
    """
    changed = {program(entry.name) for entry in first.entries if entry.change is not Change.SAME or entry.notes}
    rerun = changed & set(tests)
    complaints = {splat.test for splat in first.new_splats}
    ended = first.ended_worse or any(entry.name == BOOT_RESULT for entry in _changed(first))
    # If the guest died outside of any test, or a complaint came there, any test that ran before may be the cause.
    if (ended and not rerun) or not complaints <= set(tests):
        return list(tests)
    if not rerun and not complaints and BOOT_RESULT not in changed:
        return None
    return [name for name in tests if name in rerun | complaints]


def contradicted(first: Comparison, second: Comparison) -> bool:
    """Return whether the second look ran fewer tests than the first one and does not show all that changed there."""
    joined = {entry.name: entry.change for entry in join([first, second]).entries}
    lost = any(joined[entry.name] is Change.FLAKY for entry in _changed(first) if entry.change not in _NAMES)
    fewer = len(_programs(second)) < len(_programs(first))
    return fewer and (lost or (first.ended_worse and not second.ended_worse))


def _changed(look: Comparison) -> list[TestChange]:
    return [entry for entry in look.entries if entry.change not in _UNCLAIMED]


def join(looks: Sequence[Comparison]) -> Comparison:
    """Return the verdict of several looks, given in their order.

    A change in the first look that a later one shows in the same way is kept. A change in one look only is FLAKY,
    whichever look it was, and its reason says what each of them showed. A result that only the first look ran is kept
    as it is. A complaint of the kernel stays a complaint however rarely it comes, and so does one of the base.
    """
    first, others = looks[0], looks[1:]
    if not others:
        return first
    views = [_View(ordinal, look, first) for ordinal, look in zip(ORDINALS[1:], others, strict=False)]
    entries = [_joined(entry, [view for view in views if view.tells_of(entry)]) for entry in first.entries]
    entries += _only_later(first, views)
    ended = others[0] if first.ended_worse and not any(look.ended_worse for look in others) else first
    return Comparison(tuple(entries), _splats(looks), ended.base_ended, ended.patched_ended)


class _View:
    """A later look with its entries by name. `name` is how reasons refer to the look."""

    def __init__(self, ordinal: str, look: Comparison, first: Comparison) -> None:
        self.entries: Mapping[str, TestChange] = {entry.name: entry for entry in look.entries}
        self.ordinal = ordinal
        self._programs = _programs(look)
        self.name = f"{ordinal} look" + (" (fewer tests)" if len(self._programs) < len(_programs(first)) else "")

    def tells_of(self, entry: TestChange) -> bool:
        """Return whether the look ran the test of a result.

        Of a result that came or went it says nothing if neither kernel has it.
        """
        known = entry.name in self.entries
        return known or (program(entry.name) in self._programs and entry.change not in _NAMES)

    def of(self, name: str) -> TestChange:
        """Return what the look shows of a result. One that the test did not give is absent on both kernels."""
        return self.entries.get(name) or TestChange(name, None, None, Change.SAME)


def _programs(look: Comparison) -> frozenset[str]:
    return frozenset(program(entry.name) for entry in look.entries)


def _joined(first: TestChange, views: Sequence[_View]) -> TestChange:
    """Return the joint verdict on one result. `views` are the later looks that ran its test."""
    if not views:
        return first
    seen = [first, *(view.of(first.name) for view in views)]
    noted = tuple(_notes(list(zip(["first", *(view.ordinal for view in views)], seen, strict=True))))
    changes = {entry.change for entry in seen}
    if len(changes) == 1:
        return replace(first, notes=noted)
    shown = next(entry for entry in seen if entry.change is not Change.SAME)
    if changes == set(_BAD):  # worse in every look, though not in the same way
        shown = next(entry for entry in seen if entry.change is Change.BROKEN)
    elif not _claimed(seen):
        shown = replace(shown, change=Change.FLAKY)
    states = _told(list(zip(["first look", *(view.name for view in views)], seen, strict=True)))
    return replace(shown, notes=noted, reason="; ".join(filter(None, [states, shown.reason])))


def _claimed(seen: Sequence[TestChange]) -> bool:
    """Return whether the change of the first look was seen again, and the base gave the same status in all looks."""
    first, *later = seen
    steady = all(entry.base is first.base for entry in later)
    return first.change not in _UNCLAIMED and steady and any(entry.change is first.change for entry in later)


def _told(seen: Sequence[tuple[str, TestChange]]) -> str:
    """Return what each look showed of a result, or "" if all showed the same."""
    states = [f"{_state(entry.base)} -> {_state(entry.patched)}" for _look, entry in seen]
    if len(set(states)) == 1:
        return ""
    return ", ".join(f"{state} in the {look}" for state, (look, _entry) in zip(states, seen, strict=True))


def _state(status: Status | None) -> str:
    return str(status or "absent")


def _notes(seen: Sequence[tuple[str, TestChange]]) -> Iterator[str]:
    """Yield the notes of all looks. A note on missing memory is noise unless two looks have it."""
    kinds = [{notes.kind(note) for note in entry.notes} for _look, entry in seen]
    yielded: set[str] = set()
    for look, note in ((look, note) for look, entry in seen for note in entry.notes):
        kind = notes.kind(note)
        twice = sum(kind in of_look for of_look in kinds) > 1
        if kind not in yielded and (twice or kind != notes.MEMORY):
            yielded.add(kind)
            yield note if twice else f"{note} (in the {look} look only)"


def _only_later(first: Comparison, views: Sequence[_View]) -> Iterator[TestChange]:
    """Yield as FLAKY the results that the first look did not know and a later one shows as worse."""
    known = {entry.name for entry in first.entries}
    for view in views:
        for name, entry in view.entries.items():
            if name not in known and entry.change in _BAD:
                known.add(name)
                reason = "; ".join(filter(None, [f"in the {view.ordinal} look only", entry.reason]))
                yield replace(entry, change=Change.FLAKY, reason=reason)


def _splats(looks: Sequence[Comparison]) -> tuple[SplatEntry, ...]:
    """Return the complaints of all looks. One that both kernels made is SAME, even if no single look showed both."""
    by_fingerprint: dict[str, SplatEntry] = {}
    for entry in (entry for look in looks for entry in look.splats):
        earlier = by_fingerprint.setdefault(entry.splat.fingerprint, entry)
        if earlier.change is not entry.change:
            by_fingerprint[entry.splat.fingerprint] = SplatEntry(earlier.splat, Change.SAME)
    return tuple(by_fingerprint.values())
