"""A person at the console of a guest."""

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


def interact(recipe: BootSetup, kernel: Kernel, folder: Path) -> None:
    """Boot the kernel with the terminal as its console, until the guest ends or is ended from its keyboard.

    What the guest prints goes to the terminal as it is, whatever that makes of it: a person has asked for its console.

    Raises UsageError where there is no terminal, InfrastructureError when QEMU fails.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("a shell needs a terminal", hint="for a command of a script: series-ci boot IMAGE -- COMMAND")
    tests = [test for test in recipe.tests if runnable(test, kernel)]
    outputs = qemu.Files(folder)
    words = [initramfs.INTERACTIVE]
    with packed(tests, kernel, recipe, folder) as initrd:
        argv = qemu.command_line(
            recipe.machine, recipe.accel.name, kernel.build.image, initrd, outputs, words=words, interactive=True
        )
        code = _run(argv, outputs, recipe.machine.swap)
    if code:
        raise InfrastructureError(f"QEMU ended with status {code}")


def _run(argv: Sequence[str], outputs: qemu.Files, swap: int) -> int:
    """QEMU's exit code, once it has ended; the swap disk is gone then."""
    with (
        vm.swap_disk(outputs, swap),
        _terminal_kept(),
        process.started(argv, cwd=outputs.folder, stdin=sys.stdin.fileno(), stdout=None, stderr=None) as qemu,
    ):
        return qemu.wait()


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Whatever QEMU does to the terminal, and however it ends, the caller's settings come back."""
    settings = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)
