"""A complaint's title: its first line without what differs from boot to boot."""

from __future__ import annotations

import re

from series_ci._splat_trace import CLONE

LONGEST = 400
"""Characters of a first line that are looked at; more says nothing, and would take its time."""

_TOP = "arch|block|certs|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net|rust|security|sound|virt"
"""The folders of a kernel's tree that have code: what is before them in a path says where it was built."""

_ROUNDS = tuple(
    (re.compile(pattern), into)
    for pattern, into in (
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
        (r"kmemleak: \d+ ", "kmemleak: "),
        (r"\b(?:0x[0-9a-f]+|(?=[0-9a-f]*\d)[0-9a-f]{8,16})\b", "*"),
        (r"\s+", " "),
        (r"^ ?\[ (.*) \]$", r"\1"),
    )
)


def title(line: str) -> str:
    """The line without what differs from boot to boot: addresses, offsets, CPUs, process ids, counters."""
    line = line[:LONGEST]
    for pattern, into in _ROUNDS:
        line = pattern.sub(into, line)
    return line.strip(" :,")
