"""Allow one result per test: if a program reports its own result twice, or another's, none of them is believed. Pure.

Root in a guest can write where /init does, but cannot take back the line that /init writes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from series_ci.results.model import Result, Status

_AGAIN = re.compile(r"(?P<name>.+) \([0-9]+\)")


def results(tests: Collection[str], reported: Sequence[Result]) -> list[Result]:
    """Return the results with each name once. If a name came several times it is CRASH, and its reason lists what came.

    KTAP's reader numbers equal names, so that the second result of a test is `mm/one (2)`.
    """
    known = frozenset(tests)
    kept: dict[str, Result] = {}
    repeated: dict[str, list[Status]] = {}
    for result in reported:
        name = _test(result.name, known)
        if name in kept:
            repeated.setdefault(name, [kept[name].status]).append(result.status)
        else:
            kept[name] = result if name == result.name else replace(result, name=name)
    for name, statuses in repeated.items():
        kept[name] = replace(kept[name], status=Status.CRASH, reason=_why(statuses))
    return list(kept.values())


def _test(name: str, known: Collection[str]) -> str:
    """Return the name of the test that a result repeats, or the result's own name."""
    again = _AGAIN.fullmatch(name) if name not in known else None
    return again["name"] if again and again["name"] in known else name


def _why(statuses: Sequence[Status]) -> str:
    shown = ", ".join(statuses[:5]) + (" ..." if len(statuses) > 5 else "")
    return f"its result was reported {len(statuses)} times: {shown}"
