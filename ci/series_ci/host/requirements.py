"""The programs that a run needs on this host, and the Debian package that provides each."""

from __future__ import annotations

from collections.abc import Iterable

from series_ci.arch import Arch
from series_ci.errors import InfrastructureError
from series_ci.host import process

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
"""Programs that are called to build a kernel, its selftests and the guest's files."""

HEADERS = {"stdio.h": "libc6-dev", "gelf.h": "libelf-dev"}
"""Headers that the kernel's own host programs include. objtool needs gelf.h."""


LLVM = {"clang": "clang", "ld.lld": "lld", "llvm-objcopy": "llvm"}
"""Further programs that the kernel's LLVM=1 calls."""


def programs(arch: Arch, toolchain: str = "gcc") -> dict[str, str]:
    """Return program -> package for one architecture and toolchain (gcc or llvm).

    The architecture's gcc is needed with llvm too: it finds the C library that the tests are linked with.
    """
    needed = {"git": "git", **BUILD, arch.qemu: arch.qemu_package}
    if arch.foreign:
        needed[arch.gcc] = f"gcc-{arch.prefix.rstrip('-').replace('_', '-')}"
    return needed | (LLVM if toolchain == "llvm" else {})


def missing(needed: dict[str, str]) -> list[tuple[str, str]]:
    """Return the pairs (program or header, package) that this host lacks."""
    lacking = [(name, package) for name, package in needed.items() if process.which(name) is None]
    if process.which("gcc") is None:
        return lacking
    return lacking + [(name, package) for name, package in HEADERS.items() if not _compiles(name, "gcc")]


def _compiles(header: str, compiler: str) -> bool:
    """Return whether a compiler finds a header. Only the compiler knows where it looks."""
    source = f"#include <{header}>\n".encode()
    return process.run([compiler, "-fsyntax-only", "-x", "c", "-"], stdin=source).code == 0


def absent(arch: Arch, toolchain: str = "gcc") -> list[tuple[str, str]]:
    """Return the pairs (program or header, package) that the architecture needs and this host lacks."""
    lacking = missing(programs(arch, toolchain))
    library = (f"stdio.h of {arch.name}", f"libc6-dev-{arch.debian}-cross")
    if arch.foreign and not (process.which(arch.gcc) and _compiles("stdio.h", arch.gcc)):
        lacking.append(library)
    return lacking


def require(arch: Arch, toolchain: str = "gcc") -> None:
    """Raise InfrastructureError if anything is missing. It names every program and header, and the packages."""
    if lacking := absent(arch, toolchain):
        names = ", ".join(name for name, _package in lacking)
        raise InfrastructureError(f"not installed: {names}", hint=f"apt-get install {_packages(lacking)}")


def _packages(lacking: Iterable[tuple[str, str]]) -> str:
    return " ".join(sorted({package for _name, package in lacking}))
