"""Pack a guest's initramfs: busybox, bash, the installed tests, the libraries that they need, and our /init.

The guest shares no files with the host; it has only what is packed here.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Arch
from series_ci.errors import InfrastructureError
from series_ci.guest import cpio, helpers, shells
from series_ci.host import inside, paths, process
from series_ci.kernel.selftests import installed

_NEEDED = re.compile(r"\(NEEDED\)\s+Shared library: \[(.+)\]")
_INTERPRETER = re.compile(r"Requesting program interpreter: (.+)\]")
ELF = b"\x7fELF"

MAX_SCALE = 20
"""How many times a scaled timeout may be extended for a slow guest."""

LONG_ENOUGH = 1800
"""Seconds that no scaled timeout exceeds: a hang has to end at some time."""

MOST = 1024 * inside.MIB
"""Bytes of all tests of a guest together."""

INTERACTIVE = "interactive=1"
"""Kernel argument for /init: run a shell on the console in place of the tests."""


@dataclass(frozen=True)
class GuestTest:
    """One program to run in the guest: `name` is that in the results (`mm/exit_skip`), `timeout` is in seconds.

    A `scaled` timeout is that of a machine of ordinary speed; a slower guest extends it, up to MAX_SCALE times.
    """

    name: str
    collection: str
    program: str
    args: tuple[str, ...]
    timeout: int
    scaled: bool = False

    @property
    def longest(self) -> int:
        """Seconds that it may take in the slowest guest."""
        return max(self.timeout, min(self.timeout * MAX_SCALE, LONG_ENOUGH)) if self.scaled else self.timeout

    @property
    def title(self) -> str:
        """The name as kselftest's runner prints it."""
        return "selftests: " + self.name.replace("/", ": ", 1)


def first_test(number: int) -> str:
    """Return the kernel argument for /init that names the first test to run, counted from 1."""
    return f"first_test={number}"


def script(tests: Sequence[GuestTest]) -> str:
    """Return the tests as a shell script that calls /init's `run` for each."""
    lines = []
    for number, test in enumerate(tests, 1):
        name = test.title.removeprefix("selftests: ")
        seconds = f"{test.timeout}:{test.longest}" if test.scaled else str(test.timeout)
        words = ["run", str(number), name, test.collection, seconds, f"./{test.program}", *test.args]
        # /init counts the lines that start with "run": no argument may begin one.
        lines.append(shlex.join(words).replace("\n", "'$'\\n''"))
    return "\n".join(lines) + "\n"


def initramfs(tests: Sequence[GuestTest], folder: Path, arch: Arch, also: Sequence[str] = ()) -> bytes:
    """Return the archive for these tests, from the folder of installed selftests.

    `also` names more collections to pack. Raises InfrastructureError if a shell, a compiler or a library is missing,
    or if the tests have more than MOST bytes.
    """
    busybox, bash = shells.shells(arch)
    entries = [
        cpio.console(),
        cpio.program("init", paths.data("guest", "init.sh").read_bytes()),
        cpio.program("tests.sh", script(tests).encode()),
        cpio.program("bin/busybox", busybox.read_bytes()),
        cpio.program("bin/bash", bash.read_bytes()),
        cpio.program("bin/relay", helpers.relay(arch)),
        cpio.program("lib/linewise.so", helpers.linewise(arch)),
        cpio.link("bin/sh", "bash"),
        *(cpio.folder(name) for name in ("dev", "proc", "sys", "tmp", "etc", "lib")),
        cpio.program("etc/passwd", b"root:x:0:0:root:/tmp:/bin/bash\nnobody:x:65534:65534:nobody:/tmp:/bin/bash\n"),
        cpio.program("etc/group", b"root:x:0:\nnogroup:x:65534:\n"),
    ]
    programs = [busybox, bash]
    packed = 0
    for collection in sorted({*also, *(test.collection for test in tests)}):
        for path in sorted(installed(folder, collection)):
            entry = _packed(folder, path, MOST - packed)
            packed += len(entry.data)
            entries.append(entry)
            if stat.S_ISREG(entry.mode):
                programs.append(path)
    entries += _libraries(programs, arch.gcc)
    return cpio.archive(cpio.with_parents(entries))


def _packed(folder: Path, path: Path, most: int) -> cpio.Entry:
    """Return the entry of an installed file; a link stays a link, and leads to what the guest has under that name."""
    below = str(path.relative_to(folder))
    name = f"kselftest/{below}"
    if path.is_symlink():
        return cpio.link(name, os.readlink(path))  # noqa: PTH115 (unchanged: pathlib shortens a/./b)
    mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
    content = inside.read(folder, below, most)
    if content is None:
        raise InfrastructureError(f"{path}: has gone while it was packed for the guest")
    return cpio.Entry(name, stat.S_IFREG | mode, content)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == ELF


def _libraries(programs: Iterable[Path], gcc: str) -> list[cpio.Entry]:
    """Return the shared libraries that programs need, read from their ELF headers: `ldd` would run the programs."""
    libraries: dict[str, cpio.Entry] = {}
    todo = [path for path in programs if _is_elf(path)]
    while todo:
        needed, interpreters = _dynamic(todo)
        todo = []
        for name in sorted((needed | interpreters) - libraries.keys()):
            soname = Path(name).name
            path = _find(soname, gcc)
            target = f"lib/{soname}" if name in needed else name.lstrip("/")
            libraries[name] = cpio.program(target, path.read_bytes())
            todo.append(path)
    return list(libraries.values())


def _dynamic(programs: Sequence[Path]) -> tuple[set[str], set[str]]:
    done = process.run(["readelf", "-dlW", *(str(path) for path in programs)], env={"LC_ALL": "C"})
    return set(_NEEDED.findall(done.out)), set(_INTERPRETER.findall(done.out))


def _find(soname: str, gcc: str) -> Path:
    """Return the file of a library, as the compiler for the guest finds it. Raises InfrastructureError."""
    path = Path(process.run([gcc, f"-print-file-name={soname}"]).out.strip())
    if not path.is_absolute() or not path.is_file():
        raise InfrastructureError(f"a test needs the library {soname}, which {gcc} does not find")
    return path.resolve()


def command_line(arch: Arch) -> str:
    """Return the kernel's arguments.

    console: where the kernel prints. panic=-1: reset at once after a panic; QEMU ends on a reset. oops=panic: after an
    oops no later result can be believed, and locks that were held would hang the other tests. panic_print=64: print the
    backtrace of every CPU. The arguments of the architecture turn an NMI, sent to a guest that hangs, into a panic.
    """
    return " ".join([f"console={arch.console} panic=-1 oops=panic panic_print=64", *arch.arguments])
