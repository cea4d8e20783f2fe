"""Compile the project's own programs for the guest, each one C file, for the guest's architecture."""

from __future__ import annotations

import functools

from series_ci.arch import Arch
from series_ci.errors import InfrastructureError
from series_ci.host import paths, process, scratch


def relay(arch: Arch) -> bytes:
    """Return the program that passes a test's output on; static, to work where the tests' libraries do not."""
    return _compiled("relay.c", arch, "-static")


def linewise(arch: Arch) -> bytes:
    """Return the library that makes tests print line by line."""
    return _compiled("linewise.c", arch, "-shared", "-fPIC")


@functools.cache
def _compiled(source: str, arch: Arch, *options: str) -> bytes:
    with scratch.folder("aids") as work:
        program = work / "made"
        done = process.run([arch.gcc, "-O2", "-s", *options, "-o", str(program), str(paths.data("guest", source))])
        if done.code != 0:
            raise InfrastructureError(
                f"{arch.gcc} cannot make {source} for the guest: {done.err.strip()}",
                hint="it needs the C library's headers and its static form: Debian's libc6-dev has both",
            )
        return program.read_bytes()
