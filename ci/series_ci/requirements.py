"""The programs of the host that a run needs, and the Debian package that brings each."""

from __future__ import annotations

from collections.abc import Iterable

from series_ci import process
from series_ci.arch import Arch, host
from series_ci.errors import InfrastructureError

BUILD = {
    "gcc": "gcc",
    "make": "make",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "ld": "binutils",
    "readelf": "binutils",
    "rsync": "rsync",
    "perl": "perl",
    "busybox": "busybox-static",
    "bash": "bash-static",
}
"""Programs that building a kernel, its selftests and the guest's files calls."""

HEADERS = {"stdio.h": "libc6-dev", "gelf.h": "libelf-dev"}
"""Headers that the kernel's own host programs include; objtool's is the second one."""


def programs(arch: Arch) -> dict[str, str]:
    """Program -> package, for one architecture."""
    needed = {"git": "git", **BUILD, arch.qemu: arch.qemu_package}
    if arch.name != host():
        needed[arch.gcc] = f"gcc-{arch.cross.rstrip('-')}"
    return needed


def missing(needed: dict[str, str]) -> list[tuple[str, str]]:
    """The (program or header, package) pairs that this host does not have."""
    absent = [(name, package) for name, package in needed.items() if process.which(name) is None]
    if process.which("gcc") is None:
        return absent
    return absent + [(name, package) for name, package in HEADERS.items() if not _compiles(f"#include <{name}>\n")]


def _compiles(source: str) -> bool:
    """Whether the host's compiler takes a source: it alone knows where it looks for headers."""
    return process.run(["gcc", "-fsyntax-only", "-x", "c", "-"], stdin=source.encode()).code == 0


def require(arch: Arch) -> None:
    """Raise an error that names every missing program and header, and the packages to install."""
    absent = missing(programs(arch))
    if absent:
        names = ", ".join(name for name, _package in absent)
        raise InfrastructureError(f"not installed: {names}", hint=f"apt-get install {_packages(absent)}")


def _packages(absent: Iterable[tuple[str, str]]) -> str:
    return " ".join(sorted({package for _name, package in absent}))
