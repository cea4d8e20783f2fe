"""Complaints that are recognised by their log level alone: emergencies, and critical messages."""

from __future__ import annotations

import re

from series_ci.results.splat.shapes import Shape

SEVERE = (
    (Shape("EMERG", re.compile(""), "next"), re.compile(r"<0>|kern *:emerg|kern\.emerg|(?:^|\s)0,\d+,")),
    (Shape("CRIT", re.compile(""), "next"), re.compile(r"<2>|kern *:crit|kern\.crit|(?:^|\s)2,\d+,")),
)
"""What precedes the text of such a line in a raw log and in the output of `dmesg -x`, syslog and /dev/kmsg."""

STARTS = frozenset({"0,", "2,"})
"""The first characters of such lines in the format of /dev/kmsg. In other formats they contain what `HINT` finds."""

RECORD = re.compile(r"[0-9]{1,3},[0-9]+,[0-9]+,[-c+]")
"""A line in the format of /dev/kmsg."""

CALM = re.compile(
    r"\s|$|[-=*]+$|\{|\*\*\s"  # continuations and frames
    # A machine that is shut down on request.
    r"|(?:reboot: )?(?:Restarting system|Power down|System halted|Power off not available)"
    r"|(?:kexec(?:_core)?: )?Starting new kernel|watchdog: watchdog\d+: watchdog did not stop"
    # A debugger, or a configuration, that somebody asked for.
    r"|(?:KGDB|kgdb): |Entering KGDB|Waiting for (?:remote|connection)|eCryptfs verbosity"
    r"|(?:CPU: )?(?:Kernel compiled without mitigations|Unsupported mitigations=)"
    # The rest of a report that was found already, or has lost its beginning.
    r"|(?:SMP: )?(?:stopping|CPU\d+: stopping)|Kernel Offset|Memory Limit|CPU features|PHYS_OFFSET|Rebooting in"
    r"|Modules linked in|---\[|Call [Tt]race|Code: |Process |Stack: |Disabling IRQ|handlers:|Sending NMI|Backtrace"
    r"|[0-9a-f]{4,16}[: ]|Hardware name|CPU: \d|Pid: | ?[\[(]<"
)
"""Texts at these levels that are no complaint: nothing is wrong, or they continue a report."""


def severe(before: str, line: str) -> Shape | None:
    """Return the shape of an emergency or a critical message, or None. `before` is what precedes the line's text."""
    shape = next((candidate for candidate, level in SEVERE if level.search(before)), None)
    return None if shape is None or CALM.match(line) else shape
