"""One line of KTAP: which form it has, and what a result line reports."""

from __future__ import annotations

import re
from collections.abc import Iterable

from series_ci.results.model import Status

LINE = re.compile(
    r"(?P<lead>(?:[ \t]|\#(?=[ \t]))*+)"
    r"(?:(?P<verdict>ok|not\ ok)(?:\ +(?P<number>[0-9]{1,9})(?=\s|$))?(?P<rest>\s.*)?$"
    r"|K?(?P<version>TAP)\ version\ [0-9]+(?:\.[0-9]+)?\s*$"
    r"|1\.\.(?P<plan>[0-9]{1,9})(?:\s+\#\s*(?P<why>.*))?\s*$"
    r"|Bail\ out!\s*(?P<bail>.*?)(?:\#\ (?:Planned\ tests|Totals:).*)?$"
    r"|Subtest:\s+(?P<subtest>.*\S)"
    r"|selftests:\s(?P<folder>[^\s:]+):\s(?P<program>\S+)\s*$"
    r"|running\ (?:bash\ )?\./(?P<running>.*\S))",
)
"""All forms that matter. The lead of the three comments at the end includes the comment's own `# `."""

PLAIN = re.compile(
    r"(?P<lead>(?:\# |\ {4})*+)(?P<verdict>ok|not\ ok)\ (?P<number>[0-9]{1,9})\ (?P<name>[A-Za-z_][\w./-]*)$"
)
"""The form of most result lines, which need no further parsing."""

BEHIND = re.compile(r"(?<!not )(?:not )?ok [0-9]{1,9} (?P<name>selftests: [^\s:]+: \S+)(?: # .*)?\s*$")
"""A runner's result line that follows a test's output on the same line, since that did not end with a newline."""

_DIRECTIVE = re.compile(
    r"(?:^|\s)#\s*(?P<word>skip|xfail|todo|timeout|error)(?:ped|ping)?(?=[\s:]|$)[\s:]*(?P<why>.*)", re.IGNORECASE
)
_EXIT = re.compile(r"\s*exit=[0-9]+$")
_STATUS = {
    "skip": Status.SKIP,
    "xfail": Status.XFAIL,
    "timeout": Status.TIMEOUT,
    "error": Status.ERROR,
}
_RUN = re.compile(r"^\W*RUN {11}(\S+) \.\.\.$")
_RUNNER = re.compile(r"selftests: ([^\s:]+): (.+)")

# Text that cannot be part of a result line: the kernel, or another report, wrote into the middle of it.
_TORN = re.compile(
    r"\[ *[0-9]+\.[0-9]{6}\]|\[ *[TC][0-9]+\]|cut here \]-|[\x00-\x08\x0b-\x1f\x7f]"
    r"|ok [0-9]+ selftests: |TAP version [0-9]"
)


def may_matter(line: str) -> bool:
    """Return whether the line may have one of the forms. This is a quick test before a regular expression."""
    return (
        "ok " in line
        or "1.." in line
        or "TAP version" in line
        or "selftests: " in line
        or "Subtest:" in line
        or "Bail out!" in line
        or "running " in line
        or "\x1b" in line
        or "^[" in line
        or "ok\t" in line
        or ":OK" in line
        or ":FAIL" in line
        or ":SKIP" in line
        or "error logs:" in line
        or "Linux version " in line
        or "Entering directory" in line
    )


def column_of(lead: str) -> int:
    """Return the column at which the text after a prefix starts."""
    return len(lead.expandtabs()) if "\t" in lead else len(lead)


def is_torn(text: str) -> bool:
    """Return whether foreign text is in the middle of the line."""
    perhaps = "]" in text or "ok " in text or "TAP " in text or not text.isprintable()
    return perhaps and _TORN.search(text) is not None


def test_name(text: str) -> str:
    """Return the name in a result line or header: one space between words, `selftests: mm: x` as `mm/x`."""
    name = " ".join(text.split()).removeprefix("- ")
    if name.startswith("selftests: ") and (runner := _RUNNER.fullmatch(name)):
        return f"{runner[1]}/{runner[2]}"
    return "" if name == "-" else name


def is_cut(rest: str) -> bool:
    """Return whether the part of a result line after its number may have lost the end of a directive."""
    name, mark, comment = rest.partition("#")
    if not mark:
        return not name.strip() or name[-1:].isspace()
    return _DIRECTIVE.search(rest) is None and _EXIT.match(comment) is None


def announced(log: Iterable[str]) -> str:
    """Return the test that kselftest_harness.h announced last, or "".

    Up to Linux 6.8 the result line of a skipped test has no name.
    """
    runs = [match[1] for line in log if (match := _RUN.search(line))]
    return runs[-1] if runs else ""


def outcome(passed: bool, rest: str) -> tuple[str, Status, str]:
    """Return name, status and reason, from the part of a result line after its number.

    A result without a name gets its reason as name: kselftest.h prints the name of a skipped or expectedly failing test
    after the directive.
    """
    status = Status.PASS if passed else Status.FAIL
    if "#" not in rest:
        return test_name(rest), status, ""
    directive = _DIRECTIVE.search(rest)
    if directive is None:
        name, _, reason = (rest + " ").partition(" # ")
        reason = " ".join(reason.split())
        # Some runners print the exit status of a skipped kselftest instead of the directive.
        return test_name(name), Status.SKIP if reason == "exit=4" and not passed else status, reason
    word, reason = directive["word"].lower(), " ".join(directive["why"].split())
    if word == "todo":
        status = Status.PASS if passed else Status.XFAIL
    return test_name(rest[: directive.start()]) or reason, _STATUS.get(word, status), reason
