"""How long work tells of itself. The pipeline talks to this interface; `terminal` gives it a look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def count(number: int, noun: str) -> str:
    """`1 patch`, `2 patches`: a number with its noun."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{ending}"


class Step:
    """One step that is under way."""

    def update(self, text: str) -> None:
        """What it is doing right now; may be called very often."""

    def note(self, text: str) -> None:
        """Something to keep in view after the step: where from, how many, cached or not."""


class Progress:
    """Does nothing: the default for callers that do not want to watch."""

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Announce a step for the time of the block."""
        del name
        yield Step()

    def say(self, text: str) -> None:
        """One line that belongs to no step."""
