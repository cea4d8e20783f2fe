"""A sweep as a table: one line per version, what stands in its cells, and what is said below. Pure; others draw it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from series_ci.errors import AlreadyAppliedError, ExitStatus, NothingToTestError, NotTestedError
from series_ci.progress import count
from series_ci.results.compare import Change, TestChange
from series_ci.results.model import BOOT_RESULT
from series_ci.rundir import words
from series_ci.rundir.run import Stage, VersionRun
from series_ci.rundir.sweep_run import SweepRow

OK, NONE = "ok", "-"

_PLACE = re.compile(r"\S\.\w+:\d+:")
_EXPECTED = re.compile(r"\S\.\w+:\d+:.*\bExpected ")
_KNOWN = re.compile(r"^\s*(?:FAIL\b|\S+: Test failed|not ok\b)")

NO_RESULT = "no result"
"""The cell of a stage that failed for something around the series."""


@dataclass(frozen=True)
class Details:
    """The tests that tell versions apart.

    `versions` are groups of labels that have the same in all of them; `lines` are (test, a cell per group).
    """

    versions: tuple[str, ...]
    lines: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Matrix:
    """The table. `notes` are (labels, text) on what went wrong, `steady` the programs that no version changed."""

    heading: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[tuple[str, str], ...]
    steady: tuple[str, ...]
    details: Details


def matrix(rows: Sequence[SweepRow]) -> Matrix:
    """The table of a sweep."""
    compared = {row.label: row.compared for row in rows if row.compared}
    names = list(dict.fromkeys(_program(entry) for each in compared.values() for entry in each.entries))
    names = [name for name in names if name != BOOT_RESULT]
    cells = {name: {label: program(each, name) for label, each in compared.items()} for name in names}
    steady = {name: _steady(each, name) for name in names if (each := list(compared.values()))}
    shown = [name for name in names if not steady[name]]
    bases = {row.base for row in rows if row.base}
    complaints = any(each.new_splats or each.allowed_splats for each in compared.values())
    heading = ["version", *(["base"] if len(bases) > 1 else []), "apply", "build", "compiled", "boot", *shown]
    lines = []
    for row in rows:
        line = [f"{row.label} (= {row.same_as})" if row.same_as else row.label]
        line += [row.base or NONE] if len(bases) > 1 else []
        line += [*_stages(row), *(cells[name].get(row.label, NONE) for name in shown)]
        lines.append((*line, _complaints(row)) if complaints else tuple(line))
    return Matrix(
        tuple([*heading, "kernel log"] if complaints else heading),
        tuple(lines),
        tuple(_notes(rows)),
        tuple(f"{name} {steady[name]}" for name in names if steady[name]),
        _details(compared),
    )


def ended(cell: str) -> bool:
    """Whether a cell says that a version went no further, for something is wrong."""
    return cell not in UNTESTED and cell.startswith(("does not", "not ", "no "))


UNTESTED = frozenset(each.verdict for each in (NotTestedError, NothingToTestError, AlreadyAppliedError))
"""Cells of versions that a boot would say nothing about: neither wrong nor known to be right."""


def change_of(cell: str) -> Change | None:
    """The change that a cell tells of first, if it is one."""
    first = cell.replace(",", " ").split(" ")[0]
    return Change(first) if first in Change.__members__ else None


def _program(entry: TestChange) -> str:
    return entry.name.partition(":")[0]


def results(run: VersionRun, name: str) -> list[TestChange]:
    """All results of a program, its own first."""
    return [entry for entry in run.entries if _program(entry) == name]


def program(run: VersionRun, name: str) -> str:
    """The cell of one program: its changes with their numbers, or, if nothing changed, its status."""
    entries = results(run, name)
    changes = Counter(entry.change for entry in entries)
    kinds = [change for change in words.BY_WEIGHT if changes[change]]
    changed = [f"{change} {changes[change]}" if len(entries) > 1 else str(change) for change in kinds]
    if changed:
        return ", ".join(changed)
    own = next((entry for entry in run.entries if entry.name == name), entries[0] if entries else None)
    return str(own.patched or NONE) if own else NONE


def _steady(runs: Sequence[VersionRun], name: str) -> str:
    """The status of a program that no version changed, or "" for one that some version did."""
    if any(entry.change is not Change.SAME for each in runs for entry in results(each, name)):
        return ""
    found = {program(each, name) for each in runs}
    return found.pop() if len(found) == 1 else ""


def _stages(row: SweepRow) -> tuple[str, str, str, str]:
    """The cells apply, build, compiled and boot."""
    compiled = row.run.coverage.cell if row.run and row.run.coverage else NONE
    if row.stage is Stage.DONE:
        assert row.compared is not None
        return OK, OK, compiled, program(row.compared, BOOT_RESULT)
    if row.error is None:  # the sweep was stopped before its turn
        return NONE, NONE, NONE, NONE
    before = {Stage.BUILD: 1, Stage.BOOT: 2}.get(row.stage, 0)
    cells = [*[OK] * before, _failed(row), NONE, NONE]
    return cells[0], cells[1], compiled, cells[2]


def _failed(row: SweepRow) -> str:
    if row.status is ExitStatus.APPLY:
        return "does not apply"
    if row.status is ExitStatus.BUILD:
        return "does not build"
    if row.status is ExitStatus.NOT_TESTED:
        return row.run.verdict if row.run else NotTestedError.verdict
    return "not fetched" if row.stage is Stage.FETCH else NO_RESULT


def _complaints(row: SweepRow) -> str:
    if row.compared is None:
        return NONE
    counts = {"new": len(row.compared.new_splats), "allowed": len(row.compared.allowed_splats)}
    return ", ".join(f"{number} {word}" for word, number in counts.items() if number) or NONE


def _notes(rows: Sequence[SweepRow]) -> list[tuple[str, str]]:
    """What went wrong first in each version; versions with the same text share a note."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for text in _wrong(row):
            found.setdefault(text, []).append(row.label)
    return [(" ".join(labels), text) for text, labels in found.items()]


