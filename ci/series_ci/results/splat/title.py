"""The title of a complaint: its first line without what differs from boot to boot."""

from __future__ import annotations

import re
from functools import lru_cache

from series_ci.results.splat.trace import CLONE

LONGEST = 400
"""The number of characters of a first line that are used. More would cost time and say nothing."""

_TOP = "arch|block|certs|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net|rust|security|sound|virt"
"""The folders of a kernel tree that contain code. What precedes them in a path says where the tree was built."""

_FILE = r"[\w./+-]+\.[A-Za-z]{1,3}:\d+(?: \(discriminator \d+\))?"

_ROUNDS = tuple(
    (re.compile(pattern), into)
    for pattern, into in (
        # What decoders append to a function: decode_stacktrace.sh in brackets, others without.
        (rf" ?\({_FILE}(?: {_FILE})*\)", ""),
        (rf"(?<=[0-9a-f]) {_FILE}(?=\s*$|, CPU#| at addr )", ""),
        (rf"(?<= in | at )(\w+) {_FILE} \[inline\]", r"\1"),
        (r"WARNING: (?:CPU: \d+ PID: \d+ )?at (\S+:\d+) ", r"WARNING at \1 "),
        (r"WARNING: CPU: \d+ PID: \d+ at ", "WARNING at "),
        (r"WARNING: (\S+:\d+) at (\S+?),? CPU#\d+.*", r"WARNING at \1 \2"),
        (r"WARNING: (\S+:\d+) at ", r"WARNING at \1 "),
        (rf"(?<=\s)(?:/|\.\./)\S*?(?<=/)((?:{_TOP})/\S*:\d+)", r"\1"),
        (r"\+0x[0-9a-f]+(?:/[0-9a-fx#]*)?(?:\(\))?", ""),
        (CLONE, ""),
        (r"(?:: [0-9a-f]{4,16})? ?\[#\d+\].*", ""),
        (r"^Oops: (?=Oops)", ""),
        (r": (\S+?)/\d+/(?:0x[0-9a-f]+|-?\d+)\b", r": \1"),
        (r"\btask (\S+):\d+ ", r"task \1 "),
        (r"(?<=[ ,])(\S+)/\d+(?= still|$)", r"\1"),
        (r"CPU[#: ]*\d+", "CPU"),
        (r"\b(cpu|pid|PID|pool) \d+(?::\d+)?", r"\1"),
        (r"stuck for \d+s", "stuck"),
        (r"(stalls on CPUs/tasks|stall on CPU)(?::? \{.*| \(t=.*)", r"\1"),
        (r"for more than \d+ seconds", "for long"),
        (r"\[([^\[\]\s]+):\d+\]", r"[\1]"),
        (r"\b(pfn|pte|pmd|pgd|val|mm|pgoff):\S+", r"\1:*"),
        (r"Usage count = -?\d+", "Usage count = *"),
        (r"(\{i=)[0-9a-f]+", r"\1*"),
        (r"\b((?:[Ii]node|ino|[Bb]lock|[Ss]ector)[ =:#]+)(?:0x)?(?:(?<==)|(?=[a-f]*\d))[0-9a-f]+\b", r"\1*"),
        (r"(still in use) \(\d+\)", r"\1 (*)"),
        (r"has \d+/\d+ users", "has users"),
        (r"kmemleak: \d+ ", "kmemleak: "),
        (r"\b(?:0x[0-9a-f]+|(?=[0-9a-f]*\d)[0-9a-f]{8,16})\b", "*"),
        (r"\s+", " "),
        (r"^ ?\[ (.*) \]$", r"\1"),
    )
)


@lru_cache(maxsize=256)
def title(line: str) -> str:
    """Return the line without what differs from boot to boot: addresses, offsets, CPUs, process ids, counters."""
    line = line[:LONGEST]
    for pattern, into in _ROUNDS:
        line = pattern.sub(into, line)
    return line.strip(" :,")
