"""QEMU's command line for a guest, with the reasons for its options, and the files that the guest writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Accel, Arch, Machine
from series_ci.guest import initramfs, postmortem, record
from series_ci.host import process


@dataclass(frozen=True)
class Files:
    """The files of a guest, all in one folder."""

    folder: Path

    @property
    def console(self) -> Path:
        """What the kernel printed."""
        return self.folder / record.CONSOLE

    @property
    def results(self) -> Path:
        """The tests' output (KTAP), as the guest wrote it."""
        return self.folder / record.RESULTS

    @property
    def status(self) -> Path:
        """What /init wrote to its status port, one line per step."""
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
        """The socket of QEMU's monitor; exists while QEMU runs."""
        return self.folder / postmortem.SOCKET

    @property
    def swap(self) -> Path:
        """The image of the swap disk; removed when QEMU has ended."""
        return self.folder / "swap.img"


def qemu_version(arch: Arch) -> str:
    """Return the first line that `qemu --version` prints."""
    return process.run([arch.qemu, "--version"]).out.partition("\n")[0]


ACCELERATORS: dict[Accel, tuple[str, ...]] = {
    "kvm": ("-accel", "kvm"),
    # One host thread per CPU.
    "tcg": ("-accel", "tcg,thread=multi"),
    # Each instruction takes 2**3 ns of the guest's time, about what TCG needs for one: bounds of time still fit.
    "icount": ("-accel", "tcg,thread=single", "-icount", "shift=3"),
}
"""QEMU's options for each accelerator. icount is TCG with a clock that counts instructions, not time of the host."""


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
    """Return the command line, to be run in the folder of `files`; `words` are more arguments for the kernel.

    An `interactive` guest has the terminal as its console; Ctrl-A is the prefix of keys for QEMU.
    """
    pairs: list[tuple[str, ...]] = [
        (machine.arch.qemu,),
        # No default devices and no configuration files: the same guest on every host.
        ("-nodefaults",),
        ("-no-user-config",),
        ("-display", "none"),
        *((option, value) for option, value, _reason in machine.arch.options),
        ACCELERATORS[accel],
        ("-m", f"{machine.memory // 1024}k"),
        ("-smp", str(machine.cpus)),
        # QEMU exits on a reset: a kernel that panicked must not boot again.
        ("-no-reboot",),
        # The kernel is a stranger's code: QEMU may neither start programs nor gain privileges.
        ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny"),
        ("-kernel", str(kernel)),
        ("-append", " ".join([initramfs.command_line(machine.arch), *words])),
        # To a file: a pipe that nobody reads would block the guest.
        ("-serial", "mon:stdio" if interactive else f"file:{files.console}"),
    ]
    if initrd is not None:
        pairs += [
            ("-initrd", str(initrd)),
            # Results and status have ports of their own, into which no printk is mixed. The names of the devices leave
            # the bus to QEMU: not every machine has PCI.
            ("-device", "virtio-serial"),
            *_port("results", files.results),
            *_port("status", files.status),
        ]
        if not interactive:
            # Used only if the guest hangs.
            pairs.append(postmortem.option())
        if machine.swap:
            pairs += _swap_disk(files.swap)
    return [word for pair in pairs for word in pair]


def _swap_disk(path: Path) -> list[tuple[str, ...]]:
    # What is swapped out need not survive a crash of the host, so QEMU does not flush it to the disk.
    drive = f"if=none,id=swap,format=raw,cache=unsafe,discard=unmap,file={_escaped(path)}"
    return [("-drive", drive), ("-device", "virtio-blk,drive=swap,serial=swap")]


def _port(name: str, path: Path) -> list[tuple[str, ...]]:
    return [
        ("-chardev", f"file,id={name},path={_escaped(path)}"),
        ("-device", f"virtserialport,chardev={name},name=series-ci.{name}"),
    ]


def _escaped(path: Path) -> str:
    """Return a path for a list of properties, with its commas doubled: a single one begins the next property."""
    return str(path).replace(",", ",,")
