"""Find the kernel's complaints in a console log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from series_ci.results import logline, prefixes
from series_ci.results.model import Splat
from series_ci.results.splat import blame, levels, shapes
from series_ci.results.splat.report import MAX_LINES, Report
from series_ci.results.splat.title import title

__all__ = ["MAX_LINES", "MAX_SAME", "MAX_SPLATS", "find", "is_machinery"]

MAX_SAME = 20  # complaints with one fingerprint; a WARN in a loop says no more the hundredth time
MAX_SPLATS = 1000

_MAY_BE_STAMPED = prefixes.STARTS | {"\x1b", "\r"}

_MARK = "series-ci: "
_MARKED = re.compile(r"\] series-ci: (?P<what>start|done) (?P<number>\d{1,6})\s*$")

_QUOTE = re.compile(r"(?:^|\s)[#>|](?:\s|$)")
"""A mark that a program puts before what it quotes."""

_INDENT = re.compile(r" {2,16}(?! )|\t(?!\t)")
"""What a mail or a commit message puts before every line of a log."""

_PROGRAMS = "programs"
"""Stands for the caller id of lines without a time stamp, in a log with time stamps."""


def is_machinery(function: str) -> bool:
    """Return whether a function is passed over when one is to be blamed."""
    return blame.role(function) is not None


def find(lines: Iterable[str], tests: Sequence[str] = ()) -> list[Splat]:
    """Return the complaints in a console log, in the order of their first lines.

    If the log has printk's time stamps, a line without one is a program's, and is a complaint only if a stack trace of
    the kernel follows, also without time stamps. Caller ids keep the reports of several CPUs apart. A panic that
    follows from a complaint is part of it. `tests` are the names of the guest's tests: /init writes their begin and end
    to the kernel's log by number, from 1.
    """
    finder = _Finder(tests)
    reports, hint = finder.open, shapes.HINT.search
    for line in lines:
        if reports or hint(line) or (finder.records and line[:2] in levels.STARTS):
            finder.read(line)
        elif not finder.stamped and (line[:1] in _MAY_BE_STAMPED or line[:1] > "\x7f"):
            finder.stamped = logline.split(line)[0]
            finder.records = levels.RECORD.match(line) is not None
            if finder.records and line[:2] in levels.STARTS:
                finder.read(line)
    return finder.end()


class _Finder:
    """The reports that are being printed, by caller id, and all reports so far."""

    def __init__(self, tests: Sequence[str] = ()) -> None:
        self.stamped = False
        self.records = False  # the log has the format of /dev/kmsg
        self._tests = tests
        self._test = ""
        self._indent = ""
        self.open: dict[str, Report] = {}
        self._reports: list[Report] = []
        self._latest: dict[str, Report] = {}
        self._seen: Counter[str] = Counter()

    def _mark(self, mark: re.Match[str]) -> None:
        """Note that a test begins or is over: the complaints from here on belong to it, or to none."""
        number = int(mark["number"])
        runs = mark["what"] == "start" and 0 < number <= len(self._tests)
        self._test = self._tests[number - 1] if runs else ""

    def read(self, line: str) -> None:
        """Read a line that may begin or continue a report."""
        if _MARK in line and (mark := _MARKED.search(line)):
            self._mark(mark)
            return
        if not self.stamped:
            self.records = levels.RECORD.match(line) is not None
        hinted = (self.records and line[:2] in levels.STARTS) or shapes.HINT.search(line) is not None
        whole, line = line, self._dedented(line, hinted=hinted)
        quoted = line is not whole
        stamped, caller, line = logline.split_torn(line) if hinted or self.stamped else logline.split(line)
        self.stamped = self.stamped or stamped
        if self.stamped and not stamped:
            caller = _PROGRAMS
        report = self.open.get(caller) or self._answers(caller, line)
        hinted = hinted or (report is not None and not report.kind)
        shape, start = self._shape(line, stamped=stamped) if hinted else (None, 0)
        if hinted and stamped and shape is None and not (report and report.has_levels):
            shape = levels.severe(whole[: whole.rfind(line)], line)
        if shape and (caller is _PROGRAMS or (quoted and not stamped)):
            shape = shape._replace(sure=False)
        if shape is not None and not (report and report.includes(shape, line)):
            self._begin(caller, shape, line, start)
        elif report:
            self._continue(caller, report, line)

    def _dedented(self, line: str, *, hinted: bool) -> str:
        """Return the line without the indentation of the whole log, which is known from the first complaint."""
        if self._indent and line.startswith(self._indent):
            return line[len(self._indent) :]
        if hinted and not self._indent and (indent := _INDENT.match(line)):
            bare = line[indent.end() :]
            if logline.split(bare)[0] or (not self.stamped and shapes.shape(bare, 0, stamped=False)):
                self._indent = indent[0]
                return bare
        return line

    def _answers(self, caller: str, line: str) -> Report | None:
        """Return the report of the CPU that has asked this one for its backtrace, if the line begins that."""
        if not shapes.ANSWER.match(line):
            return None
        report = next((waiting for waiting in self.open.values() if waiting.asked), None)
        if report:
            self.open[caller] = report
        return report

    def end(self) -> list[Splat]:
        """Close all reports, and return all complaints."""
        for caller in list(self.open):
            self._close(caller)
        # A "cut here" that nothing follows is no complaint if there are others, even if it came before them.
        kept = [report for report in self._reports if len(report.lines) > 1 or not shapes.CUT.match(report.lines[0])]
        return [report.splat() for report in kept or self._reports]

    def _shape(self, line: str, *, stamped: bool) -> tuple[shapes.Shape | None, int]:
        """Return the shape of the report that begins in this line, and the position where it begins."""
        if shape := shapes.shape(line, 0, stamped=stamped):
            return shape, 0
        if not (self._reports or self.open) and (shape := shapes.headless(line)):
            return shape._replace(sure=stamped), 0
        inside = shapes.INSIDE.search(line)
        if inside is None or inside.start() == 0 or _QUOTE.search(line, 0, inside.start()):
            return None, 0
        shape = shapes.shape(line, inside.start(), stamped=stamped)
        return (shape._replace(sure=False), inside.start()) if shape else (None, 0)

    def _begin(self, caller: str, shape: shapes.Shape, line: str, start: int) -> None:
        around = self.open.get(caller)
        if around and around.is_lone_cut and shape.kind == "PANIC":
            self._close(caller)
        last = self._latest.get(caller) or (self._reports[-1] if self._reports else None)
        if last and ((shape.kind == "PANIC" and last.causes(line)) or last.awaits(shape, line)):
            if self.open.get(caller) is not last:
                self._close(caller)
            last.trim()
            if shape.kind == "PANIC":
                last.stack.panic(last.kind)
            self.open[caller] = last
            last.add(line)
            last.foreign = 0
            return
        if around and around.sure and around.end != "next" and shape.sure and shape.end in {"line", "next"}:
            self._note(shape, line, start)
            return
        self._close(caller)
        if len(self._reports) >= MAX_SPLATS:
            return
        report = Report(shape.kind, title(line[start:]), shape.end, shape.sure, self._test)
        self.open[caller] = report
        if report.sure:
            self._keep(caller, report)
        report.add(line)
        report.foreign = 0
        if shape.end == "line" and report.sure:
            self._close(caller)

    def _note(self, shape: shapes.Shape, line: str, start: int) -> None:
        """Keep a complaint of one line that came in the middle of a report. The report continues."""
        if len(self._reports) < MAX_SPLATS:
            report = Report(shape.kind, title(line[start:]), shape.end, sure=True, test=self._test)
            report.add(line)
            self._reports.append(report)
            self._count(report)

    def _keep(self, caller: str, report: Report) -> None:
        report.kept = True
        self._reports.append(report)
        self._latest[caller] = report

    def _continue(self, caller: str, report: Report, line: str) -> None:
        if report.end == "next":
            self._close(caller)
            return
        rule = shapes.RULE.match(line) is not None and not shapes.UNDERLINED.match(report.lines[-1])
        if rule and report.end != "rule" and report.stack.frames:
            self._close(caller)  # this line begins the next report
            return
        report.add(line)
        if report.sure and not report.kept:
            self._keep(caller, report)
        if shapes.END.match(line) or (rule and len(report.lines) > 1) or report.is_over():
            self._close(caller)

    def _close(self, caller: str) -> None:
        report = self.open.pop(caller, None)
        for other in [other for other, shared in self.open.items() if shared is report]:
            del self.open[other]
        if report is None or not report.sure:
            return
        if not report.kind:  # "cut here", and no known first line after it
            if report.is_lone_cut and len(self._reports) > 1:
                self._reports = [other for other in self._reports if other is not report]
                self._latest.pop(caller, None)
                return
            report.kind = "WARNING"
            if shapes.CUT.match(report.lines[0]) and report.lines[1:]:
                report.title = title(report.lines[1])
        report.trim()
        self._count(report)

    def _count(self, report: Report) -> None:
        """Count the report by its fingerprint, and drop it if that has come more than MAX_SAME times."""
        if report.counted:  # the report was closed and opened again
            self._seen[report.counted] -= 1
        report.counted = report.splat().fingerprint
        self._seen[report.counted] += 1
        if self._seen[report.counted] > MAX_SAME:
            self._reports = [other for other in self._reports if other is not report]
