"""The interface by which long work reports its progress. The command line shows it; tests pass a silent one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str], None]
"""A function that is called with a line for the user."""


def count(number: int, noun: str) -> str:
    """Return a number with its noun in singular or plural: `1 patch`, `2 patches`."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{ending}"


class Step:
    """A step that is in progress."""

    def update(self, text: str) -> None:
        """Show what the step is doing. This may be called very often."""

    def note(self, text: str) -> None:
        """Show a text that remains after the step has ended: the source, a count, or whether it was cached."""


class Progress:
    """Progress that nobody watches: all methods do nothing."""

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Announce a step, which lasts as long as the block."""
        del name
        yield Step()

    def say(self, text: str) -> None:
        """Print a line that belongs to no step."""
