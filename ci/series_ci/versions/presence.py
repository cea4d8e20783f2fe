"""Whether the code of a version is in a tree: patches and files in, a yes or no out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

_FILE = re.compile(r" ## (.*) ##")


def holds(code: Sequence[str], text: Callable[[str], str | None]) -> bool:
    """Whether a tree has the code already. `code` are lines as mailed.code() gives them; `text` gives a file's text.

    A hunk is there if it could be taken back. The tree may have moved on since: then all lines that the hunk adds have
    to be there, in one piece and in order, and the hunk must not be one that could still be applied.
    """
    hunks = list(_hunks(code))
    return bool(hunks) and all(
        _file_holds([hunk for _path, hunk in group], text(path)) for path, group in groupby(hunks, lambda each: each[0])
    )


def _hunks(code: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(path, lines) of each hunk."""
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
    if text is None:  # a file that the patch removes has no lines after it
        return all(line.startswith("-") for hunk in hunks for line in hunk)
    lines, at = text.split("\n"), 0
    for hunk in hunks:
        found = _after(hunk, lines, at)
        if found is None:
            return False
        at = found
    return True


def _after(hunk: Sequence[str], lines: Sequence[str], start: int) -> int | None:
    """The line behind a hunk that is in the file, None if it is not."""
    after = [line[1:] for line in hunk if not line.startswith("-")]
    place = _find(after, lines, start)
    if place is not None:
        return place + len(after)
    before = [line[1:] for line in hunk if not line.startswith("+")]
    pieces = [[line[1:] for line in group] for added, group in groupby(hunk, lambda each: each[0] == "+") if added]
    if not pieces or _find(before, lines, start) is not None:
        return None
    for piece in pieces:
        place = _find(piece, lines, start)
        if place is None:
            return None
        start = place + len(piece)
    return start


def _find(piece: Sequence[str], lines: Sequence[str], start: int) -> int | None:
    """Where `piece` stands in `lines`, from `start` on."""
    size = len(piece)
    return next((at for at in range(start, len(lines) - size + 1) if list(lines[at : at + size]) == list(piece)), None)
