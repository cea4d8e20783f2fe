"""Show the run of one version on a terminal: a line per test program, what changed, and the verdict last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from series_ci.errors import ExitStatus
from series_ci.progress import count
from series_ci.report.plain_table import Table
from series_ci.results import coverage
from series_ci.results.compare import Change, TestChange
from series_ci.results.model import Status
from series_ci.rundir import words
from series_ci.rundir.run import PatchResult, VersionRun

STYLES = {
    Change.BROKEN: "bold red",
    Change.FIXED: "green",
    Change.FLAKY: "yellow",
    Change.GONE: "yellow",
    Change.SKIPPED: "yellow",
    Change.NEW: "cyan",
    Change.SAME: "dim",
}


COLOURS = {ExitStatus.OK: "green", ExitStatus.NOT_TESTED: "yellow"}
"""The colours of verdicts; all others are red."""


def show(run: VersionRun, out: Console) -> None:
    """Print the run of one version."""
    if run.steps:
        _show_steps(run.steps, out)
    if run.error is None:
        # As wide as its content: a log has no width, and a name that is cut cannot be searched for.
        rows = programs(run)
        rows.width = rows.__rich_measure__(out, out.options.update(max_width=10_000)).maximum
        out.print(rows, crop=False)
        _show_changes(run, out)
        for note in words.retried(run):
            out.print(Text.assemble(("NOTE", "bold"), f" {note}\n"))
    for permitted in run.permitted:
        out.print(Text.assemble(("PERMITTED", "bold yellow"), f" {permitted.kind}: {permitted.words}"), soft_wrap=True)
    if run.coverage is not None:
        out.print(Text(f"compiled: {coverage.words(run.coverage)}"), soft_wrap=True)
    verdict = (f"{words.name(run)}: {run.verdict}", f"bold {COLOURS.get(run.status, 'red')}")
    counts = ", ".join(words.tally(run))
    out.print(Text.assemble(verdict, f"  {counts}" if counts else ""), soft_wrap=True)
    out.print(Text(f"results:  {run.folder}"), soft_wrap=True)
    out.print(Text(f"repeat:   {run.repeat}"), soft_wrap=True)


MANY = 12
"""A program with more results than this has rows only for those that changed."""

MOST = 500
"""Rows of the table, and results, complaints and notes below it, that are shown; others are counted."""


def programs(run: VersionRun) -> Table:
    """Return a table with a row for a program in which nothing changed, and one per result if something did.

    The last row counts the results beyond MOST rows.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("test", "base", run.version, "change"):
        table.add_column(heading, no_wrap=True)
    groups: dict[str, list[TestChange]] = {}
    for entry in run.entries:
        groups.setdefault(entry.name.partition(":")[0], []).append(entry)
    left: list[TestChange] = []
    for name, entries in groups.items():
        if table.row_count >= MOST:
            left += entries
            continue
        changed = [entry for entry in entries if entry.change is not Change.SAME]
        if len(entries) > 1 and (not changed or len(entries) > MANY):
            _total(table, name, entries)
            shown = changed
        else:
            shown = entries
        room = max(MOST - table.row_count, 0)
        for entry in shown[:room]:
            _row(table, entry)
        left += shown[room:]
    if left:
        _total(table, "and more", left)
    return table


def _row(table: Table, entry: TestChange) -> None:
    change = Text(entry.change, style=STYLES[entry.change])
    table.add_row(Text(entry.name), entry.base or "-", entry.patched or "-", change)


def _total(table: Table, name: str, entries: Sequence[TestChange]) -> None:
    base = _tally([entry.base for entry in entries if entry.base])
    patched = _tally([entry.patched for entry in entries if entry.patched])
    table.add_row(Text(f"{name} ({len(entries)} results)"), base, patched, ", ".join(words.counted(entries)))


def _tally(statuses: Sequence[Status]) -> str:
    return ", ".join(f"{count} {status}" for status, count in Counter(statuses).items())


def _show_steps(steps: Sequence[PatchResult], out: Console) -> None:
    """Print a line per patch, and below it the error or the new warnings of its build."""
    for step in steps:
        built = ("does not build", "bold red") if step.error else ("builds", "green")
        new = f", {count(len(step.new_warnings), 'new warning')}" if step.new_warnings else ""
        out.print(Text.assemble(built, f"  {step.patch}{new}"))
        left_out = step.coverage is not None and not step.coverage.whole
        remark = [coverage.words(step.coverage)] if step.coverage is not None and left_out else []
        for line in [*([step.error] if step.error else []), *step.new_warnings, *remark]:
            out.print(Text(f"    {line}"))
    out.print()


def _show_changes(run: VersionRun, out: Console) -> None:
    broken = run.having(Change.BROKEN)
    for entry in broken[:MOST]:
        out.print(Text.assemble("\n", ("BROKEN", "bold red"), f" {entry.name}: {words.states(entry)}"))
        for line in ([entry.reason] if entry.reason else []) + list(entry.log[-8:]):
            out.print(Text(f"    {line}"))
    notes = words.notes(run)
    for name, note in notes[:MOST]:
        out.print(Text.assemble("\n", ("NOTE", "bold"), f" {name}, {note}"))
    splats = run.new_splats
    for splat in splats[:MOST]:
        where = f" (in {splat.test})" if splat.test else ""
        out.print(Text.assemble("\n", (splat.kind, "bold red"), f" {splat.title}{where}"))
        for line in splat.lines[:20]:
            out.print(Text(f"    {line}"))
    for splat, allowed in run.allowed_splats:
        out.print(Text.assemble("\n", ("ALLOWED", "bold yellow"), f" {splat.kind} {splat.title}"))
        out.print(Text(f"    {allowed.words}"))
    for number, what in ((len(broken), "broken result"), (len(notes), "note"), (len(splats), "complaint")):
        if number > MOST:
            out.print(Text(f"... and {count(number - MOST, f'more {what}')}"))
    out.print()
