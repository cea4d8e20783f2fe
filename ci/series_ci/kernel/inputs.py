"""What went into a kernel: the files that its build read, from the dependency lists that kbuild leaves behind.

kbuild writes a file `.TARGET.cmd` for each target, with the command (`savedcmd_`, before Linux 6.6 `cmd_`) and, for
objects, all that the compiler read (`source_`, `deps_`). Any word in these that names a file below the source tree is
an input. If a symbolic link of the tree is on its way, that link is one, too, and so is the file behind it.

A build folder serves many versions of a series, so it may have lists of objects that this kernel does not have. An
object counts if it is in the archives which the kernel was linked from, or is named in the command of another target.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path

from series_ci.errors import InfrastructureError
from series_ci.host import inside, process

ARCHIVE = "vmlinux.a"
"""All objects of the kernel but those of lib.a archives; since Linux 6.1."""

MOST = 4 << 20
"""Bytes of a dependency list; the longest of a kernel has some hundred KiB."""

LINKED_APART = frozenset({"init/version-timestamp.o"})
"""Objects that scripts/link-vmlinux.sh puts beside the archive."""


HOST = "tools/"
"""Programs of the host below this folder are built by other rules, which name their objects nowhere."""


def read(folder: Path, source: Path) -> frozenset[str]:
    """The files of the tree in `source`, by their paths in it, that the kernel built in `folder` was made of."""
    top = f"{source}/"
    lists = {}
    named = _objects(folder)
    known = bool(named)
    for path in _lists(folder):
        target = str(_target(path).relative_to(folder))
        text = inside.read(folder, str(path.relative_to(folder)), MOST) or b""
        words = set(text.decode("utf-8", "replace").split())
        # The boot code, a vdso, host programs: what is linked into them is named in the command that links it.
        named |= {word for word in words if word.endswith(".o")} - {target}
        lists[target] = [word.removeprefix(top) for word in words if word.startswith(top)]
    found: set[str] = set()
    for target, names in lists.items():
        if not known or target in named or not target.endswith(".o") or target.startswith(HOST):
            found.update(posixpath.normpath(name) for name in names)
    return frozenset(found | set(_behind_links(source, found)))


def _behind_links(source: Path, names: Iterable[str]) -> Iterator[str]:
    """The links of the tree on the way to these files, and the files of the tree that they lead to; none is opened."""
    top = os.path.realpath(source)

    @cache
    def linked(name: str) -> bool:
        return (source / name).is_symlink()

    for name in names:
        folders = accumulate(name.split("/"), posixpath.join)
        if links := [each for each in folders if linked(each)]:
            yield from links
            real = os.path.realpath(source / name)
            if real.startswith(f"{top}/"):
                yield real.removeprefix(f"{top}/")


def _lists(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        if Path(root) == folder and "kselftest" in folders:
            folders.remove("kselftest")
        for name in names:
            path = Path(root, name)
            if _is_list(path) and _target(path).exists():
                yield path


def _is_list(path: Path) -> bool:
    """Whether a file may be one of kbuild's: a link or a pipe of that name is none."""
    named = path.name.startswith(".") and path.name.endswith(".cmd")
    return named and stat.S_ISREG(path.lstat().st_mode)


def _target(path: Path) -> Path:
    return path.with_name(path.name.removeprefix(".").removesuffix(".cmd"))


def _objects(folder: Path) -> set[str]:
    """The objects in the kernel's archives, by their paths below the build folder; none before Linux 6.1."""
    if not inside.is_file(folder, ARCHIVE):
        return set()
    found: set[str] = set(LINKED_APART)
    for path in [folder / ARCHIVE, *folder.rglob("lib.a")]:
        if not inside.is_file(folder, str(path.relative_to(folder))):
            continue
        done = process.run(["ar", "t", str(path.relative_to(folder))], cwd=folder)
        if done.code != 0:
            raise InfrastructureError(f"cannot read {path}: {done.err.strip()}", hint="is binutils installed?")
        found.update(os.path.normpath(line) for line in done.out.splitlines())
    return found
