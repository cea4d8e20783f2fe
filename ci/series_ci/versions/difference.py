"""Two versions of a series side by side, as `series-ci diff` compares them."""

from __future__ import annotations

from dataclasses import dataclass

from series_ci.kernel.store import Base
from series_ci.mail.fetch import Fetched
from series_ci.manifest.request import Request
from series_ci.rundir.earlier import EarlierRun
from series_ci.versions import rangediff
from series_ci.versions.rangediff import PatchPair


@dataclass(frozen=True)
class Side:
    """One of the two versions.

    `base` is None when no tree was asked for; `commit` when the version was not applied, and `refusal` is the reason
    then (empty if nobody tried). `tested` is the newest run on that base, if there is one.
    """

    request: Request
    fetched: Fetched
    base: Base | None = None
    commit: str | None = None
    refusal: str = ""
    tested: EarlierRun | None = None

    @property
    def name(self) -> str:
        """What to call it: the label, or the Message-ID of a version that has none."""
        return self.request.message_id if "@" in self.request.series else self.request.label


@dataclass(frozen=True)
class Difference:
    """Two versions and what became of each patch; `as_mailed` when their mails were compared and not their commits."""

    old: Side
    new: Side
    pairs: tuple[PatchPair, ...]
    as_mailed: bool

    @property
    def equal(self) -> bool:
        """Whether code, commit messages and the order of the patches are the same."""
        return rangediff.equal(self.pairs)

    @property
    def same_base(self) -> bool:
        """Whether both versions are for the same commit."""
        return (self.old.base and self.old.base.commit) == (self.new.base and self.new.base.commit)
