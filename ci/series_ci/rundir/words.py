"""The words for verdicts and results that all formats share. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from series_ci.guest.record import CONSOLE, QEMU_LOG
from series_ci.progress import count
from series_ci.results import coverage
from series_ci.results.compare import Change, Comparison, TestChange
from series_ci.results.model import Ended
from series_ci.rundir.run import PatchResult, VersionRun
from series_ci.rundir.sweep_run import AnyRun, SweepRun


def name(run: AnyRun) -> str:
    """Return the names of series and version."""
    return run.series if isinstance(run, SweepRun) else f"{run.series} {run.version}"


def headline(run: AnyRun) -> str:
    """Return series, version, verdict and the counts behind it, as one line."""
    if isinstance(run, SweepRun):
        return f"{run.series}: {run.verdict}, {count(len(run.rows), 'version')}"
    return ", ".join([f"{name(run)}: {run.verdict}", *left_out(run), *tally(run)])


def left_out(run: VersionRun) -> list[str]:
    """Return that a part of the series is not in its kernel (`2 of 3 files compiled`); nothing if all of it is."""
    covered = run.coverage
    return [] if covered is None or covered.whole else [coverage.compiled(covered)]


def compiled(run: VersionRun) -> str:
    """Return what of the series is in its kernel, as one line; "" if no kernel was built."""
    return coverage.words(run.coverage) if run.coverage else ""


def tally(run: VersionRun) -> list[str]:
    """Return how many tests changed how, and other counts, the worst first; all formats give these."""
    broken = [entry for entry in run.entries if entry.change is Change.BROKEN]
    others = [entry for entry in run.entries if entry.change is not Change.BROKEN]
    new, allowed = len(run.new_splats), len(run.allowed_splats)
    return [
        *counted(broken),
        *([count(new, "new kernel complaint")] if new else []),
        *counted(others),
        *([count(allowed, "allowed kernel complaint")] if allowed else []),
        *([f"{count(len(run.permitted), 'permission')} of the manifest used"] if run.permitted else []),
    ]


def counted(entries: Sequence[TestChange]) -> list[str]:
    """Return how many results have which change, the worst first. A program counts, and so does each result in it."""
    counts = Counter(entry.change for entry in entries)
    lost = sum(entry.lost_alike for entry in entries)
    remark_on = {Change.SAME: f" ({lost} without a result)" if lost else ""}
    return [f"{counts[each]} {each}{remark_on.get(each, '')}" for each in (*BY_WEIGHT, Change.SAME) if counts[each]]


def retried(run: VersionRun) -> list[str]:
    """Return a line for each kernel and each way in which its guests ended before they were started again."""
    lines = []
    for kernel, boots in (("base", run.base_boots), ("patched", run.boots)):
        mine = [each for each in run.retried if each.kernel == kernel]
        for ended, what, log in _RETRIED:
            guests = [each for each in mine if each.ended is ended]
            if guests:
                label = run.version if kernel == "patched" else "the base"
                times = f"{len(guests)} of {count(len(boots) + len(mine), 'boot')}"
                why = "; ".join(f"{each.why} ({each.folder}/{log})" for each in guests)
                lines.append(f"{label} {what} in {times}, and was started again: {why}")
    return lines


_RETRIED = ((Ended.HANG, "hung before /init", CONSOLE), (Ended.LOST, "was lost with its QEMU", QEMU_LOG))


def step(patch: PatchResult) -> str:
    """Return what of a single patch is in its kernel; "" if all of it is."""
    covered = patch.coverage
    return "" if covered is None or covered.whole else coverage.words(covered)


def notes(found: Comparison | VersionRun) -> list[tuple[str, str]]:
    """Return the notes on tests, as (test, note)."""
    return [(entry.name, f"not on the base: {note}") for entry in found.entries for note in entry.notes]


def states(entry: TestChange) -> str:
    """Return the status of a test on the base and with the series: `PASS -> FAIL`."""
    return f"{entry.base or 'absent'} -> {entry.patched or 'absent'}"


def remaining(entries: Sequence[TestChange], shown: Sequence[TestChange]) -> list[str]:
    """Return how many of the entries are not among those shown: `7 more BROKEN`."""
    names = {entry.name for entry in shown}
    return [each.replace(" ", " more ", 1) for each in counted([each for each in entries if each.name not in names])]


def changed(run: VersionRun) -> list[TestChange]:
    """Return the tests that differ from the base, the most important changes first."""
    order = {change: place for place, change in enumerate(BY_WEIGHT)}
    entries = [entry for entry in run.entries if entry.change is not Change.SAME]
    return sorted(entries, key=lambda entry: order[entry.change])


BY_WEIGHT = (Change.BROKEN, Change.FLAKY, Change.GONE, Change.SKIPPED, Change.FIXED, Change.NEW)
"""The changes, the most important first."""


def leaves(entries: list[TestChange]) -> list[TestChange]:
    """Return the entries without programs of which a result is an entry, too: these fail because the result does."""
    names = {entry.name for entry in entries}
    heads = (name[:at] for name in names for at, char in enumerate(name) if char in ":.")
    parents = {head for head in heads if head in names}  # tested one by one: a name may have hundreds of heads
    return [entry for entry in entries if entry.name not in parents]


def first_failure(run: VersionRun) -> TestChange | None:
    """Return the first broken test, a single result rather than its program; None if there is none."""
    broken = run.having(Change.BROKEN)
    return next(iter(leaves(broken)), None)
