"""Make the lines of a mail: own text is wrapped at 72 columns, quoted or printed text folded at 78. Pure.

A longer word, such as the name of a test or a URL, is not broken, so that it can be searched for.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from series_ci.results.logline import both_ends

WIDTH = 72
"""Columns of own text."""

MOST = 78
"""Columns of quoted and printed text."""

EVIDENCE = 20
"""Lines of output that are shown."""

LINE = 400
"""Characters of such a line that are shown."""


def wrapped(text: str, indent: str = "") -> list[str]:
    """Return the lines of a paragraph; all but the first begin with `indent`."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def evidence(lines: Sequence[str]) -> Iterator[str]:
    """Yield an empty line and printed lines, of many lines both ends."""
    if lines:
        yield ""
    for line in both_ends(lines, EVIDENCE):
        cut = line if len(line) <= LINE else f"{line[:LINE]} [...]"
        yield from folded(cut.expandtabs().rstrip(), "  ", "      ")


def folded(line: str, first: str, others: str) -> Iterator[str]:
    """Yield the pieces of a line, each of at most MOST columns, unless a word is longer."""
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
    """Yield the lines of a shell command, continued with backslashes."""
    line = " "
    for word in line_of:
        quoted = shlex.quote(word)
        if len(line) + len(quoted) + 3 > WIDTH and line.strip():
            yield f"{line} \\"
            line = "     "
        line = f"{line} {quoted}"
    yield line
