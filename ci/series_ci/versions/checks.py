"""What is worth knowing about the versions of a series before one is applied: from their mails alone, as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from series_ci.mail.patchmail import Letter
from series_ci.progress import count
from series_ci.versions.trailers import Claim, is_author


class RemarkKind(StrEnum):
    """What a mark is about; the values are those of the JSON."""

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
    """One fact: `text` in a few words for a table, `detail` as a sentence, empty where there is no more to say."""

    kind: RemarkKind
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Sent:
    """One version as it was mailed.

    `patch_ids` are blind to line numbers and white space; `code` are the lines of all diffs without line numbers.
    `claims` are the trailers that somebody else than the author must have given.
    """

    label: str
    cover: Letter | None
    patches: tuple[Letter, ...]
    patch_ids: tuple[str, ...]
    code: tuple[str, ...]
    claims: tuple[Claim, ...] = ()

    @property
    def head(self) -> Letter:
        """The mail that the version is known by."""
        return self.cover or self.patches[0]

    @property
    def letters(self) -> tuple[Letter, ...]:
        """All of its mails, cover letter first."""
        return (*([self.cover] if self.cover else []), *self.patches)


# Not in a program: there a mode change may be meant.
_PROGRAM = re.compile(r".*\.(?:sh|bash|py|pl|awk|sed|rb|tcl|exp)|(?:.*/)?[^./]+")
_NEVER_A_PROGRAM = re.compile(r"(?:.*/)?(?:Makefile|Kconfig|Kbuild|MAINTAINERS|README|config|settings)")


def marks(versions: Sequence[Sent]) -> list[tuple[Remark, ...]]:
    """The marks of each version, in the order in which they were sent; what is in a tree is not known here."""
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
    """The first version with this code, to the letter if there is one."""
    mine = versions[at]
    patches = "patch" if len(mine.patch_ids) == 1 else "patches"
    same = [each for each in versions[:at] if each.patch_ids == mine.patch_ids]
    exact = [each for each in same if each.code == mine.code]
    if exact:
        yield Remark(RemarkKind.SAME, f"same {patches} as {exact[0].label}")
    elif same:
        yield Remark(RemarkKind.SAME, f"same {patches} as {same[0].label} but for white space")


def _sent_twice(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    subject = versions[at].head.subject
    twins = [
        each.label
        for index, each in enumerate(versions)
        if index != at and each.head.subject.numbered and each.head.subject.version == subject.version
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
    missing = [each for each in versions[at].claims if not each.backed_by]
    if missing:
        what = ", ".join(f"{each.trailer.name}: {each.trailer.value}" for each in missing)
        text = f"{count(len(missing), 'trailer')} without a mail"
        yield Remark(RemarkKind.UNBACKED, text, f"no earlier mail of that person in the archive says {what}")


def _sign_offs(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    below, unsigned = [], []
    for letter in versions[at].patches:
        signed = [each for each in letter.trailers if each.name.lower() == "signed-off-by"]
        place = f"{letter.subject.number}/{letter.subject.total}: " if len(versions[at].patches) > 1 else ""
        below += [f"{place}{each.value}" for each in signed if each.below]
        if not any(is_author(each, letter) for each in signed if not each.below):
            unsigned.append(f"{place}{letter.author} <{letter.author_address}>")
    if below:
        yield Remark(
            RemarkKind.BELOW, "sign-off below ---", f"git am drops the sign-off below the ---: {', '.join(below)}"
        )
    if unsigned:
        yield Remark(RemarkKind.UNSIGNED, "author not signed off", f"no sign-off of the author: {', '.join(unsigned)}")


def _modes(versions: Sequence[Sent], at: int) -> Iterator[Remark]:
    """A file of source code that becomes a program: the sender's file system, and never meant."""
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
