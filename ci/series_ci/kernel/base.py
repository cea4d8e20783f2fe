"""The commit of a tree in a store, and the public names of that tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """The names by which others find the tree of a base, without the patches of the base.

    `linux` is its version, such as 6.12.7. A git tree has `commit`, `describe` (a tag, a branch, or the output of git
    describe) and `url`. A name that is not known, or is of use on one machine only, is empty.
    """

    linux: str = ""
    commit: str = ""
    describe: str = ""
    url: str = ""


@dataclass(frozen=True)
class Base:
    """A commit in a store.

    `spec` is the user's name of the tree, `cached` says that nothing had to be fetched for it, `source` has its public
    names.
    """

    spec: str
    store: Path
    commit: str
    cached: bool
    source: Source = field(default_factory=Source)
