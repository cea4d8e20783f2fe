"""Label the versions of a series by their subjects, and where these have no number, by dates and neighbours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from series_ci.mail import titles
from series_ci.mail.posting import Posting
from series_ci.versions.related import Linked


@dataclass(frozen=True)
class Labelled:
    """A version and its label. `doubts` are the reasons why a person has to look at it; it is sure if there are none.

    `rest_of` is the label of the version that provides the patches which this one did not resend.
    """

    label: str
    posting: Posting
    evidence: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    rest_of: str = ""


@dataclass(frozen=True)
class _Numbered:
    """A posting and its number, 0 if it is not known yet. `why` explains a number that is not simply in the subject."""

    linked: Linked
    number: int
    why: str = ""

    @property
    def rfc(self) -> bool:
        return self.linked.posting.is_rfc

    @property
    def date(self) -> datetime:
        return self.linked.posting.date

    @property
    def sure(self) -> bool:
        return not self.linked.doubts

    def doubted(self, reason: str) -> _Numbered:
        return replace(self, linked=replace(self.linked, doubts=(*self.linked.doubts, reason)))


def assign(series: Sequence[Linked]) -> list[Labelled]:
    """Give every posting a label of its own, and return them in the order of labels.

    A posting that has no sure place becomes doubtful.
    """
    rests = {linked.posting.message_id: _answered(linked.posting, series) for linked in series}
    numbered = [
        _read(linked if rests[linked.posting.message_id] else _with_gaps(linked))
        for linked in sorted(series, key=lambda linked: linked.posting.date)
    ]
    for place, version in enumerate(numbered):
        if not version.number:
            # RFCs and other versions are numbered independently.
            others = [other for other in numbered if other.number and other.sure and other.rfc == version.rfc]
            numbered[place] = _by_date(version, others)
    labelled = _sure([version for version in numbered if version.sure])
    taken = {version.label for version in labelled}
    for version in numbered:
        if not version.sure:
            label = _free(f"rfc-v{version.number}" if version.rfc else f"v{version.number}", taken)
            labelled.append(Labelled(label, version.linked.posting, _evidence(version), version.linked.doubts))
            taken.add(label)
    labelled = _with_rests(labelled, rests)
    return sorted(labelled, key=lambda each: (number(each.label), not each.posting.is_rfc, each.posting.date))


def _answered(posting: Posting, series: Sequence[Linked]) -> str:
    """Return the Message-ID of the complete posting that a partial one answers, or "". It has the other patches."""
    if not posting.missing or not posting.patches:
        return ""
    total, above = posting.head.subject.total, posting.head.in_reply_to
    complete = (linked.posting for linked in series if not linked.doubts and not linked.posting.missing)
    return next(
        (other.message_id for other in complete if above in other.ids and other.letters[-1].subject.total == total), ""
    )


def _with_rests(versions: Sequence[Labelled], rests: Mapping[str, str]) -> list[Labelled]:
    """Return the versions with `rest_of` set for those that resent only some patches."""
    names = {version.posting.message_id: version.label for version in versions if not version.doubts}
    completed = []
    for version in versions:
        rest = names.get(rests[version.posting.message_id], "")
        evidence = (*version.evidence, f"sends only some patches, in answer to {rest}: the others are those of {rest}")
        completed.append(replace(version, rest_of=rest, evidence=evidence) if rest else version)
    return completed


def number(label: str) -> int:
    """Return the number in a label that was assigned here: 10 for `v10`, 6 for `rfc-v6.1` and for `v6-b`."""
    return int(re.split(r"[.-]", label.removeprefix("rfc-").removeprefix("v"))[0])


def missing(versions: Sequence[Labelled]) -> list[int]:
    """Return the numbers from 1 to the last sure version that no sure version has."""
    numbers = {number(version.label) for version in versions if not version.doubts}
    return [each for each in range(1, max(numbers, default=0)) if each not in numbers]


def _with_gaps(linked: Linked) -> Linked:
    """Return the posting with a doubt if it is incomplete, since it cannot be tested then."""
    posting, subject = linked.posting, linked.posting.head.subject
    if not posting.missing:
        return linked
    if len(posting.letters) == 1 and subject.number == 0:
        doubt = "a cover letter without its patches"
    else:
        names = ", ".join(f"{each}/{subject.total}" for each in posting.missing)
        doubt = f"not whole: {names} is missing (some patches sent anew, or the rest is not in this archive)"
    return replace(linked, doubts=(*linked.doubts, doubt))


def _read(linked: Linked) -> _Numbered:
    subject = linked.posting.head.subject
    if subject.numbered:
        return _Numbered(linked, subject.version)
    if in_words := titles.number_in_words(subject):
        return _Numbered(linked, in_words[0], f"its number is in words: {in_words[1]!r}")
    return _Numbered(linked, 0)


def _by_date(posting: _Numbered, others: Sequence[_Numbered]) -> _Numbered:
    """Return a posting with a number that follows from its neighbours. The oldest is v1."""
    before = max((other for other in others if other.date < posting.date), key=lambda other: other.number, default=None)
    after = min((other for other in others if other.date >= posting.date), key=lambda other: other.number, default=None)
    if before is None:
        return replace(posting, number=1, why="no number in the subject, and none is older")
    if after is None:
        if before.number == 1 and before.linked.posting.title == posting.linked.posting.title:
            return replace(posting, number=1, why="no number in the subject, the same again")
        return replace(posting, number=before.number + 1).doubted(
            f"no number in the subject, sent after {_when(before)}"
        )
    span = f"no number in the subject; sent between {_when(before)} and {_when(after)}"
    if after.number == before.number + 2:
        return replace(posting, number=before.number + 1, why=span)
    if before.number == 1 and before.linked.posting.title == posting.linked.posting.title:
        return replace(posting, number=1, why="no number in the subject, the same again")
    return replace(posting, number=before.number).doubted(f"{span}, which does not tell its number")


def _when(version: _Numbered) -> str:
    return f"v{version.number} ({version.date:%Y-%m-%d})"


def _sure(numbered: Sequence[_Numbered]) -> list[Labelled]:
    """Return sure versions with labels: v6.1 and v6.2 if two are v6, rfc-v1 if both an RFC and another are v1."""
    groups: dict[tuple[int, bool], list[_Numbered]] = {}
    for version in numbered:
        groups.setdefault((version.number, version.rfc), []).append(version)
    versions = []
    for (key, rfc), group in groups.items():
        label = f"rfc-v{key}" if rfc and (key, False) in groups else f"v{key}"
        for place, version in enumerate(group):
            evidence = _evidence(version)
            if place:
                evidence = (f"{label} again, {_after(group[place - 1], version)} after {label}.{place}", *evidence)
            full = f"{label}.{place + 1}" if len(group) > 1 else label
            versions.append(Labelled(full, version.linked.posting, evidence))
    return versions


def _evidence(version: _Numbered) -> tuple[str, ...]:
    reasons = (version.why, *version.linked.evidence, "an RFC" if version.rfc else "")
    return tuple(reason for reason in reasons if reason)


def _after(first: _Numbered, second: _Numbered) -> str:
    gap = second.date - first.date
    if gap < timedelta(hours=2):
        return f"{round(gap.total_seconds() / 60)} minutes"
    return f"{round(gap.total_seconds() / 3600)} hours" if gap < timedelta(days=2) else f"{gap.days} days"


def _free(label: str, taken: set[str]) -> str:
    """Return the label, or one derived from it that is not taken."""
    wanted = [label, *(f"{label}-{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")]
    return next((each for each in wanted if each not in taken), f"{label}-{len(taken)}")
