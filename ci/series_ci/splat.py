"""Kernel complaints in a console log: what the kernel says of itself when it is not well."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from series_ci import _splat_table as table
from series_ci import text
from series_ci.results import Splat

MAX_LINES = 200
MAX_SAME = 20  # of one fingerprint; a WARN in a loop says no more the hundredth time
MAX_SPLATS = 1000
FRAMES = 5
PATIENCE = 20  # lines of no known shape in a row, after which a report without an end marker is over
PATIENCE_AFTER_TRACE = 5

_MARK = "series-ci: "
_MARKED = re.compile(r"\] series-ci: (?P<what>start|done) (?P<number>\d{1,6})\s*$")

_MESSAGES = frozenset({"LIST", "REFCOUNT", "SLAB"})
"""Kinds whose first line is the message of a WARN() or BUG() that follows, or that it is in."""


def find(lines: Iterable[str], tests: Sequence[str] = ()) -> list[Splat]:
    """The complaints in a console log, in the order of their first lines.

    Where the log has printk's time stamps, a line without one is a program's, and never a complaint. Caller ids keep
    the reports of several CPUs apart. A panic that follows from a complaint is part of it. `tests` are the names of the
    guest's tests, whose beginning and end /init puts into the kernel's log by their numbers, from 1.
    """
    finder = _Finder(tests)
    hint = table.HINT.search
    for line in lines:
        if _MARK in line and (mark := _MARKED.search(line)):
            finder.mark(mark)
        elif finder.open or hint(line):
            finder.read(line)
        elif not finder.stamped:
            finder.stamped = text.split(line)[0]
    return finder.end()


@dataclass(slots=True)
class _Report:
    kind: str
    title: str
    end: str
    test: str = ""
    lines: list[str] = field(default_factory=list)
    before: list[str] = field(
        default_factory=list
    )  # frames above the first "Call Trace": allocation stacks, lock chains
    frames: list[str] = field(default_factory=list)
    traced: bool = False
    complete: bool = False  # the frames are
    foreign: int = 0

    def add(self, line: str) -> None:
        """One more line, which may turn out to be foreign."""
        if len(self.lines) < MAX_LINES:
            self.lines.append(line)
        self.traced = self.traced or table.TRACE.match(line) is not None
        self.complete = self.complete or (self.traced and table.ELSEWHERE.match(line) is not None)
        ip = table.IP.match(line)
        frame = ip or table.FRAME.match(line)
        if frame and not (self.complete or frame.groupdict().get("guess")):
            self._frame(table.bare(frame["name"]), instruction=ip is not None)
        if frame or table.GOES_ON.match(line):
            self.foreign = 0
        else:
            self.foreign += 1

    def _frame(self, function: str, *, instruction: bool) -> None:
        frames = self.frames if self.traced or instruction else self.before
        if len(frames) < FRAMES and not table.is_machinery(function) and frames[-1:] != [function]:
            frames.append(function)

    def is_over(self) -> bool:
        """Whether the report had ended before the last few lines."""
        has_trace = self.traced and bool(self.frames) and self.end == "trace"
        return self.foreign > (PATIENCE_AFTER_TRACE if has_trace else PATIENCE)

    def trim(self) -> None:
        """Take off the foreign lines at the end."""
        if self.foreign and len(self.lines) < MAX_LINES:
            del self.lines[max(len(self.lines) - self.foreign, 1) :]
        self.foreign = 0

    def splat(self) -> Splat:
        """The report as a value."""
        key = [self.kind, *(self.frames or self.before or [re.sub(r"\d+", "N", self.title)])]
        fingerprint = hashlib.sha256("\n".join(key).encode(errors="replace")).hexdigest()[:16]
        trace = tuple(self.frames or self.before)
        return Splat(self.kind, self.title, fingerprint, tuple(self.lines), "".join(trace[:1]), trace, self.test)


class _Finder:
    """The reports that are being printed, by caller id, and all that were."""

    def __init__(self, tests: Sequence[str] = ()) -> None:
        self.stamped = False
        self._tests = tests
        self._test = ""
        self.open: dict[str, _Report] = {}
        self._reports: list[_Report] = []
        self._latest: dict[str, _Report] = {}
        self._seen: Counter[str] = Counter()

    def mark(self, found: re.Match[str]) -> None:
        """A test begins or is over: what comes from here on came in it, or in none."""
        number = int(found["number"])
        runs = found["what"] == "start" and 0 < number <= len(self._tests)
        self._test = self._tests[number - 1] if runs else ""

    def read(self, line: str) -> None:
        """Take in one line that may begin or continue a report."""
        stamped, caller, line = text.split(line)
        if not stamped and self.stamped:
            return
        self.stamped = stamped
        shape = self._shape(line)
        report = self.open.get(caller)
        if shape is not None and not (report and _belongs(report, shape, line)):
            self._begin(caller, shape, line)
        elif report:
            self._continue(caller, report, line)

    def end(self) -> list[Splat]:
        """All complaints, when no line is left."""
        for caller in list(self.open):
            self._close(caller)
        return [report.splat() for report in self._reports]

    def _shape(self, line: str) -> table.Shape | None:
        if not table.HINT.search(line):
            return None
        shape = next((shape for shape in table.SHAPES if shape.pattern.match(line)), None)
        if shape is None and self.stamped and table.GENERIC_BUG.pattern.match(line):
            return table.GENERIC_BUG
        return shape

    def _begin(self, caller: str, shape: table.Shape, line: str) -> None:
        last = self._latest.get(caller) or (self._reports[-1] if self._reports else None)
        if last and shape.kind == "PANIC" and _follows(line, last):
            if self.open.get(caller) is not last:
                self._close(caller)
            last.trim()
            last.complete = True
            self.open[caller] = last
            last.add(line)
            return
        self._close(caller)
        if len(self._reports) >= MAX_SPLATS:
            return
        report = _Report(shape.kind, table.title(line), shape.end, self._test)
        self._reports.append(report)
        self.open[caller] = self._latest[caller] = report
        report.add(line)
        report.foreign = 0
        if shape.end == "line":
            self._close(caller)

    def _continue(self, caller: str, report: _Report, line: str) -> None:
        if table.RULE.match(line) and report.end != "rule" and report.frames:
            self._close(caller)  # the next report opens with this line
            return
        report.add(line)
        if table.END.match(line) or (table.RULE.match(line) and len(report.lines) > 1) or report.is_over():
            self._close(caller)

    def _close(self, caller: str) -> None:
        report = self.open.pop(caller, None)
        if report is None:
            return
        if not report.kind:  # "cut here", and nothing known after it
            report.kind, report.title = "WARNING", table.title(report.lines[1] if report.lines[1:] else report.lines[0])
        report.trim()
        fingerprint = report.splat().fingerprint
        self._seen[fingerprint] += 1
        if self._seen[fingerprint] > MAX_SAME:
            self._reports = [each for each in self._reports if each is not report]


def _belongs(report: _Report, shape: table.Shape, line: str) -> bool:
    """Whether a first line of a report is only the next line of the one that is being printed."""
    if shape.kind in ("PANIC", "STACK"):
        return shape.kind == report.kind == "STACK"
    if not report.kind and shape.kind:
        report.kind, report.title, report.end = shape.kind, table.title(line), shape.end
        return True
    if shape.kind == "LOCKDEP":
        return report.kind == "LOCKDEP" and line.lstrip().startswith("***")
    if report.frames:
        return False
    if shape.kind in ("", "WARNING"):
        return report.kind in _MESSAGES
    return shape.kind in ("OOPS", "BUG") and report.kind in {"OOPS", "BUG", "STACK", *_MESSAGES}


def _follows(line: str, last: _Report) -> bool:
    """Whether the panic in this line is the consequence of the last complaint."""
    reason = table.PANIC.sub("", line)
    died = table.DEATHS.match(reason) and last.kind in {"OOPS", "BUG", "STACK", *_MESSAGES}
    return bool(died or table.FOLLOWS.match(reason))
