"""One line of a console log: the text, and what terminals, printk and loggers put around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]_][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_SECOND_SPACE = r"(?: (?=(?: {4})*(?! )))?"
"""LAVA puts two spaces behind its date, others one; what KUnit indents by is no part of either."""
_SYSLOG_DATE = r"(?:[0-9]{4} )?(?:[^\W\d_]{3,4}\.?|[ 0-9]?[0-9][月월]) [ 0-9][0-9] " + _CLOCK + r"(?:\.[0-9]+)?"
_FULL_DATE = rf"[^\W\d_]{{2,4}}\.? {_DAY} {_CLOCK}(?:\.[0-9]+)? [A-Z+-][A-Z0-9]{{1,4}}"
_UNIX = r"[0-9]{1,11}\.[0-9]{6}"
_LEVEL = r"[A-Z]+ *\| (?:\[std(?:out|err)\] )?"
"""Of avocado and autotest."""

# What the recorder of a whole console puts before every line, the kernel's and the programs': a CI system, LAVA (with
# line numbers on its pages), `ts`, a terminal program, the journal of a service, or Android's logcat.
_RECORDER = re.compile(
    rf"(?:(?:\[stdlog\] )?{_DAY}[T ]{_CLOCK}(?:[.,][0-9]+)?{_ZONE} {_SECOND_SPACE}(?!\S+ kernel:)"
    r"(?:\S+ [\w.@-]+\[[0-9]+\]: |[0-9a-f]{2}[OE][ +]"  # of a service, or GitLab's number of a stream
    rf"|(?:[\w.]+ +){{1,2}}L[0-9]{{4}} {_LEVEL})?"  # avocado's place in its own source
    rf"|(?:[0-9]+ )?{_CLOCK}(?:\.[0-9]+ {_SECOND_SPACE}| (?:{_LEVEL})?)"
    r"|\(d[0-9]+\) "  # a guest's console, as Xen's shows it
    rf"|\[(?:{_DAY}[T ])?{_CLOCK}(?:[.,][0-9]+)?{_ZONE}\] "
    rf"|(?:{_SYSLOG_DATE}|{_FULL_DATE}|{_UNIX}) (?!\S+ (?:\w+\.\w+ )?kernel:)"
    r"(?:\S+ [\w.@-]+\[[0-9]+\]: |\S+ (?=[0-9]{1,3},[0-9]+,[0-9]+,[-c+]))?"
    rf"|[0-9]{{2}}-[0-9]{{2}} {_CLOCK}\.[0-9]{{3}} +(?:\w+ +)?[0-9]+ +[0-9]+ [VDIWEFS] [^:]{{0,40}}: ?"
    r"|[VDIWEF]/[^(:]{0,40}\( *[0-9]+\): ?"
    r"){1,2}"
)

# A date, a host and "kernel:", as syslog (RFC 3164 and ISO dates) and journald write them.
_LOGGER = (
    rf"(?:(?:{_SYSLOG_DATE}|{_FULL_DATE}|{_UNIX}|{_DAY}T[0-9:.,+Z-]+|\[ *{_UNIX}(?: <[ +]*[0-9.]+ *>)?\]) \S+ "
    rf"(?:\w+\.\w+ )?kernel: ?|kernel: |1 {_DAY}T[0-9:.,+Z-]+ \S+ kernel - \S+ \S+ )"
)
_PREFIX = re.compile(
    rf"(?:{_LOGGER}"
    r"|<[0-9]{1,3}>"  # the log level, as /dev/kmsg and consoles in raw mode show it
    r"|(?:kern|user|daemon|syslog) *:[a-z]+ *: "  # facility and level, as `dmesg -x` shows them
    r"|[0-9]{1,3},[0-9]+,[0-9]+,[-c+](?:,caller=(?P<writer>[TC][0-9]+))?[^; ]*;"  # /dev/kmsg and netconsole
    r"|\[ *[0-9]+\.[0-9]{6}[^\]]{0,40}\]|\[<? *[+ ]*[0-9]+\.[0-9]{6}>?\]"  # `dmesg -d`, `-e`, and what others add
    r"|\[[A-Z][a-z]{2} ?[ 0-9][0-9] [0-9]{2}:[0-9]{2}\]"
    rf"|{_DAY}T{_CLOCK},[0-9]{{6}}{_ZONE} "
    r"|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}\]"  # `dmesg -T` has dates
    r"|(?<=\]) (?=\[ *[TC][0-9])|\[ *(?P<caller>[TC][0-9]+)[^\]]*\]"
    r"|(?<=[\]>]) *(?:c[0-9] +[0-9]+|\.?-?\([0-9]\)\[[0-9]+:[^\]]+\]|[ IWED]?\[[0-9]: *[^\]:]+: *[0-9]+\])"  # Android's
    r")+(?:(?<=\]) )?"
)
PREFIX_STARTS = frozenset("[<(0123456789ADEFIJMNOSTVW" + "abcdefghijklmpqrstuvwxyz")
"""A line that begins with another character of ASCII, and not with an escape sequence, has no prefix."""

_RECORDER_STARTS = frozenset("[(0123456789ADEFIJMNOSTVW" + "abcdefghijklmpqrstuvwxyz")

_PROMPT = re.compile(r"(?:^\S*(?:[~/:]|@\S+)|\]) ?#$")
"""Of a shell, behind a folder or a host: `~ #`, `root@box:/tmp#`, `[root@box ~]#`."""

_STAMP = re.compile(r"(?:<[0-9]{1,3}>)?\[ *[0-9]+\.[0-9]{6}\]")


def both_ends(lines: Sequence[str], most: int) -> Sequence[str]:
    """The lines, or of more than `most` half as many from each end, with a line between them that counts the rest."""
    if len(lines) <= most:
        return lines
    half = most // 2
    return [*lines[:half], f"... {len(lines) - 2 * half} lines left out ...", *lines[-half:]]


def plain(line: str) -> str:
    """The line without its end and without terminal escapes, also as `cat -v` and others write them: `^[[0m`, `^M`."""
    line = line.strip("\r\n")
    if "^" in line:
        line = line.replace("^[", "\x1b").removesuffix("^M")
    return _ANSI.sub("", line).strip("\r") if "\x1b" in line else line


def split(line: str) -> tuple[bool, str, str]:
    """Whether printk's or a logger's prefix stands before the text, the caller id (`T12`, `C1`, or ""), the text.

    What a recorder has put before all lines is taken off, and does not count.
    """
    line = line.strip("\r\n")
    if "\x1b" in line or "^[" in line or line[-2:] == "^M":
        line = plain(line)
    start = line[:1]
    if start not in PREFIX_STARTS and start < "\x80":
        return False, "", line
    records = line[:2] != "[ " and (start in _RECORDER_STARTS or start > "\x7f")  # "[ " are most stamps of the kernel's
    if records and (recorder := _RECORDER.match(line)):
        line = line[recorder.end() :]
    if not (prefix := _PREFIX.match(line)):
        return False, "", line
    return True, prefix["caller"] or prefix["writer"] or "", line[prefix.end() :]


def split_torn(line: str) -> tuple[bool, str, str]:
    """The same, of a line in whose middle printk may have begun a new one: of that one.

    What a program only quotes, behind marks such as `# `, is its own line; the prompt of a shell (`~ # `) is no mark.
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
    """What stands in the line before the kernel's own time stamp, where printk wrote into it; None if it did not."""
    stamp = _STAMP.search(line, 1)
    return line[: stamp.start()] if stamp else None
