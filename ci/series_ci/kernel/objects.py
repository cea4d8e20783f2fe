"""Read commits from git's objects; no path of a commit is looked up in the file system.

git prints names with `-z`, so they are not quoted. Bytes of a name that are not UTF-8 become escapes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from series_ci.errors import InfrastructureError
from series_ci.host import process
from series_ci.mail.difftext import LINK

MOST = 32 << 20
"""Bytes of a file that are read into memory; no text of a kernel tree has as many."""

GITLINK = "160000"
"""The mode of a submodule."""

TARGET = 4096
"""Bytes of a symbolic link's target; Linux follows none that is longer (PATH_MAX)."""

GONE = "000000"
"""The mode of a name that does not exist on one side of a change."""


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
    """A name that differs between two commits, with mode and blob before and after."""

    old_mode: str
    mode: str
    old_blob: str
    blob: str
    path: str


def entry(store: Path, commit: str, path: str) -> TreeEntry | None:
    """Return the entry of a path in a commit; None if there is none."""
    if {"", ".", ".."} & set(path.split("/")) or "\0" in path:  # git fails on these, and mails may name them
        return None
    return next((each for each in _ls_tree(store, commit, "--", path) if each.path == path), None)


def entries(store: Path, commit: str) -> list[TreeEntry]:
    """Return all entries of a commit's tree but folders."""
    return list(_ls_tree(store, "-r", commit))


def index(top: Path) -> list[TreeEntry]:
    """Return the entries in the index of a worktree; names as the file system has them."""
    rows = (row.partition(b"\t") for row in ask(top, "ls-files", "-s", "-z").split(b"\0") if row)
    fields = [(meta.decode().split(), os.fsdecode(path)) for meta, _, path in rows]
    return [TreeEntry(mode, "blob", blob, path) for (mode, blob, _stage), path in fields]


def content(store: Path, commit: str, path: str) -> bytes | None:
    """Return the content of a file of a commit; None if there is no regular file of that name.

    Raises InfrastructureError for a file of more than MOST bytes.
    """
    named = entry(store, commit, path)
    if named is None or not named.regular:
        return None
    if (size := sizes(store, [named.blob])[named.blob]) > MOST:
        raise InfrastructureError(f"{path}: has {size >> 20} MiB, and files of more than {MOST >> 20} MiB are not read")
    return ask(store, "cat-file", "blob", named.blob)


def text(store: Path, commit: str, path: str) -> str | None:
    """Return a file of a commit as text; None if there is no regular file of that name.

    Raises InfrastructureError for a file of more than MOST bytes.
    """
    raw = content(store, commit, path)
    return None if raw is None else raw.decode("utf-8", "surrogateescape")


def reader(store: Path, commit: str) -> Callable[[str], str | None]:
    """Return `text` for one commit, as a function of the path that asks git once for each."""
    return cache(lambda path: text(store, commit, path))


def changed(store: Path, old: str, new: str) -> list[Changed]:
    """Return the names that differ between two commits; a rename counts as a removal and an addition."""
    fields = ask(store, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).split(b"\0")
    rows = []
    for meta, path in zip(fields[::2], fields[1::2], strict=False):
        old_mode, mode, old_blob, blob, _status = meta.decode().lstrip(":").split()
        rows.append(Changed(old_mode, mode, old_blob, blob, _name(path)))
    return rows


def binary(store: Path, old: str, new: str) -> set[str]:
    """Return the names that differ between two commits and whose content git takes for binary."""
    rows = ask(store, "diff-tree", "-r", "-z", "--numstat", "--no-renames", old, new).split(b"\0")
    return {_name(row.removeprefix(b"-\t-\t")) for row in rows if row.startswith(b"-\t-\t")}


def sizes(store: Path, blobs: Sequence[str]) -> dict[str, int]:
    """Return the size of each blob in bytes."""
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    lines = ask(store, "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked).decode().splitlines()
    return {blob: int(size) for blob, size in (line.split() for line in lines)}


def links(store: Path, commit: str) -> dict[str, str]:
    """Return the symbolic links of a commit with their targets; `/` stands for a target that is too long for Linux."""
    symlinks = [each for each in entries(store, commit) if each.mode == LINK]
    bytes_of = sizes(store, [each.blob for each in symlinks])
    targets = _contents(store, sorted(blob for blob, size in bytes_of.items() if size <= TARGET))
    return {each.path: _name(targets.get(each.blob, b"/")) for each in symlinks}


def _contents(store: Path, blobs: Sequence[str]) -> dict[str, bytes]:
    """Return the contents of blobs. git prints `ID blob SIZE`, the content and a line end for each."""
    answer = ask(store, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
    contents, at = dict[str, bytes](), 0
    for blob in blobs:
        head = answer.index(b"\n", at)
        end = head + 1 + int(answer[at:head].split()[2])
        contents[blob] = answer[head + 1 : end]
        at = end + 1
    return contents


def _ls_tree(store: Path, *words: str) -> Iterator[TreeEntry]:
    for row in ask(store, "ls-tree", "-z", "--full-tree", *words).split(b"\0"):
        meta, _, path = row.partition(b"\t")
        if path:
            mode, kind, blob = meta.decode().split()
            yield TreeEntry(mode, kind, blob, _name(path))


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def ask(store: Path, *words: str, stdin: bytes | None = None) -> bytes:
    """Run a git command that only reads a repository; return its output.

    Raises InfrastructureError with git's message if it fails.
    """
    process.leave_callers_repository()
    alone = {**process.GIT_ALONE, "GIT_LITERAL_PATHSPECS": "1"}
    done = process.run(["git", "-C", str(store), *words], stdin=stdin, env=alone)
    if done.code != 0:
        raise InfrastructureError(f"git {words[0]} fails in {store}: {done.err.strip()}")
    return done.stdout
