"""Refuse a series that the base has already, so that there is nothing to apply."""

from __future__ import annotations

from collections.abc import Sequence

from series_ci.errors import AlreadyAppliedError, ApplyError
from series_ci.kernel import objects
from series_ci.kernel.base import Base
from series_ci.mail.fetch import Fetched
from series_ci.versions import as_mailed
from series_ci.versions.presence import holds

_HINT = "give the tree as it was before, with --tree: a checkout takes @COMMIT"


def require_absent(base: Base, fetched: Fetched, error: ApplyError) -> None:
    """Raise AlreadyAppliedError if a version does not apply because the base has its code. `error` is what git said."""
    text = objects.reader(base.store, base.commit)
    if holds([line for patch in fetched.patches for line in as_mailed.code_of_mail(patch.raw)], text):
        raise AlreadyAppliedError(
            f"already in the base: {base.spec} ({base.commit[:12]}) has the code of {fetched.title}", hint=_HINT
        ) from error


def require_change(base: Base, changed: Sequence[str]) -> None:
    """Raise AlreadyAppliedError if the series leaves all files as in the base. `changed` are the files that differ."""
    if not changed:
        raise AlreadyAppliedError(
            f"already in the base: the series changes no file of {base.spec} ({base.commit[:12]})", hint=_HINT
        )
