"""One complaint, while it is being read."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from series_ci import _splat_table as table
from series_ci import _splat_trace as traces
from series_ci._splat_title import title
from series_ci.results import Splat

MAX_LINES = 200
FRAMES = 5
PATIENCE = 20  # lines of no known shape in a row, after which a report without an end marker is over
PATIENCE_AFTER_TRACE = 5
PATIENCE_WITH_DOUBT = 4
DOUBT = 15  # lines of any shape
HEAD = 5  # lines that a report may have before its message

MESSAGES = frozenset({"LIST", "REFCOUNT", "SLAB", "CFI", "USERCOPY"})
"""Kinds whose first line is the message of a WARN() or BUG() that follows, or that it is in."""


@dataclass(slots=True)
class Report:
    """Its lines, and what was learnt of them; it is `sure` once it is certain that the kernel complains here."""

    kind: str
    title: str
    end: str
    sure: bool
    test: str = ""
    lines: list[str] = field(default_factory=list)
    before: list[str] = field(
        default_factory=list
    )  # frames above the first "Call Trace": allocation stacks, lock chains
    frames: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)  # frames that may be left over from another call
    traced: bool = False
    complete: bool = False  # the frames are
    asked: bool = False  # other CPUs, for their backtraces
    kept: bool = False  # among the complaints
    counted: str = ""  # the fingerprint that it was counted by
    foreign: int = 0

    def add(self, line: str) -> None:
        """One more line, which may turn out to be foreign."""
        if not self.sure and self.lines:
            self.sure = table.EVIDENCE.search(line) is not None
        if len(self.lines) < MAX_LINES:
            self.lines.append(line)
        self.asked = self.asked or table.ASKS.match(line) is not None
        self.traced = self.traced or traces.TRACE.match(line) is not None
        in_trace = self.traced or self.kind == "KFENCE"
        self.complete = self.complete or (in_trace and traces.ELSEWHERE.match(line) is not None)
        ip = traces.IP.match(line)
        frame = ip or traces.FRAME.match(line) or traces.HELD.match(line)
        if frame and not self.complete:
            guess = bool(frame.groupdict().get("guess"))
            self._frame(traces.bare(frame["name"]), instruction=ip is not None, guess=guess)
        if frame or traces.GOES_ON.match(line):
            self.foreign = 0
        else:
            self.foreign += 1

    def _frame(self, function: str, *, instruction: bool, guess: bool) -> None:
        frames = self.frames if self.traced or instruction else self.before
        frames = self.guesses if guess else frames
        faulted = instruction and self.kind == "OOPS"
        if (
            len(frames) < FRAMES
            and not traces.is_machinery(function, instruction=faulted)
            and frames[-1:] != [function]
        ):
            frames.append(function)

    def is_over(self) -> bool:
        """Whether the report had ended before the last few lines."""
        if not self.sure:
            return self.foreign > PATIENCE_WITH_DOUBT or len(self.lines) > DOUBT
        has_trace = self.traced and bool(self.frames) and self.end == "trace"
        return self.foreign > (PATIENCE_AFTER_TRACE if has_trace else PATIENCE)

    def trim(self) -> None:
        """Take off the foreign lines at the end."""
        if self.foreign and len(self.lines) < MAX_LINES:
            del self.lines[max(len(self.lines) - self.foreign, 1) :]
        self.foreign = 0

    def includes(self, shape: table.Shape, line: str) -> bool:
        """Whether a first line of a report is only the next line of this one; it may tell what kind it is."""
        if self.sure:
            # Anybody's words in the middle of a report are its own.
            return not shape.sure or table.UNWINDER.match(line) is not None or self._goes_on(shape, line)
        goes_on = self.kind in {"OOPS", "BUG", "STACK", "LEAK", *MESSAGES} and self._goes_on(shape, line)
        self.sure = goes_on and shape.sure
        return goes_on

    def _goes_on(self, shape: table.Shape, line: str) -> bool:
        untold = not self.kind and shape.kind and shape.kind != "PANIC"
        if untold or self._has_its_message_here(shape, line):
            self.kind, self.title, self.end = shape.kind, title(line), shape.end
            return True
        if shape.kind == self.kind and shape.kind in {"STACK", "OOM", "STALL", "LEAK", "LOCKDEP"}:
            return self._says_it_twice(line)
        if (self.traced and self.frames) or shape.kind in {"PANIC", "STACK", "OOM", "LOCKDEP"}:
            return False
        if shape.kind in {"", "WARNING"}:
            return self.kind in MESSAGES or (self.kind == "LOCKUP" and len(self.lines) <= 2)
        if (
            table.BUG.match(line)
            or (table.ANNOUNCED.search(line) and not self.numbered)
            or self._has_other_number(line)
        ):
            return False
        return shape.kind in {"OOPS", "BUG", "LIST"} and self.kind in {"OOPS", "BUG", "STACK", *MESSAGES}

    def _has_other_number(self, line: str) -> bool:
        """Whether the oops has its number, and this line does not bear it: another one begins."""
        other = table.NUMBERED.search(line)
        return bool(self.number) and (other is None or other[0] != self.number)

    def _has_its_message_here(self, shape: table.Shape, line: str) -> bool:
        """Whether the line is what a WARN() of Linux 3 or 4 has to say: there it comes behind "WARNING: at"."""
        told = shape.kind in MESSAGES or (shape.kind == "LOCKUP" and not table.BUG.match(line))
        return told and self.kind == "WARNING" and not self.traced and len(self.lines) < HEAD

    def _says_it_twice(self, line: str) -> bool:
        """Whether another first line of the same kind goes on with this report."""
        if self.kind == "STALL":
            return "kthread" in line
        if self.kind == "LEAK":
            return len(self.lines) == 1 and "memory leak" in self.title
        return self.kind != "LOCKDEP" or line.lstrip().startswith("***")

    @property
    def number(self) -> str:
        """That of the oops, such as `[#1]`; empty until it comes."""
        found = (table.NUMBERED.search(line) for line in self.lines)
        return next((each[0] for each in found if each), "")

    @property
    def numbered(self) -> bool:
        """Whether it is more than the announcement of an oops."""
        return not table.ANNOUNCED.search(self.lines[0]) or bool(self.number)

    def awaits(self, shape: table.Shape, line: str) -> bool:
        """Whether a line with an oops's number is that of this one, which other CPUs' lines came into."""
        if shape.kind != "OOPS" or self.kind != "OOPS" or self.frames or table.BUG.match(line):
            return False
        return not self.numbered and table.NUMBERED.search(line) is not None

    def causes(self, panic: str) -> bool:
        """Whether the panic that this line tells of is the consequence of this complaint."""
        reason = table.PANIC.sub("", panic)
        died = table.DEATHS.match(reason) and self.kind in {"OOPS", "BUG", "STACK", *MESSAGES}
        return bool(died or table.FOLLOWS.match(reason))

    def splat(self) -> Splat:
        """The report as a value."""
        trace = self._trace()
        key = [self.kind, *(trace or [re.sub(r"\d+", "N", self.title)])]
        fingerprint = hashlib.sha256("\n".join(key).encode(errors="replace")).hexdigest()[:16]
        blamed = trace[0] if trace else self._named()
        return Splat(self.kind, self.title, fingerprint, tuple(self.lines), blamed, trace, self.test)

    def _trace(self) -> tuple[str, ...]:
        """The functions, the one to blame first: the trace's own first one, unless the lines before it name another."""
        trace = self.frames or self.guesses or self.before
        found = next(filter(None, map(traces.TOLD.match, self.lines[1:HEAD])), None)
        told = traces.bare(found["name"]) if found else ""
        return tuple(([told] if told and trace[:1] != [told] else []) + trace)

    def _named(self) -> str:
        """The function that the first lines tell of, where there was no trace."""
        found = (traces.NAMED.search(line) for line in self.lines[:3])
        names = (traces.bare(each["name"]) for each in found if each)
        return next((name for name in names if not traces.is_machinery(name)), "")
