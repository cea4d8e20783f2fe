"""Show a sweep on a terminal: a row per version, the notes, and the tests that differ between versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from series_ci.report import table
from series_ci.report.plain_table import Table
from series_ci.rundir.layout import TABLE
from series_ci.rundir.matrix import UNTESTED, Matrix, change_of, ended, matrix
from series_ci.rundir.sweep_run import SweepRun

MOST_DETAILS = 60
"""Tests that are shown below the table; the file TABLE has all of them."""


def show(sweep: SweepRun, out: Console) -> None:
    """Print the table and the notes below it."""
    drawn = matrix(sweep.rows)
    _print(_table(drawn.heading, drawn.lines), out)
    for labels, text in drawn.notes:
        first, _, rest = text.partition("\n")
        out.print(Text.assemble("\n" if labels == drawn.notes[0][0] else "", (labels, "bold"), f"  {first}"))
        if rest:
            out.print(Text(f"    {rest}"))
    if drawn.steady:
        out.print(Text(f"\nno version changes: {', '.join(drawn.steady)}"))
    if drawn.details.lines:
        _show_details(drawn, out)
    colour = table.COLOURS.get(sweep.status, "red")
    out.print(Text.assemble("\n", (f"{sweep.series}: {sweep.verdict}", f"bold {colour}")))
    out.print(Text(f"results:  {sweep.folder}"), soft_wrap=True)
    out.print(Text(f"repeat:   {sweep.repeat}"), soft_wrap=True)


def _show_details(drawn: Matrix, out: Console) -> None:
    out.print()
    lines = drawn.details.lines[:MOST_DETAILS]
    _print(_table(("test", *drawn.details.versions), [(name, *cells) for name, cells in lines]), out)
    if left := len(drawn.details.lines) - len(lines):
        out.print(Text(f"... {left} more in {TABLE}"))


def _print(rows: Table, out: Console) -> None:
    # As wide as its content: a log has no width, and a name that is cut cannot be searched for.
    rows.width = rows.__rich_measure__(out, out.options.update(max_width=10_000)).maximum
    out.print(rows, crop=False)


def _table(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for each in heading:
        rows.add_column(Text(each), no_wrap=True)
    for line in lines:
        rows.add_row(*(Text(cell, style(cell)) for cell in line))
    return rows


def style(cell: str) -> str:
    """Return the style of a cell."""
    change = change_of(cell)
    if cell in UNTESTED:
        return "bold yellow"
    return "bold red" if ended(cell) else table.STYLES[change] if change else ""
