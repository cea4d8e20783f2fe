"""What reports in other words than KTAP, told in KTAP: kselftest up to Linux 5.1, and BPF's test_progs."""

from __future__ import annotations

import re

_HEADER = re.compile(r"selftests: [^\s:]+: \S+\s*$")
_RULE = "=" * 20
_FLAT_END = re.compile(
    r"(?P<verdict>ok|not ok) 1\.\.(?P<number>[0-9]{1,9}) (?P<name>selftests: .+) \[(?P<word>[A-Z]+)\]\s*$"
)
_PROGS = re.compile(
    r"(?P<lead>(?:\# )*)\#(?P<number>[0-9]{1,6})(?:/(?P<sub>[0-9]{1,6}))?\s+(?P<name>\S.*?)"
    r":(?P<word>OK|FAIL|SKIP)(?: \(SKIP: [0-9]+/[0-9]+\))?\s*$"
)


class Dialects:
    """Translates line by line.

    Up to Linux 5.1 the runner wrote a header without `# ` and a rule below it, then what the program said as it was,
    and `ok 1..1 selftests: mm: prog [PASS]`. test_progs writes `#7/2 name/of_subtest:OK` and `#7 name:OK`; at its end
    it repeats those that failed, with their logs.
    """

    def __init__(self) -> None:
        self.header = ""  # it counts if the next line is a rule
        self.flat = False  # a program talks that knows no KTAP
        self._repeats = False

    def translate(self, line: str) -> str:
        """The line that says the same in KTAP: the line itself, nearly always."""
        if self.header:
            header, self.header = self.header, ""
            if line.startswith(_RULE):
                self.flat = True
                return f"# {header}"
        if "selftests: " in line:
            self._repeats = False
            if _HEADER.match(line):
                self.flat, self.header = False, line
                return line
            if end := _FLAT_END.match(line):
                self.flat = False
                return f"{end['verdict']} {end['number']} {end['name']}{_directive(end)}"
        if "error logs:" in line:
            self._repeats = True
        if ":" in line and "#" in line and (progs := _PROGS.match(line)):
            line = line if self._repeats else _progs(progs)
        return f"# {line}" if self.flat else line


def _progs(form: re.Match[str]) -> str:
    verdict = "not ok" if form["word"] == "FAIL" else "ok"
    if form["sub"] is None:
        return f"{form['lead']}{verdict} {form['number']} {form['name']}{_directive(form)}"
    name = form["name"].partition("/")[2] or form["name"]
    return f"{form['lead']}    {verdict} {form['sub']} {name}{_directive(form)}"


def _directive(form: re.Match[str]) -> str:
    return " # SKIP" if form["word"] == "SKIP" else ""
