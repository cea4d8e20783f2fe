"""Run one guest until it ends, or until it hangs.

Its status port tells how far it came, and QEMU's exit that it has ended. If the watchdog finds that it hangs, QEMU is
asked what the guest was doing, and ended.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from series_ci.guest import postmortem
from series_ci.guest.bounded_log import CONSOLE, RESULTS, Growing, Passing
from series_ci.guest.postmortem import NOTHING, Remains
from series_ci.guest.qemu import Files
from series_ci.guest.status import StatusPort, Told
from series_ci.guest.watchdog import Limits, Watch
from series_ci.host import files, process
from series_ci.results.model import Ended

__all__ = ["GuestBoot", "Limits", "run", "swap_disk"]

POLL = 0.05
"""Seconds between two looks at the guest's output."""

LEAST_SPACE = 64 << 10
"""Bytes that have to be free on the disk after a guest: else some of its output may not have been written."""

# After a SIGTERM from elsewhere QEMU exits with status 0, as after a reset of the guest.
_TERMINATED = re.compile(r"terminating on signal \d+")


@dataclass(frozen=True)
class GuestBoot:
    """How a guest ended: `why` says it in words; `seconds` is how long it ran, `boot_seconds` how long until /init ran.

    `started` and `done` count tests; `running` is the number of the test in which it ended. `remains` is what a guest
    that hung was doing, and `console_end` the size of its console, in bytes, before it was asked: the rest is the
    answer. `cut` says how many bytes of which log are lost. `told` is what /init wrote about each test, by number.
    """

    ended: Ended
    why: str
    seconds: float
    boot_seconds: float | None
    started: int
    done: int
    running: int | None = None
    remains: Remains = NOTHING
    console_end: int | None = None
    cut: tuple[str, ...] = ()
    told: Mapping[int, Told] = field(default_factory=dict)


def run(
    argv: Sequence[str],
    outputs: Files,
    *,
    swap: int,
    limits: Limits,
    progress: Callable[[str], None],
    passing: Passing = lambda _lines: None,
) -> GuestBoot:
    """Run QEMU until it ends or the guest hangs, and return how it ended; the swap disk, of `swap` bytes, is removed.

    `progress` is called with how far it came, `passing` with the lines of the console that are too many to be kept.
    Raises InfrastructureError if the disk is full.
    """
    with files.disk_errors(outputs.folder):
        outputs.folder.mkdir(parents=True, exist_ok=True)
        for path in (outputs.console, outputs.results, outputs.status):
            path.write_bytes(b"")
        outputs.monitor.unlink(missing_ok=True)
        errors = outputs.log.open("wb")
    logs = (Growing(outputs.console, CONSOLE, passing), Growing(outputs.results, RESULTS))
    try:
        files.write(outputs.command, process.quote(argv) + "\n")
        with (
            errors,
            swap_disk(outputs, swap),
            process.started(argv, cwd=outputs.folder, stdout=errors.fileno(), stderr=errors.fileno()) as qemu,
        ):
            watch = Watch(outputs, limits, progress)
            boot = _attend(watch, logs, qemu.poll)
        _require_space(outputs.folder)
        return boot
    finally:
        for log in logs:
            log.finish()
        StatusPort(outputs.status).shorten()
        outputs.monitor.unlink(missing_ok=True)


@contextmanager
def swap_disk(outputs: Files, size: int) -> Iterator[None]:
    """Make a swap disk of `size` bytes for the block, none for 0. Raises InfrastructureError if the disk is full."""
    try:
        if size:
            # Not a sparse file: QEMU stops a guest for good when the host's disk is full.
            with files.disk_errors(outputs.swap), outputs.swap.open("wb") as disk:
                os.posix_fallocate(disk.fileno(), 0, size)
        yield
    finally:
        outputs.swap.unlink(missing_ok=True)


def _attend(watch: Watch, logs: Sequence[Growing], code: Callable[[], int | None]) -> GuestBoot:
    """Watch a guest until it ends or hangs. `code` returns QEMU's exit code, None while it runs."""
    trouble = ""
    while code() is None and not (watch.over() or trouble):
        for log in logs:
            log.look()
            trouble = trouble or log.trouble
        trouble = trouble or watch.port.trouble
        time.sleep(POLL)
    for log in logs:
        log.look()
    ended_itself, remains, console_end = code(), Remains(), None
    watch.finish()
    if ended_itself is None and not (watch.state.ended or trouble):
        watch.progress("asking the guest what it was doing")
        console_end = logs[0].joined(files.size(watch.outputs.console))
        remains = postmortem.examine(watch.outputs.folder, watch.outputs.console, lambda: code() is not None)
    ended, why = _verdict(watch, ended_itself, trouble)
    if ended is Ended.HANG and not remains.answered and not _printed(watch.outputs):
        # If only the kernel hangs, QEMU still gives the registers.
        ended, why = Ended.LOST, f"{why}; {remains.trouble}: QEMU itself hangs"
    state = watch.state
    return GuestBoot(
        ended,
        why,
        watch.seconds,
        watch.boot_seconds,
        state.started,
        state.done,
        state.running,
        remains,
        console_end,
        tuple(f"{log.lost} bytes of {log.path.name}" for log in logs if log.lost),
        watch.port.told,
    )


def _require_space(folder: Path) -> None:
    """Raise InfrastructureError on a full disk: QEMU drops the guest's output then, without an error."""
    if shutil.disk_usage(folder).free < LEAST_SPACE:
        raise files.disk_full(f"the guest's output in {folder} is not whole")


def _verdict(watch: Watch, code: int | None, trouble: str) -> tuple[Ended, str]:
    """Return how the guest ended, and why; `code` is QEMU's exit code, None if QEMU has to be ended."""
    last = _last_line(watch.outputs)
    if watch.state.ended:
        return Ended.POWEROFF, ""
    if code is None:
        return (Ended.HANG if watch.panicked is None else Ended.PANIC), watch.hang or trouble
    if code == 0 and not _TERMINATED.search(last):
        if watch.panicked is not None:
            return Ended.PANIC, f"the kernel panicked: {watch.panic}"
        return Ended.PANIC, "the guest reset itself before its tests were through"
    return Ended.LOST, f"QEMU ended with {_exit(code)}: {last}"


def _printed(outputs: Files) -> bool:
    """Return whether the guest wrote anything at all."""
    return any(files.size(path) for path in (outputs.console, outputs.status, outputs.results))


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"


def _last_line(outputs: Files) -> str:
    lines = outputs.log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
