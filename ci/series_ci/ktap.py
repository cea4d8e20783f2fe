"""KTAP, the text in which kernel tests report: lines in, results out, nested to any depth.

Each level of nesting prefixes its lines with `# ` (kselftest) or indents them (KUnit); children come before the line of
their parent. So a stack of open levels, each known by the column at which its lines start, is enough: a result line
takes all that stands deeper as its children. Tests whose parent gets no such line are put under a CRASH.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from series_ci import text
from series_ci._ktap_line import LINE, announced, is_torn, may_matter, outcome, test_name
from series_ci._ktap_tree import LOST, Level, Log, Test, results
from series_ci.results import Result, Status

__all__ = ["LOST", "parse"]

MAX_DEPTH = 32

_STEP = re.compile(r"# | {2}| {4}|\t")  # what one level of nesting adds to the prefix
_INDENT = re.compile(r"(?:\t| {4}| {2})$")


def parse(lines: Iterable[str]) -> list[Result]:
    """The results in the log, in its order: children before their parent.

    Lines may carry their line ends. If the first does, then a last line without one was cut, and says nothing. Lines
    with printk's time stamp and lines without one are read apart: kernel tests may report while a program does.
    """
    log = Log()
    kernel, user = _Reader(log), _Reader(log)
    ended: bool | None = None
    for line in lines:
        if ended is None:
            ended = line.endswith("\n")
        if may_matter(line) and not (ended and line[-1] != "\n"):
            stamped, _, bare = text.split(line)
            form = LINE.match(bare)
            if form and (kernel if stamped else user).read(form):
                continue
        log.add(line)
    return results([*kernel.end(), *user.end()])


class _Reader:
    """The open levels, from the outermost to the innermost."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._stack: list[Level] = []
        self._done: list[Test] = []

    def read(self, form: re.Match[str]) -> bool:
        """Take one line in; False if it turns out to be mere text."""
        lead = form["lead"]
        if len(self._stack) >= MAX_DEPTH and _column(lead) > self._stack[-1].column:
            return False
        if form["verdict"]:
            return self._result(lead, form)
        if form["version"]:
            return self._version(lead)
        if form["plan"]:
            return self._plan(lead, int(form["plan"]), form["why"] or "")
        if form["bail"] is not None:
            return self._bail(lead, form["bail"].strip())
        return lead.endswith("# ") and not is_torn(form[0]) and self._header(lead, form)

    def end(self) -> list[Test]:
        """All tests, when no line is left."""
        base = self._fold(-1)
        if base:
            base.end_block()
            self._done += base.tests
        return self._done

    def _result(self, lead: str, form: re.Match[str]) -> bool:
        rest = form["rest"] or ""
        number = int(form["number"]) if form["number"] else None
        level = self._find(lead)
        if is_torn(rest) or not (level or self._may_open(lead)):
            return False
        if number is None and not (level and level.declared and rest.strip()):
            return False  # "ok" and some words: prose, unless the program said that it speaks KTAP here
        name, status, reason = outcome(form["verdict"] == "ok", rest)
        if level and level.firm and name != level.header:
            if name.startswith(level.header) or level.header.startswith(name):
                return False  # the end of this line was lost, or other text was written behind it
            self._lose(level)
        child = self._fold(_column(lead))
        level = self._open(lead)
        if child:
            child.end_block(status)
            if child.skip and status in (Status.PASS, Status.SKIP):
                status, reason = Status.SKIP, reason or child.skip
        own = self._log.take(lead)
        if name == reason:
            name = announced(own) or name
        name = name or f"#{number or len(level.numbers) + 1}"
        log = (child.log if child else ()) + own
        level.add(Test(name, status, reason, log, child.tests if child else []), number)
        return True

    def _version(self, lead: str) -> bool:
        level = self._find(lead)
        if level and level.tests and level is not self._stack[0] and not lead.endswith("# "):
            # A new suite of KUnit's, and the line of the one before never came.
            self._lose(self._stack[self._stack.index(level) - 1])
        elif level:
            self._lose(level)
            level.end_block()
        elif self._stack and self._stack[0].column > _column(lead):
            self.end()
        level = self._open(lead)
        level.declared, level.bail, level.skip = True, "", ""
        level.log += self._log.take(lead)
        return True

    def _plan(self, lead: str, count: int, why: str) -> bool:
        if is_torn(why) or not (self._find(lead) or self._may_open(lead)):
            return False
        level = self._open(lead)
        if level.plan >= 0:
            level.end_block()
            level.bail = ""
        level.plan, level.declared = count, True
        level.log += self._log.take(lead)
        if count == 0 and why.lower().startswith("skip"):
            level.skip = " ".join(why.split()[1:]) or "1..0"
        return True

    def _bail(self, lead: str, why: str) -> bool:
        if is_torn(why) or not (self._find(lead) or self._may_open(lead)):
            return False
        bail = f"Bail out! {why}".strip()
        self._open(lead, bail).bail = bail
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
        # run_vmtests.sh draws a line above this one; without it, "running ./x" is anybody's text.
        if not (level and level.declared and set(text.split(self._log.last())[2].strip("# \t")) == {"-"}):
            return False
        self._announce(outer, test_name(form["running"]), firm=False)
        return False  # but worth a line in the log

    def _subtest(self, lead: str, name: str) -> bool:
        """KUnit writes the name of a suite at the column of its cases; TAP 14 at that of the suite's own line."""
        column = _column(lead)
        if column == (self._stack[0].column if self._stack else 0):
            self._announce(lead, name, firm=True)
            return True
        outer = self._outer(lead)
        if not (lead.startswith(outer) and _STEP.fullmatch(lead, len(outer))):
            outer = _INDENT.sub("", lead)
        if lead.endswith("# ") or outer == lead:
            return False  # below a `# ` it may be either
        level = self._find(lead)
        parent = self._find(outer) or self._open(outer)
        if parent.header != name or (level and level.tests):
            declared = bool(level and level.declared)
            if parent.header or (level and level.tests):
                self._lose(parent)
            parent.header, parent.firm = name, True
            self._open(lead).declared = declared
        return True

    def _announce(self, lead: str, name: str, *, firm: bool) -> None:
        level = self._find(lead) or self._open(lead)
        if level.header == name and level is self._stack[-1]:
            return  # said twice
        self._lose(level)
        level.header, level.firm = name, firm

    def _find(self, lead: str) -> Level | None:
        if self._stack and self._stack[-1].lead == lead:
            return self._stack[-1]  # nearly always
        column = _column(lead)
        return next((level for level in reversed(self._stack) if level.column == column), None)

    def _outer(self, lead: str) -> str:
        """The prefix of the innermost open level above lines with this one."""
        column = _column(lead)
        return next((level.lead for level in reversed(self._stack) if level.column < column), "")

    def _may_open(self, lead: str) -> bool:
        """Whether lines with this prefix can be one level below an open one, though nothing declared them."""
        outer = self._outer(lead)
        return not lead or (lead.startswith(outer) and _STEP.fullmatch(lead, len(outer)) is not None)

    def _open(self, lead: str, bail: str = "") -> Level:
        """The level with this prefix; whatever is open below it has lost its parent."""
        if self._stack and self._stack[-1].lead == lead:
            return self._stack[-1]
        column = _column(lead)
        child = self._fold(column)
        if not (self._stack and self._stack[-1].column == column):
            log = self._log.take(self._stack[-1].lead) if self._stack else ()
            self._stack.append(Level(lead, column, log=log))
        level = self._stack[-1]
        if child:
            level.bail = bail or level.bail
            self._settle(level, child)
        return level

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


def _column(lead: str) -> int:
    return len(lead.expandtabs()) if "\t" in lead else len(lead)
