"""Whether a tree has a version already, as commits in its history or at least as code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from series_ci.host import process
from series_ci.kernel import history, objects
from series_ci.kernel.base import Base
from series_ci.versions.checks import Remark, RemarkKind, Sent
from series_ci.versions.presence import holds

BEFORE = timedelta(days=1)
"""How long before the first version commits are looked at, since the dates of commits and mails are from two clocks."""

COMMITS = 500
"""The maximum number of one author's newest commits that are compared, besides those with a title of the series."""


@dataclass(frozen=True)
class Commit:
    """A commit that may be a patch of the series."""

    commit: str
    subject: str
    patch_id: str


def look(base: Base, versions: Sequence[Sent]) -> list[tuple[Remark, ...]]:
    """Return the remarks on each version that say whether one tree has it."""
    commits = _candidates(base, versions) if history.has_history(base) else None
    text = objects.reader(base.store, base.commit)
    merged = _merged(versions, commits or ())
    return [
        (merged[version.label],)
        if version.label in merged
        else tuple(_in_tree(version, base, text, has_history=commits is not None))
        for version in versions
    ]


def _candidates(base: Base, versions: Sequence[Sent]) -> list[Commit]:
    """Return the commits that have a title of the series or its author. Others are not compared: a log can be long."""
    letters = [letter for version in versions for letter in version.patches]
    since = min((letter.date for letter in letters if letter.date), default=datetime.fromisoformat("1970-01-02T00:00Z"))
    names = sorted({path for letter in letters for path in letter.paths})
    titles = {letter.subject.title for letter in letters}
    authors = {letter.author_address.lower() for letter in letters}
    log = history.log(base, since - BEFORE, names)
    rows = [row for row in log if row[1] in titles]
    rows += [row for row in log if row[2].lower() in authors and row[1] not in titles][:COMMITS]
    if not rows:
        return []
    done = process.run(["git", "patch-id", "--stable"], stdin=history.shown(base, [commit for commit, _s, _a in rows]))
    ids = {commit: patch_id for patch_id, commit in (line.split() for line in done.out.splitlines())}
    return [Commit(commit, subject, ids.get(commit, "")) for commit, subject, _address in rows]


def _merged(versions: Sequence[Sent], commits: Sequence[Commit]) -> dict[str, Remark]:
    """Return the remarks on merged versions, by label.

    These are the versions whose patches are commits, or else the last version, if all its titles are commits.
    """
    by_id = {commit.patch_id: commit for commit in reversed(commits) if commit.patch_id}
    by_title = {commit.subject: commit for commit in reversed(commits)}
    merged = {}
    for version in versions:
        exact = [by_id[patch_id] for patch_id in version.patch_ids if patch_id in by_id]
        if len(exact) == len(version.patch_ids):
            merged[version.label] = _mark(exact, "")
    if versions and not merged:
        last = versions[-1]
        similar = [by_title[patch.subject.title] for patch in last.patches if patch.subject.title in by_title]
        if len(similar) == len(last.patches):
            merged[last.label] = _mark(similar, ", changed on the way")
    return merged


def _mark(commits: Sequence[Commit], how: str) -> Remark:
    last = commits[-1].commit[:12]
    detail = "; ".join(f'{commit.commit[:12]} ("{commit.subject}")' for commit in commits)
    return Remark(RemarkKind.MERGED, f"merged as {last}{how}", f"merged{how}: {detail}")


def _in_tree(version: Sent, base: Base, text: Callable[[str], str | None], *, has_history: bool) -> list[Remark]:
    if not holds(version.code, text):
        return []
    why = "no commit of that tree is this patch" if has_history else "that tree has no history"
    return [Remark(RemarkKind.IN_TREE, f"code is in {base.spec}", why)]
