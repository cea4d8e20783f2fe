"""What the tree of a base is called where others have it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """What the tree of a base is called where others have it too, before any patch of the base.

    `linux` is its version, such as 6.12.7; of a git tree `commit`, `describe` (a tag or branch, or what git describe
    says) and `url`. What is not known, or is known on one machine only, is empty.
    """

    linux: str = ""
    commit: str = ""
    describe: str = ""
    url: str = ""


@dataclass(frozen=True)
class Base:
    """A commit in a store: `spec` is what the user asked for, `cached` that nothing had to be fetched for it.

    `source` is what others call the tree.
    """

    spec: str
    store: Path
    commit: str
    cached: bool
    source: Source = field(default_factory=Source)
