"""Print progress, errors and tables on a terminal, with colours unless NO_COLOR, a pipe or CI=true forbids them.

Text is made plain before it is coloured, so that no control character in a log or mail reaches the terminal.
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

if TYPE_CHECKING:  # importing it loads the manifest reader, which some verbs do not need
    from series_ci.rundir.run import Problem

HEARTBEAT = 60.0
"""The interval, in seconds, at which a step without a live line prints what it does: CI systems end silent jobs."""

WIDTH = 16
"""The width of the column with the names of steps."""


class _Console(Console):
    """A console that makes all text plain."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments with plain text. Control segments, which move the cursor, come from the console only."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain.clean(segment.text), segment.style)


def console(*, stderr: bool) -> Console:
    """Return a console for standard error or standard output. With CI=true it prints as into a log, without colours."""
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
    """Pass each command line to a function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.show = show

    def emit(self, record: logging.LogRecord) -> None:
        self.show(record.getMessage())


def show_commands(show: Callable[[str], None] | None) -> None:
    """Pass each command line that is run to `show`, instead of to the function of an earlier call; None: to none.

    This lasts until the next call, and within a verb until the verb ends.
    """
    for handler in [each for each in COMMANDS.handlers if isinstance(each, _Shown)]:
        COMMANDS.removeHandler(handler)
    COMMANDS.setLevel(logging.NOTSET if show is None else logging.INFO)
    if show is not None:
        COMMANDS.addHandler(_Shown(show))
        if context := click.get_current_context(silent=True):
            context.call_on_close(lambda: show_commands(None))


class Terminal(Progress):
    """Progress on standard error: a line for each finished step and, on a terminal, a live line for the current one."""

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
        """Print a line that belongs to no step."""
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
