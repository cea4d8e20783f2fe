"""What is worth knowing about the versions of a series before one is applied, from their mails alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from series_ci.mail.patchmail import Letter
from series_ci.progress import count
from series_ci.versions.trailers import Claim, is_author


class RemarkKind(StrEnum):
    """What a remark is about. The values are those in the JSON."""

    SAME = "same-patch"
    TWICE = "sent-twice"
    NUMBER = "number-missing"
    SUBJECT = "subject-changed"
    UNBACKED = "trailer-without-mail"
    BELOW = "sign-off-below"
    UNSIGNED = "author-not-signed-off"
    MODE = "mode-noise"
    MERGED = "merged"
    IN_TREE = "in-tree"


@dataclass(frozen=True)
class Remark:
    """One fact. `text` is a few words for a table, `detail` is a sentence, or "" if there is no more to say."""

    kind: RemarkKind
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Sent:
    """One version as it was mailed.

    `patch_ids` ignore line numbers and white space. `code` has the lines of all diffs without line numbers. `claims`
    are the trailers that somebody other than the author must have given.
    """

    label: str
    cover: Letter | None
    patches: tuple[Letter, ...]
    patch_ids: tuple[str, ...]
    code: tuple[str, ...]
    claims: tuple[Claim, ...] = ()

    @property
    def head(self) -> Letter:
        """Return the mail that stands for the version: the cover letter, or the first patch."""
        return self.cover or self.patches[0]

    @property
    def letters(self) -> tuple[Letter, ...]:
        """Return all its mails, cover letter first."""
        return (*([self.cover] if self.cover else []), *self.patches)


# A mode change may be intended for a program (_PROGRAM), but never for _NEVER_A_PROGRAM.
_PROGRAM = re.compile(r".*\.(?:sh|bash|py|pl|awk|sed|rb|tcl|exp)|(?:.*/)?[^./]+")
_NEVER_A_PROGRAM = re.compile(r"(?:.*/)?(?:Makefile|Kconfig|Kbuild|MAINTAINERS|README|config|settings)")


def marks(versions: Sequence[Sent]) -> list[tuple[Remark, ...]]:
    """Return the remarks on each version. `versions` are in the order in which they were sent. No tree is looked at."""
    rules: list[Callable[[Sequence[Sent], int], Iterator[Remark]]] = [
        _same_patch,
        _sent_twice,
        _subject,
        _unbacked,
        _sign_offs,
        _modes,
    ]
    return [tuple(mark for rule in rules for mark in rule(versions, at)) for at in range(len(versions))]


def _same_patch(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    """Yield a remark on the first version with this code: an identical one, or one that differs in white space."""
    mine = versions[at]
    patches = "patch" if len(mine.patch_ids) == 1 else "patches"
    same = [earlier for earlier in versions[:at] if earlier.patch_ids == mine.patch_ids]
    exact = [earlier for earlier in same if earlier.code == mine.code]
    if exact:
        yield Remark(RemarkKind.SAME, f"same {patches} as {exact[0].label}")
    elif same:
        yield Remark(RemarkKind.SAME, f"same {patches} as {same[0].label} but for white space")


def _sent_twice(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    subject = versions[at].head.subject
    twins = [
        other.label
        for index, other in enumerate(versions)
        if index != at and other.head.subject.numbered and other.head.subject.version == subject.version
    ]
    if subject.numbered and twins:
        often = "twice" if len(twins) == 1 else f"{len(twins) + 1} times"
        yield Remark(
            RemarkKind.TWICE, f"v{subject.version} sent {often}", f"{', '.join(twins)} is v{subject.version}, too"
        )


def _subject(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    subject = versions[at].head.subject
    if at and not subject.numbered:
        yield Remark(RemarkKind.NUMBER, "no number in the subject")
    before = versions[at - 1].head.subject.title if at else subject.title
    if subject.title != before:
        yield Remark(RemarkKind.SUBJECT, "subject changed", f"it was: {before}")


def _unbacked(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    missing = [claim for claim in versions[at].claims if not claim.backed_by]
    if missing:
        claimed = ", ".join(f"{claim.trailer.name}: {claim.trailer.value}" for claim in missing)
        text = f"{count(len(missing), 'trailer')} without a mail"
        yield Remark(RemarkKind.UNBACKED, text, f"no earlier mail of that person in the archive says {claimed}")


def _sign_offs(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    below, unsigned = [], []
    for letter in versions[at].patches:
        signed = [trailer for trailer in letter.trailers if trailer.name.lower() == "signed-off-by"]
        place = f"{letter.subject.number}/{letter.subject.total}: " if len(versions[at].patches) > 1 else ""
        below += [f"{place}{trailer.value}" for trailer in signed if trailer.below]
        if not any(is_author(trailer, letter) for trailer in signed if not trailer.below):
            unsigned.append(f"{place}{letter.author} <{letter.author_address}>")
    if below:
        yield Remark(
            RemarkKind.BELOW, "sign-off below ---", f"git am drops the sign-off below the ---: {', '.join(below)}"
        )
    if unsigned:
        yield Remark(RemarkKind.UNSIGNED, "author not signed off", f"no sign-off of the author: {', '.join(unsigned)}")


def _modes(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    """Yield a remark if a source file becomes executable. A sender's file system causes that; it is never intended."""
    details: list[str] = []
    for letter in versions[at].patches:
        noisy = [
            path for path in letter.mode_changes if _NEVER_A_PROGRAM.fullmatch(path) or not _PROGRAM.fullmatch(path)
        ]
        lost = [path for path in letter.modes_lost if path not in letter.mode_changes]
        details += [f"the mail says that the mode of {path} changes" for path in noisy]
        details += [f"the diff of {path} lost the lines about a new mode" for path in lost]
    if details:
        yield Remark(RemarkKind.MODE, "mode noise", "; ".join(dict.fromkeys(details)))
