"""Find the files that a kernel's build read, from the dependency lists that kbuild leaves.

kbuild writes a file `.TARGET.cmd` for each target, with the command (`savedcmd_`, before Linux 6.6 `cmd_`) and, for
objects, all that the compiler read (`source_`, `deps_`). Any word in these that names a file below the source tree is
an input. If the path of an input leads through a symbolic link of the tree, the link and the file behind it are
inputs, too.

A build folder serves many versions of a series, so it may have lists of objects that are not in this kernel. An object
counts if it is in an archive that the kernel was linked from, or is named in the command of another target.
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
"""Holds all objects of the kernel but those of the lib.a archives; since Linux 6.1."""

MOST = 4 << 20
"""Bytes of a dependency list that are read; the longest of a kernel has some hundred KiB."""

LINKED_APART = frozenset({"init/version-timestamp.o"})
"""Objects that scripts/link-vmlinux.sh links in addition to the archive."""


HOST = "tools/"
"""Host programs below this folder are built by rules that do not name their objects in a command."""


def read(folder: Path, source: Path) -> frozenset[str]:
    """Return the files of the tree in `source`, by their paths there, that the kernel in `folder` was built from."""
    top = f"{source}/"
    lists = {}
    named = _objects(folder)
    known = bool(named)
    for path in _lists(folder):
        target = str(_target(path).relative_to(folder))
        text = inside.read(folder, str(path.relative_to(folder)), MOST) or b""
        words = set(text.decode("utf-8", "replace").split())
        # Objects of boot code, vdso and host programs are named in the command that links these.
        named |= {word for word in words if word.endswith(".o")} - {target}
        lists[target] = [word.removeprefix(top) for word in words if word.startswith(top)]
    inputs: set[str] = set()
    for target, names in lists.items():
        if not known or target in named or not target.endswith(".o") or target.startswith(HOST):
            inputs.update(posixpath.normpath(name) for name in names)
    return frozenset(inputs | set(_behind_links(source, inputs)))


def _behind_links(source: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield the symbolic links in the paths of these files, and the files of the tree behind them. Opens none."""
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
    """Return whether a file may be a dependency list: a regular file named as one."""
    named = path.name.startswith(".") and path.name.endswith(".cmd")
    return named and stat.S_ISREG(path.lstat().st_mode)


def _target(path: Path) -> Path:
    return path.with_name(path.name.removeprefix(".").removesuffix(".cmd"))


def _objects(folder: Path) -> set[str]:
    """Return the objects in the kernel's archives, by their paths below the build folder; none before Linux 6.1."""
    if not inside.is_file(folder, ARCHIVE):
        return set()
    objects: set[str] = set(LINKED_APART)
    for path in [folder / ARCHIVE, *folder.rglob("lib.a")]:
        if not inside.is_file(folder, str(path.relative_to(folder))):
            continue
        done = process.run(["ar", "t", str(path.relative_to(folder))], cwd=folder)
        if done.code != 0:
            raise InfrastructureError(f"cannot read {path}: {done.err.strip()}", hint="is binutils installed?")
        objects.update(os.path.normpath(line) for line in done.out.splitlines())
    return objects
