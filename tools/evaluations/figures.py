"""What a benchmark has measured, held against the bars that it has to meet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import click
from rich.console import Console

from series_ci.cli import terminal
from series_ci.errors import ExitStatus


@dataclass(frozen=True)
class Figure:
    """One line of the result: what was measured, and the bar to stay under, or to reach (None: there is none)."""

    what: str
    measured: float
    bar: float | None
    unit: str = ""
    at_least: bool = False

    @property
    def good(self) -> bool:
        """Whether it is on the right side of its bar."""
        if self.bar is None:
            return True
        return self.measured >= self.bar if self.at_least else self.measured <= self.bar


def finish(figures: Sequence[Figure], show: Callable[[Sequence[Figure], Console], None], *, as_json: bool) -> int:
    """Print the figures, as JSON or with `show`; the exit status that they stand for."""
    if as_json:
        click.echo(json.dumps([asdict(each) for each in figures], indent=2))
    else:
        show(figures, terminal.console(stderr=False))
    return int(ExitStatus.OK if all(each.good for each in figures) else ExitStatus.REGRESSION)
