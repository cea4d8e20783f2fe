"""Make Markdown in which no log can break out of its place, and cut it only between blocks and rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from series_ci.host.plain import replaced
from series_ci.progress import count
from series_ci.results.logline import both_ends

LINES = 30
"""Lines of a log that are shown in one place."""

LONGEST = 500
"""Characters of a line that are shown."""


@dataclass(frozen=True)
class TextTable:
    """A table, whose cells are Markdown. If it does not fit, its first rows are shown, and the others counted."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


TextBlock = str | TextTable


def size(text: str) -> int:
    """Return the size of a text in bytes; limits may count characters, of which there are no more."""
    return len(text.encode())


def joined(blocks: Iterable[TextBlock], end: str, limit: int) -> str:
    """Return the blocks, and then `end`, with empty lines between them: as many blocks as fit into `limit` bytes."""
    room = limit - size(end) - 100
    shown = list(_fit([block for block in blocks if block], room))
    return "\n\n".join([*shown, end]) + "\n"


def _fit(blocks: Sequence[TextBlock], room: int) -> Iterator[str]:
    """Yield the blocks that fit, whole, and how many are left out: half a fence would swallow what follows."""
    for place, block in enumerate(blocks):
        text = drawn(block)
        if size(text) + 2 > room:
            if isinstance(block, TextTable) and (part := _beginning(block, room)):
                yield part
                place += 1  # noqa: PLW2901 (this one was not left out)
            if left := len(blocks) - place:
                yield f"({count(left, 'paragraph')} left out)"
            return
        room -= size(text) + 2
        yield text


def _beginning(table: TextTable, room: int) -> str:
    """Return the first rows of a table, and how many more there are; "" if not even one fits."""
    lines = drawn(table).split("\n")
    kept, used = 0, size("\n".join(lines[:2])) + 100
    for line in lines[2:]:
        used += size(line) + 1
        if used > room:
            break
        kept += 1
    if not kept:
        return ""
    return "\n".join(lines[: 2 + kept]) + f"\n\n({count(len(table.rows) - kept, 'row')} more)"


def drawn(block: TextBlock) -> str:
    """Return a block as text."""
    if isinstance(block, str):
        return block
    lines = [block.heading, ["---"] * len(block.heading), *block.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: object) -> str:
    """Return a text with the characters escaped that Markdown would interpret, such as underscores."""
    shown = " ".join(replaced(str(text)).split())
    shown = re.sub(r"([\\|_*<>`\[\]~#&])", r"\\\1", shown)
    # No log may mention people or link issues.
    return re.sub(r"@(?=\w)", "@\u200b", shown)


def code(text: object) -> str:
    """Return a text as a code span, in which it can neither mention people nor make links."""
    shown = " ".join(replaced(str(text)).split()).replace("`", "'")[:LONGEST]
    return f"`{shown}`" if shown else ""


def cell(text: object) -> str:
    """Return a code span for a table, in which a bar would end the cell."""
    return code(text).replace("|", "\\|")


def fence(lines: Iterable[object], most: int = LINES) -> str:
    """Return lines as a block of code, of many lines both ends; its fence is longer than any in the lines."""
    shown = both_ends([replaced(str(line).rstrip())[:LONGEST] for line in lines], most)
    ticks = "`" * max(3, 1 + max((len(run) for line in shown for run in re.findall("`+", line)), default=0))
    return "\n".join([ticks, *shown, ticks]) if shown else ""
