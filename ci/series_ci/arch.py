"""Architectures as rows of data. To add one, add a row here and a fragment kernel/data/guest-NAME.config."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Literal

from series_ci.errors import UsageError

Accel = Literal["kvm", "tcg", "icount"]
"""The accelerator of a guest. icount is TCG with a clock that counts instructions."""


@dataclass(frozen=True)
class Arch:
    """How one architecture is built and run.

    `name` is its name in this program, `machine` its name in `uname -m`, `debian` its name in Debian packages. `make`
    is the kernel's ARCH=, `target` the make target, `image` the file that this makes below the build folder. `options`
    are QEMU options, each with its value and the reason for it; `arguments` are arguments of the kernel.
    """

    name: str
    machine: str
    debian: str
    make: str
    cross: str
    target: str
    image: str
    qemu: str
    qemu_package: str
    console: str
    options: tuple[tuple[str, str, str], ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def foreign(self) -> bool:
        """Return whether this host cannot run programs of the architecture."""
        return self.name != host()

    @property
    def prefix(self) -> str:
        """Return CROSS_COMPILE= for this host: "" for its own architecture."""
        return self.cross if self.foreign else ""

    @property
    def gcc(self) -> str:
        """Return the compiler for it on this host."""
        return f"{self.prefix}gcc"


_ROWS = (
    Arch(
        name="x86_64",
        machine="x86_64",
        debian="amd64",
        make="x86_64",
        cross="x86_64-linux-gnu-",
        target="bzImage",
        image="arch/x86/boot/bzImage",
        qemu="qemu-system-x86_64",
        qemu_package="qemu-system-x86",
        console="ttyS0",
        options=(
            (
                "-machine",
                "q35",
                "microvm starts 0.8 s sooner, but about one boot in ten hung before it printed anything",
            ),
            (
                "-cpu",
                "max",
                "all that the accelerator can do: protection keys and the like are among the tested things",
            ),
        ),
        arguments=("unknown_nmi_panic",),
    ),
    Arch(
        name="arm64",
        machine="aarch64",
        debian="arm64",
        make="arm64",
        cross="aarch64-linux-gnu-",
        target="Image",
        image="arch/arm64/boot/Image",
        qemu="qemu-system-aarch64",
        qemu_package="qemu-system-arm",
        console="ttyAMA0",
        options=(
            ("-machine", "virt,gic-version=3", "made for guests; more than 8 CPUs need version 3 of the GIC"),
            (
                "-cpu",
                "max,pauth-impdef=on",
                "all that QEMU has; the architecture's own pointer authentication is slow in emulation",
            ),
        ),
    ),
    Arch(
        name="s390x",
        machine="s390x",
        debian="s390x",
        make="s390",
        cross="s390x-linux-gnu-",
        target="bzImage",
        image="arch/s390/boot/bzImage",
        qemu="qemu-system-s390x",
        qemu_package="qemu-system-misc",
        console="ttysclp0",
        options=(
            ("-machine", "s390-ccw-virtio", "the only one; big-endian, and without PCI of its own"),
            ("-cpu", "max", "all that QEMU has"),
        ),
    ),
)

ARCHES = {row.name: row for row in _ROWS}


def host() -> str:
    """Return the name of this host's architecture as in a row, or as `uname -m` has it if there is no such row."""
    machine = platform.machine()
    return next((row.name for row in _ROWS if row.machine == machine), machine)


def get(name: str) -> Arch:
    """Return the row of an architecture. Raise UsageError if there is none."""
    if name not in ARCHES:
        raise UsageError(f"no such architecture: {name}", hint=f"there are: {', '.join(ARCHES)}")
    return ARCHES[name]


@dataclass(frozen=True)
class Machine:
    """The size of a guest. `memory` and `swap` are in bytes; there is no swap disk if `swap` is 0."""

    arch: Arch
    memory: int
    cpus: int
    swap: int
