"""One line of a console log: its text, and what terminals, printk and loggers put around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from series_ci.results import prefixes

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]_][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")

_PROMPT = re.compile(r"(?:^\S*(?:[~/:]|@\S+)|\]) ?#$")
"""A shell's prompt for root, behind a folder or a host: `~ #`, `root@box:/tmp#`, `[root@box ~]#`."""

_STAMP = re.compile(r"(?:<[0-9]{1,3}>)?\[ *[0-9]+\.[0-9]{6}\]")


def both_ends(lines: Sequence[str], most: int) -> Sequence[str]:
    """Return at most about `most` lines: half of them from each end, and between them a line that counts the rest."""
    if len(lines) <= most:
        return lines
    half = most // 2
    return [*lines[:half], f"... {len(lines) - 2 * half} lines left out ...", *lines[-half:]]


def plain(line: str) -> str:
    """Return the line without its line end and without terminal escapes.

    Escapes as `cat -v` and others write them (`^[[0m`, `^M`) are removed too.
    """
    line = line.strip("\r\n")
    if "^" in line:
        line = line.replace("^[", "\x1b").removesuffix("^M")
    return _ANSI.sub("", line).strip("\r") if "\x1b" in line else line


def split(line: str) -> tuple[bool, str, str]:
    """Return whether a prefix of printk or a logger precedes the text, the caller id (`T12`, `C1` or ""), and the text.

    What a recorder put before every line is removed, and is no such prefix.
    """
    line = line.strip("\r\n")
    if "\x1b" in line or "^[" in line or line[-2:] == "^M":
        line = plain(line)
    start = line[:1]
    if start not in prefixes.STARTS and start < "\x80":
        return False, "", line
    stamped = line[:2] == "[ "  # as most stamps of the kernel's begin
    if not stamped and (start in prefixes.RECORDER_STARTS or start > "\x7f"):
        recorder = prefixes.RECORDER.match(line)
        line = line[recorder.end() :] if recorder else line
    if not (prefix := prefixes.PRINTER.match(line)):
        return False, "", line
    return True, prefix["caller"] or prefix["writer"] or "", line[prefix.end() :]


def split_torn(line: str) -> tuple[bool, str, str]:
    """Split a line as `split` does; if printk began a new line in the middle of it, split that new one.

    A program that quotes such a line after a mark such as `# ` has written a line of its own. A shell's prompt (`~ # `)
    is not such a mark.
    """
    whole = split(line)
    _, _, tail = whole
    stamps = list(_STAMP.finditer(tail))
    if not stamps or _quotes(tail[: stamps[0].start()].strip()):
        return whole
    return split(tail[stamps[-1].start() :])


def _quotes(before: str) -> bool:
    return before[-1:] in {"", ">", "|"} or (before[-1:] == "#" and _PROMPT.search(before) is None)


def tear(line: str) -> str | None:
    """Return what precedes the kernel's time stamp in a line that printk wrote into, or None if there is no stamp."""
    stamp = _STAMP.search(line, 1)
    return line[: stamp.start()] if stamp else None
