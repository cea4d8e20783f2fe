"""Build a kernel: one folder per tree store and configuration, and a cache of finished images by content.

The folder makes the step from the base to the base with a series cost only the touched objects; the cache makes a
repeated run cost nothing. For that the source path and everything that goes into the version string stay constant.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Arch
from series_ci.errors import BuildError, InfrastructureError, UsageError
from series_ci.host import files, inside, paths, process, scratch
from series_ci.kernel import cache, inputs, kconfig
from series_ci.kernel.cache import Build, Made
from series_ci.kernel.interrupted import being_built

CONSTANT = {
    # What uname -v would say about who built it and when: constant, or every build would link anew and differ.
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "series-ci",
    "KBUILD_BUILD_HOST": "series-ci",
    "KBUILD_BUILD_VERSION": "1",
    # Set, though empty: else the name of the commit would end up in the release and rebuild what includes it.
    "LOCALVERSION": "",
}

CALLERS = ("MAKEFLAGS", "GNUMAKEFLAGS", "CROSS_COMPILE", "LLVM", "KCFLAGS", "KAFLAGS", "KCPPFLAGS")
"""Kernel developers export these; they would change what is built without changing its cache key."""

_ERROR = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?:fatal )?error: (?P<text>.*)$")
_OTHER_ERROR = re.compile(r"undefined reference to|^make.*: \*\*\* (?!\[)|^(?:ld|gcc|clang|cc1): .*error|Error: ")
_WARNING = re.compile(r"^(?P<file>[^\s:]+):\d+(?::\d+)?: (?P<text>warning: .*)$")
_CC = re.compile(r"^\s+(?:CC|AS|HOSTCC)\s")


@dataclass(frozen=True)
class Toolchain:
    """The compiler for one architecture: make's variables, and the version line for cache keys and reports."""

    arch: Arch
    variables: tuple[str, ...]
    version: str
    ccache: bool

    @property
    def selftest_variables(self) -> tuple[str, ...]:
        """Make's variables for the selftests: without ccache, as their scripts take the first word of CC for all of it.

        With LLVM=1 they make CC themselves, for it has to say what it compiles for.
        """
        if "LLVM=1" in self.variables:
            return tuple(each for each in self.variables if not each.startswith("CC="))
        return tuple(each.replace("CC=ccache ", "CC=") for each in self.variables)


def environment() -> dict[str, str]:
    """Messages in English with plain quotes (we read them), our own compiler cache, nothing from the caller's make.

    In its depend mode ccache takes the headers from the list that kbuild has gcc write anyway, so that an object which
    is not in the cache is not preprocessed twice.
    """
    ccache = {"CCACHE_DIR": str(paths.cache() / "ccache"), "CCACHE_MAXSIZE": "5G", "CCACHE_DEPEND": "1"}
    # The kernel's Makefile takes LC_ALL out of the environment, and Python has put a LC_CTYPE with UTF-8 into it.
    english = {"LC_ALL": "C", "LC_CTYPE": "C", "LC_MESSAGES": "C", "LANG": "C"}
    return {**english, **ccache, **dict.fromkeys(CALLERS, "")}


def make_logged(argv: Sequence[str], log: Path, on_line: Callable[[str], None] = lambda _line: None) -> int:
    """Run make with its output appended to `log`, line by line through `on_line` too; return its exit code.

    Its temporary files go with it: some scripts of the kernel leave theirs behind, all do that are killed.
    """
    with files.disk_errors(log), scratch.folder("make") as temporary:
        return process.run_logged(argv, log, env={**environment(), "TMPDIR": str(temporary)}, on_line=on_line)


def toolchain(arch: Arch, kind: str = "gcc") -> Toolchain:
    """Find the compiler for `arch`, `kind` gcc or llvm; the caller has checked that it exists (see `requirements`)."""
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


def folder_for(store: Path, tools: Toolchain, options: Sequence[kconfig.Asked]) -> Path:
    """The one build folder for this store, architecture, compiler and configuration."""
    key = files.digest(str(store), tools.arch.name, tools.version, kconfig.render(options))[:16]
    return paths.cache() / "build" / f"{tools.arch.name}-{key}"


def make_kernel(
    source: Path,
    tools: Toolchain,
    options: Sequence[kconfig.Asked],
    *,
    folder: Path,
    key: str,
    log: Path,
    progress: Callable[[str], None],
) -> Build:
    """Configure and build the tree that is laid out in `source`; keep the image under `key`.

    Raises UsageError for options that the kernel dropped, BuildError with the first compiler error, which is kept as
    well. `log` gets all that make said.
    """
    start = time.monotonic()
    with files.disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    make = [*_make(source, folder), *tools.variables]
    with _distrusted(folder, log):
        with being_built(folder):
            _configure(make, folder, options, log)
            try:
                objects = _compile(make, source, tools.arch, log, progress)
            except BuildError as error:
                if _is_of_the_sources(error):
                    cache.keep_failure(key, error, log)
                raise
        read = inputs.read(folder, source)
        seconds = time.monotonic() - start
        return cache.keep(key, Made(folder, tools.arch.image, log, read, seconds, objects))


