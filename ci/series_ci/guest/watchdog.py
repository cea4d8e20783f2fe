"""Watch the output of a running guest: how far it has come, and whether it hangs."""

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
_WIDTH = 1024  # bytes; the line of a panic is shorter


@dataclass(frozen=True)
class Limits:
    """Seconds that a guest may take.

    `first`: until the kernel prints something. `boot`: until /init writes its first line. `idle`: without output while
    no test runs. `grace`: after a test's timeout until /init has ended the test. `panic`: from a panic to the reset.
    `total`: all in all.
    """

    first: float = 60.0
    boot: float = 120.0
    idle: float = 60.0
    grace: float = 30.0
    panic: float = 20.0
    total: float = 3600.0


class Watch:
    """The watchdog of one guest; `hang` says why the guest has to be ended, "" while it need not."""

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
        """How far /init has come."""
        return self.port.state

    def over(self) -> bool:
        """Look at the output once; return whether the guest has to be ended."""
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
        """Read what the guest, which has ended, wrote since the last look."""
        self.seconds = time.monotonic() - self.start
        before = self.state
        self.port.read()
        if files.size(self.outputs.console) > self._sizes[0]:
            self._read_console(self._sizes[0], self.start + self.seconds)
        if self.state.spoke and self.boot_seconds is None:
            self.boot_seconds = self.seconds  # it came up and ended between two looks
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
        """Look for a panic in the new part of the console, of which at most the last 64 KiB are read."""
        with self.outputs.console.open("rb") as console:
            size = os.fstat(console.fileno()).st_size
            console.seek(max(seen - _WIDTH, size - 65536, 0))
            if panic := PANIC.search(console.read(65536 + _WIDTH)):
                self.panicked = now if self.panicked is None else self.panicked
                self.panic = (panic[1] or b"").decode("utf-8", "replace").strip()

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
