"""The verdict in words that all formats share. Pure."""

from __future__ import annotations

from collections import Counter

from series_ci import coverage
from series_ci.compare import Change, Comparison, Entry
from series_ci.progress import count
from series_ci.runs import AnyRun, Step, SweepRun, VersionRun


def name(run: AnyRun) -> str:
    """Series and version."""
    return run.series if isinstance(run, SweepRun) else f"{run.series} {run.version}"


def headline(run: AnyRun) -> str:
    """The verdict in a line, with what makes it."""
    if isinstance(run, SweepRun):
        return f"{run.series}: {run.verdict}, {count(len(run.rows), 'version')}"
    return ", ".join([f"{name(run)}: {run.verdict}", *left_out(run), *tally(run)])


def left_out(run: VersionRun) -> list[str]:
    """That not all of the series is in its kernel, in few words: `2 of 3 files compiled`; nothing where all is."""
    covered = run.coverage
    return [] if covered is None or covered.whole else [coverage.compiled(covered)]


def compiled(run: VersionRun) -> str:
    """What of the series is in its kernel, in a line; "" if no kernel was built."""
    return coverage.words(run.coverage) if run.coverage else ""


def tally(run: VersionRun) -> list[str]:
    """How many of what, the worst first."""
    counts = Counter(entry.change for entry in run.entries)
    splats = len(run.new_splats)
    parts = [f"{counts[Change.BROKEN]} broken"] if counts[Change.BROKEN] else []
    parts += [count(splats, "new kernel complaint")] if splats else []
    parts += [f"{counts[each]} {each.lower()}" for each in (Change.FLAKY, Change.FIXED) if counts[each]]
    parts += [f"{count(len(run.entries), 'test')} compared"] if run.entries else []
    if lost := len(run.lost_alike):
        parts.append(f"{lost} without a result on either kernel")
    parts += [f"{count(len(run.permitted), 'permission')} of the manifest used"] if run.permitted else []
    return parts


def step(patch: Step) -> str:
    """What of a single patch is not in its kernel; "" where all of it is."""
    covered = patch.coverage
    return "" if covered is None or covered.whole else coverage.words(covered)


def counts(found: Comparison | VersionRun) -> str:
    """How many tests of each change, and complaints of the kernel, as the terminal and the reply say it."""
    number = Counter(entry.change for entry in found.entries)
    lost = {Change.SAME: len(found.lost_alike)}
    parts = [
        f"{number[change]} {change}" + (f" ({lost[change]} without a result)" if lost.get(change) else "")
        for change in Change
        if number[change]
    ]
    if found.new_splats:
        parts.append(count(len(found.new_splats), "new kernel complaint"))
    if found.allowed_splats:
        parts.append(count(len(found.allowed_splats), "allowed kernel complaint"))
    return ", ".join(parts)


def notes(found: Comparison | VersionRun) -> list[tuple[str, str]]:
    """What is to be known of tests besides their results: (test, note)."""
    return [(entry.name, f"not on the base: {note}") for entry in found.entries for note in entry.notes]


def states(entry: Entry) -> str:
    """What a test was, and what it is with the series."""
    return f"{entry.base or 'absent'} -> {entry.patched or 'absent'}"


def changed(run: VersionRun) -> list[Entry]:
    """The tests that are not the same as on the base, from what one looks for to what one may leave out."""
    order = {change: place for place, change in enumerate(BY_WEIGHT)}
    found = [entry for entry in run.entries if entry.change is not Change.SAME]
    return sorted(found, key=lambda entry: order[entry.change])


BY_WEIGHT = (Change.BROKEN, Change.FLAKY, Change.GONE, Change.SKIPPED, Change.FIXED, Change.NEW)
"""The changes, from what one looks for to what one may leave out."""


def leaves(entries: list[Entry]) -> list[Entry]:
    """The entries without the programs that stand for some of them: a program fails because one of its results does."""
    names = {entry.name for entry in entries}
    heads = (name[:at] for name in names for at, char in enumerate(name) if char in ":.")
    parents = {head for head in heads if head in names}  # not all heads at once: a name may have hundreds
    return [entry for entry in entries if entry.name not in parents]


def first_failure(run: VersionRun) -> Entry | None:
    """The broken test that tells most: a single result rather than the program that it is in."""
    broken = run.having(Change.BROKEN)
    return next(iter(leaves(broken)), None)
