"""Ask QEMU what each CPU of a hanging guest is doing, before the guest is ended.

QEMU's monitor (QMP) gives the registers on any machine. Where the machine has an NMI, it also makes the kernel itself
print a backtrace of every CPU on the console: the kernel's arguments ask for that (`initramfs.command_line`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from qemu.qmp import QMPClient, QMPError

from series_ci.host import files

SOCKET = "qmp.sock"
"""The monitor's socket in QEMU's working folder; a socket's path may have 107 bytes, so it is a relative one."""

ANSWER_SECONDS = 5.0
"""Seconds that the monitor may take to answer; a QEMU that hangs itself never does."""

BACKTRACE_SECONDS = 15.0
"""Seconds that a kernel may take after an NMI to print its backtraces and to reset the machine."""

POLL = 0.05

# It logs each error that it raises.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Remains:
    """What a hanging guest was doing: `registers` of every CPU as QEMU prints them; `trouble` says what failed.

    `backtrace` says that the kernel was asked for backtraces.
    """

    registers: str = ""
    trouble: str = ""
    backtrace: bool = False

    @property
    def answered(self) -> bool:
        """Whether QEMU gave the registers."""
        return bool(self.registers)


NOTHING = Remains()
"""For a guest that did not hang."""


def option() -> tuple[str, ...]:
    """Return QEMU's option for the monitor; QEMU does not wait for a client."""
    return ("-qmp", f"unix:{SOCKET},server=on,wait=off")


def examine(folder: Path, console: Path, ended: Callable[[], bool]) -> Remains:
    """Ask for the registers, send an NMI, and wait until the kernel has printed its backtraces.

    `folder` is QEMU's working folder; `ended` returns whether QEMU has ended. Raises nothing: a hang is a result,
    whether or not it can be explained.
    """
    try:
        remains = asyncio.run(_ask(folder))
    except (QMPError, OSError, TimeoutError, asyncio.CancelledError) as error:
        return Remains(trouble=f"QEMU's monitor did not answer: {str(error) or type(error).__name__}")
    if remains.backtrace:
        _wait_for_backtrace(console, ended)
    return remains


async def _ask(folder: Path) -> Remains:
    # A path through the file descriptor is short, however deep the folder lies.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    client = QMPClient("series-ci")
    try:
        await asyncio.wait_for(client.connect(f"/proc/self/fd/{descriptor}/{SOCKET}"), ANSWER_SECONDS)
        registers = await _execute(client, "human-monitor-command", {"command-line": "info registers -a"})
        try:
            await _execute(client, "inject-nmi", {})
        except QMPError as error:  # this machine has no NMI
            return Remains(str(registers), f"no backtrace: {error}")
        return Remains(str(registers), backtrace=True)
    finally:
        os.close(descriptor)
        with suppress(QMPError, OSError, EOFError, TimeoutError):  # it may have ended in the meantime
            await asyncio.wait_for(client.disconnect(), ANSWER_SECONDS)


async def _execute(client: QMPClient, command: str, arguments: dict[str, object]) -> object:
    return await asyncio.wait_for(client.execute(command, arguments), ANSWER_SECONDS)


def _wait_for_backtrace(console: Path, ended: Callable[[], bool]) -> None:
    """Wait until QEMU ends (the kernel resets after its backtraces), or the console is silent for ANSWER_SECONDS."""
    size = files.size(console)
    quiet = start = time.monotonic()
    while not ended() and time.monotonic() - start < BACKTRACE_SECONDS:
        time.sleep(POLL)
        if (now := files.size(console)) != size:
            size, quiet = now, time.monotonic()
        elif time.monotonic() - quiet > ANSWER_SECONDS:
            break
