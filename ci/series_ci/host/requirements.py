"""The programs of the host that a run needs, and the Debian package that brings each."""

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
"""Programs that building a kernel, its selftests and the guest's files calls."""

HEADERS = {"stdio.h": "libc6-dev", "gelf.h": "libelf-dev"}
"""Headers that the kernel's own host programs include; objtool's is the second one."""


LLVM = {"clang": "clang", "ld.lld": "lld", "llvm-objcopy": "llvm"}
"""What the kernel's LLVM=1 calls beside them."""


def programs(arch: Arch, toolchain: str = "gcc") -> dict[str, str]:
    """Program -> package, for one architecture and toolchain (gcc or llvm).

    The architecture's gcc is needed with llvm, too: it finds the C library that the tests are linked with.
    """
    needed = {"git": "git", **BUILD, arch.qemu: arch.qemu_package}
    if arch.foreign:
        needed[arch.gcc] = f"gcc-{arch.prefix.rstrip('-').replace('_', '-')}"
    return needed | (LLVM if toolchain == "llvm" else {})


def missing(needed: dict[str, str]) -> list[tuple[str, str]]:
    """The (program or header, package) pairs that this host does not have."""
    found = [(name, package) for name, package in needed.items() if process.which(name) is None]
    if process.which("gcc") is None:
        return found
    return found + [(name, package) for name, package in HEADERS.items() if not _compiles(name, "gcc")]


def _compiles(header: str, compiler: str) -> bool:
    """Whether a compiler finds a header: it alone knows where it looks."""
    source = f"#include <{header}>\n".encode()
    return process.run([compiler, "-fsyntax-only", "-x", "c", "-"], stdin=source).code == 0


def absent(arch: Arch, toolchain: str = "gcc") -> list[tuple[str, str]]:
    """What this host does not have of that which the architecture needs, with the package that brings each."""
    found = missing(programs(arch, toolchain))
    library = (f"stdio.h of {arch.name}", f"libc6-dev-{arch.debian}-cross")
    if arch.foreign and not (process.which(arch.gcc) and _compiles("stdio.h", arch.gcc)):
        found.append(library)
    return found


def require(arch: Arch, toolchain: str = "gcc") -> None:
    """Raise an error that names every missing program and header, and the packages to install."""
    if found := absent(arch, toolchain):
        names = ", ".join(name for name, _package in found)
        raise InfrastructureError(f"not installed: {names}", hint=f"apt-get install {_packages(found)}")


def _packages(found: Iterable[tuple[str, str]]) -> str:
    return " ".join(sorted({package for _name, package in found}))
