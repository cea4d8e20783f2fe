"""A sweep: made of what was seen, for a terminal, and as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from series_ci.cli.terminal import Table
from series_ci.host import paths
from series_ci.pipeline.rows import Row, Sweep, status
from series_ci.report import summary as summaries
from series_ci.report import table
from series_ci.results.compare import Change
from series_ci.rundir.matrix import UNTESTED, Matrix, change_of, ended, matrix
from series_ci.rundir.run import SweepRow, SweepRun

MOST_DETAILS = 60
"""So many tests are named below the terminal's table; all of them are in summary.md."""


def ran(sweep: Sweep, rows: Sequence[Row]) -> SweepRun:
    """The run that these rows are the end of."""
    return SweepRun(sweep.series, sweep.title, tuple(_ran(row) for row in rows), str(sweep.out), sweep.repeat)


def _ran(row: Row) -> SweepRow:
    return SweepRow(
        label=row.label,
        message_id=row.request.message_id,
        stage=row.stage,
        status=status(row),
        base=paths.named(row.base),
        same_as=row.same_as,
        error=summaries.told(row.error),
        run=summaries.ran(row.outcome) if row.outcome else None,
    )


def summary(sweep: SweepRun) -> dict[str, Any]:
    """The JSON object that `--json` prints and the sweep's `summary.json` holds; each version has a file of its own."""
    drawn = matrix(sweep.rows)
    lines = zip(sweep.rows, drawn.lines, strict=True)
    return {
        "series": sweep.series,
        "title": sweep.title,
        "verdict": sweep.verdict,
        "status": int(sweep.status),
        "versions": [_version(row, line, drawn, sweep.folder) for row, line in lines],
        "unchanged_tests": list(drawn.steady),
        "run_dir": sweep.folder,
        "repeat": sweep.repeat,
    }


def _version(row: SweepRow, line: Sequence[str], drawn: Matrix, folder: str) -> dict[str, Any]:
    run = row.compared
    changed = [entry for entry in run.entries if entry.change is not Change.SAME] if run else []
    return {
        "version": row.label,
        "message_id": row.message_id,
        "base": row.base,
        "same_as": row.same_as or None,
        "stage": str(row.stage),
        "verdict": row.run.verdict if row.run else "no result",
        "status": int(row.status),
        "cells": dict(zip(drawn.heading[1:], line[1:], strict=True)),
        "changes": {entry.name: str(entry.change) for entry in changed},
        "new_complaints": [splat.title for splat in run.new_splats] if run else [],
        "error": summaries.problem(row.error),
        "summary": f"{os.path.relpath(row.run.folder, folder)}/summary.json" if row.run else None,
    }


def show(sweep: SweepRun, out: Console) -> None:
    """Print the table and what is below it."""
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
        out.print(Text(f"... {left} more in summary.md"))


def _print(rows: Table, out: Console) -> None:
    # Not narrower than its content: a log has no width, and a name that is cut cannot be looked for.
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
    """The look of a cell."""
    change = change_of(cell)
    if cell in UNTESTED:
        return "bold yellow"
    return "bold red" if ended(cell) else table.STYLES[change] if change else ""
