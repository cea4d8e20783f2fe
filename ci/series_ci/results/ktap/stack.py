"""The open levels of a KTAP report, from the outermost to the innermost: how they are found, opened and closed."""

from __future__ import annotations

import re

from series_ci.results.ktap.levels import Level, Log
from series_ci.results.ktap.line import column_of, test_name
from series_ci.results.ktap.names import ROOT, Sink

STEP = re.compile(r"# | {2}| {4}|\t")  # what one level of nesting adds to the prefix
_PROGRAM_STEP = re.compile(r"# (?: {2}| {4}|\t)")  # two levels at once, below a program that has no results yet


class LevelStack:
    """Levels, each identified by the prefix of its lines and the column at which they start."""

    def __init__(self, log: Log, sink: Sink) -> None:
        self._log = log
        self._sink = sink
        self._stack: list[Level] = []

    def awaits(self, name: str) -> bool:
        """Return whether the outermost level has announced this test and its result has not come."""
        outermost = self._stack[0] if self._stack else None
        return outermost is not None and outermost.firm and not outermost.lead and outermost.header == test_name(name)

    def is_open(self, lead: str) -> bool:
        """Return whether lines with this prefix belong to the innermost level, or to the program that it announced."""
        level = self._stack[-1] if self._stack else None
        return level is not None and (level.lead == lead or (level.firm and f"{level.lead}# " == lead))

    def may_end(self, lead: str) -> bool:
        """Return whether one more result with this prefix may be the last line of the report."""
        outermost = self._stack[0] if self._stack else None
        return (
            outermost is not None and outermost.lead == lead and outermost.block.plan in (-1, outermost.block.count + 1)
        )

    def _find(self, lead: str) -> Level | None:
        """Return the open level at the column of this prefix, or None."""
        if self._stack and self._stack[-1].lead == lead:
            return self._stack[-1]  # nearly always
        column = column_of(lead)
        return next((level for level in reversed(self._stack) if level.column == column), None)

    def _outer(self, lead: str) -> str:
        """Return the prefix of the innermost open level above lines with this prefix."""
        column = column_of(lead)
        return next((level.lead for level in reversed(self._stack) if level.column < column), "")

    def _may_open(self, lead: str) -> bool:
        """Return whether lines with this prefix can be one level below an open one, though nothing declared them."""
        outer = self._outer(lead)
        step = lead.startswith(outer) and STEP.fullmatch(lead, len(outer))
        return not lead or bool(step) or self._program(lead) is not None

    def _program(self, lead: str) -> str | None:
        """Return the prefix of the announced program that these lines are one level below, if it has no results yet."""
        level = self._stack[-1] if self._stack else None
        below = level and level.firm and lead.startswith(level.lead) and _PROGRAM_STEP.fullmatch(lead, len(level.lead))
        return f"{level.lead}# " if level and below else None

    def _open(self, lead: str, bail: str = "") -> Level:
        """Return the level with this prefix, and open it if need be.

        Levels that are open below it have lost their parent.
        """
        if self._stack and self._stack[-1].lead == lead:
            return self._stack[-1]
        if (program := self._program(lead)) is not None:
            self._open(program)
        column = column_of(lead)
        child = self._fold(column)
        if not (self._stack and self._stack[-1].column == column):
            self._push(lead, column)
        level = self._stack[-1]
        if child:
            level.bail = bail or level.bail
            self._settle(level, child)
        return level

    def _push(self, lead: str, column: int) -> None:
        if not self._stack:
            self._stack.append(Level(lead, column, self._sink, None if column else ROOT))
        else:
            outer = self._stack[-1]
            self._stack.append(Level(lead, column, self._sink, outer.inner(), self._log.take(outer.lead)))

    def _lose(self, level: Level) -> None:
        """Report as lost what runs in the level: its result line will not come."""
        child = self._fold(level.column)
        if child or level.firm:
            self._settle(level, child)
        level.header = ""

    def _fold(self, column: int) -> Level | None:
        """Close all levels deeper than the column. Return the outermost of them, with its lost tests, or None."""
        child = None
        while self._stack and self._stack[-1].column > column:
            level = self._stack.pop()
            if child or level.header:
                self._settle(level, child)
            child = level
        return child

    def _settle(self, level: Level, child: Level | None) -> None:
        if child:
            child.end_block()
        level.lose(child, self._log.take(level.lead) if level.header else ())
