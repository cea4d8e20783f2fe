"""Order kernels that share a build folder so that make has little to compile from one to the next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Contents = Mapping[str, str]
"""The files in which a tree differs from the base: name -> object id."""

HEADER = 100
"""The cost of a changed header; a source file costs 1. How many objects include it is not known before the build."""


def cost(one: Contents, other: Contents) -> int:
    """Return an estimate of what make has to compile after a step from one tree to the other."""
    differ = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    return sum(HEADER if name.endswith(".h") else 1 for name in differ)


def order(trees: Sequence[Contents]) -> list[int]:
    """Return the indices of `trees` in an order that starts at the base and takes the nearest remaining tree each time.

    Of trees that are equally near, the first in the given order is taken.
    """
    left = list(range(len(trees)))
    here: Contents = {}
    ordered = []
    while left:
        nearest = min(left, key=lambda index: cost(here, trees[index]))
        left.remove(nearest)
        ordered.append(nearest)
        here = trees[nearest]
    return ordered
