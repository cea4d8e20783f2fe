"""Looks: progress and errors on standard error. NO_COLOR, pipes and CI logs are respected.

What is printed is made plain before it is coloured: of a text from elsewhere no character is obeyed.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from series_ci.errors import Error
from series_ci.host import plain, streams
from series_ci.host.process import COMMANDS
from series_ci.progress import Progress, Step

if TYPE_CHECKING:  # it would load what reads manifests, for verbs that have none
    from series_ci.rundir.run import Problem

HEARTBEAT = 60.0
"""Seconds after which a step in a log without a live line says that it still works (CI systems end silent jobs)."""

WIDTH = 16


class _Console(Console):
    """One that makes text plain."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of text with their styles; what moves the cursor is the console's own."""
        for each in super().render(renderable, options):
            yield each if each.control else Segment(plain.clean(each.text), each.style)


def console(*, stderr: bool) -> Console:
    """A console for one of our two streams. CI=true means: a log, whatever it looks like."""
    looks = {"force_terminal": False, "no_color": True} if os.environ.get("CI") == "true" else {}
    stream = streams.styled(sys.stderr if stderr else sys.stdout)
    return _Console(file=stream, highlight=False, emoji=False, soft_wrap=True, **looks)  # type: ignore[arg-type]


class _LiveStep(Step):
    def __init__(self, name: str, out: Console, live: Status | None) -> None:
        self.name = name
        self.out = out
        self.live = live
        self.notes: list[str] = []
        self.start = self.said = time.monotonic()

    def update(self, text: str) -> None:
        now = time.monotonic()
        if self.live is not None:
            self.live.update(Text(f"{self.name:<{WIDTH}} {now - self.start:6.0f} s  {text}"))
        elif now - self.said > HEARTBEAT:
            self.said = now
            self.out.print(Text(f"  {self.name:<{WIDTH}} {now - self.start:6.0f} s  {text} ..."))

    def note(self, text: str) -> None:
        self.notes.append(text)


class _Shown(logging.Handler):
    """Hands each command line to a function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.show = show

    def emit(self, record: logging.LogRecord) -> None:
        self.show(record.getMessage())


def show_commands(show: Callable[[str], None] | None) -> None:
    """Hand every command line to `show` (None: to nobody), in place of whoever was told before.

    Within a verb until that has ended, elsewhere until the next call.
    """
    for handler in [each for each in COMMANDS.handlers if isinstance(each, _Shown)]:
        COMMANDS.removeHandler(handler)
    COMMANDS.setLevel(logging.NOTSET if show is None else logging.INFO)
    if show is not None:
        COMMANDS.addHandler(_Shown(show))
        if context := click.get_current_context(silent=True):
            context.call_on_close(lambda: show_commands(None))


class Terminal(Progress):
    """Progress on standard error: one line per finished step, and a live one on a terminal."""

    def __init__(self, *, verbose: bool = False, quiet: bool = False) -> None:
        self.out = console(stderr=True)
        self.quiet = quiet
        show_commands(self._command if verbose else None)

    def _command(self, line: str) -> None:
        self.out.print(Text(f"+ {line}", "dim"))

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show a step while it runs, and a line with its time and notes after it."""
        if self.quiet:
            yield Step()
            return
        live = self.out.status(name) if self.out.is_terminal else None
        step = _LiveStep(name, self.out, live)
        if live is not None:
            live.start()
        mark = ("✗", "red")
        try:
            yield step
            mark = ("✓", "green")
        finally:
            if live is not None:
                live.stop()
            seconds = time.monotonic() - step.start
            line = f" {name:<{WIDTH}} {seconds:6.1f} s  {'; '.join(step.notes)}"
            self.out.print(Text.assemble(mark, line.rstrip()))

    def say(self, text: str) -> None:
        """A line of its own."""
        if not self.quiet:
            self.out.print(Text(f"  {text}"))


def show_error(error: Error | Problem) -> None:
    """Print what failed, the evidence, and what to do next."""
    out = console(stderr=True)
    out.print(Text.assemble(("error:", "bold red"), f" {error.message}"))
    for line in error.details.splitlines():
        out.print(Text(f"    {line}"))
    if error.hint:
        out.print(Text.assemble(("hint:", "bold"), f" {error.hint}"))
