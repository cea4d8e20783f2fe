"""Boot a guest with the terminal as its console."""

from __future__ import annotations

import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from series_ci.errors import InfrastructureError, UsageError
from series_ci.guest import initramfs, qemu, vm
from series_ci.guest.boot import BootSetup, packed, runnable
from series_ci.host import process
from series_ci.kernel.kernel import Kernel


def interact(setup: BootSetup, kernel: Kernel, folder: Path) -> None:
    """Boot the kernel with the terminal as its console, until the guest powers off or the user ends QEMU (Ctrl-A X).

    The guest's output goes to the terminal unfiltered: it is the console that the user asked for.

    Raises UsageError if there is no terminal, InfrastructureError if QEMU fails.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("a shell needs a terminal", hint="for a command of a script: series-ci boot IMAGE -- COMMAND")
    tests = [test for test in setup.tests if runnable(test, kernel)]
    outputs = qemu.Files(folder)
    words = [initramfs.INTERACTIVE]
    with packed(tests, kernel, setup, folder) as initrd:
        argv = qemu.command_line(
            setup.machine, setup.accel.name, kernel.build.image, initrd, outputs, words=words, interactive=True
        )
        code = _run(argv, outputs, setup.machine.swap)
    if code:
        raise InfrastructureError(f"QEMU ended with status {code}")


def _run(argv: Sequence[str], outputs: qemu.Files, swap: int) -> int:
    """Run QEMU until it ends, and return its exit code. The swap disk is removed."""
    with (
        vm.swap_disk(outputs, swap),
        _terminal_kept(),
        process.started(argv, cwd=outputs.folder, stdin=sys.stdin.fileno(), stdout=None, stderr=None) as qemu,
    ):
        return qemu.wait()


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Restore the settings of the terminal after the block, however QEMU ends."""
    settings = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)
