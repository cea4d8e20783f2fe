"""Postings: what was sent as one version of a series, put together from the mails of a thread. Data in, data out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from series_ci.mail import titles
from series_ci.mail.difftext import unique
from series_ci.mail.patchmail import Letter
from series_ci.mail.titles import Title


@dataclass(frozen=True)
class Posting:
    """The mails of one version, in order, cover letter first. At least one; patches may be missing."""

    letters: tuple[Letter, ...]

    @property
    def head(self) -> Letter:
        """The cover letter, or the first patch."""
        return self.letters[0]

    @property
    def message_id(self) -> str:
        """The one that stands for the posting."""
        return self.head.message_id

    @property
    def title(self) -> str:
        """The subject of the head, without its brackets."""
        return self.head.subject.title

    @cached_property
    def words(self) -> Title:
        """What the title is about."""
        return titles.read(self.title)

    @cached_property
    def patches(self) -> tuple[Title, ...]:
        """What the titles of its patches are about."""
        return tuple(titles.read(each.subject.title) for each in self.letters if each.subject.number != 0)

    @property
    def date(self) -> datetime:
        """When it was sent, in the sender's time zone; the year 1 if it does not say."""
        return self.head.date or datetime.min.replace(tzinfo=UTC)

    @property
    def ids(self) -> frozenset[str]:
        """The Message-IDs of all its mails."""
        return frozenset(each.message_id for each in self.letters)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it touches."""
        return unique(path for each in self.letters for path in each.paths)

    @property
    def change_ids(self) -> frozenset[str]:
        """The change-ids in its mails."""
        return frozenset(each.change_id for each in self.letters if each.change_id)

    @property
    def links(self) -> frozenset[str]:
        """The Message-IDs that its mails point to."""
        return frozenset(link for each in self.letters for link in each.links) - self.ids

    @property
    def above(self) -> frozenset[str]:
        """The mails that it answers."""
        return frozenset(name for each in self.letters for name in (*each.references, each.in_reply_to)) - {""}

    @property
    def is_rfc(self) -> bool:
        """Whether it was sent for comments only."""
        return any(tag.upper().startswith("RFC") for tag in self.head.subject.tags)

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the patches that are not here."""
        here = {each.subject.number for each in self.letters}
        return tuple(number for number in range(1, self.head.subject.total + 1) if number not in here)


def is_patch(letter: Letter) -> bool:
    """Whether a mail is a patch or a cover letter: a reply with a diff is neither, and neither is a pull request."""
    subject = letter.subject
    sent_as_one = subject.is_patch or any(tag.upper().startswith("RFC") for tag in subject.tags)
    return sent_as_one and (letter.has_diff or subject.number == 0)


def collect(letters: Iterable[Letter]) -> list[Posting]:
    """The postings among the mails of a thread, oldest first.

    A cover letter begins a posting, and so does a patch that answers no mail of the same sender, version and count.
    """
    patches = {each.message_id: each for each in letters if is_patch(each)}
    groups: dict[str, list[Letter]] = {}
    for each in patches.values():
        groups.setdefault(_root(each, patches), []).append(each)
    found = [Posting(tuple(sorted(group, key=lambda each: each.subject.number))) for group in groups.values()]
    return sorted(found, key=lambda each: each.date)


def _root(letter: Letter, patches: dict[str, Letter]) -> str:
    """The Message-ID of the mail that a patch's posting begins with."""
    seen = {letter.message_id}
    while letter.subject.number != 0:
        above = [patches[name] for name in (letter.in_reply_to, *reversed(letter.references)) if name in patches]
        parent = next((each for each in above if _same(each, letter) and each.message_id not in seen), None)
        if parent is None:
            break
        letter = parent
        seen.add(letter.message_id)
    return letter.message_id


def _same(parent: Letter, child: Letter) -> bool:
    """Whether a mail may be of one posting with the mail above it: not a patch sent anew in reply to its first try."""
    keys = [(each.sender_address, each.subject.version, each.subject.total) for each in (parent, child)]
    return keys[0] == keys[1] and parent.subject.number != child.subject.number