def _wrong(row: SweepRow) -> list[str]:
    if row.error is not None:
        # Which patch of which tree is in the error itself; here it is one of many, and the place is what differs.
        place = row.error.message.rpartition(": hunk at ")[2] if row.status is ExitStatus.APPLY else ""
        why = f"does not apply: hunk at {place}" if place != row.error.message and place else row.error.message
        return ["\n".join([why, *([words.compiled(row.run)] if row.run and row.run.coverage else [])])]
    run = row.compared
    if run is None:
        return []
    said = [words.compiled(run)] if words.left_out(run) else []
    if broken := run.having(Change.BROKEN):
        first = next((entry for entry in broken if ":" in entry.name), broken[0])
        more = f", and {count(len(broken) - 1, 'more')}".removesuffix("s") if len(broken) > 1 else ""
        why = first.reason or why_failed(first.log)
        said.append(f"BROKEN {first.name}: {words.states(first)}{more}" + (f"\n{why}" if why else ""))
    said += words.retried(run)
    said += [f"new kernel complaint: {splat.title}" for splat in run.new_splats]
    said += [f"permitted {each.kind}: {each.words}" for each in run.permitted]
    said += [f"allowed kernel complaint: {splat.title}\n{why.words}" for splat, why in run.allowed_splats]
    return said


def why_failed(log: Sequence[str]) -> str:
    """The line of a test's output that says what was wrong, as kselftest's harness and most other tests write it.

    The harness prints `file.c:12:test:Expected 0 (0) != x (0)`, then the test's own words on it if it has any, and in
    the end that the test failed, which is known.
    """
    for at, line in enumerate(log):
        if _EXPECTED.search(line):
            return next((each for each in log[at + 1 : at + 2] if _PLACE.search(each)), line)
    return next((line for line in reversed(log) if line.strip() and not _KNOWN.search(line)), "")


def why(entry: TestChange) -> str:
    """Why a test is not as on the base, in a line: what is known of it, else what it printed; of a flaky one both."""
    printed = why_failed(entry.log) if entry.change in (Change.BROKEN, Change.FLAKY) else ""
    if entry.change is Change.FLAKY:
        return "; ".join(dict.fromkeys(filter(None, [entry.reason, printed])))
    return entry.reason or printed


def _details(compared: dict[str, VersionRun]) -> Details:
    """The single results that are not the same as on the base everywhere; versions with equal columns share one."""
    tests = list(
        dict.fromkeys(
            entry.name for each in compared.values() for entry in each.entries if entry.change is not Change.SAME
        )
    )
    by_label = {label: {entry.name: _cell(entry) for entry in each.entries} for label, each in compared.items()}
    # A program fails because one of its results does: where there are such, it says nothing more.
    tests = [name for name in tests if not any(other.startswith(f"{name}:") for other in tests)]
    columns: dict[tuple[str, ...], list[str]] = {}
    for label, entries in by_label.items():
        columns.setdefault(tuple(entries.get(name, NONE) for name in tests), []).append(label)
    lines = tuple((name, tuple(column[at] for column in columns)) for at, name in enumerate(tests))
    return Details(tuple(" ".join(labels) for labels in columns.values()), lines)


def _cell(entry: TestChange) -> str:
    return str(entry.patched or NONE) if entry.change is Change.SAME else str(entry.change)
