"""The QEMU command line of a guest: pairs, with the reason beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Accel, Arch, Machine
from series_ci.guest import initramfs, postmortem, record
from series_ci.host import process


@dataclass(frozen=True)
class Files:
    """What a guest reads and writes: all in one folder."""

    folder: Path

    @property
    def console(self) -> Path:
        """What the kernel printed."""
        return self.folder / record.CONSOLE

    @property
    def results(self) -> Path:
        """KTAP, as the guest wrote it."""
        return self.folder / record.RESULTS

    @property
    def status(self) -> Path:
        """What /init said of itself, one line per step."""
        return self.folder / record.STATUS

    @property
    def log(self) -> Path:
        """QEMU's standard output and standard error."""
        return self.folder / record.QEMU_LOG

    @property
    def command(self) -> Path:
        """QEMU's command line, quoted for a shell."""
        return self.folder / record.QEMU_COMMAND

    @property
    def monitor(self) -> Path:
        """The socket of QEMU's monitor, as long as it runs."""
        return self.folder / postmortem.SOCKET

    @property
    def swap(self) -> Path:
        """The swap disk: removed after the run."""
        return self.folder / "swap.img"


def qemu_version(arch: Arch) -> str:
    """The first line of what QEMU says of its version."""
    return process.run([arch.qemu, "--version"]).out.partition("\n")[0]


ACCELERATORS: dict[Accel, tuple[str, ...]] = {
    "kvm": ("-accel", "kvm"),
    # One host thread per CPU.
    "tcg": ("-accel", "tcg,thread=multi"),
    # Each instruction takes 2**3 ns of the guest's time, about what TCG needs for one: bounds of time still fit.
    "icount": ("-accel", "tcg,thread=single", "-icount", "shift=3"),
}
"""QEMU's options for each; icount is TCG with a clock that counts instructions, whatever else the host does."""


def command_line(
    machine: Machine,
    accel: Accel,
    kernel: Path,
    initrd: Path | None,
    files: Files,
    *,
    words: Sequence[str] = (),
    interactive: bool = False,
) -> list[str]:
    """The whole command line, to be run in the folder of `files`; `words` are more arguments for the kernel.

    An `interactive` guest has the terminal as its console, and keys for QEMU itself behind Ctrl-A.
    """
    pairs: list[tuple[str, ...]] = [
        (machine.arch.qemu,),
        # No devices and no configuration but those named here: the same guest on every host.
        ("-nodefaults",),
        ("-no-user-config",),
        ("-display", "none"),
        *((option, value) for option, value, _reason in machine.arch.options),
        ACCELERATORS[accel],
        ("-m", f"{machine.memory // 1024}k"),
        ("-smp", str(machine.cpus)),
        # A reset is an end: a panicking kernel must not boot again.
        ("-no-reboot",),
        # A kernel under test is a stranger's code: QEMU may start nothing and gain nothing.
        ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny"),
        ("-kernel", str(kernel)),
        ("-append", " ".join([initramfs.command_line(machine.arch), *words])),
        # The console is evidence. It goes to a file that no pipe can block.
        ("-serial", "mon:stdio" if interactive else f"file:{files.console}"),
    ]
    if initrd is not None:
        pairs += [
            ("-initrd", str(initrd)),
            # Results and end status travel over ports of their own, where no printk can come between. QEMU's names for
            # the devices leave open what bus they are on: not every machine has PCI.
            ("-device", "virtio-serial"),
            *_port("results", files.results),
            *_port("status", files.status),
        ]
        if not interactive:
            # Asked only when the guest hangs.
            pairs.append(postmortem.option())
        if machine.swap:
            pairs += _swap_disk(files.swap)
    return [word for pair in pairs for word in pair]


def _swap_disk(path: Path) -> list[tuple[str, ...]]:
    # What is swapped out need not survive anything: no flushes, no cache of the host's.
    drive = f"if=none,id=swap,format=raw,cache=unsafe,discard=unmap,file={_escaped(path)}"
    return [("-drive", drive), ("-device", "virtio-blk,drive=swap,serial=swap")]


def _port(name: str, path: Path) -> list[tuple[str, ...]]:
    return [
        ("-chardev", f"file,id={name},path={_escaped(path)}"),
        ("-device", f"virtserialport,chardev={name},name=series-ci.{name}"),
    ]


def _escaped(path: Path) -> str:
    """A path in a list of properties, where a comma begins the next one."""
    return str(path).replace(",", ",,")
