"""Whether the code of a version is in a tree: patches and files in, yes or no out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

_FILE = re.compile(r" ## (.*) ##")


def holds(code: Sequence[str], text: Callable[[str], str | None]) -> bool:
    """Return whether a tree has the code. `code` has the lines of as_mailed.code(); `text` returns the text of a file.

    A hunk is present if it could be reverted. The tree may have changed since; then all lines that the hunk adds must
    be there, contiguous and in order, and the hunk must be one that cannot be applied any more.
    """
    hunks = list(_hunks(code))
    return bool(hunks) and all(
        _file_holds([hunk for _path, hunk in group], text(path)) for path, group in groupby(hunks, lambda pair: pair[0])
    )


def _hunks(code: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield (path, lines) for each hunk."""
    path = ""
    hunk: list[str] | None = None
    for line in code:
        if file := _FILE.fullmatch(line):
            if hunk:
                yield path, hunk
            path, hunk = file[1], None
        elif line.startswith("@@"):
            if hunk:
                yield path, hunk
            hunk = []
        elif hunk is not None and line[:1] in ("+", "-", " "):
            hunk.append(line)
    if hunk:
        yield path, hunk


def _file_holds(hunks: Sequence[list[str]], text: str | None) -> bool:
    if text is None:  # the tree lacks the file: it has the patch only if that removes the file
        return all(line.startswith("-") for hunk in hunks for line in hunk)
    lines, at = text.split("\n"), 0
    for hunk in hunks:
        end = _after(hunk, lines, at)
        if end is None:
            return False
        at = end
    return True


def _after(hunk: Sequence[str], lines: Sequence[str], start: int) -> int | None:
    """Return the index of the line after a hunk that the file has, or None if the file does not have it."""
    after = [line[1:] for line in hunk if not line.startswith("-")]
    place = _find(after, lines, start)
    if place is not None:
        return place + len(after)
    before = [line[1:] for line in hunk if not line.startswith("+")]
    pieces = [[line[1:] for line in group] for added, group in groupby(hunk, lambda line: line[0] == "+") if added]
    if not pieces or _find(before, lines, start) is not None:
        return None
    for piece in pieces:
        place = _find(piece, lines, start)
        if place is None:
            return None
        start = place + len(piece)
    return start


def _find(piece: Sequence[str], lines: Sequence[str], start: int) -> int | None:
    """Return the index of `piece` in `lines` from `start` on, or None."""
    size = len(piece)
    return next((at for at in range(start, len(lines) - size + 1) if list(lines[at : at + size]) == list(piece)), None)
