"""Make sure that the files of a worktree have the content of its commit, whatever earlier builds wrote there.

git compares the size and the times of a file with its index, and .gitattributes of the tree change what git writes.
So attributes are switched off here, and files that may have been written since the last comparison are read.
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
"""The text of info/attributes, which overrides every .gitattributes of a tree: no attribute is set for any file."""

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
"""Settings of every git command in a store; they override its configuration."""

NEUTRAL = {
    "GIT_CONFIG_COUNT": str(len(SETTINGS)),
    **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(SETTINGS)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(SETTINGS.values())},
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
}
"""The settings as environment variables; paths are taken literally, not as patterns."""

MARGIN = 10 * 1_000_000_000
"""Nanoseconds before the last comparison in which a file may have been written after it was read."""

_LARGE = 64 << 20
_TOLD = 5


def neutralise(store: Path) -> None:
    """Switch off the .gitattributes of all trees that a store lays out."""
    path = store / "info/attributes"
    if not path.is_file() or path.read_text("utf-8", "replace") != f"{ATTRIBUTES}\n":
        files.write(path, f"{ATTRIBUTES}\n")


def differing(top: Path, mark: Path) -> list[str]:
    """Return the files of a worktree whose type, mode or content differs from its index, and remove them.

    The time of the file `mark` is that of the last comparison. Only files whose inode changed since (ctime, which no
    program can set) are read; without a mark, all are. If none differs, `mark` gets the time of this comparison.
    """
    fresh = mark.with_name(f"{mark.name}.new")
    with files.disk_errors(fresh):
        fresh.unlink(missing_ok=True)
        fresh.touch()
    now = fresh.stat().st_mtime_ns
    last = mark.stat().st_mtime_ns if mark.is_file() else 0
    # If the clock was set back, times do not tell what was written: read all files.
    since = last - MARGIN if last <= now else 0
    known = {row.path: row for row in objects.index(top)}
    changed = [
        name for name in _written_since(top, since) if (row := known.get(name)) and not _holds(top / name, row, top)
    ]
    for name in changed:
        (top / name).unlink(missing_ok=True)
    if not changed:
        fresh.replace(mark)
    return changed


def refuse(top: Path, names: list[str], commit: str) -> InfrastructureError:
    """Return the error for a worktree that differs from its commit after it was laid out twice."""
    shown = ", ".join(names[:_TOLD]) + (", ..." if len(names) > _TOLD else "")
    return InfrastructureError(
        f"{top} does not hold what {commit[:12]} says: {shown}",
        hint=f"something else writes there; if nothing does, remove {top}, and it is made anew",
    )


def _written_since(top: Path, since: int) -> Iterator[str]:
    """Yield the names of files whose inode changed since then; each write changes it, and most renames."""
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
    """Return whether a file has the type, mode and content that the index has for it."""
    status = path.lstat()
    digest = sha1() if len(row.blob) == 40 else sha256()
    if row.mode == LINK:
        # Path.readlink() gives another text for some targets, such as a/./b.
        target = os.readlink(os.fsencode(path)) if stat.S_ISLNK(status.st_mode) else b""  # noqa: PTH115
        digest.update(b"blob %d\0%s" % (len(target), target))
        return stat.S_ISLNK(status.st_mode) and digest.hexdigest() == row.blob
    mode_fits = bool(status.st_mode & 0o100) == (row.mode == "100755")
    if not stat.S_ISREG(status.st_mode) or not mode_fits:
        return False
    # No file of a kernel is as large: it may be one huge hole, which takes long to read.
    if status.st_size > _LARGE and objects.sizes(top, [row.blob])[row.blob] != status.st_size:
        return False
    digest.update(b"blob %d\0" % status.st_size)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest() == row.blob
