"""Markdown that nothing in a log can break out of, and that is cut only between its blocks and rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from series_ci.host.plain import replaced
from series_ci.progress import count
from series_ci.results.logline import both_ends

LINES = 30
"""Lines of one piece of evidence."""

LONGEST = 500
"""Characters of one line."""


@dataclass(frozen=True)
class TextTable:
    """A table, whose cells are Markdown; of one that does not fit the first rows are shown, and the others counted."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


TextBlock = str | TextTable


def size(text: str) -> int:
    """How much room a text takes: its bytes, which are no fewer than any limit counts."""
    return len(text.encode())


def joined(blocks: Iterable[TextBlock], end: str, limit: int) -> str:
    """The blocks with empty lines between them, as many as fit into `limit` bytes together with the last one, `end`."""
    room = limit - size(end) - 100
    shown = list(_fit([block for block in blocks if block], room))
    return "\n\n".join([*shown, end]) + "\n"


def _fit(blocks: Sequence[TextBlock], room: int) -> Iterator[str]:
    """Whole blocks: half a fence would swallow what follows."""
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
    """The first rows of a table, and how many there are more; "" if not even one has room."""
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
    """A block as text."""
    if isinstance(block, str):
        return block
    lines = [block.heading, ["---"] * len(block.heading), *block.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: object) -> str:
    """Text that Markdown would read as something else: test names have underscores, titles may have anything."""
    shown = " ".join(replaced(str(text)).split())
    shown = re.sub(r"([\\|_*<>`\[\]~#&])", r"\\\1", shown)
    # Neither do people want to be named, nor issues to be linked, by a log.
    return re.sub(r"@(?=\w)", "@\u200b", shown)


def code(text: object) -> str:
    """A text as a code span, in which it can neither name people nor make links."""
    shown = " ".join(replaced(str(text)).split()).replace("`", "'")[:LONGEST]
    return f"`{shown}`" if shown else ""


def cell(text: object) -> str:
    """A code span in a table, where a bar ends a cell even in code."""
    return code(text).replace("|", "\\|")


def fence(lines: Iterable[object], most: int = LINES) -> str:
    """Lines as a block of code, both ends kept if there are many; its fence is longer than any in them."""
    shown = both_ends([replaced(str(line).rstrip())[:LONGEST] for line in lines], most)
    ticks = "`" * max(3, 1 + max((len(run) for line in shown for run in re.findall("`+", line)), default=0))
    return "\n".join([ticks, *shown, ticks]) if shown else ""
