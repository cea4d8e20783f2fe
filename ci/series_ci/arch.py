"""Architectures as rows of data: adding one means adding a row here and a fragment data/guest-NAME.config."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from series_ci.errors import UsageError


@dataclass(frozen=True)
class Arch:
    """How one architecture is built and run.

    `make` is the kernel's ARCH=, `target` and `image` what to build and where it appears below the build folder.
    `options` are QEMU options with the reason for each; `arguments` are arguments of the kernel.
    """

    name: str
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
    def gcc(self) -> str:
        """The compiler for it on this host."""
        return "gcc" if self.name == host() else f"{self.cross}gcc"


ARCHES = {
    "x86_64": Arch(
        name="x86_64",
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
}


def host() -> str:
    """The name of the machine we run on, as a row would call it."""
    return platform.machine()


def get(name: str) -> Arch:
    """The row of an architecture."""
    if name not in ARCHES:
        raise UsageError(f"no such architecture: {name}", hint=f"there are: {', '.join(ARCHES)}")
    return ARCHES[name]
