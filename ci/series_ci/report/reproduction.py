"""Show a reproduction as a table, as JSON, and as a text of 72 columns for the thread. Pure."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from series_ci.manifest.reported import Reported
from series_ci.progress import count
from series_ci.report.numbers import number
from series_ci.report.plain_table import Table
from series_ci.results.metrics import quantity
from series_ci.rundir import public
from series_ci.rundir.layout import RUN_LOCK
from series_ci.rundir.reproduction import GOOD, FigureRow, FigureVerdict, Mismatch, Repeated
from series_ci.rundir.runlock import Lock

WIDTH = 72

LOOKS = {
    FigureVerdict.REPRODUCED: "bold green",
    FigureVerdict.ORDER: "green",
    FigureVerdict.NOT: "bold red",
    FigureVerdict.CANNOT: "yellow",
}

MOST = 40
"""Differences that are shown; there may be thousands."""

HEADS = ("figure", "unit", "reported", "median", "range", "samples", "verdict")


MAILED = ("figure", "reported", "median", "range", "verdict")


def cells(row: FigureRow) -> tuple[str, ...]:
    """Return the row of a figure."""
    name, unit = row.figure.metric, quantity(row.figure.metric).unit
    if row.verdict is FigureVerdict.CANNOT:
        return (name, unit, row.figure.quote, "-", "-", "0", row.verdict.value)
    spread = f"{number(row.least)} to {number(row.greatest)}"
    return (name, unit, row.figure.quote, number(row.median), spread, str(row.samples), row.verdict.value)


def _mailed(row: FigureRow) -> tuple[str, ...]:
    """Return the row of a figure for a mail, which has fewer columns."""
    figure, _unit, reported, middle, spread, _samples, verdict = cells(row)
    return figure, reported, middle, spread, verdict


def show_reproduction(entry: Reported, rows: Sequence[FigureRow], out: Console) -> None:
    """Print the figures of a report, and the reasons why some cannot be measured."""
    out.print(Text(f"{entry.name}: {entry.version} by {entry.by}, {entry.message_id}", "bold"), soft_wrap=True)
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for head in HEADS:
        drawn.add_column(head, no_wrap=True, justify="left" if head in ("figure", "unit", "verdict") else "right")
    for row in rows:
        *words, verdict = cells(row)
        drawn.add_row(*words, Text(verdict, LOOKS[row.verdict]))
    drawn.width = drawn.__rich_measure__(out, out.options.update(max_width=10_000)).maximum
    out.print(drawn, crop=False)
    for why in _reasons(rows):
        out.print(Text(f"cannot: {why}"), soft_wrap=True)


def _reasons(rows: Iterable[FigureRow]) -> list[str]:
    return list(dict.fromkeys(row.why for row in rows if row.why))


def summary(entry: Reported, rows: Sequence[FigureRow], repeat: str) -> dict[str, Any]:
    """Return the JSON object of a report; figures that were not measured are null."""
    return {
        "reported": entry.name,
        "by": entry.by,
        "message_id": entry.message_id,
        "version": entry.version,
        "reproduced": all(row.verdict in GOOD for row in rows),
        "figures": [
            {
                "metric": row.figure.metric,
                "unit": quantity(row.figure.metric).unit,
                "reported": row.figure.value,
                **{
                    name: None if math.isnan(value) else value
                    for name, value in (("median", row.median), ("least", row.least), ("greatest", row.greatest))
                },
                "samples": row.samples,
                "verdict": row.verdict.value,
                "why": row.why,
            }
            for row in rows
        ],
        "repeat": repeat,
    }


def text(entry: Reported, rows: Sequence[FigureRow], lock: Lock | None) -> str:
    """Return the text for the thread; `lock` is None if nothing could be measured."""
    parts = [
        _wrapped(
            f"{entry.by} reported figures for this series ({entry.version} of it) in <{entry.message_id}>. "
            "The same set-up, measured again with series-ci:"
        ),
        _table(MAILED, [_mailed(row) for row in rows]),
        *(_wrapped(f"Cannot: {why}") for why in _reasons(rows)),
        *([_meaning(rows)] if lock else []),
        "The set-up, as stated:\n" + _items(entry.stated),
    ]
    if entry.unstated:
        chosen = (f"{each.what}: {each.chosen}" for each in entry.unstated)
        parts.append("What was not stated, and what I took:\n" + _items(chosen))
    return "\n\n".join([*parts, *([_repetition(lock)] if lock else [])]) + "\n"


def _meaning(rows: Sequence[FigureRow]) -> str:
    """Return a paragraph that explains the verdicts."""
    samples = max((row.samples for row in rows), default=0)
    return _wrapped(
        f"The range is that of {count(samples, 'sample')}. Reproduced: the figure lies in it. Same order: within a "
        "factor of ten of the median."
    )


def repeated_text(lock: Lock, repeated: Repeated) -> str:
    """Return the text for a run that was made again from its lock."""
    outcome = f"all {repeated.agreeing} results are the same" if repeated.same else _counts(repeated)
    parts = [
        _wrapped(
            f"The run of `series-ci {lock.verb}` on {lock.series} {lock.label}, made again from its lock: {outcome}."
        )
    ]
    if repeated.results:
        parts.append(_table(("result", "then", "now"), _rows(repeated.results)))
    if repeated.tools:
        parts.append("Other tools:\n" + _items(f"{each.what}: {each.then}; now {each.now}" for each in repeated.tools))
    return "\n\n".join([*parts, _repetition(lock)]) + "\n"


def _rows(differences: Sequence[Mismatch]) -> list[tuple[str, str, str]]:
    rows = [(each.what, each.then, each.now) for each in differences[:MOST]]
    return rows + ([(f"and {len(differences) - MOST} more", "", "")] if len(differences) > MOST else [])


def _counts(repeated: Repeated) -> str:
    return f"{count(len(repeated.results), 'result')} of {len(repeated.results) + repeated.agreeing} differ"


def show_repeated(repeated: Repeated, out: Console) -> None:
    """Print what differs, and how many results agree."""
    for title, differences in (("tools", repeated.tools), ("results", repeated.results)):
        if differences:
            drawn = Table(box=None, pad_edge=False, header_style="bold")
            for head in (title, "then", "now"):
                drawn.add_column(head, overflow="fold")
            for row in _rows(differences):
                drawn.add_row(*(Text(word) for word in row))
            out.print(drawn)
            out.print()
    out.print(
        Text(f"the same {count(repeated.agreeing, 'result')}" if repeated.same else _counts(repeated)), soft_wrap=True
    )


def repeated_summary(lock: Lock, repeated: Repeated) -> dict[str, Any]:
    """Return the JSON object of a run that was made again."""
    return {
        "series": lock.series,
        "version": lock.label,
        "message_id": lock.mails.message_ids[-1],
        "same": repeated.same,
        "agreeing": repeated.agreeing,
        "results": [asdict(each) for each in repeated.results],
        "tools": [asdict(each) for each in repeated.tools],
    }


def _repetition(lock: Lock) -> str:
    """Return how to repeat a run: the command, its inputs and the command line of QEMU."""
    own = f" and {', '.join(each.name for each in lock.tree.base_patches)}" if lock.tree.base_patches else ""
    facts = [
        ("Message-ID", lock.mails.message_ids[-1]),
        *(("patch-id", each) for each in lock.mails.patch_ids),
        ("base", f"{public.spec(lock.tree.spec) or 'the tree below'}{own}"),
        ("base's tree", lock.tree.base),
        ("with the series", lock.tree.patched),
        ("config", lock.config.digest),
        ("compiler", lock.tools.compiler),
        ("QEMU", lock.tools.qemu),
        *([("accelerator", lock.accel.upper())] if lock.accel else []),
        ("series-ci", lock.tools.series_ci),
    ]
    width = max(len(name) for name, _value in facts) + 3
    lines = [_filled(value, f"  {name + ':':{width}}", " " * (width + 2)) for name, value in facts]
    command = textwrap.wrap(lock.tools.qemu_argv, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return (
        f"To repeat it, with the file {RUN_LOCK} of this run:\n\n  series-ci reproduce {RUN_LOCK}\n\n"
        + "\n".join(lines)
        + "\n\n"
        + " \\\n".join(("  " if at == 0 else "    ") + line for at, line in enumerate(command))
    )


def _wrapped(paragraph: str) -> str:
    return _filled(paragraph, "", "")


def _filled(words: str, first: str, others: str) -> str:
    """Return words in lines of WIDTH columns; no word is broken, as somebody may copy it."""
    return textwrap.fill(
        words, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )


def _items(lines: Iterable[str]) -> str:
    return "\n".join(_filled(line, "  * ", "    ") for line in lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a mail; a list if it would be wider than WIDTH."""
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    lines = [
        "  " + "  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    ]
    if max(map(len, lines)) <= WIDTH:
        return "\n".join(lines)
    return _items(_sentence(heads, row) for row in rows)


def _sentence(heads: Sequence[str], row: Sequence[str]) -> str:
    first, *others = row
    return (
        first
        + (": " if any(others) else "")
        + "; ".join(f"{head} {word}" for head, word in zip(heads[1:], others, strict=True) if word)
    )
