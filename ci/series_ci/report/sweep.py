"""A sweep in four forms: for a terminal, as Markdown, as JSON, as JUnit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from series_ci.compare import Change
from series_ci.errors import ExitStatus
from series_ci.report import table
from series_ci.report.matrix import Matrix, matrix
from series_ci.report.summary import verdict
from series_ci.rows import Row, Sweep, status, worst

MOST_DETAILS = 60
"""So many tests are named below the terminal's table; all of them are in summary.md."""

VERDICTS = {
    ExitStatus.OK: "no regression",
    ExitStatus.REGRESSION: "regression",
    ExitStatus.USAGE: "some versions cannot be had",
    ExitStatus.APPLY: "no regression; some versions do not apply",
    ExitStatus.BUILD: "no regression; some versions do not build",
    ExitStatus.INFRASTRUCTURE: "some versions gave no result",
}


def summary(sweep: Sweep, rows: Sequence[Row]) -> dict[str, Any]:
    """The JSON object that `--json` prints and the sweep's `summary.json` holds; each version has a file of its own."""
    drawn = matrix(rows)
    return {
        "series": sweep.series,
        "title": sweep.title,
        "verdict": VERDICTS[worst(rows)],
        "status": int(worst(rows)),
        "versions": [_version(row, line, drawn) for row, line in zip(rows, drawn.lines, strict=True)],
        "unchanged_tests": list(drawn.steady),
        "run_dir": str(sweep.out),
        "repeat": sweep.repeat,
    }


def _version(row: Row, line: Sequence[str], drawn: Matrix) -> dict[str, Any]:
    comparison = row.outcome.comparison if row.outcome else None
    changed = [entry for entry in comparison.entries if entry.change is not Change.SAME] if comparison else []
    return {
        "version": row.label,
        "message_id": row.request.message_id,
        "same_as": row.same_as or None,
        "verdict": verdict(row.outcome) if row.outcome else "no result",
        "status": int(status(row)),
        "cells": dict(zip(drawn.heading[1:], line[1:], strict=True)),
        "changes": {entry.name: str(entry.change) for entry in changed},
        "new_complaints": [splat.title for splat in comparison.new_splats] if comparison else [],
        "error": row.error.message if row.error else None,
        "summary": f"{row.label}/summary.json" if row.outcome else None,
    }


def markdown(sweep: Sweep, rows: Sequence[Row]) -> str:
    """The table and what is below it, for a job's summary or a comment."""
    drawn = matrix(rows)
    parts = [f"## {_escaped(sweep.title)}", f"**{sweep.series}: {VERDICTS[worst(rows)]}**"]
    parts.append(_markdown_table(drawn.heading, drawn.lines))
    if drawn.notes:
        notes = (f"* **{_escaped(labels)}**: {_markdown_note(text)}" for labels, text in drawn.notes)
        parts.append("\n".join(notes))
    if drawn.steady:
        parts.append(f"No version changes: {_escaped(', '.join(drawn.steady))}")
    if drawn.details.lines:
        lines = [(name, *cells) for name, cells in drawn.details.lines]
        parts.append("### Tests that tell the versions apart")
        parts.append(_markdown_table(("test", *drawn.details.versions), lines))
    parts.append(f"Repeat: `{sweep.repeat}`")
    return "\n\n".join(parts) + "\n"


def _markdown_note(text: str) -> str:
    first, _, rest = text.partition("\n")
    return _escaped(first) + (f" (`{rest.replace('`', chr(39))}`)" if rest else "")


def _markdown_table(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heading, ["---"] * len(heading), *lines]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows)


def _escaped(text: str) -> str:
    """Text that Markdown would read as something else: test names have underscores, titles may have anything."""
    for char in "\\|_*<>`[]":
        text = text.replace(char, f"\\{char}")
    return text


def show(sweep: Sweep, rows: Sequence[Row], out: Console) -> None:
    """Print the table and what is below it."""
    drawn = matrix(rows)
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
    colour = "green" if worst(rows) is ExitStatus.OK else "red"
    out.print(Text.assemble("\n", (f"{sweep.series}: {VERDICTS[worst(rows)]}", f"bold {colour}")))
    out.print(Text(f"results:  {sweep.out}"), soft_wrap=True)
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
    """The look of a cell, by its first word."""
    if cell.startswith(("does not", "not ", "no ")):
        return "bold red"
    first = cell.replace(",", " ").split(" ")[0]
    return table.STYLES.get(Change(first), "") if first in Change.__members__ else ""
