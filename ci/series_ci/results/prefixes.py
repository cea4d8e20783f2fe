"""What precedes the text of a log line: prefixes of printk, of loggers, and of recorders of whole consoles.

Each table maps who writes a prefix to the pattern of that prefix.
"""

from __future__ import annotations

import re

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_PART = r"(?:[.,][0-9]+)?"  # of a second
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_SECOND_SPACE = r"(?: (?=(?: {4})*(?! )))?"
"""LAVA puts two spaces after its date, others put one. Spaces by which KUnit indents belong to neither."""

_MONTH = "\u6708\uc6d4"  # in Chinese, Japanese and Korean
_SYSLOG = rf"(?:[0-9]{{4}} )?(?:[^\W\d_]{{3,4}}\.?|[ 0-9]?[0-9][{_MONTH}]) [ 0-9][0-9] {_CLOCK}(?:\.[0-9]+)?"
"""A month by its name in any language, a day, a time."""
_FULL = rf"[^\W\d_]{{2,4}}\.? {_DAY} {_CLOCK}(?:\.[0-9]+)? [A-Z+-][A-Z0-9]{{1,4}}"
_UNIX = r"[0-9]{1,11}\.[0-9]{6}"
_DATE = rf"(?:{_SYSLOG}|{_FULL}|{_UNIX})"
"""A date as journalctl writes it: `short` and `short-precise`, `short-full`, `short-unix`."""

_SERVICE = r"\S+ [\w.@-]+\[[0-9]+\]: "
"""Host, name and process id."""
_LEVEL = r"[A-Z]+ *\| (?:\[std(?:out|err)\] )?"
"""The log level of avocado and autotest."""

RECORDERS = {
    "CI systems, LAVA, journal of a service, GitLab, avocado": (
        rf"(?:\[stdlog\] )?{_DAY}[T ]{_CLOCK}{_PART}{_ZONE} {_SECOND_SPACE}(?!\S+ kernel:)"
        rf"(?:{_SERVICE}|[0-9a-f]{{2}}[OE][ +]|(?:[\w.]+ +){{1,2}}L[0-9]{{4}} {_LEVEL})?"
    ),
    "LAVA (with line numbers on its pages), labgrid, autotest": (
        rf"(?:[0-9]+ )?{_CLOCK}(?:\.[0-9]+ {_SECOND_SPACE}| (?:{_LEVEL})?)"
    ),
    "Xen, of a guest": r"\(d[0-9]+\) ",
    "terminal programs": rf"\[(?:{_DAY}[T ])?{_CLOCK}{_PART}{_ZONE}\] ",
    "`ts`, the journal of a service, syslog of /dev/kmsg's own lines": (
        rf"{_DATE} (?!\S+ (?:\w+\.\w+ )?kernel:)(?:{_SERVICE}|\S+ (?=[0-9]{{1,3}},[0-9]+,[0-9]+,[-c+]))?"
    ),
    "logcat": rf"[0-9]{{2}}-[0-9]{{2}} {_CLOCK}\.[0-9]{{3}} +(?:\w+ +)?[0-9]+ +[0-9]+ [VDIWEFS] [^:]{{0,40}}: ?",
    "logcat, brief": r"[VDIWEF]/[^(:]{0,40}\( *[0-9]+\): ?",
}
"""What the recorder of a whole console puts before every line, whether the kernel or a program wrote it."""

PRINTERS = {
    "syslog (RFC 3164 and ISO dates) and journald": (
        rf"(?:{_DATE}|{_DAY}T[0-9:.,+Z-]+|\[ *{_UNIX}(?: <[ +]*[0-9.]+ *>)?\]) \S+ (?:\w+\.\w+ )?kernel: ?"
    ),
    "syslog without a date": r"kernel: ",
    "syslog, RFC 5424": rf"1 {_DAY}T[0-9:.,+Z-]+ \S+ kernel - \S+ \S+ ",
    "the log level, in raw mode": r"<[0-9]{1,3}>",
    "`dmesg -x`": r"(?:kern|user|daemon|syslog) *:[a-z]+ *: ",
    "/dev/kmsg and netconsole": r"[0-9]{1,3},[0-9]+,[0-9]+,[-c+](?:,caller=(?P<writer>[TC][0-9]+))?[^; ]*;",
    "printk, and what vendors and `dmesg -d` add": r"\[ *[0-9]+\.[0-9]{6}[^\]]{0,40}\]",
    "printk of old, `dmesg -H`": r"\[<? *[+ ]*[0-9]+\.[0-9]{6}>?\]",
    "`dmesg -H`, once a minute": r"\[[A-Z][a-z]{2} ?[ 0-9][0-9] [0-9]{2}:[0-9]{2}\]",
    "`dmesg --time-format iso`": rf"{_DAY}T{_CLOCK},[0-9]{{6}}{_ZONE} ",
    "`dmesg -T`": r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}\]",
    "printk's caller": r"(?<=\]) (?=\[ *[TC][0-9])|\[ *(?P<caller>[TC][0-9]+)[^\]]*\]",
    "Android's": (
        r"(?<=[\]>]) *(?:c[0-9] +[0-9]+|\.?-?\([0-9]\)\[[0-9]+:[^\]]+\]|[ IWED]?\[[0-9]: *[^\]:]+: *[0-9]+\])"
    ),
}
"""What marks a line as the kernel's."""

RECORDER = re.compile(f"(?:{'|'.join(RECORDERS.values())}){{1,2}}")
PRINTER = re.compile(f"(?:{'|'.join(PRINTERS.values())})+(?:(?<=\\]) )?")

RECORDER_STARTS = frozenset("[(0123456789ADEFIJMNOSTVWabcdefghijklmpqrstuvwxyz")
STARTS = RECORDER_STARTS | {"<"}
"""The first characters of lines with a prefix.

An ASCII line that begins with another character, and not with an escape sequence, has no prefix.
"""
