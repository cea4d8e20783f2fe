"""Postings: what was sent as one version of a series, put together from the mails of a thread. Pure."""

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
    """The mails of one version in order, cover letter first. There is at least one mail; patches may be missing."""

    letters: tuple[Letter, ...]

    @property
    def head(self) -> Letter:
        """Return the cover letter, or the first patch if there is none."""
        return self.letters[0]

    @property
    def message_id(self) -> str:
        """Return the Message-ID of the head, which stands for the posting."""
        return self.head.message_id

    @property
    def title(self) -> str:
        """Return the subject of the head, without its brackets."""
        return self.head.subject.title

    @cached_property
    def words(self) -> Title:
        """Return the words of the title."""
        return titles.read(self.title)

    @cached_property
    def patches(self) -> tuple[Title, ...]:
        """Return the words of the titles of its patches."""
        return tuple(titles.read(letter.subject.title) for letter in self.letters if letter.subject.number != 0)

    @property
    def date(self) -> datetime:
        """Return when the head was sent, in the sender's time zone; the year 1 if that is unknown."""
        return self.head.date or datetime.min.replace(tzinfo=UTC)

    @property
    def ids(self) -> frozenset[str]:
        """Return the Message-IDs of all its mails."""
        return frozenset(letter.message_id for letter in self.letters)

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the files that it touches."""
        return unique(path for letter in self.letters for path in letter.paths)

    @property
    def change_ids(self) -> frozenset[str]:
        """Return the change-ids in its mails."""
        return frozenset(letter.change_id for letter in self.letters if letter.change_id)

    @property
    def links(self) -> frozenset[str]:
        """Return the Message-IDs of other mails that its mails refer to."""
        return frozenset(link for letter in self.letters for link in letter.links) - self.ids

    @property
    def above(self) -> frozenset[str]:
        """Return the Message-IDs of the mails that it answers."""
        return frozenset(name for letter in self.letters for name in (*letter.references, letter.in_reply_to)) - {""}

    @property
    def is_rfc(self) -> bool:
        """Return whether it was sent for comments only."""
        return any(tag.upper().startswith("RFC") for tag in self.head.subject.tags)

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the numbers of the patches that are missing."""
        present = {letter.subject.number for letter in self.letters}
        return tuple(number for number in range(1, self.head.subject.total + 1) if number not in present)


def is_patch(letter: Letter) -> bool:
    """Return whether a mail is a patch or a cover letter. A reply with a diff is neither, nor is a pull request."""
    subject = letter.subject
    tagged = subject.is_patch or any(tag.upper().startswith("RFC") for tag in subject.tags)
    return tagged and (letter.has_diff or subject.number == 0)


def collect(letters: Iterable[Letter]) -> list[Posting]:
    """Return the postings among the mails of a thread, oldest first.

    A cover letter begins a posting, and so does a patch that answers no mail of the same sender, version and count.
    """
    patches = {letter.message_id: letter for letter in letters if is_patch(letter)}
    groups: dict[str, list[Letter]] = {}
    for letter in patches.values():
        groups.setdefault(_root(letter, patches), []).append(letter)
    postings = [Posting(tuple(sorted(group, key=lambda letter: letter.subject.number))) for group in groups.values()]
    return sorted(postings, key=lambda posting: posting.date)


def _root(letter: Letter, patches: dict[str, Letter]) -> str:
    """Return the Message-ID of the mail that begins a patch's posting."""
    seen = {letter.message_id}
    while letter.subject.number != 0:
        above = [patches[name] for name in (letter.in_reply_to, *reversed(letter.references)) if name in patches]
        parent = next((mail for mail in above if _same(mail, letter) and mail.message_id not in seen), None)
        if parent is None:
            break
        letter = parent
        seen.add(letter.message_id)
    return letter.message_id


def _same(parent: Letter, child: Letter) -> bool:
    """Return whether a mail may be of the same posting as the mail that it answers.

    A patch that was resent in reply to its first version is not.
    """
    keys = [(mail.sender_address, mail.subject.version, mail.subject.total) for mail in (parent, child)]
    return keys[0] == keys[1] and parent.subject.number != child.subject.number
