"""Decide whether a function of a stack trace is shown, and whether it may be at fault."""

from __future__ import annotations

import re
from functools import lru_cache

from series_ci.results.splat import helpers, hidden
from series_ci.results.splat.role import Role

ROWS = (*hidden.ROWS, *helpers.ROWS)


def _matcher(role: Role) -> re.Pattern[str]:
    names = (name.replace("*", r"[\w:]*") for row in ROWS if row.role is role for name in row.names.split())
    return re.compile(rf"_*(?:{'|'.join(names)})(?:_noprof)?$")


_MATCHERS = tuple((role, _matcher(role)) for role in Role)


@lru_cache(maxsize=4096)
def role(function: str) -> Role | None:
    """Return the role of a function in a trace, or None if it may be at fault."""
    return next((candidate for candidate, matcher in _MATCHERS if matcher.match(function)), None)


def is_shown(function: str, *, own: bool) -> bool:
    """Return whether a trace that a reader sees includes this function."""
    its_role = role(function)
    return its_role is not Role.REPORTS and (own or its_role is not Role.WAITS)


def is_blamed(function: str, *, own: bool) -> bool:
    """Return whether a function may be at fault."""
    its_role = role(function)
    return its_role is None or (own and its_role in {Role.WAITS, Role.CALLS})