@contextmanager
def _distrusted(folder: Path, log: Path) -> Iterator[None]:
    """Remove a build folder in which make has left a link, say, in place of a file: the next series would meet it."""
    try:
        yield
    except inside.StrangeFileError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BuildError(f"does not build: {error.message}", hint=f"the whole log: {log}") from error


def warnings(
    source: Path, tools: Toolchain, options: Sequence[kconfig.Asked], *, folder: Path, names: Sequence[str], log: Path
) -> list[tuple[str, str]]:
    """What the compiler says with W=1 about these C files of the tree in `source`: (file, `warning: ...`) pairs.

    Warnings in headers that the files include are among them. A file that does not compile has none to speak of.
    """
    with files.disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    make = [*_make(source, folder), *tools.variables]
    found: list[tuple[str, str]] = []

    def line(text: str) -> None:
        if match := _WARNING.match(relative(text, source)):
            found.append((match["file"], match["text"]))

    with _distrusted(folder, log), being_built(folder):
        _configure(make, folder, options, log)
        objects = [name.removesuffix(".c") + ".o" for name in names]
        if make_logged([*make, "-k", "W=1", *objects], log, line) != 0:
            require_space(log)
    return found


def _make(source: Path, folder: Path) -> list[str]:
    return ["make", "-C", str(source), f"O={folder}", f"-j{os.cpu_count() or 1}"]


def _configure(make: list[str], folder: Path, options: Sequence[kconfig.Asked], log: Path) -> None:
    """tinyconfig with the options on top; one that does not survive is an error, or its test would test nothing."""
    # From the start each time: the values of options that nobody asked for must not depend on which tree of the series
    # was configured here first. An unchanged configuration rebuilds nothing.
    _step([*make, "tinyconfig"], log, "tinyconfig")
    with files.disk_errors(folder / ".config"):
        inside.append(folder, ".config", kconfig.render(options).encode())
    _step([*make, "olddefconfig"], log, "olddefconfig")
    made = inside.read(folder, ".config", cache.MOST_CONFIG) or b""
    dropped = kconfig.lost(options, kconfig.parse(made.decode("utf-8", "replace")))
    if dropped:
        raise UsageError(
            f"the kernel's configuration lost {len(dropped)} of the options asked for",
            hint="switch on what they depend on, or off what nobody tests, in the manifest's config fragment",
            details="\n".join(str(each) for each in dropped),
        )


def _step(argv: list[str], log: Path, what: str) -> None:
    if make_logged(argv, log) != 0:
        require_space(log)
        raise BuildError(f"make {what} failed", hint=f"the log: {log}", details=_tail(log))


def require_space(log: Path) -> None:
    """Raise InfrastructureError if a program says in the end of its log that it found the disk full."""
    if files.is_full(_tail(log, 200)):
        raise files.disk_full(f"cannot build below {paths.cache()}")


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(inside.text(log).splitlines()[-lines:])


def _compile(make: list[str], source: Path, arch: Arch, log: Path, progress: Callable[[str], None]) -> int:
    objects = 0
    first = ""

    def line(text: str) -> None:
        nonlocal objects, first
        if _CC.match(text):
            objects += 1
            progress(f"{objects} objects, {text.rsplit(maxsplit=1)[-1]}")
        elif not first and (_ERROR.match(text) or _OTHER_ERROR.search(text)):
            first = text

    code = make_logged([*make, arch.target], log, line)
    if code != 0:
        raise _failed(first, source, log)
    return objects


def _failed(first: str, source: Path, log: Path) -> BuildError:
    """The error to show: gcc's own first one, with its path made relative to the tree, and the lines that follow it."""
    require_space(log)
    shown = relative(first, source)
    lines = inside.text(log).splitlines()
    at = lines.index(first) if first in lines else max(0, len(lines) - 12)
    details = "\n".join(relative(each, source) for each in lines[at : at + 12])
    message = f"does not build: {shown}" if shown else "does not build: make failed without a compiler error"
    return BuildError(message, hint=f"the whole log: {log}", details=details)


def _is_of_the_sources(error: BuildError) -> bool:
    """Whether the sources are to blame for certain. A fatal error may be a header that this machine lacks today."""
    return bool(_ERROR.match(error.message.removeprefix("does not build: "))) and "fatal error: " not in error.message


def relative(text: str, source: Path) -> str:
    """A line of compiler output with the paths of the tree made relative to its top."""
    return text.replace(f"{source}/", "").replace("../", "")
