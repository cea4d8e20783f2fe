"""The lines of a mail: our own are wrapped at 72 columns, what others wrote or printed is folded at 78. Pure.

A word that is longer, such as the name of a test or a URL, stays whole, so that it can be looked for.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from series_ci.results.logline import both_ends

WIDTH = 72
"""Columns of what we write."""

MOST = 78
"""Columns of what we pass on."""

EVIDENCE = 20
"""Lines of output that are shown."""

LINE = 400
"""Characters of such a line."""


def wrapped(text: str, indent: str = "") -> list[str]:
    """A paragraph in lines; those behind the first are indented."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def evidence(lines: Sequence[str]) -> Iterator[str]:
    """What was printed, both ends of it where there is much, below an empty line."""
    if lines:
        yield ""
    for line in both_ends(lines, EVIDENCE):
        cut = line if len(line) <= LINE else f"{line[:LINE]} [...]"
        yield from folded(cut.expandtabs().rstrip(), "  ", "      ")


def folded(line: str, first: str, others: str) -> Iterator[str]:
    """A line in pieces that are no wider than a mail's, but for words that are."""
    indent, rest = first, line
    while len(indent) + len(rest) > MOST:
        begun = len(rest) - len(rest.lstrip())
        at = rest.rfind(" ", begun + 1, MOST - len(indent) + 1)
        at = at if at > 0 else rest.find(" ", max(begun, MOST - len(indent)))
        if at < 0:
            break
        yield f"{indent}{rest[:at]}".rstrip()
        indent, rest = others, rest[at:].strip()
    yield f"{indent}{rest}".rstrip()


def command(line_of: Iterable[str]) -> Iterator[str]:
    """The command, over several lines if it is long, as a shell takes it."""
    line = " "
    for word in line_of:
        quoted = shlex.quote(word)
        if len(line) + len(quoted) + 3 > WIDTH and line.strip():
            yield f"{line} \\"
            line = "     "
        line = f"{line} {quoted}"
    yield line
