"""What went into a kernel: the files that its build read, from the dependency lists that kbuild leaves behind.

kbuild writes a file `.TARGET.cmd` for each target, with the command (`savedcmd_`, before Linux 6.6 `cmd_`) and, for
objects, all that the compiler read (`source_`, `deps_`). Any word in these that names a file below the source tree is
an input.

A build folder serves many versions of a series, so it may have lists of objects that this kernel does not have. Those
that count are in the archives which the kernel was linked from.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from series_ci import process
from series_ci.errors import InfrastructureError

ARCHIVE = "vmlinux.a"
"""All objects of the kernel but those of lib.a archives; since Linux 6.1."""

LINKED_APART = frozenset({"init/version-timestamp.o"})
"""Objects that scripts/link-vmlinux.sh puts beside the archive."""


def read(folder: Path, source: Path) -> frozenset[str]:
    """The files of the tree in `source`, by their paths in it, that the kernel built in `folder` was made of."""
    targets = [(path, _target(path)) for path in _lists(folder)]
    objects = _objects(folder)
    homes = {str(PurePosixPath(name).parent) for name in objects}
    found: set[str] = set()
    for path, target in targets:
        name = str(target.relative_to(folder))
        if target.exists() and _counts(name, objects, homes):
            found.update(path.read_text("utf-8", "replace").split())
    top = f"{source}/"
    return frozenset(word.removeprefix(top) for word in found if word.startswith(top))


def _lists(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        if Path(root) == folder and "kselftest" in folders:
            folders.remove("kselftest")
        for name in names:
            path = Path(root, name)
            # A link or a pipe of that name is none of kbuild's.
            if name.startswith(".") and name.endswith(".cmd") and stat.S_ISREG(path.lstat().st_mode):
                yield path


def _target(path: Path) -> Path:
    return path.with_name(path.name.removeprefix(".").removesuffix(".cmd"))


def _objects(folder: Path) -> set[str]:
    """The objects in the kernel's archives, by their paths below the build folder; none before Linux 6.1."""
    if not (folder / ARCHIVE).is_file():
        return set()
    found: set[str] = set()
    for path in [folder / ARCHIVE, *folder.rglob("lib.a")]:
        done = process.run(["ar", "t", str(path.relative_to(folder))], cwd=folder)
        if done.code != 0:
            raise InfrastructureError(f"cannot read {path}: {done.err.strip()}", hint="is binutils installed?")
        found.update(os.path.normpath(line) for line in done.out.splitlines())
    return found


def _counts(name: str, objects: set[str], homes: set[str]) -> bool:
    """Whether a target belongs to this kernel, and is not left over from another one that was built here.

    Not all that is linked is in an archive: the boot code has folders of its own, and objects with two suffixes
    (`x.nvhe.o`, `x.pi.o`) are parts of others.
    """
    path = PurePosixPath(name)
    if path.suffix != ".o" or not objects or name in objects or name in LINKED_APART:
        return True
    return str(path.parent) not in homes or len(path.suffixes) > 1
