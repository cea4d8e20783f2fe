"""One line of a console log: the text, and what terminals, printk and loggers put around it."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")

# A date, a host and "kernel:", as syslog (RFC 3164 and ISO dates) and journald write them.
_LOGGER = (
    r"(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.,+Z-]+"
    r"|\[ *[0-9]+\.[0-9]{6}\]) \S+ kernel: ?"
)
_PREFIX = re.compile(
    rf"(?:{_LOGGER}"
    r"|<[0-9]{1,3}>"  # the log level, as /dev/kmsg and consoles in raw mode show it
    r"|(?:kern|user|daemon|syslog) *:[a-z]+ *: "  # facility and level, as `dmesg -x` shows them
    r"|\[ *[0-9]+\.[0-9]{6}\]|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}\]"  # `dmesg -T` has dates
    r"|(?<=\]) (?=\[ *[TC][0-9])|\[ *(?P<caller>[TC][0-9]+)[^\]]*\]"
    r")+(?:(?<=\]) )?"
)
_PREFIX_STARTS = frozenset("[<0123456789ADFJMNOSkuds")


def plain(line: str) -> str:
    """The line without its end and without terminal escapes."""
    line = line.strip("\r\n")
    return _ANSI.sub("", line).strip("\r") if "\x1b" in line else line


def split(line: str) -> tuple[bool, str, str]:
    """Whether printk's or a logger's prefix stands before the text, the caller id (`T12`, `C1`, or ""), the text."""
    line = plain(line)
    if line[:1] not in _PREFIX_STARTS or not (prefix := _PREFIX.match(line)):
        return False, "", line
    return True, prefix["caller"] or "", line[prefix.end() :]
