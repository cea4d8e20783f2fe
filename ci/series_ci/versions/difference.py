"""Two versions of a series and their differences, as `series-ci diff` compares them."""

from __future__ import annotations

from dataclasses import dataclass

from series_ci.kernel.base import Base
from series_ci.mail.fetch import Fetched
from series_ci.manifest.request import Request
from series_ci.rundir.earlier import EarlierRun
from series_ci.versions import rangediff
from series_ci.versions.rangediff import PatchPair


@dataclass(frozen=True)
class Side:
    """One of the two versions.

    `base` is None if no tree was asked for. `commit` is None if the version was not applied; `refusal` is the reason
    then, "" if nobody tried. `tested` is the newest run on that base, None if there is none.
    """

    request: Request
    fetched: Fetched
    base: Base | None = None
    commit: str | None = None
    refusal: str = ""
    tested: EarlierRun | None = None

    @property
    def name(self) -> str:
        """Return its label, or the Message-ID of a version without one."""
        return self.request.message_id if "@" in self.request.series else self.request.label


@dataclass(frozen=True)
class Difference:
    """Two versions and the fate of each patch. If `as_mailed`, their mails were compared instead of their commits."""

    old: Side
    new: Side
    pairs: tuple[PatchPair, ...]
    as_mailed: bool

    @property
    def equal(self) -> bool:
        """Return whether code, commit messages and the order of the patches are the same."""
        return rangediff.equal(self.pairs)

    @property
    def same_base(self) -> bool:
        """Return whether both versions are for the same commit."""
        return (self.old.base and self.old.base.commit) == (self.new.base and self.new.base.commit)
