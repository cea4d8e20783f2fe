"""Labels for the versions of a series: what subjects say, and where they are silent, dates and neighbours."""

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
    """A version under its label. `doubts` are the reasons why a person has to look at it, none if it is sure.

    `rest_of` is the label of the version that the patches come from which this one did not send anew.
    """

    label: str
    posting: Posting
    evidence: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    rest_of: str = ""


@dataclass(frozen=True)
class _Numbered:
    """A posting and its number, 0 while none is known; `why` where the subject does not just say it."""

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
    """Give every posting a label of its own, in the order of labels. What finds no place for sure becomes doubtful."""
    rests = {each.posting.message_id: _answered(each.posting, series) for each in series}
    numbered = [
        _read(each if rests[each.posting.message_id] else _with_gaps(each))
        for each in sorted(series, key=lambda each: each.posting.date)
    ]
    for place, each in enumerate(numbered):
        if not each.number:
            # An RFC says nothing about the numbers of what is none, and the other way round.
            others = [other for other in numbered if other.number and other.sure and other.rfc == each.rfc]
            numbered[place] = _by_date(each, others)
    versions = _sure([each for each in numbered if each.sure])
    taken = {each.label for each in versions}
    for each in numbered:
        if not each.sure:
            label = _free(f"rfc-v{each.number}" if each.rfc else f"v{each.number}", taken)
            versions.append(Labelled(label, each.linked.posting, _evidence(each), each.linked.doubts))
            taken.add(label)
    versions = _with_rests(versions, rests)
    return sorted(versions, key=lambda each: (number(each.label), not each.posting.is_rfc, each.posting.date))


def _answered(posting: Posting, series: Sequence[Linked]) -> str:
    """The whole posting that a posting of only some patches answers, and takes the others from; "" if there is none."""
    if not posting.missing or not posting.patches:
        return ""
    total, above = posting.head.subject.total, posting.head.in_reply_to
    whole = (each.posting for each in series if not each.doubts and not each.posting.missing)
    return next(
        (each.message_id for each in whole if above in each.ids and each.letters[-1].subject.total == total), ""
    )


def _with_rests(versions: Sequence[Labelled], rests: Mapping[str, str]) -> list[Labelled]:
    """The same with the labels of what they take their other patches from."""
    names = {each.posting.message_id: each.label for each in versions if not each.doubts}
    found = []
    for each in versions:
        rest = names.get(rests[each.posting.message_id], "")
        said = (*each.evidence, f"sends only some patches, in answer to {rest}: the others are those of {rest}")
        found.append(replace(each, rest_of=rest, evidence=said) if rest else each)
    return found


def number(label: str) -> int:
    """The number in a label that was given here: 10 of `v10`, 6 of `rfc-v6.1` and of `v6-b`."""
    return int(re.split(r"[.-]", label.removeprefix("rfc-").removeprefix("v"))[0])


def missing(versions: Sequence[Labelled]) -> list[int]:
    """The numbers between 1 and the last sure version that no sure version has."""
    numbers = {number(each.label) for each in versions if not each.doubts}
    return [each for each in range(1, max(numbers, default=0)) if each not in numbers]


def _with_gaps(linked: Linked) -> Linked:
    """A posting that is not whole cannot be tested."""
    posting, subject = linked.posting, linked.posting.head.subject
    if not posting.missing:
        return linked
    if len(posting.letters) == 1 and subject.number == 0:
        what = "a cover letter without its patches"
    else:
        names = ", ".join(f"{each}/{subject.total}" for each in posting.missing)
        what = f"not whole: {names} is missing (some patches sent anew, or the rest is not in this archive)"
    return replace(linked, doubts=(*linked.doubts, what))


def _read(linked: Linked) -> _Numbered:
    subject = linked.posting.head.subject
    if subject.numbered:
        return _Numbered(linked, subject.version)
    if found := titles.number_in_words(subject):
        return _Numbered(linked, found[0], f"its number is in words: {found[1]!r}")
    return _Numbered(linked, 0)


def _by_date(each: _Numbered, others: Sequence[_Numbered]) -> _Numbered:
    """Number a mail without one: the first is v1, a later one is what its neighbours leave room for."""
    before = max((other for other in others if other.date < each.date), key=lambda other: other.number, default=None)
    after = min((other for other in others if other.date >= each.date), key=lambda other: other.number, default=None)
    if before is None:
        return replace(each, number=1, why="no number in the subject, and none is older")
    if after is None:
        if before.number == 1 and before.linked.posting.title == each.linked.posting.title:
            return replace(each, number=1, why="no number in the subject, the same again")
        return replace(each, number=before.number + 1).doubted(f"no number in the subject, sent after {_when(before)}")
    span = f"no number in the subject; sent between {_when(before)} and {_when(after)}"
    if after.number == before.number + 2:
        return replace(each, number=before.number + 1, why=span)
    if before.number == 1 and before.linked.posting.title == each.linked.posting.title:
        return replace(each, number=1, why="no number in the subject, the same again")
    return replace(each, number=before.number).doubted(f"{span}, which does not tell its number")


def _when(each: _Numbered) -> str:
    return f"v{each.number} ({each.date:%Y-%m-%d})"


def _sure(numbered: Sequence[_Numbered]) -> list[Labelled]:
    """A number that came twice gets a digit behind it; that of an RFC a word before it, if another mail has it, too."""
    groups: dict[tuple[int, bool], list[_Numbered]] = {}
    for each in numbered:
        groups.setdefault((each.number, each.rfc), []).append(each)
    versions = []
    for (key, rfc), group in groups.items():
        label = f"rfc-v{key}" if rfc and (key, False) in groups else f"v{key}"
        for place, each in enumerate(group):
            evidence = _evidence(each)
            if place:
                evidence = (f"{label} again, {_after(group[place - 1], each)} after {label}.{place}", *evidence)
            full = f"{label}.{place + 1}" if len(group) > 1 else label
            versions.append(Labelled(full, each.linked.posting, evidence))
    return versions


def _evidence(each: _Numbered) -> tuple[str, ...]:
    found = (each.why, *each.linked.evidence, "an RFC" if each.rfc else "")
    return tuple(text for text in found if text)


def _after(first: _Numbered, second: _Numbered) -> str:
    gap = second.date - first.date
    if gap < timedelta(hours=2):
        return f"{round(gap.total_seconds() / 60)} minutes"
    return f"{round(gap.total_seconds() / 3600)} hours" if gap < timedelta(days=2) else f"{gap.days} days"


def _free(label: str, taken: set[str]) -> str:
    """The label, or one beside it that nothing else has."""
    wanted = [label, *(f"{label}-{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")]
    return next((each for each in wanted if each not in taken), f"{label}-{len(taken)}")
