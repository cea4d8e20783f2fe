"""A worktree that holds what its commit says, byte for byte, whatever the series before it have left there.

git compares size and times of a file with those that it has written down, and what a tree's .gitattributes say changes
what it writes. So attributes count for nothing here, and what may have been written to since the last comparison is
read anew.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from hashlib import sha1, sha256
from pathlib import Path

from series_ci.errors import InfrastructureError
from series_ci.host import files
from series_ci.kernel import objects
from series_ci.mail.difftext import LINK

ATTRIBUTES = "* !" + " !".join(
    (
        *("text", "eol", "crlf", "ident", "filter", "working-tree-encoding", "diff", "merge", "conflict-marker-size"),
        *("whitespace", "export-ignore", "export-subst", "delta", "encoding"),
    )
)
"""For info/attributes, which is stronger than any .gitattributes of a tree: nothing is said of any file."""

SETTINGS = {
    "core.attributesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.checkStat": "default",
    "core.eol": "lf",
    "core.excludesFile": "/dev/null",
    "core.fileMode": "true",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.ignoreCase": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.safecrlf": "false",
    "core.symlinks": "true",
    "core.trustctime": "true",
    "submodule.recurse": "false",
}
"""What every git of a store is told, whatever its configuration says."""

NEUTRAL = {
    "GIT_CONFIG_COUNT": str(len(SETTINGS)),
    **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(SETTINGS)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(SETTINGS.values())},
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
}
"""The same as environment, and paths that are paths and no patterns."""

MARGIN = 10 * 1_000_000_000
"""Nanoseconds before the last comparison from which on a file may have been written to after it was read."""

_LARGE = 64 << 20
_TOLD = 5


def neutralise(store: Path) -> None:
    """Take the say from the .gitattributes of all trees that a store lays out."""
    path = store / "info/attributes"
    if not path.is_file() or path.read_text("utf-8", "replace") != f"{ATTRIBUTES}\n":
        files.write(path, f"{ATTRIBUTES}\n")


def differing(top: Path, mark: Path) -> list[str]:
    """The files of a worktree that are not what its index says, by type, mode and content; they are removed.

    `mark` is a file beside the worktree that bears the time of the last comparison. What was written to since, by the
    time of its inode, which no program can set, is read anew; where there is no mark, all is. If nothing differs, this
    comparison is the last one.
    """
    fresh = mark.with_name(f"{mark.name}.new")
    with files.disk_errors(fresh):
        fresh.unlink(missing_ok=True)
        fresh.touch()
    now = fresh.stat().st_mtime_ns
    last = mark.stat().st_mtime_ns if mark.is_file() else 0
    # A clock that was set back says nothing of what came between.
    since = last - MARGIN if last <= now else 0
    known = {row.path: row for row in objects.index(top)}
    found = [
        name for name in _written_since(top, since) if (row := known.get(name)) and not _holds(top / name, row, top)
    ]
    for name in found:
        (top / name).unlink(missing_ok=True)
    if not found:
        fresh.replace(mark)
    return found


def refuse(top: Path, names: list[str], commit: str) -> InfrastructureError:
    """What to say of a worktree that does not become what the commit says."""
    shown = ", ".join(names[:_TOLD]) + (", ..." if len(names) > _TOLD else "")
    return InfrastructureError(
        f"{top} does not hold what {commit[:12]} says: {shown}",
        hint=f"something else writes there; if nothing does, remove {top}, and it is made anew",
    )


def _written_since(top: Path, since: int) -> Iterator[str]:
    """The names of the files whose inode has changed since then, which any write to them does, and most renames."""
    folders = [os.fsencode(top)]
    start = len(folders[0]) + 1
    while folders:
        with os.scandir(folders.pop()) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    folders.append(each.path)
                elif each.stat(follow_symlinks=False).st_ctime_ns >= since:
                    yield os.fsdecode(each.path[start:])


def _holds(path: Path, row: objects.TreeEntry, top: Path) -> bool:
    """Whether a file is what the index says."""
    found = path.lstat()
    digest = sha1() if len(row.blob) == 40 else sha256()
    if row.mode == LINK:
        # Path.readlink() gives another text for some targets, such as a/./b.
        target = os.readlink(os.fsencode(path)) if stat.S_ISLNK(found.st_mode) else b""  # noqa: PTH115
        digest.update(b"blob %d\0%s" % (len(target), target))
        return stat.S_ISLNK(found.st_mode) and digest.hexdigest() == row.blob
    programs = bool(found.st_mode & 0o100) == (row.mode == "100755")
    if not stat.S_ISREG(found.st_mode) or not programs:
        return False
    # What is as large as none of a kernel's files may be a hole without an end, and takes long to read.
    if found.st_size > _LARGE and objects.sizes(top, [row.blob])[row.blob] != found.st_size:
        return False
    digest.update(b"blob %d\0" % found.st_size)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest() == row.blob
