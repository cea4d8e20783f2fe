"""One complaint while it is being read."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from series_ci.results.model import Splat
from series_ci.results.splat import blame, shapes, trace
from series_ci.results.splat.stack import Frame, TraceStack
from series_ci.results.splat.title import title

MAX_LINES = 200
FRAMES = 5
PATIENCE = 20  # consecutive lines of no known shape after which a report without an end marker is over
PATIENCE_AFTER_TRACE = 5  # the same, if the report's stack trace has come
PATIENCE_WITH_DOUBT = 4  # the same, if the report is not sure yet
DOUBT = 15  # lines, of any shape, after which a report that is not sure is over
HEAD = 5  # lines of a report that its message may be among
NAMING = 3  # lines of a report that may name the function

MESSAGES = frozenset({"LIST", "REFCOUNT", "SLAB", "CFI", "USERCOPY"})
"""Kinds whose first line is the message of a WARN() or BUG() that follows or contains it."""


def _is_inlined(line: str) -> bool:
    """Return whether a first line of a decoded report comes again, for the function that this one is inlined into."""
    return trace.INLINED.search(line) is not None and not line.lstrip().startswith(("RIP", "pc", "epc"))


@dataclass(slots=True)
class Report:
    """The lines of a complaint, and what they say. It is `sure` once it is certain that the kernel complains."""

    kind: str
    title: str
    end: str
    sure: bool
    test: str = ""
    lines: list[str] = field(default_factory=list)
    stack: TraceStack = field(default_factory=TraceStack)
    asked: bool = False  # it asked other CPUs for their backtraces
    kept: bool = False  # it is among the finder's reports
    counted: str = ""  # the fingerprint under which it was counted
    foreign: int = 0  # the number of lines at the end that may not belong to it

    def add(self, line: str) -> None:
        """Add a line, which may turn out to be foreign."""
        if not self.sure and self.lines:
            self.sure = shapes.EVIDENCE.search(line) is not None
        if len(self.lines) < MAX_LINES:
            self.lines.append(line)
        if len(self.lines) <= NAMING:
            self.stack.name(line)
        self.asked = self.asked or shapes.ASKS.match(line) is not None
        if self.stack.read(line, self.kind) or trace.GOES_ON.match(line):
            self.foreign = 0
        else:
            self.foreign += 1

    @property
    def has_trace(self) -> bool:
        """Return whether a stack trace with functions has come."""
        return self.stack.traced and bool(self.stack.frames)

    def is_over(self) -> bool:
        """Return whether the report ended before the last few lines."""
        if not self.sure:
            return self.foreign > PATIENCE_WITH_DOUBT or len(self.lines) > DOUBT
        complete = self.has_trace and self.stack.solid and self.end == "trace"
        return self.foreign > (PATIENCE_AFTER_TRACE if complete else PATIENCE)

    def trim(self) -> None:
        """Remove the foreign lines at the end."""
        if self.foreign and len(self.lines) < MAX_LINES:
            del self.lines[max(len(self.lines) - self.foreign, 1) :]
        self.foreign = 0

    def includes(self, shape: shapes.Shape, line: str) -> bool:
        """Return whether a first line of a report is only a further line of this one.

        It may change the kind of this one.
        """
        if self.sure:
            # A doubtful first line in the middle of a report is part of the report.
            return not shape.sure or shapes.UNWINDER.match(line) is not None or self._goes_on(shape, line)
        goes_on = self.kind in {"OOPS", "BUG", "STACK", "LEAK", *MESSAGES} and self._goes_on(shape, line)
        self.sure = goes_on and shape.sure
        return goes_on

    @property
    def is_lone_cut(self) -> bool:
        """Return whether "cut here" is all that has come."""
        return not self.kind and len(self.lines) == 1

    @property
    def has_levels(self) -> bool:
        """Return whether lines of any log level belong to the report, as many of an oops or a panic are emergencies."""
        return self.stack.panicked or self.kind in {"", "OOPS", "BUG", "PANIC", "STACK", "LOCKUP", *MESSAGES}

    def _goes_on(self, shape: shapes.Shape, line: str) -> bool:
        if self.kind in {"EMERG", "CRIT"}:
            return self._is_message_of(shape, line)
        if self._is_told_here(shape, line):
            self.kind, self.title, self.end = shape.kind, title(line), shape.end
            self.stack.name(line)
            return True
        if shape.kind == self.kind and shape.kind in {"STACK", "OOM", "STALL", "LEAK", "LOCKDEP"}:
            return self._says_it_twice(line)
        if self.has_trace or shape.kind in {"PANIC", "STACK", "OOM", "LOCKDEP"}:
            return False
        if shape.kind in {"", "WARNING"}:
            return self.kind in MESSAGES or self._is_message(shape) or (self.kind == "LOCKUP" and len(self.lines) <= 2)
        return self._goes_on_falling(shape, line)

    def _goes_on_falling(self, shape: shapes.Shape, line: str) -> bool:
        """Return whether the line is one more of the several first lines of one oops."""
        announced = shapes.ANNOUNCED.search(line) is not None and not self.numbered
        if shapes.BUG.match(line) or announced or self._has_other_number(line):
            return False
        return shape.kind in {"OOPS", "BUG", "LIST"} and self.kind in {"OOPS", "BUG", "STACK", *MESSAGES}

    def _is_told_here(self, shape: shapes.Shape, line: str) -> bool:
        """Return whether the line says what this report is about, more exactly than the lines before it."""
        unknown = not self.kind and shape.kind not in {"", "PANIC"}
        repeated = shape.kind == self.kind and not self.has_trace and any(map(_is_inlined, self.lines[-HEAD:]))
        return unknown or repeated or self._has_its_message_here(shape, line)

    def _is_message(self, shape: shapes.Shape) -> bool:
        """Return whether this report, from "cut here" on, is the message of a WARN() whose own line comes now."""
        from_cut = shapes.CUT.match(self.lines[0]) is not None and len(self.lines) < HEAD
        return from_cut and shape.kind == "WARNING" and self.kind != "WARNING"

    def _is_message_of(self, shape: shapes.Shape, line: str) -> bool:
        """Return whether this report, an emergency, is the message of the BUG() that begins with `line`."""
        if shape.kind not in {"", "BUG", "OOPS", "WARNING", *MESSAGES}:
            return False
        self.kind, self.end = shape.kind, shape.end
        self.title = title(line) if shape.kind else self.title
        return True

    def _has_other_number(self, line: str) -> bool:
        """Return whether the oops has a number and this line does not have the same one: another oops begins."""
        other = shapes.NUMBERED.search(line)
        return bool(self.number) and (other is None or other[0] != self.number)

    def _has_its_message_here(self, shape: shapes.Shape, line: str) -> bool:
        """Return whether the line is the message of a WARN() of Linux 3 or 4, which follows "WARNING: at"."""
        is_message = shape.kind in MESSAGES or (shape.kind == "LOCKUP" and not shapes.BUG.match(line))
        return is_message and self.kind == "WARNING" and not self.stack.traced and len(self.lines) < HEAD

    def _says_it_twice(self, line: str) -> bool:
        """Return whether another first line of the same kind continues this report."""
        if self.kind == "STALL":
            return "kthread" in line
        if self.kind == "LEAK":
            return len(self.lines) == 1 and "memory leak" in self.title
        return self.kind != "LOCKDEP" or line.lstrip().startswith("***")

    @property
    def number(self) -> str:
        """Return the number of the oops, such as `[#1]`, or "" if it has not come."""
        matches = (shapes.NUMBERED.search(line) for line in self.lines)
        return next((match[0] for match in matches if match), "")

    @property
    def numbered(self) -> bool:
        """Return whether the report is more than the announcement of an oops."""
        return not shapes.ANNOUNCED.search(self.lines[0]) or bool(self.number)

    def awaits(self, shape: shapes.Shape, line: str) -> bool:
        """Return whether a line with an oops's number belongs to this oops, though other CPUs' lines came between."""
        if shape.kind != "OOPS" or self.kind != "OOPS" or self.stack.frames or shapes.BUG.match(line):
            return False
        return not self.numbered and shapes.NUMBERED.search(line) is not None

    def causes(self, panic: str) -> bool:
        """Return whether the panic in this line is a consequence of this complaint."""
        reason = shapes.PANIC.sub("", panic)
        died = shapes.DEATHS.match(reason) and self.kind in {"OOPS", "BUG", "STACK", *MESSAGES}
        return bool(died or shapes.FOLLOWS.match(reason))

    def splat(self) -> Splat:
        """Return the report as a Splat."""
        frames = self._frames()
        names = [frame.name for frame in frames if frame.solid] or [frame.name for frame in frames]
        key = [self.kind, *(names[:FRAMES] or [re.sub(r"\d+", "N", self.title)])]
        return Splat(
            kind=self.kind,
            title=self.title,
            fingerprint=hashlib.sha256("\n".join(key).encode(errors="replace")).hexdigest()[:16],
            lines=tuple(self.lines),
            function=names[0] if names else self._named(),
            trace=tuple(frame.name for frame in frames[:FRAMES]),
            test=self.test,
        )

    def _frames(self) -> list[Frame]:
        """Return the functions of the trace, preceded by the one that the lines before the trace blame."""
        frames = self.stack.trace(self.kind)
        accused = self._accused()
        if not accused or any(frame.name == accused for frame in frames[:1]):
            return frames
        return [Frame(accused, solid=True), *frames]

    def _accused(self) -> str:
        """Return the function that the lines before the trace blame, whatever the trace is of.

        Return "" if they blame none, or one that may not be blamed.
        """
        matches = filter(None, map(trace.TOLD.match, self.lines[1:HEAD]))
        names = (trace.bare(match["name"]) for match in matches)
        return next((name for name in names if blame.is_blamed(name, own=False)), "")

    def _named(self) -> str:
        """Return the function that the first lines name, for a report without a trace, or ""."""
        return self.stack.named if blame.is_blamed(self.stack.named, own=True) else ""
