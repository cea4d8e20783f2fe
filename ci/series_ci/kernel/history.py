"""Read from the trees in the cache: which there are, and their commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from series_ci.host import paths
from series_ci.kernel import objects
from series_ci.kernel.base import Base


def imported() -> list[Base]:
    """Return the trees that earlier runs imported or fetched, without patches on top.

    git is run directly here and below: to load GitPython takes longer than all these commands.
    """
    bases: dict[str, Base] = {}
    for path in sorted((paths.cache() / "trees").glob("*.git")):
        kinds = [f"refs/series-ci/{kind}" for kind in ("import", "fixed", "moving")]
        # %(*objectname) is the commit that a tag names.
        form = "%(refname:lstrip=2) %(objectname) %(*objectname) %(contents:subject)"
        listed = objects.ask(path, "for-each-ref", f"--format={form}", *kinds).decode("utf-8", "replace")
        for name, own, peeled, subject in (line.split(" ", 3) for line in listed.splitlines()):
            kind, _, ref = name.partition("/")
            spec = subject.removeprefix("Import of ") if kind == "import" else ref
            bases[peeled or own] = Base(spec, path, peeled or own, cached=True)
    return list(bases.values())


def has_history(base: Base) -> bool:
    """Return whether a tree has more than one commit."""
    return len(objects.ask(base.store, "rev-list", "--max-count=2", base.commit).splitlines()) == 2


def log(base: Base, since: datetime, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (commit, subject, author's address) of the commits since a date that touch these files, newest first."""
    form = "--format=%H%x09%ae%x09%s"
    text = objects.ask(
        base.store, "log", "--no-merges", form, f"--since={since.isoformat()}", base.commit, "--", *names
    )
    rows = (line.split("\t", 2) for line in text.decode("utf-8", "replace").splitlines())
    return [(commit, subject, address) for commit, address, subject in rows]


def shown(base: Base, commits: Sequence[str]) -> bytes:
    """Return these commits with their diffs, as git patch-id reads them."""
    return objects.ask(base.store, "show", "--no-color", "-p", *commits)
