"""What a tree is called where others have it too: the version of Linux, and for git trees commit, place and name."""

from __future__ import annotations

import re
from pathlib import Path

from series_ci.kernel import repo
from series_ci.kernel.source import Base, Source
from series_ci.rundir import public

_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def source_of(base: Base, linux: str) -> Source:
    """The source of a tree, before any patch of the base; `linux` is the version in its Makefile."""
    if base.spec.startswith("git+"):
        url, _, ref = base.spec.removeprefix("git+").rpartition("@")
        return Source(linux, base.commit, "" if _COMMIT.fullmatch(ref) else ref, public.address(url))
    checkout = _checkout(base.spec)
    if checkout is None:
        return Source(linux)
    return Source(
        linux, base.commit, repo.described(checkout, base.commit), public.address(repo.remote(checkout, "origin"))
    )


def _checkout(spec: str) -> Path | None:
    """The folder of a checkout that was named as PATH or PATH@REV; None for a tree of another kind."""
    if spec.startswith("debian:") or re.match(r"https?://", spec):
        return None
    return next((path for name in (spec, spec.rpartition("@")[0]) if name and (path := Path(name)).is_dir()), None)
