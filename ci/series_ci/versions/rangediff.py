"""The fate of each patch from one version to the next: the data of `series-ci diff`, and a parser of git range-diff."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class PatchFate(StrEnum):
    """The fate of a patch, by the characters of git range-diff."""

    SAME = "="
    CHANGED = "!"
    DROPPED = "<"
    NEW = ">"


WORDS = {PatchFate.SAME: "same", PatchFate.CHANGED: "changed", PatchFate.DROPPED: "dropped", PatchFate.NEW: "new"}


@dataclass(frozen=True)
class PatchSide:
    """A patch of one version: its number from 1, its title, and its commit if it was applied."""

    number: int
    title: str
    commit: str = ""


@dataclass(frozen=True)
class PatchPair:
    """A patch of the old version and the patch of the new version that it became. One of them may be None.

    `lines` is a diff of the two patches, commit messages included: the first column says old or new, the second belongs
    to the patch. It is empty unless `mark` is CHANGED.
    """

    mark: PatchFate
    old: PatchSide | None
    new: PatchSide | None
    lines: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return the new title of the patch, or the old one if the patch was dropped."""
        side = self.new or self.old
        return side.title if side else ""

    @property
    def added(self) -> int:
        """Return the number of lines that only the new patch has."""
        return sum(line.startswith("+") for line in self.lines)

    @property
    def removed(self) -> int:
        """Return the number of lines that only the old patch has."""
        return sum(line.startswith("-") for line in self.lines)


_INDENT = " " * 4
_SIDE = r" *(-|\d+): +([0-9a-f]+|-+)"
_HEADER = re.compile(rf"{_SIDE} ([=!<>]) {_SIDE} .*")


def parse(text: str, old: Sequence[str], new: Sequence[str]) -> tuple[PatchPair, ...]:
    """Return the pairs in the output of `git range-diff --no-color`. `old` and `new` are the titles of all patches.

    Lines of a patch are indented more than git ever indents a header, so none looks like a header. Raise ValueError if
    the text is not git's.
    """
    pairs: list[tuple[PatchFate, PatchSide | None, PatchSide | None, list[str]]] = []
    # splitlines() would also split at a form feed in a source file.
    for line in text.removesuffix("\n").split("\n") if text else ():
        if pairs and line.startswith(_INDENT):
            pairs[-1][3].append(line.removeprefix(_INDENT))
        elif match := _HEADER.fullmatch(line):
            sides = _side(match[1], match[2], old), _side(match[4], match[5], new)
            pairs.append((PatchFate(match[3]), *sides, []))
        else:
            raise ValueError(f"not a line of git range-diff: {line!r}")
    return tuple(PatchPair(mark, was, now, tuple(lines)) for mark, was, now, lines in pairs)


def _side(number: str, commit: str, titles: Sequence[str]) -> PatchSide | None:
    # git prints the old title for both sides, but the title may have changed.
    return None if number == "-" else PatchSide(int(number), titles[int(number) - 1], commit)


def equal(pairs: Iterable[PatchPair]) -> bool:
    """Return whether nothing changed: neither code nor commit messages nor the order of the patches."""
    return all(
        pair.mark is PatchFate.SAME and pair.old and pair.new and pair.old.number == pair.new.number for pair in pairs
    )
