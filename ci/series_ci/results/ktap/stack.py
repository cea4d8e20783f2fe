"""The open levels of a KTAP report, from the outermost to the innermost, and what is found and lost in them."""

from __future__ import annotations

import re

from series_ci.results.ktap.levels import Level, Log
from series_ci.results.ktap.line import column_of, test_name
from series_ci.results.ktap.names import ROOT, Sink

STEP = re.compile(r"# | {2}| {4}|\t")  # what one level of nesting adds to the prefix
_PROGRAM_STEP = re.compile(r"# (?: {2}| {4}|\t)")  # the first level of a program without results, and another one


class LevelStack:
    """Levels, each known by the prefix of its lines and the column at which they start."""

    def __init__(self, log: Log, sink: Sink) -> None:
        self._log = log
        self._sink = sink
        self._stack: list[Level] = []

    def awaits(self, name: str) -> bool:
        """Whether the outermost level has announced this test, and its result has not come."""
        outermost = self._stack[0] if self._stack else None
        return outermost is not None and outermost.firm and not outermost.lead and outermost.header == test_name(name)

    def is_open(self, lead: str) -> bool:
        """Whether lines with this prefix are the innermost level's, or those of an announced program."""
        level = self._stack[-1] if self._stack else None
        return level is not None and (level.lead == lead or (level.firm and f"{level.lead}# " == lead))

    def may_end(self, lead: str) -> bool:
        """Whether the report may be at its end with one more result, if that has this prefix."""
        outermost = self._stack[0] if self._stack else None
        return (
            outermost is not None and outermost.lead == lead and outermost.block.plan in (-1, outermost.block.count + 1)
        )

    def _find(self, lead: str) -> Level | None:
        if self._stack and self._stack[-1].lead == lead:
            return self._stack[-1]  # nearly always
        column = column_of(lead)
        return next((level for level in reversed(self._stack) if level.column == column), None)

    def _outer(self, lead: str) -> str:
        """The prefix of the innermost open level above lines with this one."""
        column = column_of(lead)
        return next((level.lead for level in reversed(self._stack) if level.column < column), "")

    def _may_open(self, lead: str) -> bool:
        """Whether lines with this prefix can be one level below an open one, though nothing declared them."""
        outer = self._outer(lead)
        step = lead.startswith(outer) and STEP.fullmatch(lead, len(outer))
        return not lead or bool(step) or self._program(lead) is not None

    def _program(self, lead: str) -> str | None:
        """The prefix of an announced program that has no results yet, if these lines are one level below it."""
        level = self._stack[-1] if self._stack else None
        below = level and level.firm and lead.startswith(level.lead) and _PROGRAM_STEP.fullmatch(lead, len(level.lead))
        return f"{level.lead}# " if level and below else None

    def _open(self, lead: str, bail: str = "") -> Level:
        """The level with this prefix; whatever is open below it has lost its parent."""
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
        """What runs in the level gets no result line any more."""
        child = self._fold(level.column)
        if child or level.firm:
            self._settle(level, child)
        level.header = ""

    def _fold(self, column: int) -> Level | None:
        """Take off all levels deeper than the column; the outermost of them, with what it is known to have lost."""
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
