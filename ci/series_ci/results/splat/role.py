"""What a function does in a stack trace if it is not at fault."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Role(Enum):
    """Whether a function is shown in a trace, and whether it is blamed.

    A function that is shown is blamed if nothing else is left to blame. `own` means that the function's own instruction
    faulted or warned, or that the report's first line names the function.
    """

    REPORTS = "not shown"
    WAITS = "not shown, unless own"
    HELPS = "shown, not blamed"
    CALLS = "shown, not blamed, unless own"


class RoleRow(NamedTuple):
    """Some functions of one part of the kernel, and why they are not blamed.

    `names` are separated by blanks. In a name, `*` stands for any number of letters; the rest is a regular expression.
    Leading underscores and a trailing `_noprof` are ignored.
    """

    part: str
    why: str
    role: Role
    names: str
