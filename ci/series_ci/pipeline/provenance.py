"""Find the public names of a tree: the version of Linux, and for a git tree its commit, URL, and tag or branch."""

from __future__ import annotations

import re
from pathlib import Path

from series_ci.kernel import repo
from series_ci.kernel.base import Base, Source
from series_ci.rundir import public

_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def source_of(base: Base, linux: str) -> Source:
    """Return the public names of a tree without the patches of the base. `linux` is the version in its Makefile."""
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
    """Return the folder of a spec of the form PATH or PATH@REV, or None for a tree of another kind."""
    if spec.startswith("debian:") or re.match(r"https?://", spec):
        return None
    return next((path for name in (spec, spec.rpartition("@")[0]) if name and (path := Path(name)).is_dir()), None)
