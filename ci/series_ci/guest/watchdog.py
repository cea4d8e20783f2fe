"""Looks at a running guest from outside: how far it came, and whether it ever will come to its end."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from series_ci.guest.qemu import Files
from series_ci.guest.status import State, StatusPort
from series_ci.host import files

PANIC = re.compile(rb"Kernel panic - not syncing(?:: ([^\r\n]*))?")
_WIDTH = 1024  # of a line that says it, and more


@dataclass(frozen=True)
class Limits:
    """Seconds that a guest may take.

    `first`: until the kernel prints anything. `boot`: until /init speaks. `idle`: without any output, while no test
    runs. `grace`: beyond a test's own time, until /init has ended it. `panic`: for a panic, until the machine is reset.
    `total`: for everything.
    """

    first: float = 60.0
    boot: float = 120.0
    idle: float = 60.0
    grace: float = 30.0
    panic: float = 20.0
    total: float = 3600.0


class Watch:
    """Keeps the times of a guest; `hang` says why it has to be ended, "" as long as it need not."""

    def __init__(self, outputs: Files, limits: Limits, progress: Callable[[str], None]) -> None:
        self.outputs = outputs
        self.limits = limits
        self.progress = progress
        self.start = self.changed = time.monotonic()
        self.boot_seconds: float | None = None
        self.hang = ""
        self.panicked: float | None = None
        self.panic = ""
        self.port = StatusPort(outputs.status)
        self._sizes = (0, 0, 0)
        self._test_began = self.start

    @property
    def state(self) -> State:
        """What /init has said so far."""
        return self.port.state

    def over(self) -> bool:
        """Look once; True when the guest has to be ended."""
        now = time.monotonic()
        sizes = (files.size(self.outputs.console), files.size(self.outputs.results), files.size(self.outputs.status))
        if sizes != self._sizes:
            if sizes[0] > self._sizes[0]:
                self._read_console(self._sizes[0], now)
            if sizes[2] != self._sizes[2]:
                self._read_status(now)
            self._sizes, self.changed = sizes, now
            self._tell()
        self.hang = self._overdue(now)
        return bool(self.hang)

    def finish(self) -> None:
        """The guest has ended: take in what it said since the last look."""
        self.seconds = time.monotonic() - self.start
        before = self.state
        self.port.read()
        if files.size(self.outputs.console) > self._sizes[0]:
            self._read_console(self._sizes[0], self.start + self.seconds)
        if self.state.spoke and self.boot_seconds is None:
            self.boot_seconds = self.seconds  # it ended before we looked
        if self.state != before:
            self._tell()

    def _tell(self) -> None:
        self.progress(f"test {self.state.started}" if self.state.started else "booting")

    def _read_status(self, now: float) -> None:
        before = self.state
        self.port.read()
        if self.state.spoke and self.boot_seconds is None:
            self.boot_seconds = now - self.start
        if self.state.started != before.started:
            self._test_began = now

    def _read_console(self, seen: int, now: float) -> None:
        """Whether the kernel panics: in what is new, and so near its end that a flood need not be read."""
        with self.outputs.console.open("rb") as console:
            size = os.fstat(console.fileno()).st_size
            console.seek(max(seen - _WIDTH, size - 65536, 0))
            if found := PANIC.search(console.read(65536 + _WIDTH)):
                self.panicked = now if self.panicked is None else self.panicked
                self.panic = (found[1] or b"").decode("utf-8", "replace").strip()

    def _overdue(self, now: float) -> str:
        limits, age, silence = self.limits, now - self.start, now - self.changed
        running = self.state.running
        if self.panicked is not None and now - self.panicked > limits.panic:
            return f"the kernel panicked ({self.panic}), and the guest was not reset within {limits.panic:.0f} s"
        if age > limits.total:
            return f"no end after {limits.total:.0f} s"
        if self.boot_seconds is None:
            return self._not_up(age, silence)
        if running is not None and self.state.allowed is not None:
            late = now - self._test_began - self.state.allowed
            if late > limits.grace:
                return (
                    f"test {running} had {self.state.allowed:.0f} s, and was not ended {limits.grace:.0f} s after that"
                )
        elif silence > limits.idle:
            return f"no output for {limits.idle:.0f} s"
        return ""

    def _not_up(self, age: float, silence: float) -> str:
        limits = self.limits
        if not self._sizes[0] and age > limits.first:
            return f"the kernel printed nothing within {limits.first:.0f} s"
        if self._sizes[0] and silence > limits.idle:
            return f"the kernel printed nothing more for {limits.idle:.0f} s, and its /init had not started"
        return f"its /init did not start within {limits.boot:.0f} s" if age > limits.boot else ""
