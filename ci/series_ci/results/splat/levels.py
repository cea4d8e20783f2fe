"""Emergencies of the kernel, and what it calls critical: lines that are complaints by their level alone."""

from __future__ import annotations

import re

from series_ci.results.splat.shapes import Shape

SEVERE = (
    (Shape("EMERG", re.compile(""), "next"), re.compile(r"<0>|kern *:emerg|kern\.emerg|(?:^|\s)0,\d+,")),
    (Shape("CRIT", re.compile(""), "next"), re.compile(r"<2>|kern *:crit|kern\.crit|(?:^|\s)2,\d+,")),
)
"""What a raw log, `dmesg -x`, syslog and /dev/kmsg put before the text of such a line."""

STARTS = frozenset({"0,", "2,"})
"""How they begin in a log of /dev/kmsg's own form; all others contain what `HINT` seeks."""

RECORD = re.compile(r"[0-9]{1,3},[0-9]+,[0-9]+,[-c+]")
"""A line of such a log."""

CALM = re.compile(
    r"\s|$|[-=*]+$|\{|\*\*\s"  # what goes on, or frames
    # How a machine ends that was told to.
    r"|(?:reboot: )?(?:Restarting system|Power down|System halted|Power off not available)"
    r"|(?:kexec(?:_core)?: )?Starting new kernel|watchdog: watchdog\d+: watchdog did not stop"
    # A debugger, or a configuration, that somebody has asked for.
    r"|(?:KGDB|kgdb): |Entering KGDB|Waiting for (?:remote|connection)|eCryptfs verbosity"
    r"|(?:CPU: )?(?:Kernel compiled without mitigations|Unsupported mitigations=)"
    # The rest of a report that was said, or has lost its beginning.
    r"|(?:SMP: )?(?:stopping|CPU\d+: stopping)|Kernel Offset|Memory Limit|CPU features|PHYS_OFFSET|Rebooting in"
    r"|Modules linked in|---\[|Call [Tt]race|Code: |Process |Stack: |Disabling IRQ|handlers:|Sending NMI|Backtrace"
    r"|[0-9a-f]{4,16}[: ]|Hardware name|CPU: \d|Pid: | ?[\[(]<"
)
"""What it says so of though nothing is wrong, or though it was said before."""


def severe(before: str, line: str) -> Shape | None:
    """An emergency of the kernel, or something critical, as the level that stands before the line's text tells."""
    found = next((each for each, level in SEVERE if level.search(before)), None)
    return None if found is None or CALM.match(line) else found
