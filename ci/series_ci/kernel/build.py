"""Build a kernel in a folder that its base shares, and keep the result in the cache.

There is one build folder per store, compiler and configuration, so the kernel with the series compiles only what
differs from the base. For that the path of the sources and all that goes into the version string stay constant. See
`cache` for the kernels that are finished, and `toolchain` for compiler, environment and make's variables.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from series_ci.arch import Arch
from series_ci.errors import BuildError, UsageError
from series_ci.host import files, inside, paths
from series_ci.kernel import cache, inputs, kconfig
from series_ci.kernel.cache import Build, Made
from series_ci.kernel.interrupted import being_built
from series_ci.kernel.toolchain import Toolchain, log_tail, make_logged, require_space

_ERROR = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?:fatal )?error: (?P<text>.*)$")
_OTHER_ERROR = re.compile(r"undefined reference to|^make.*: \*\*\* (?!\[)|^(?:ld|gcc|clang|cc1): .*error|Error: ")
_WARNING = re.compile(r"^(?P<file>[^\s:]+):\d+(?::\d+)?: (?P<text>warning: .*)$")
_CC = re.compile(r"^\s+(?:CC|AS|HOSTCC)\s")


def folder_for(store: Path, tools: Toolchain, options: Sequence[kconfig.Asked]) -> Path:
    """Return the build folder for a store, architecture, compiler and configuration."""
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
    """Configure and build the tree in `source`, and keep the kernel in the cache under `key`.

    `log` gets the output of make; `progress` is called with a line per object. Raises UsageError if the configuration
    lost options that were asked for. Raises BuildError with the first compiler error, and keeps that under `key`, too,
    if the sources are to blame.
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
    """Remove the build folder and raise BuildError if the block finds a link, say, where make should write a file.

    The next series would find it there, too.
    """
    try:
        yield
    except inside.StrangeFileError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BuildError(f"does not build: {error.message}", hint=f"the whole log: {log}") from error


def warnings(
    source: Path, tools: Toolchain, options: Sequence[kconfig.Asked], *, folder: Path, names: Sequence[str], log: Path
) -> list[tuple[str, str]]:
    """Compile C files of the tree in `source` with W=1, and return the warnings as (file, `warning: ...`) pairs.

    Warnings in the headers that they include are among them. A file that does not compile is passed over.
    """
    with files.disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    make = [*_make(source, folder), *tools.variables]
    pairs: list[tuple[str, str]] = []

    def line(text: str) -> None:
        if match := _WARNING.match(relative(text, source)):
            pairs.append((match["file"], match["text"]))

    with _distrusted(folder, log), being_built(folder):
        _configure(make, folder, options, log)
        objects = [name.removesuffix(".c") + ".o" for name in names]
        if make_logged([*make, "-k", "W=1", *objects], log, line) != 0:
            require_space(log)
    return pairs


def _make(source: Path, folder: Path) -> list[str]:
    return ["make", "-C", str(source), f"O={folder}", f"-j{os.cpu_count() or 1}"]


def _configure(make: list[str], folder: Path, options: Sequence[kconfig.Asked], log: Path) -> None:
    """Write .config: tinyconfig, with the options on top.

    Raises UsageError if olddefconfig changes one of them: its test would test nothing.
    """
    # From tinyconfig each time: the options that nobody asked for must not depend on which version was configured here
    # before. An unchanged configuration rebuilds nothing.
    _step([*make, "tinyconfig"], log, "tinyconfig")
    with files.disk_errors(folder / ".config"):
        inside.append(folder, ".config", kconfig.render(options).encode())
    _step([*make, "olddefconfig"], log, "olddefconfig")
    written = inside.read(folder, ".config", cache.MOST_CONFIG) or b""
    dropped = kconfig.lost(options, kconfig.parse(written.decode("utf-8", "replace")))
    if dropped:
        raise UsageError(
            f"the kernel's configuration lost {len(dropped)} of the options asked for",
            hint="switch on what they depend on, or off what nobody tests, in the manifest's config fragment",
            details="\n".join(str(each) for each in dropped),
        )


def _step(argv: list[str], log: Path, what: str) -> None:
    if make_logged(argv, log) != 0:
        require_space(log)
        raise BuildError(f"make {what} failed", hint=f"the log: {log}", details=log_tail(log))


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
    """Return the error for a failed build: the compiler's first one, paths relative to the tree, and 11 more lines."""
    require_space(log)
    shown = relative(first, source)
    lines = inside.text(log).splitlines()
    at = lines.index(first) if first in lines else max(0, len(lines) - 12)
    details = "\n".join(relative(each, source) for each in lines[at : at + 12])
    message = f"does not build: {shown}" if shown else "does not build: make failed without a compiler error"
    return BuildError(message, hint=f"the whole log: {log}", details=details)


def _is_of_the_sources(error: BuildError) -> bool:
    """Return whether only the sources can be to blame. A fatal error may be a header that this machine lacks today."""
    return bool(_ERROR.match(error.message.removeprefix("does not build: "))) and "fatal error: " not in error.message


def relative(text: str, source: Path) -> str:
    """Return a line of compiler output with the paths of the tree relative to its top."""
    return text.replace(f"{source}/", "").replace("../", "")
