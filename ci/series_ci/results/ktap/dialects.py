"""Translate other report formats to KTAP: kselftest up to Linux 5.1, and BPF's test_progs."""

from __future__ import annotations

import re

_HEADER = re.compile(r"(?P<lead>[ \t]*)selftests: (?:(?P<folder>[^\s:]+): )?(?P<program>[^\s:]+)\s*$")
_RULE = "=" * 20
_END = re.compile(
    r"(?P<lead>[ \t]*)(?:(?P<verdict>ok|not ok) 1\.\.(?P<number>[0-9]{1,9}) )?"
    r"selftests: (?:(?P<folder>[^\s:]+): )?(?P<name>\S.*?) \[(?P<word>[A-Z]+)\]\s*$"
)
_FOLDER = re.compile(r"make(?:\[[0-9]+\])?: Entering directory [`'].*/selftests/(?P<folder>.+?)'\s*$")
_COUNTS = re.compile(r"Pass [0-9]+ Fail [0-9]+ Xfail [0-9]+ Xpass [0-9]+ Skip [0-9]+ Error [0-9]+\s*$")
_PLAN = re.compile(r"\s*1\.\.[0-9]+\s*$")
_PROGS = re.compile(
    r"(?P<lead>(?:\# )*)\#(?P<number>[0-9]{1,6})(?:/(?P<sub>[0-9]{1,6}))?\s+(?P<name>\S.*?)"
    r":(?P<word>OK|FAIL|SKIP)(?: \(SKIP: [0-9]+/[0-9]+\))?\s*$"
)


class Dialects:
    """Translates a report line by line.

    Up to Linux 5.1 the kselftest runner wrote a header without `# `, a rule below it, the program's output as it was,
    and `ok 1..1 selftests: mm: prog [PASS]`. Linux 4.16 left out the folder, which make prints. Up to 4.13 it wrote
    only `selftests: prog [PASS]`. test_progs writes `#7/2 name/of_subtest:OK` and `#7 name:OK`, and repeats failed
    tests with their logs at its end.
    """

    def __init__(self) -> None:
        self.header: re.Match[str] | None = None  # a header only if the next line is a rule
        self.flat = False  # the lines are a program's own output, without KTAP
        self._lead = ""
        self._folder = ""
        self._bare = 0  # the number of results without a number; -1 if the log has numbered ones
        self._repeats = False

    def translate(self, line: str, before: str) -> str:
        """Return the line in KTAP; nearly always this is the line itself. `before` is the line before it."""
        if self.header:
            header, self.header = self.header, None
            self._lead = header["lead"]
            if line.startswith(self._lead + _RULE):
                self.flat = True
                return f"{self._lead}# {self._announced(header)}"
        if "selftests: " in line and (result := self._runner(line)):
            return result
        if folder := _FOLDER.match(line):
            self._folder = folder["folder"]
        if "TAP version" in line:
            self._bare = -1
        if "error logs:" in line:
            self._repeats = True
        if ":" in line and "#" in line and (progs := _PROGS.match(line)):
            line = line if self._repeats else _progs(progs)
        if _PLAN.match(line) and _COUNTS.search(before):
            line = f"# counted: {line.strip()}"  # counts the tests before it, and is no plan
        return f"{self._lead}# {line.removeprefix(self._lead)}" if self.flat else line

    def _runner(self, line: str) -> str:
        """Return the translation of a line of an old runner, or "" if it is none."""
        self._repeats = False
        if header := _HEADER.match(line):
            self.flat, self.header = False, header
            return line
        if "ok " in line:
            self._bare = -1
        if (end := _END.match(line)) and (number := self._number(end)):
            self.flat = False
            verdict = end["verdict"] or ("not ok" if end["word"] == "FAIL" else "ok")
            return f"{end['lead']}{verdict} {number} {self._named(end['folder'], end['name'])}{_directive(end)}"
        return ""

    def _number(self, end: re.Match[str]) -> str:
        """Return the number of a result of an old runner, or "" if a program wrote this line about itself."""
        if end["number"]:
            return str(end["number"])
        if self._bare < 0 or self.flat or " " in end["name"]:
            return ""
        self._bare += 1
        return str(self._bare)

    def _announced(self, header: re.Match[str]) -> str:
        named = self._named(header["folder"], header["program"])
        return named if named.startswith("selftests: ") else f"Subtest: {named}"

    def _named(self, folder: str | None, name: str) -> str:
        folder = folder or self._folder
        return f"selftests: {folder}: {name}" if folder else name


def _progs(form: re.Match[str]) -> str:
    verdict = "not ok" if form["word"] == "FAIL" else "ok"
    if form["sub"] is None:
        return f"{form['lead']}{verdict} {form['number']} {form['name']}{_directive(form)}"
    name = form["name"].partition("/")[2] or form["name"]
    return f"{form['lead']}    {verdict} {form['sub']} {name}{_directive(form)}"


def _directive(form: re.Match[str]) -> str:
    return " # SKIP" if form["word"] == "SKIP" else ""
