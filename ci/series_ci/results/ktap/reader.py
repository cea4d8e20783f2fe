"""Read a KTAP report with a stack of open levels.

Each level of nesting prefixes its lines with `# ` (kselftest) or indents them (KUnit), and children precede the line of
their parent. So a stack of open levels is enough, each identified by the column at which its lines start: a result line
takes everything deeper as its children. Tests whose parent gets no such line are put below a CRASH.
"""

from __future__ import annotations

import re

from series_ci.results import logline
from series_ci.results.ktap.levels import BAIL
from series_ci.results.ktap.line import announced, column_of, is_torn, outcome, test_name
from series_ci.results.ktap.names import ROOT, NestedTest
from series_ci.results.ktap.stack import STEP, LevelStack
from series_ci.results.model import Status

MAX_DEPTH = 32

WAITING = 16_000_000
"""The maximum size, in characters, of tests that wait for the line of a parent that was not announced.

Beyond that, those of the outermost level are handed on without its name.
"""

_INDENT = re.compile(r"(?:\t| {4}| {2})$")
_ALL_WELL = re.compile(r"# Totals: pass:\d+ fail:0 xfail:\d+ xpass:\d+ skip:[1-9]\d* error:0\s*$")


class Reader(LevelStack):
    """Reads a report line by line."""

    def read(self, form: re.Match[str]) -> bool:
        """Read a line of the form LINE. Return False if it turns out to be mere text."""
        lead, verdict, number, rest = form.group("lead", "verdict", "number", "rest")
        if len(self._stack) >= MAX_DEPTH and column_of(lead) > self._stack[-1].column:
            return False
        if verdict:
            rest = rest or ""
            result = outcome(verdict == "ok", rest)
            runner = rest.lstrip().startswith("selftests: ")
            return not is_torn(rest) and self._result(lead, int(number) if number else None, *result, runner=runner)
        if form["version"]:
            return self._version(lead)
        if form["plan"]:
            return self._plan(lead, int(form["plan"]), form["why"] or "")
        if form["bail"] is not None:
            return self._bail(lead, form["bail"].strip())
        return lead.endswith("# ") and not is_torn(form[0]) and self._header(lead, form)

    def end(self) -> None:
        """End the report: no line follows, or none that belongs to it."""
        base = self._fold(-1)
        if base:
            # A program without a runner may have ended by ksft_exit_skip().
            base.end_block(Status.SKIP if _ALL_WELL.search(self._log.last()) else None)
            base.settle(base.place or ROOT)

    def plain(self, form: re.Match[str]) -> bool:
        """Read a line of the form PLAIN. Return False if it turns out to be mere text."""
        lead, verdict, number, name = form.groups()
        return self._result(lead, int(number), name, Status.PASS if verdict == "ok" else Status.FAIL, "")

    def _result(
        self, lead: str, number: int | None, name: str, status: Status, reason: str, *, runner: bool = False
    ) -> bool:
        level = self._find(lead)
        if not (level or self._may_open(lead)):
            return False
        if number is None and not (level and level.declared and (name or reason)):
            return False  # "ok" and some words are prose, unless a version or a plan declared KTAP at this level
        if level and level.firm and name != level.header:
            if name.startswith(level.header) or level.header.startswith(name):
                return False  # the line lost its end, or other text was written after it
            self._lose(level)
        child = None
        if not level or level is not self._stack[-1]:
            child = self._fold(column_of(lead))
            level = self._open(lead)
        repeated = number is not None and not runner and level.block.repeats(number, (name, status, reason))
        if repeated and not (child or level.header):
            return False  # no result, but keep the line in the log
        own = self._log.take(lead) if self._log.count else ()
        if name == reason:
            name = announced(own) or name
        test = NestedTest(name or f"#{number or level.block.count + 1}", status, reason, own)
        if child:
            child.give(test)
        level.add(test, number)
        if level.place is None and self._sink.waiting > WAITING:
            self._wait_no_longer()
        return True

    def _wait_no_longer(self) -> None:
        """Hand on the tests of the outermost waiting level without its name, because too much waits."""
        index = next(index for index, level in enumerate(self._stack) if level.place is None)
        self._stack[index].settle(self._stack[index - 1].place or ROOT if index else ROOT)

    def _version(self, lead: str) -> bool:
        level = self._find(lead)
        if level and level.last and level is not self._stack[0] and not lead.endswith("# "):
            # A new KUnit suite begins, and the result line of the one before never came.
            self._lose(self._stack[self._stack.index(level) - 1])
        elif level:
            self._lose(level)
            level.end_block()
        elif self._stack and self._stack[0].column > column_of(lead):
            self.end()
        level = self._open(lead)
        level.declared, level.bail, level.skip = True, "", ""
        level.note(self._log.take(lead))
        return True

    def _plan(self, lead: str, count: int, why: str) -> bool:
        if is_torn(why) or not (self._find(lead) or self._may_open(lead)):
            return False
        level = self._open(lead)
        repeated = level.block.plan == count and not level.block.count  # each child of a fork() may print its plan
        if level.block.plan >= 0 and not repeated:
            level.end_block()
            level.bail = ""
        level.block.plan, level.declared = count, True
        level.note(self._log.take(lead))
        if count == 0 and why.lower().startswith("skip"):
            level.skip = " ".join(why.split()[1:]) or "1..0"
        return True

    def _bail(self, lead: str, why: str) -> bool:
        if is_torn(why) or not (self._find(lead) or self._may_open(lead)):
            return False
        bail = f"{BAIL} {why}".strip()
        level = self._open(lead, bail)
        level.bail, level.bailed = bail, True
        self._log.add(f"{lead}# {bail}")
        return True

    def _header(self, lead: str, form: re.Match[str]) -> bool:
        outer = lead[:-2]
        if form["program"]:
            self._announce(outer, f"{form['folder']}/{form['program']}", firm=True)
            return True
        if form["subtest"]:
            return self._subtest(outer, test_name(form["subtest"]))
        level = self._find(outer)
        # run_vmtests.sh draws a line above this one; without that, "running ./x" may be any text.
        if not (level and level.declared and set(logline.split(self._log.last())[2].strip("# \t")) == {"-"}):
            return False
        self._announce(outer, test_name(form["running"]), firm=False)
        return False  # no result, but keep the line in the log

    def _subtest(self, lead: str, name: str) -> bool:
        """Read the name of a suite, which KUnit writes at the column of its cases, TAP 14 at that of its line."""
        column = column_of(lead)
        if column == (self._stack[0].column if self._stack else 0):
            if not (column and self._stack[0].is_fresh() and lead.isspace()):
                self._announce(lead, name, firm=True)
                return True
            self._stack.clear()  # the log begins with this suite
        outer = self._outer(lead)
        if not (lead.startswith(outer) and STEP.fullmatch(lead, len(outer))):
            outer = _INDENT.sub("", lead)
        if lead.endswith("# ") or outer == lead:
            return False  # after a `# ` it may be either
        level = self._find(lead)
        parent = self._find(outer) or self._open(outer)
        if parent.header != name or (level and level.last):
            declared = bool(level and level.declared)
            if parent.header or (level and level.last):
                self._lose(parent)
            parent.header, parent.firm = name, True
            level = self._open(lead)
            level.declared, level.place = declared, parent.inner()
        return True

    def _announce(self, lead: str, name: str, *, firm: bool) -> None:
        level = self._find(lead) or self._open(lead)
        if level.header == name and level is self._stack[-1]:
            return  # announced twice
        self._lose(level)
        level.header, level.firm = name, firm
