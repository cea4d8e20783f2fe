"""Each test has one result: a program that reports its own twice, or another's, has none that can be believed. Pure.

Root in a guest can write where /init does. What it cannot do is to take back the line that /init writes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from series_ci.results.model import Result, Status

_AGAIN = re.compile(r"(?P<name>.+) \([0-9]+\)")


def results(tests: Collection[str], found: Sequence[Result]) -> list[Result]:
    """The results without those that repeat one: where a name came twice, the first one is CRASH, and says what came.

    KTAP's reader numbers equal names, so a test's second result is `mm/one (2)`.
    """
    known = frozenset(tests)
    kept: dict[str, Result] = {}
    said: dict[str, list[Status]] = {}
    for result in found:
        name = _test(result.name, known)
        if name in kept:
            said.setdefault(name, [kept[name].status]).append(result.status)
        else:
            kept[name] = result if name == result.name else replace(result, name=name)
    for name, statuses in said.items():
        kept[name] = replace(kept[name], status=Status.CRASH, reason=_why(statuses))
    return list(kept.values())


def _test(name: str, known: Collection[str]) -> str:
    """The name of a result, or of the test that it is one more result of."""
    again = _AGAIN.fullmatch(name) if name not in known else None
    return again["name"] if again and again["name"] in known else name


def _why(statuses: Sequence[Status]) -> str:
    shown = ", ".join(statuses[:5]) + (" ..." if len(statuses) > 5 else "")
    return f"its result was reported {len(statuses)} times: {shown}"
