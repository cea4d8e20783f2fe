"""Run one guest to its end, whatever that end is.

The guest's own words on its status port say how far it came; QEMU's exit says that it is over; the deadline and the
watch on its output say that it never will be.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci import files, process
from series_ci.machine import Files
from series_ci.results import Ended

POLL = 0.05
"""Seconds between two looks at the guest."""

# Somebody else's SIGTERM: QEMU's exit status is 0 then, as if the guest had reset itself.
_TERMINATED = re.compile(r"terminating on signal \d+")


@dataclass(frozen=True)
class Limits:
    """Seconds: until /init speaks, without any output at all, and for everything."""

    boot: float = 120.0
    idle: float = 300.0
    total: float = 3600.0


@dataclass(frozen=True)
class Boot:
    """How a guest ended, and when. `why` tells it to a person; `started` and `done` number the tests it got to."""

    ended: Ended
    why: str
    seconds: float
    boot_seconds: float | None
    started: int
    done: int


def run(argv: Sequence[str], outputs: Files, *, swap: int, limits: Limits, progress: Callable[[str], None]) -> Boot:
    """Run QEMU to its end. Its outputs stay in `outputs`; the swap disk does not."""
    with files.disk_errors(outputs.folder):
        outputs.folder.mkdir(parents=True, exist_ok=True)
        for path in (outputs.console, outputs.results, outputs.status):
            path.write_bytes(b"")
        errors = (outputs.folder / "qemu.log").open("wb")
    try:
        if swap:
            with files.disk_errors(outputs.swap), outputs.swap.open("wb") as disk:
                disk.truncate(swap)
        files.write(outputs.folder / "qemu.cmd", process.quote(argv) + "\n")
        with errors, process.started(argv, stdout=errors.fileno(), stderr=errors.fileno()) as qemu:
            watch = _Watch(outputs, limits, progress)
            while qemu.poll() is None and not watch.over():
                time.sleep(POLL)
            code = qemu.poll()
        return watch.verdict(code)
    finally:
        outputs.swap.unlink(missing_ok=True)


class _Watch:
    """Looks at a running guest from outside: how far it came, and whether it still does anything."""

    def __init__(self, outputs: Files, limits: Limits, progress: Callable[[str], None]) -> None:
        self.outputs = outputs
        self.limits = limits
        self.progress = progress
        self.start = self.changed = time.monotonic()
        self.sizes: tuple[int, ...] = ()
        self.boot_seconds: float | None = None
        self.hang = ""

    def over(self) -> bool:
        """Look once; True when the guest has to be ended."""
        now = time.monotonic()
        sizes = tuple(_size(path) for path in (self.outputs.console, self.outputs.results, self.outputs.status))
        if sizes != self.sizes:
            self.sizes, self.changed = sizes, now
            if sizes[2] and self.boot_seconds is None:
                self.boot_seconds = now - self.start
            started, _done = _tests(self.outputs.status)
            self.progress(f"test {started}" if started else "booting")
        if now - self.start > self.limits.total:
            self.hang = f"no end after {self.limits.total:.0f} s"
        elif self.boot_seconds is None and now - self.start > self.limits.boot:
            self.hang = f"its /init did not start within {self.limits.boot:.0f} s"
        elif now - self.changed > self.limits.idle:
            self.hang = f"no output for {self.limits.idle:.0f} s"
        return bool(self.hang)

    def verdict(self, code: int | None) -> Boot:
        """How it ended; `code` is QEMU's exit code, None when we ended it."""
        seconds = time.monotonic() - self.start
        started, done = _tests(self.outputs.status)
        said_end = _said_end(self.outputs.status)
        last = _last_line(self.outputs.folder / "qemu.log")
        if _size(self.outputs.status) and self.boot_seconds is None:
            self.boot_seconds = seconds  # it ended before we looked
        if said_end:
            ended, why = Ended.POWEROFF, ""
        elif code is None:
            ended, why = Ended.HANG, self.hang
        elif code == 0 and not _TERMINATED.search(last):
            ended, why = Ended.PANIC, "the guest reset itself before its tests were through"
        else:
            ended, why = Ended.LOST, f"QEMU ended with {_exit(code)}: {last}"
        return Boot(ended, why, seconds, self.boot_seconds, started, done)


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"


def _last_line(path: Path) -> str:
    lines = path.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it gave no reason"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _words(status: Path) -> list[list[str]]:
    # The last line may be half written.
    text = status.read_text("utf-8", "replace")
    return [line.split() for line in text.splitlines(keepends=True) if line.endswith("\n") and line.split()]


def _tests(status: Path) -> tuple[int, int]:
    words = _words(status)
    return sum(each[0] == "start" for each in words), sum(each[0] == "done" for each in words)


def _said_end(status: Path) -> bool:
    return any(each[0] == "end" for each in _words(status))
