"""The interface that long work reports its progress to. The command line shows it; a test passes one that is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str], None]
"""Called with a line for the user."""


def count(number: int, noun: str) -> str:
    """`1 patch`, `2 patches`: a number with its noun."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{ending}"


class Step:
    """One step that is under way."""

    def update(self, text: str) -> None:
        """Show what the step is doing right now. It may be called very often."""

    def note(self, text: str) -> None:
        """Keep a text in view after the step has ended: where from, how many, cached or not."""


class Progress:
    """Progress that nobody watches: every call does nothing."""

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Announce a step, which lasts as long as the block."""
        del name
        yield Step()

    def say(self, text: str) -> None:
        """Print a line that belongs to no step."""
