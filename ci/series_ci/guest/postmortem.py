"""Of a guest that hangs: what each of its CPUs was doing, asked of QEMU before the guest is ended.

QEMU's monitor (QMP) gives the registers on any machine. Where the machine has an NMI, it also makes the kernel itself
print a backtrace of every CPU on the console: the guest's command line asks for that (`guest.command_line`).
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
"""QEMU's monitor, in its working folder: a socket's name may have 107 bytes, and run directories have longer ones."""

ANSWER_SECONDS = 5.0
"""How long the monitor may take to answer; a QEMU that is stuck itself never does."""

BACKTRACE_SECONDS = 15.0
"""How long a kernel may take to print its backtraces after an NMI, and to reset itself."""

POLL = 0.05

# It logs each failure beside raising it.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Remains:
    """What was found out: `registers` of every CPU as QEMU prints them, `trouble` why something could not be had."""

    registers: str = ""
    trouble: str = ""
    backtrace: bool = False

    @property
    def answered(self) -> bool:
        """Whether QEMU was able to say anything."""
        return bool(self.registers)


NOTHING = Remains()
"""Of a guest that did not hang."""


def option() -> tuple[str, ...]:
    """QEMU's option for the monitor; nobody need be connected to it."""
    return ("-qmp", f"unix:{SOCKET},server=on,wait=off")


def examine(folder: Path, console: Path, ended: Callable[[], bool]) -> Remains:
    """Ask for the registers, then for an NMI, and wait until the guest has printed what it has to say.

    `folder` is QEMU's working folder; `ended` tells whether QEMU has ended. Nothing is raised: a hang stays a hang,
    whether or not it can be explained.
    """
    try:
        found = asyncio.run(_ask(folder))
    except (QMPError, OSError, TimeoutError, asyncio.CancelledError) as error:
        return Remains(trouble=f"QEMU's monitor did not answer: {str(error) or type(error).__name__}")
    if found.backtrace:
        _wait_for_backtrace(console, ended)
    return found


async def _ask(folder: Path) -> Remains:
    # Through a file descriptor the path is short, however deep the folder lies.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    client = QMPClient("series-ci")
    try:
        await asyncio.wait_for(client.connect(f"/proc/self/fd/{descriptor}/{SOCKET}"), ANSWER_SECONDS)
        registers = await _execute(client, "human-monitor-command", {"command-line": "info registers -a"})
        try:
            await _execute(client, "inject-nmi", {})
        except QMPError as error:  # this machine has none
            return Remains(str(registers), f"no backtrace: {error}")
        return Remains(str(registers), backtrace=True)
    finally:
        os.close(descriptor)
        with suppress(QMPError, OSError, EOFError, TimeoutError):  # it may have ended in the meantime
            await asyncio.wait_for(client.disconnect(), ANSWER_SECONDS)


async def _execute(client: QMPClient, command: str, arguments: dict[str, object]) -> object:
    return await asyncio.wait_for(client.execute(command, arguments), ANSWER_SECONDS)


def _wait_for_backtrace(console: Path, ended: Callable[[], bool]) -> None:
    """Until QEMU ends (the kernel resets itself when it has printed all), or nothing comes any more."""
    size = files.size(console)
    quiet = start = time.monotonic()
    while not ended() and time.monotonic() - start < BACKTRACE_SECONDS:
        time.sleep(POLL)
        if (now := files.size(console)) != size:
            size, quiet = now, time.monotonic()
        elif time.monotonic() - quiet > ANSWER_SECONDS:
            break
