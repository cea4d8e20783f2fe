"""What a function does in a stack trace, other than to be at fault."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Role(Enum):
    """Whether a function is shown in a trace, and whether it is blamed.

    One that is shown is blamed where nothing else is left to blame. `own` is said of a function whose own instruction
    faulted or warned, or that the report's first line names.
    """

    REPORTS = "not shown"
    WAITS = "not shown, unless own"
    HELPS = "shown, not blamed"
    CALLS = "shown, not blamed, unless own"


class RoleRow(NamedTuple):
    """Some functions of one part of the kernel, and why they are not blamed.

    `names` are separated by blanks. In a name, a `*` is any number of letters, and the rest a regular expression.
    Underscores at its beginning do not count, nor does `_noprof` at its end.
    """

    part: str
    why: str
    role: Role
    names: str
