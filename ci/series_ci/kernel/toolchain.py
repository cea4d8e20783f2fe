"""The compiler of a build, its environment, and a make that writes a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Arch
from series_ci.errors import InfrastructureError
from series_ci.host import files, inside, paths, process, scratch

CONSTANT = {
    # Parts of the version string that would make each build link anew and differ.
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "series-ci",
    "KBUILD_BUILD_HOST": "series-ci",
    "KBUILD_BUILD_VERSION": "1",
    # Empty but set: else kbuild puts the commit into the release, and rebuilds what includes that.
    "LOCALVERSION": "",
}


CALLERS = ("MAKEFLAGS", "GNUMAKEFLAGS", "CROSS_COMPILE", "LLVM", "KCFLAGS", "KAFLAGS", "KCPPFLAGS")
"""Variables that kernel developers export, and that would change a build but not its cache key."""


@dataclass(frozen=True)
class Toolchain:
    """The compiler for an architecture: make's variables, and the line with its version, for cache keys and reports."""

    arch: Arch
    variables: tuple[str, ...]
    version: str
    ccache: bool

    @property
    def selftest_variables(self) -> tuple[str, ...]:
        """Make's variables for the selftests: CC without ccache, for their scripts take only its first word.

        With LLVM=1 there is no CC: the selftests set it themselves, with the target in it.
        """
        if "LLVM=1" in self.variables:
            return tuple(each for each in self.variables if not each.startswith("CC="))
        return tuple(each.replace("CC=ccache ", "CC=") for each in self.variables)


def environment() -> dict[str, str]:
    """Return the environment of make: messages in English, a compiler cache of our own, none of the CALLERS' variables.

    In its depend mode ccache takes the headers from the dependency list that gcc writes for kbuild, so an object that
    is not in the cache is not preprocessed twice.
    """
    ccache = {"CCACHE_DIR": str(paths.cache() / "ccache"), "CCACHE_MAXSIZE": "5G", "CCACHE_DEPEND": "1"}
    # The kernel's Makefile takes LC_ALL out of the environment, and Python has put a LC_CTYPE with UTF-8 into it.
    english = {"LC_ALL": "C", "LC_CTYPE": "C", "LC_MESSAGES": "C", "LANG": "C"}
    return {**english, **ccache, **dict.fromkeys(CALLERS, "")}


def make_logged(argv: Sequence[str], log: Path, on_line: Callable[[str], None] = lambda _line: None) -> int:
    """Run make, append its output to `log`, call `on_line` with each line, and return the exit code.

    TMPDIR is a folder that is removed afterwards: some scripts of the kernel leave temporary files.
    """
    with files.disk_errors(log), scratch.folder("make") as temporary:
        return process.run_logged(argv, log, env={**environment(), "TMPDIR": str(temporary)}, on_line=on_line)


def toolchain(arch: Arch, kind: str = "gcc") -> Toolchain:
    """Return the compiler for `arch`, of the kind gcc or llvm. Raises InfrastructureError if it does not run."""
    compiler = arch.gcc if kind == "gcc" else "clang"
    done = process.run([compiler, "--version"], env=environment())
    if done.code != 0 or not done.out:
        raise InfrastructureError(f"{compiler} does not run: {done.err.strip()}")
    ccache = process.which("ccache") is not None
    variables = [f"ARCH={arch.make}", f"CC={'ccache ' if ccache else ''}{compiler}"]
    variables += ["LLVM=1"] if kind == "llvm" else []
    variables += [f"CROSS_COMPILE={arch.prefix}"] if arch.prefix else []
    variables += [f"{name}={value}" for name, value in CONSTANT.items()]
    return Toolchain(arch, tuple(variables), done.out.splitlines()[0], ccache)


def require_space(log: Path) -> None:
    """Raise InfrastructureError if the end of a log says that the disk is full."""
    if files.is_full(log_tail(log, 200)):
        raise files.disk_full(f"cannot build below {paths.cache()}")


def log_tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return "\n".join(inside.text(log).splitlines()[-lines:])
