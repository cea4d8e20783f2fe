"""Questions to the trees in the cache: which there are, and which commits one has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from series_ci.host import paths
from series_ci.kernel.apply import ask
from series_ci.kernel.store import Base, Store


def imported() -> list[Base]:
    """The trees that were brought into the cache earlier, without anything on top of them."""
    found: dict[str, Base] = {}
    for path in sorted((paths.cache() / "trees").glob("*.git")):
        store = Store(path)
        kinds = [f"refs/series-ci/{kind}" for kind in ("import", "fixed", "moving")]
        listed = str(store.repo.git.for_each_ref("--format=%(refname:lstrip=2) %(contents:subject)", *kinds))
        for name, subject in (line.split(" ", 1) for line in listed.splitlines()):
            kind, _, ref = name.partition("/")
            if commit := store.ref(name):  # a tag is not yet the commit
                spec = subject.removeprefix("Import of ") if kind == "import" else ref
                found[commit] = Base(spec, path, commit, cached=True)
    return list(found.values())


def has_history(base: Base) -> bool:
    """Whether more is known of a tree than its last state."""
    return len(ask(base, "rev-list", "--max-count=2", base.commit).splitlines()) == 2


def log(base: Base, since: datetime, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """(commit, subject, the author's address) of the commits since a day that touch these files, newest first."""
    form = "--format=%H%x09%ae%x09%s"
    text = ask(base, "log", "--no-merges", form, f"--since={since.isoformat()}", base.commit, "--", *names)
    rows = (line.split("\t", 2) for line in text.decode("utf-8", "replace").splitlines())
    return [(commit, subject, address) for commit, address, subject in rows]


def shown(base: Base, commits: Sequence[str]) -> bytes:
    """These commits with their diffs, as git patch-id reads them."""
    return ask(base, "show", "--no-color", "-p", *commits)
