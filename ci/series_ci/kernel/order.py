"""In which order to build kernels that share a build folder: from one to the next, make compiles what differs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Contents = Mapping[str, str]
"""What a tree changes of the base: file -> id of its content."""

HEADER = 100
"""A header costs the objects of all that include it, a source file one: how many, nobody knows before the build."""


def cost(one: Contents, other: Contents) -> int:
    """How much make has to do after a step from one tree to the other."""
    differ = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    return sum(HEADER if name.endswith(".h") else 1 for name in differ)


def order(trees: Sequence[Contents]) -> list[int]:
    """Indices of `trees` in an order that starts near the base and goes on to the nearest one left each time.

    Of equally near ones the first in the given order comes first.
    """
    left = list(range(len(trees)))
    here: Contents = {}
    found = []
    while left:
        nearest = min(left, key=lambda index: cost(here, trees[index]))
        left.remove(nearest)
        found.append(nearest)
        here = trees[nearest]
    return found
