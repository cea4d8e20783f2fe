"""What commits hold, read from git's objects alone: a path of a commit is never looked up in a folder of this machine.

Names are whole, whatever is in them: git is asked for them with `-z`, without its quotes. Bytes of a name that are no
UTF-8 are shown as escapes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import InfrastructureError
from series_ci.host import process
from series_ci.mail.difftext import LINK

MOST = 32 << 20
"""Bytes of a file that are read into memory: more than any text of a kernel tree has."""

GITLINK = "160000"
"""The mode of a submodule."""

TARGET = 4096
"""Bytes of a link's target; Linux follows none that is longer."""

GONE = "000000"
"""The mode of what is not there."""


@dataclass(frozen=True)
class TreeEntry:
    """One name in a commit's tree; `kind` is git's: blob, or commit for a submodule."""

    mode: str
    kind: str
    blob: str
    path: str

    @property
    def regular(self) -> bool:
        """Whether it is a file, and neither a link nor a submodule."""
        return self.mode.startswith("100")


@dataclass(frozen=True)
class Changed:
    """One name that differs between two commits: mode and content before and after."""

    old_mode: str
    mode: str
    old_blob: str
    blob: str
    path: str


def entry(store: Path, commit: str, path: str) -> TreeEntry | None:
    """What a path of a commit is, None if it is nothing there."""
    if {"", ".", ".."} & set(path.split("/")) or "\0" in path:  # git calls these mistakes, and they come in mails
        return None
    return next((each for each in _ls_tree(store, commit, "--", path) if each.path == path), None)


def entries(store: Path, commit: str) -> list[TreeEntry]:
    """All that a commit holds."""
    return list(_ls_tree(store, "-r", commit))


def index(top: Path) -> list[TreeEntry]:
    """What the index of a worktree says that it holds; names as the file system has them."""
    rows = (row.partition(b"\t") for row in ask(top, "ls-files", "-s", "-z").split(b"\0") if row)
    fields = [(meta.decode().split(), os.fsdecode(path)) for meta, _, path in rows]
    return [TreeEntry(mode, "blob", blob, path) for (mode, blob, _stage), path in fields]


def content(store: Path, commit: str, path: str) -> bytes | None:
    """The content of a regular file of a commit; None if it has none of that name, or a link, say.

    Raises InfrastructureError for a file of more than MOST bytes.
    """
    found = entry(store, commit, path)
    if found is None or not found.regular:
        return None
    if (size := sizes(store, [found.blob])[found.blob]) > MOST:
        raise InfrastructureError(f"{path}: has {size >> 20} MiB, and files of more than {MOST >> 20} MiB are not read")
    return ask(store, "cat-file", "blob", found.blob)


def text(store: Path, commit: str, path: str) -> str | None:
    """Return a regular file of a commit as text, as `content` does."""
    raw = content(store, commit, path)
    return None if raw is None else raw.decode("utf-8", "surrogateescape")


def changed(store: Path, old: str, new: str) -> list[Changed]:
    """The names that differ between two commits; a rename is a name that goes and one that comes."""
    fields = ask(store, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).split(b"\0")
    rows = []
    for meta, path in zip(fields[::2], fields[1::2], strict=False):
        old_mode, mode, old_blob, blob, _status = meta.decode().lstrip(":").split()
        rows.append(Changed(old_mode, mode, old_blob, blob, _name(path)))
    return rows


def binary(store: Path, old: str, new: str) -> set[str]:
    """Those of them whose content git takes for binary."""
    rows = ask(store, "diff-tree", "-r", "-z", "--numstat", "--no-renames", old, new).split(b"\0")
    return {_name(row.removeprefix(b"-\t-\t")) for row in rows if row.startswith(b"-\t-\t")}


def sizes(store: Path, blobs: Sequence[str]) -> dict[str, int]:
    """How many bytes each blob has."""
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    lines = ask(store, "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked).decode().splitlines()
    return {blob: int(size) for blob, size in (line.split() for line in lines)}


def links(store: Path, commit: str) -> dict[str, str]:
    """The symbolic links of a commit, and where each leads. A target that is too long for Linux is `/` and no more."""
    found = [each for each in entries(store, commit) if each.mode == LINK]
    known = sizes(store, [each.blob for each in found])
    targets = _contents(store, sorted(blob for blob, size in known.items() if size <= TARGET))
    return {each.path: _name(targets.get(each.blob, b"/")) for each in found}


def _contents(store: Path, blobs: Sequence[str]) -> dict[str, bytes]:
    """What these blobs hold, as one answer of git's: `ID blob SIZE`, the content and a line end for each."""
    answer = ask(store, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
    found, at = {}, 0
    for blob in blobs:
        head = answer.index(b"\n", at)
        end = head + 1 + int(answer[at:head].split()[2])
        found[blob] = answer[head + 1 : end]
        at = end + 1
    return found


def _ls_tree(store: Path, *words: str) -> Iterator[TreeEntry]:
    for row in ask(store, "ls-tree", "-z", "--full-tree", *words).split(b"\0"):
        meta, _, path = row.partition(b"\t")
        if path:
            mode, kind, blob = meta.decode().split()
            yield TreeEntry(mode, kind, blob, _name(path))


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def ask(store: Path, *words: str, stdin: bytes | None = None) -> bytes:
    """Return what git answers to a question about the objects of a repository.

    Raise InfrastructureError with git's own words if it cannot say.
    """
    process.leave_callers_repository()
    alone = {**process.GIT_ALONE, "GIT_LITERAL_PATHSPECS": "1"}
    done = process.run(["git", "-C", str(store), *words], stdin=stdin, env=alone)
    if done.code != 0:
        raise InfrastructureError(f"git {words[0]} fails in {store}: {done.err.strip()}")
    return done.stdout
