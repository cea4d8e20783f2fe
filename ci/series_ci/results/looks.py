"""Several looks at the same two kernels, each on fresh boots of both: what is looked at again, and what may be claimed.

A change is claimed when two looks showed it. The second look runs only the tests that changed in the first one, in a
guest that is the same otherwise. A test may depend on those that ran before it: where the second look does not show
what the first did, and ran fewer tests, a third one runs all of them, and two looks that agree outweigh the short one.
Pure.
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
"""How often two kernels are looked at."""

_BAD = (Change.BROKEN, Change.FLAKY)
_UNCLAIMED = (Change.SAME, Change.FLAKY)
_NAMES = (Change.GONE, Change.NEW)
"""Changes of what results there are: some tests put into a name what they found by trying."""


def verdict(pairs: Sequence[tuple[Run, Run]], allowed: Sequence[Allowed] = ()) -> Comparison:
    """The comparison that all looks come to; each pair is a run of the base and one with the series."""
    return join(compared(pairs, allowed))


def compared(pairs: Sequence[tuple[Run, Run]], allowed: Sequence[Allowed] = ()) -> list[Comparison]:
    """The comparison of each pair. A guest of the base that hung in one of them counts in all."""
    attempts = tuple(attempt for base, _patched in pairs for attempt in base.attempts)
    return [compare.compare(replace(base, attempts=attempts), patched, allowed) for base, patched in pairs]


def program(name: str) -> str:
    """The test that a result belongs to."""
    return name.partition(":")[0]


def again(first: Comparison, tests: Sequence[str]) -> list[str] | None:
    """Which of the tests a second look has to run, so that every change is looked at twice; None: there is none.

    An empty list is a boot alone. What did not compile is no matter of a boot.
    """
    changed = {program(entry.name) for entry in first.entries if entry.change is not Change.SAME or entry.notes}
    found = changed & set(tests)
    complaints = {splat.test for splat in first.new_splats}
    ended = first.ended_worse or any(entry.name == BOOT_RESULT for entry in _changed(first))
    # A guest that did not die in a test, or a complaint outside of any, may be the work of all that ran before.
    if (ended and not found) or not complaints <= set(tests):
        return list(tests)
    if not found and not complaints and BOOT_RESULT not in changed:
        return None
    return [name for name in tests if name in found | complaints]


def contradicted(first: Comparison, second: Comparison) -> bool:
    """Whether the second look ran fewer tests than the first, and does not show all that had changed in that."""
    joined = {entry.name: entry.change for entry in join([first, second]).entries}
    lost = any(joined[entry.name] is Change.FLAKY for entry in _changed(first) if entry.change not in _NAMES)
    fewer = len(_programs(second)) < len(_programs(first))
    return fewer and (lost or (first.ended_worse and not second.ended_worse))


def _changed(look: Comparison) -> list[TestChange]:
    return [entry for entry in look.entries if entry.change not in _UNCLAIMED]


def join(looks: Sequence[Comparison]) -> Comparison:
    """The verdict of several looks, in their order.

    What changed in the first one, and in a later one in the same way, is as it was. What changed in one look only is
    FLAKY, whichever it was, and its reason says what each of them showed. What only the first one ran stays as it is. A
    complaint of the kernel stays one, however rarely it comes; so does one of the base's.
    """
    first, later = looks[0], looks[1:]
    if not later:
        return first
    views = [_View(ordinal, each, first) for ordinal, each in zip(ORDINALS[1:], later, strict=False)]
    entries = [_joined(entry, [view for view in views if view.tells_of(entry)]) for entry in first.entries]
    entries += _only_later(first, views)
    ended = later[0] if first.ended_worse and not any(each.ended_worse for each in later) else first
    return Comparison(tuple(entries), _splats(looks), ended.base_ended, ended.patched_ended)


class _View:
    """A later look by names; `name` is what to call it."""

    def __init__(self, ordinal: str, look: Comparison, first: Comparison) -> None:
        self.entries: Mapping[str, TestChange] = {entry.name: entry for entry in look.entries}
        self.ordinal = ordinal
        self._programs = _programs(look)
        self.name = f"{ordinal} look" + (" (fewer tests)" if len(self._programs) < len(_programs(first)) else "")

    def tells_of(self, entry: TestChange) -> bool:
        """Whether it ran the test of a result. Of one that came or went it says nothing if neither kernel has it."""
        known = entry.name in self.entries
        return known or (program(entry.name) in self._programs and entry.change not in _NAMES)

    def of(self, name: str) -> TestChange:
        """What it shows of a result; one that the test did not give is absent on both kernels."""
        return self.entries.get(name) or TestChange(name, None, None, Change.SAME)


def _programs(look: Comparison) -> frozenset[str]:
    return frozenset(program(entry.name) for entry in look.entries)


def _joined(first: TestChange, views: Sequence[_View]) -> TestChange:
    """What all looks say of one result; `views` are the later looks that ran its test."""
    if not views:
        return first
    seen = [first, *(view.of(first.name) for view in views)]
    noted = tuple(_notes(list(zip(["first", *(view.ordinal for view in views)], seen, strict=True))))
    changes = {entry.change for entry in seen}
    if len(changes) == 1:
        return replace(first, notes=noted)
    shown = next(entry for entry in seen if entry.change is not Change.SAME)
    if changes == set(_BAD):  # worse in each of them, though not in the same way
        shown = next(entry for entry in seen if entry.change is Change.BROKEN)
    elif not _claimed(seen):
        shown = replace(shown, change=Change.FLAKY)
    told = _told(list(zip(["first look", *(view.name for view in views)], seen, strict=True)))
    return replace(shown, notes=noted, reason="; ".join(filter(None, [told, shown.reason])))


def _claimed(seen: Sequence[TestChange]) -> bool:
    """Whether two looks outweigh one: the base said the same each time, and what the first showed was seen again."""
    first, *later = seen
    steady = all(entry.base is first.base for entry in later)
    return first.change not in _UNCLAIMED and steady and any(entry.change is first.change for entry in later)


def _told(seen: Sequence[tuple[str, TestChange]]) -> str:
    """What each look showed of a result; nothing if they showed the same."""
    states = [f"{_state(entry.base)} -> {_state(entry.patched)}" for _look, entry in seen]
    if len(set(states)) == 1:
        return ""
    return ", ".join(f"{state} in the {look}" for state, (look, _entry) in zip(states, seen, strict=True))


def _state(status: Status | None) -> str:
    return str(status or "absent")


def _notes(seen: Sequence[tuple[str, TestChange]]) -> Iterator[str]:
    """The notes of all looks. That memory is missing is noise unless two of them noted it."""
    kinds = [{notes.kind(note) for note in entry.notes} for _look, entry in seen]
    told: set[str] = set()
    for look, note in ((look, note) for look, entry in seen for note in entry.notes):
        kind = notes.kind(note)
        twice = sum(kind in each for each in kinds) > 1
        if kind not in told and (twice or kind != notes.MEMORY):
            told.add(kind)
            yield note if twice else f"{note} (in the {look} look only)"


def _only_later(first: Comparison, views: Sequence[_View]) -> Iterator[TestChange]:
    """What the first look did not know of, and a later one shows as worse."""
    known = {entry.name for entry in first.entries}
    for view in views:
        for name, entry in view.entries.items():
            if name not in known and entry.change in _BAD:
                known.add(name)
                reason = "; ".join(filter(None, [f"in the {view.ordinal} look only", entry.reason]))
                yield replace(entry, change=Change.FLAKY, reason=reason)


def _splats(looks: Sequence[Comparison]) -> tuple[SplatEntry, ...]:
    """The complaints of all looks; one that both kernels made is the same, though no single look showed both."""
    found: dict[str, SplatEntry] = {}
    for entry in (entry for look in looks for entry in look.splats):
        earlier = found.setdefault(entry.splat.fingerprint, entry)
        if earlier.change is not entry.change:
            found[entry.splat.fingerprint] = SplatEntry(earlier.splat, Change.SAME)
    return tuple(found.values())
