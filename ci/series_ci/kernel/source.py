"""What the tree of a base is called where others have it too."""

from __future__ import annotations

from dataclasses import dataclass


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
