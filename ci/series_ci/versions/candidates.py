"""Ask an archive for all that may belong to a series: threads, links, change-ids, other mails of the same sender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from series_ci.errors import UsageError
from series_ci.mail import b4, patchmail, search, titles
from series_ci.mail.archive import Archive
from series_ci.mail.difftext import unique
from series_ci.mail.message import parse_subject
from series_ci.mail.patchmail import Letter
from series_ci.mail.posting import Posting, collect
from series_ci.mail.search import Hit, NoSearchError, Query
from series_ci.progress import Tell
from series_ci.versions import related
from series_ci.versions.related import Linked

SPAN = timedelta(days=550)
"""How long before and after a mail the rest of its series is looked for: series rest for a year, and go on."""

MAILS = 400
"""Mails of one search that are looked at: a sender who posts more than that is asked for by the words of the title."""

VERSIONS = 30
"""Mails with the same change-id or link that are read: more versions has no series."""

THREADS = 80
"""Threads that are fetched for one series."""


@dataclass
class Gathered:
    """What an archive gave: the series, with the posting that was asked for, and what could not be done."""

    start: Posting
    series: list[Linked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strangers: list[Posting] = field(default_factory=list)
    """Other postings of the threads that were read, which nothing ties to the series."""


class Gatherer:
    """One archive, asked for one series."""

    def __init__(self, archive: Archive, tell: Tell) -> None:
        self.archive = archive
        self.tell = tell
        self._newest = ""
        self.pool: dict[str, Posting] = {}
        self.notes: list[str] = []
        self._answers: dict[str, list[Hit]] = {}
        self._read: set[str] = set()
        self._absent: list[str] = []
        self._threads = 0

    def from_message(self, message_id: str) -> Gathered:
        """The series of a mail: a patch, a cover letter, or an answer to one.

        Raises UsageError for a mail that the archive does not have, or that has no patch above it.
        """
        return self._gather(self._start(message_id, self._thread(message_id)))

    def from_words(self, words: str) -> Gathered:
        """The series whose titles have all these words. Raises UsageError if none has, or those of several series."""
        query = Query(subject_words=tuple(words.split()))
        self.tell(f"searching for {query}")
        found = [each for each in search.search(self.archive, query, MAILS) if begins(each)]
        if not found:
            raise UsageError(
                f"no patch in {self.archive.name} has the words {words!r} in its subject",
                hint="give fewer words, or the Message-ID of any of its mails",
            )
        groups = _groups(found)
        if len(groups) > 1:
            lines = [f"{group[-1].message_id}  {group[-1].date:%Y-%m-%d}  {group[-1].title}" for group in groups[:20]]
            raise UsageError(
                f"the words {words!r} are in the titles of {len(groups)} series",
                details="\n".join(lines),
                hint="give one of these Message-IDs, or more words",
            )
        return self.from_message(groups[0][-1].message_id)

    def _start(self, message_id: str, mails: list[Letter]) -> Posting:
        by_id = {each.message_id: each for each in mails}
        mail, seen = by_id.get(message_id), {""}
        while mail is not None:
            for posting in self.pool.values():
                if mail.message_id in posting.ids:
                    if mail.message_id != message_id:
                        self.notes.append(f"{message_id} is an answer; taken: {mail.message_id}, the mail it answers")
                    return posting
            seen.add(mail.message_id)  # mails that answer each other would go round for ever
            above = [mail.in_reply_to, *reversed(mail.references)]
            mail = next((by_id[name] for name in above if name in by_id and name not in seen), None)
        raise UsageError(
            f"{message_id}: is neither a patch nor an answer to one: {_sent(by_id.get(message_id))}",
            hint="give the Message-ID of a patch or of its cover letter",
        )

    def _gather(self, start: Posting) -> Gathered:
        """Follow what is sure to more of it, until nothing new comes."""
        self.tell("asking b4 for the newest version")
        self._newest = b4.newest(start.message_id, self.archive)
        if self._newest:
            self._fetch(self._newest)
        asked: set[str] = set()
        while True:
            series = related.link(start, self.pool.values())
            sure = [each.posting for each in series if not each.doubts]
            fresh = [each for each in sure if each.message_id not in asked]
            if not fresh:
                break
            for posting in fresh:
                asked.add(posting.message_id)
                self._follow(posting, back=posting is start)
            self._search([start, *(each for each in sure if each is not start)])
        if self._newest not in start.ids:
            series = [self._with_b4(each) for each in series]
        if self._absent:
            names = ", ".join(self._absent[:5]) + (" ..." if len(self._absent) > 5 else "")
            self._say_once(f"named, but not in {self.archive.name}: {names}")
        tied = {each.posting.message_id for each in series}
        strangers = [each for name, each in self.pool.items() if name not in tied]
        return Gathered(start, series, self.notes, sorted(strangers, key=lambda each: each.date))

    def _with_b4(self, linked: Linked) -> Linked:
        if self._newest not in linked.posting.ids:
            return linked
        return replace(linked, evidence=(*linked.evidence, "the newest that b4 finds"))

    def _follow(self, posting: Posting, *, back: bool) -> None:
        """What a posting points to, and (if `back`) what points to it."""
        # The links of its patches lead to bug reports and discussions, unless they are called versions.
        versions = (name for each in posting.letters for name in each.version_links)
        for name in unique([*posting.head.links, *versions]):
            self._fetch(name)
        for phrase in (*sorted(posting.change_ids), *([posting.message_id] if back else [])):
            for found in self._ask(Query(phrase=phrase))[-VERSIONS:]:
                if begins(found):
                    self._fetch(found.message_id)

    def _search(self, known: Sequence[Posting]) -> None:
        """Other mails of the sender about the same, and those of others that have the very words."""
        dates = [each.date.date() for each in known if each.head.date]
        span = (min(dates) - SPAN, max(dates) + SPAN) if dates else (None, None)
        senders = dict.fromkeys(each.head.sender_address for each in known if each.head.sender_address)
        queries = [Query(sender, (), *span) for sender in senders]
        if any(len(self._ask(query)) >= MAILS for query in queries):
            self._say_once("the sender posts much: only mails with all but one word of the titles were looked at")
            queries = [Query(sender, words, *span) for sender in senders for words in _most_words(known)]
        words = tuple(sorted(known[0].words.words))
        queries += [Query("", words, *span)] if len(words) > 2 else []
        # The first patch may still be the same under a cover letter with another name.
        wanted = {title for each in known for title in (each.words, *each.patches)}
        for query in queries:
            for found in self._ask(query):
                title = titles.read(parse_subject(found.title).title)
                if begins(found) and max(titles.likeness(title, each) for each in wanted) >= related.NEAR:
                    self._fetch(found.message_id)

    def _ask(self, query: Query) -> list[Hit]:
        """What a search finds, asked once; an archive that cannot search is a note, not the end."""
        text = str(query)
        if text not in self._answers:
            self.tell(f"searching for {text}")
            try:
                self._answers[text] = search.search(self.archive, query, MAILS)
            except NoSearchError as error:
                self._say_once(f"{self.archive.name} cannot be searched: only threads and links were followed")
                self.tell(error.message)
                self._answers[text] = []
        return self._answers[text]

    def _fetch(self, message_id: str) -> None:
        """Add the postings of a mail's thread to the pool; links lead to mails that this archive does not have, too."""
        if message_id in self._read:
            return
        if self._threads >= THREADS:
            self._say_once(f"only the first {THREADS} threads were read")
            return
        try:
            self._thread(message_id)
        except UsageError:
            self._read.add(message_id)
            self._absent.append(message_id)

    def _thread(self, message_id: str) -> list[Letter]:
        self.tell(f"reading the thread of {message_id}")
        self._threads += 1
        mails = [patchmail.read(raw) for raw in search.thread(self.archive, message_id)]
        self._read |= {message_id, *(each.message_id for each in mails)}
        for posting in collect(mails):
            self.pool.setdefault(posting.message_id, posting)
        return mails

    def _say_once(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def begins(found: Hit) -> bool:
    """Whether a title is that of a cover letter, or of a first or only patch."""
    subject = parse_subject(found.title)
    return (subject.is_patch or "RFC" in subject.tags) and subject.number <= 1


def _groups(found: Sequence[Hit]) -> list[list[Hit]]:
    """The series that these mails are of, as far as titles and senders tell; each oldest first."""
    groups: list[list[Hit]] = []
    for each in found:
        title = titles.read(parse_subject(each.title).title)
        for group in groups:
            other = titles.read(parse_subject(group[-1].title).title)
            if group[-1].address == each.address and titles.likeness(title, other) >= related.NEAR:
                group.append(each)
                break
        else:
            groups.append([each])
    return groups


def _most_words(known: Sequence[Posting]) -> list[tuple[str, ...]]:
    """The words of each title, but for one at a time: so a word may change from version to version."""
    sets = {each.words.words for each in known}
    fewer = {words - {word} for words in sets for word in words if len(words) > 2} or sets
    return sorted(tuple(sorted(words)) for words in fewer if words)


def _sent(mail: Letter | None) -> str:
    return "the thread does not have it" if mail is None else f"{mail.author} sent {_subject(mail)!r}"


def _subject(mail: Letter) -> str:
    return " ".join([*(f"[{' '.join(mail.subject.tags)}]" if mail.subject.tags else "",), mail.subject.title]).strip()
