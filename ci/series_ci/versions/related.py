"""Decide which postings are versions of the same series, and say why. Pure.

Nothing proves that two mails are versions of one series. So evidence is collected, and if it is not sufficient, a
person has to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from series_ci.mail import titles
from series_ci.mail.posting import Posting

ALIKE = 0.7
"""The likeness from which on titles count as the same, if sender and files are the same too."""

NEAR = 0.4
"""The likeness from which on a person should have a look."""


@dataclass(frozen=True)
class Relation:
    """What ties a posting to a known one. It is `sure` if that suffices; otherwise `doubts` say what is missing."""

    sure: bool
    likeness: float
    evidence: tuple[str, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Linked:
    """A posting of the series. `doubts` are reasons for a person to look at it; it is sure if there are none."""

    posting: Posting
    evidence: tuple[str, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Ties:
    """The facts about two postings, each on its own."""

    change_id: bool
    link: str
    named_link: bool
    thread: bool
    sender: bool
    likeness: float
    patches: int
    files: float

    @property
    def alike(self) -> bool:
        """Return whether the titles are alike, or those of most patches below cover letters with different titles."""
        return self.likeness >= ALIKE or self.patches > 0


def link(start: Posting, pool: Iterable[Posting]) -> list[Linked]:
    """Return the postings of a pool that belong to the series of `start`, sure and doubtful ones, oldest first.

    A version may be like its neighbour and unlike the first one. So each posting that is sure is compared with, too.
    """
    rest = {posting.message_id: posting for posting in pool if posting.message_id != start.message_id}
    known = [Linked(start, ("asked for",))]
    while sure := [(other, tie) for other in rest.values() if (tie := _best(other, known)) and tie.sure]:
        for posting, relation in sure:
            known.append(Linked(posting, relation.evidence))
            del rest[posting.message_id]
    doubtful = [Linked(other, tie.evidence, tie.doubts) for other in rest.values() if (tie := _best(other, known))]
    return sorted([*known, *doubtful], key=lambda linked: linked.posting.date)


def _best(posting: Posting, known: Sequence[Linked]) -> Relation | None:
    others = [linked.posting for linked in known if linked.posting is not posting]
    others.sort(key=lambda other: abs(other.date - posting.date))  # of equally good ones take the nearest in time
    relations = [relation for other in others if (relation := relate(posting, other))]
    return max(relations, key=lambda relation: (relation.sure, relation.likeness), default=None)


def relate(posting: Posting, known: Posting) -> Relation | None:
    """Return what ties a posting to a known one, or None if that is not worth a look."""
    ties = _ties(posting, known)
    twin = _number(posting) == _number(known) and posting.title != known.title
    evidence, doubts = _words(posting, known, ties)
    sure = (
        ties.change_id
        or (bool(ties.link) and ties.sender and (ties.named_link or ties.likeness >= NEAR))
        or (ties.sender and ties.thread and ties.likeness >= NEAR)
        or (ties.sender and ties.alike and ties.files > 0)
    )
    if twin and sure and not (ties.change_id or ties.link):
        sure = False
        doubts = [f"{name(known)} has another title and the same number, and a series has one mail for each", *doubts]
    if sure:
        return Relation(True, ties.likeness, tuple(evidence))
    worth = (
        ties.link
        or (ties.sender and (ties.likeness >= NEAR or ties.alike or ties.thread))
        or (ties.alike and (ties.files > 0 or ties.thread))
    )
    return Relation(False, ties.likeness, tuple(evidence), tuple(doubts)) if worth else None


def name(posting: Posting) -> str:
    """Return a name of the posting for people: its number, or its date if it has none."""
    subject = posting.head.subject
    rfc = "RFC " if posting.is_rfc else ""
    return f"{rfc}v{subject.version}" if subject.numbered else f"the {rfc}mail of {posting.date:%Y-%m-%d}"


def _number(posting: Posting) -> tuple[int, bool] | None:
    subject = posting.head.subject
    return (subject.version, posting.is_rfc) if subject.numbered else None


def _ties(posting: Posting, known: Posting) -> _Ties:
    forth, back = known.links & posting.ids, posting.links & known.ids
    linking = [*((known, target) for target in forth), *((posting, target) for target in back)]
    ours, theirs = set(posting.paths), set(known.paths)
    one, other = posting.head, known.head
    return _Ties(
        change_id=bool(posting.change_ids & known.change_ids),
        link=f"{name(known)} links to it" if forth else f"it links to {name(known)}" if back else "",
        named_link=any(target in mail.version_links for source, target in linking for mail in source.letters),
        thread=bool((posting.above | posting.ids) & (known.above | known.ids)),
        sender=one.sender_address.lower() == other.sender_address.lower(),
        likeness=titles.likeness(posting.words, known.words),
        patches=_patches(posting, known),
        files=len(ours & theirs) / max(1, len(ours | theirs)),
    )


def _patches(posting: Posting, known: Posting) -> int:
    """Return how many patches have a similar one in the other posting, 0 if less than half of the shorter one have."""
    single = min(len(posting.letters), len(known.letters)) < 2
    if single and not (posting.missing or known.missing):
        return 0  # a series of one patch is compared by its title
    same = sum(any(titles.likeness(one, other) >= ALIKE for other in known.patches) for one in posting.patches)
    return same if 2 * same >= min(len(posting.patches), len(known.patches)) else 0


def _words(posting: Posting, known: Posting, ties: _Ties) -> tuple[list[str], list[str]]:
    """Return what speaks for a relation and what against it, for a person to read."""
    other = name(known)
    evidence: list[str] = []
    doubts: list[str] = []
    if ties.change_id:
        evidence.append(f"change-id of {other}")
    if ties.link:
        evidence.append(ties.link)
    if ties.thread:
        evidence.append(f"in the thread of {other}")
    who = posting.head.sender_address or "nobody"
    (evidence if ties.sender else doubts).append("same sender" if ties.sender else f"sent by {who}")
    if posting.title == known.title:
        evidence.append(f"title of {other}")
    elif posting.words.words == known.words.words:
        evidence.append(f"same words in the title as {other}")
    else:
        shared = _common_words(posting, known)
        (evidence if ties.likeness >= NEAR or ties.patches else doubts).append(shared)
    if ties.patches:
        evidence.append(f"{ties.patches} of its {len(posting.patches)} patches are in {other} by title")
    if ties.files:
        evidence.append("same files" if ties.files == 1 else "some files in common")
    elif posting.paths and known.paths:
        doubts.append(f"touches {_few(posting.paths)}, {other} touches {_few(known.paths)}")
    if ties.sender and not ties.thread and not ties.alike and ties.likeness >= NEAR:
        doubts.append("too few words of the title in common to be sure")
    return evidence, doubts


def _common_words(posting: Posting, known: Posting) -> str:
    ours, theirs = posting.words.words, known.words.words
    text = f"title has {len(ours & theirs)} of {len(ours | theirs)} words in common with {name(known)}"
    changes = [
        f"{sign}{word}" for sign, words in (("-", theirs - ours), ("+", ours - theirs)) for word in sorted(words)
    ]
    return f"{text} ({' '.join(changes)})" if 0 < len(changes) <= 6 else text


def _few(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (" ..." if len(paths) > 3 else "")
