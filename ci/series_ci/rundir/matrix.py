"""The table of a sweep: a row per version, its cells, and the notes below. Pure; `report` draws it."""

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
"""The cell of a stage that failed for a reason outside of the series."""


@dataclass(frozen=True)
class Details:
    """The tests whose results differ between versions.

    `versions` are groups of labels, versions with equal results in one group; `lines` are (test, a cell per group).
    """

    versions: tuple[str, ...]
    lines: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Matrix:
    """The table. `notes` are (labels, what went wrong), `steady` the programs that no version changed."""

    heading: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[tuple[str, str], ...]
    steady: tuple[str, ...]
    details: Details


def matrix(rows: Sequence[SweepRow]) -> Matrix:
    """Return the table of a sweep."""
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
    """Return whether a cell says that the test of a version ended there, with an error."""
    return cell not in UNTESTED and cell.startswith(("does not", "not ", "no "))


UNTESTED = frozenset(each.verdict for each in (NotTestedError, NothingToTestError, AlreadyAppliedError))
"""Cells of versions that were not booted, as a boot would say nothing about them. These are no errors."""


def change_of(cell: str) -> Change | None:
    """Return the change that a cell begins with; None if it begins with something else."""
    first = cell.replace(",", " ").split(" ")[0]
    return Change(first) if first in Change.__members__ else None


def _program(entry: TestChange) -> str:
    return entry.name.partition(":")[0]


def results(run: VersionRun, name: str) -> list[TestChange]:
    """Return all results of a program, its own first."""
    return [entry for entry in run.entries if _program(entry) == name]


def program(run: VersionRun, name: str) -> str:
    """Return the cell of a program: its changes with their numbers; its status if nothing changed."""
    entries = results(run, name)
    changes = Counter(entry.change for entry in entries)
    kinds = [change for change in words.BY_WEIGHT if changes[change]]
    changed = [f"{change} {changes[change]}" if len(entries) > 1 else str(change) for change in kinds]
    if changed:
        return ", ".join(changed)
    own = next((entry for entry in run.entries if entry.name == name), entries[0] if entries else None)
    return str(own.patched or NONE) if own else NONE


def _steady(runs: Sequence[VersionRun], name: str) -> str:
    """Return the status of a program that no version changed; "" if one did."""
    if any(entry.change is not Change.SAME for each in runs for entry in results(each, name)):
        return ""
    statuses = {program(each, name) for each in runs}
    return statuses.pop() if len(statuses) == 1 else ""


def _stages(row: SweepRow) -> tuple[str, str, str, str]:
    """Return the cells apply, build, compiled and boot."""
    compiled = row.run.coverage.cell if row.run and row.run.coverage else NONE
    if row.stage is Stage.DONE:
        assert row.compared is not None
        return OK, OK, compiled, program(row.compared, BOOT_RESULT)
    if row.error is None:  # the sweep was stopped before this version
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
    """Return what went wrong in each version, as (labels, text); versions with the same text share a note."""
    labels_of: dict[str, list[str]] = {}
    for row in rows:
        for text in _wrong(row):
            labels_of.setdefault(text, []).append(row.label)
    return [(" ".join(labels), text) for text, labels in labels_of.items()]


def _wrong(row: SweepRow) -> list[str]:
    if row.error is not None:
        # The error names patch and tree as well; here only the place, which differs between versions.
        place = row.error.message.rpartition(": hunk at ")[2] if row.status is ExitStatus.APPLY else ""
        why = f"does not apply: hunk at {place}" if place != row.error.message and place else row.error.message
        return ["\n".join([why, *([words.compiled(row.run)] if row.run and row.run.coverage else [])])]
    run = row.compared
    if run is None:
        return []
    texts = [words.compiled(run)] if words.left_out(run) else []
    if broken := run.having(Change.BROKEN):
        first = next((entry for entry in broken if ":" in entry.name), broken[0])
        others = f", and {count(len(broken) - 1, 'more')}".removesuffix("s") if len(broken) > 1 else ""
        why = first.reason or why_failed(first.log)
        texts.append(f"BROKEN {first.name}: {words.states(first)}{others}" + (f"\n{why}" if why else ""))
    texts += words.retried(run)
    texts += [f"new kernel complaint: {splat.title}" for splat in run.new_splats]
    texts += [f"permitted {each.kind}: {each.words}" for each in run.permitted]
    texts += [f"allowed kernel complaint: {splat.title}\n{why.words}" for splat, why in run.allowed_splats]
    return texts


def why_failed(log: Sequence[str]) -> str:
    """Return the line of a test's output that says why it failed; "" if it printed none.

    kselftest's harness prints `file.c:12:test:Expected 0 (0) != x (0)` and then the test's own message, if it has one:
    that is returned, else the line with `Expected`. Without such lines it is the last line that says more than FAIL.
    """
    for at, line in enumerate(log):
        if _EXPECTED.search(line):
            return next((each for each in log[at + 1 : at + 2] if _PLACE.search(each)), line)
    return next((line for line in reversed(log) if line.strip() and not _KNOWN.search(line)), "")


def why(entry: TestChange) -> str:
    """Return why a test differs from the base: the reason that is known, else what it printed; of a flaky one both."""
    printed = why_failed(entry.log) if entry.change in (Change.BROKEN, Change.FLAKY) else ""
    if entry.change is Change.FLAKY:
        return "; ".join(dict.fromkeys(filter(None, [entry.reason, printed])))
    return entry.reason or printed


def _details(compared: dict[str, VersionRun]) -> Details:
    """Return the results that some version changed; versions with equal columns share one."""
    tests = list(
        dict.fromkeys(
            entry.name for each in compared.values() for entry in each.entries if entry.change is not Change.SAME
        )
    )
    by_label = {label: {entry.name: _cell(entry) for entry in each.entries} for label, each in compared.items()}
    # A program fails because one of its results does: if there is such a result, the program is left out.
    tests = [name for name in tests if not any(other.startswith(f"{name}:") for other in tests)]
    columns: dict[tuple[str, ...], list[str]] = {}
    for label, entries in by_label.items():
        columns.setdefault(tuple(entries.get(name, NONE) for name in tests), []).append(label)
    lines = tuple((name, tuple(column[at] for column in columns)) for at, name in enumerate(tests))
    return Details(tuple(" ".join(labels) for labels in columns.values()), lines)


def _cell(entry: TestChange) -> str:
    return str(entry.patched or NONE) if entry.change is Change.SAME else str(entry.change)
