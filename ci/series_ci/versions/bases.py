"""Find the kernel tree that a version was written for, by its mails, by the contents of a tree, and by its date."""

from __future__ import annotations

import re
from dataclasses import dataclass

from series_ci.kernel import apply
from series_ci.kernel.base import Base
from series_ci.mail.posting import Posting
from series_ci.versions import releases

MAINLINE = "git+https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git"


@dataclass(frozen=True)
class Tried:
    """One way to find the base, and its result."""

    way: str
    gave: str


@dataclass(frozen=True)
class Choice:
    """The trees for one version, best first; `why` is the reason for the best, `tried` are all ways that were tried."""

    specs: tuple[str, ...]
    why: str
    tried: tuple[Tried, ...]


def choose(posting: Posting, given: Base | None) -> Choice:
    """Choose the base of a version. `given`, the tree of the command line, is used whatever speaks against it."""
    named = next((letter.base_commit for letter in posting.letters if letter.base_commit), "")
    release = releases.nearest(posting.date.date())
    tried = [
        Tried("base-commit", _named(named, given)),
        Tried("change-id", _change_id(posting)),
        Tried("blobs", _blobs(posting, given)),
        Tried("date", _date(posting)),
    ]
    mainline = f"{MAINLINE}@{release}"
    if given is not None:
        at = f"{given.spec.rpartition('@')[0] or given.spec}@{named}" if _local(given) else ""
        if named and at and named != given.commit and apply.has_commit(given, named):
            return Choice((at,), "base-commit, in the given tree", tuple(tried))
        return Choice((given.spec,), "as given", tuple(tried))
    if len(named) == 40:
        # It may be a commit of another tree (linux-next, mm-unstable): then the second one is available.
        return Choice((f"{MAINLINE}@{named}", mainline), "base-commit, else by date", tuple(tried))
    return Choice((mainline,), "by date", tuple(tried))


def _local(given: Base) -> bool:
    return not re.match(r"[a-z][a-z0-9+.-]*:", given.spec) and given.store.name.startswith("local-")


def _named(commit: str, given: Base | None) -> str:
    if not commit:
        return "none in its mails"
    if given is None:
        return f"{commit[:12]}; without --tree nothing can say whether mainline has it"
    if given.commit.startswith(commit):
        return f"{commit[:12]}, which is the given tree"
    return f"{commit[:12]}; {given.spec} {'has' if apply.has_commit(given, commit) else 'does not have'} that commit"


def _change_id(posting: Posting) -> str:
    """Return the day on which the series was begun, in words: b4 puts it into the change-id."""
    day = next(
        (match for name in sorted(posting.change_ids) if (match := re.match(r"(\d{4})(\d\d)(\d\d)-", name))), None
    )
    if day is None:
        return "none in its mails" if not posting.change_ids else "has no date in it"
    return f"the series was begun on {'-'.join(day.groups())}"


def _blobs(posting: Posting, given: Base | None) -> str:
    """Return how many of the files that the diffs start from are identical in the tree."""
    # Only the first patch that touches a file starts from the base; later ones start from its result.
    wanted: dict[str, str] = {}
    changed: set[str] = set()
    for letter in posting.letters:
        for path, blob in letter.blobs:
            if path not in changed:
                wanted.setdefault(path, blob)
        changed |= set(letter.paths)
    if not wanted:
        return "its diffs name none"
    if given is None:
        return "no --tree to look into"
    same = [path for path, blob in wanted.items() if apply.blob(given, path).startswith(blob)]
    other = [path for path in wanted if path not in same]
    same_files = f"{len(same)} of {len(wanted)} files are the same in {given.spec}"
    return same_files + (f" (other: {', '.join(other[:3])}{' ...' if len(other) > 3 else ''})" if other else "")


def _date(posting: Posting) -> str:
    if posting.head.date is None:
        return "its mail has none that can be read"
    day = posting.date.date()
    before, after = releases.around(day)
    named = [f"{tag} ({releases.RELEASES[tag]})" if tag else "" for tag in (before, after)]
    if not before:
        return f"sent {day}, before {named[1]}, the oldest release known here"
    if not after:
        return f"sent {day}, after {named[0]}, the newest release known here"
    window = "in the merge window" if day < releases.RELEASES[before] + releases.MERGE_WINDOW else "after its -rc1"
    return f"sent {day}, between {named[0]} and {named[1]}, {window}: {releases.nearest(day)}"
