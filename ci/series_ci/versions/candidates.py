"""Collect from an archive whatever may belong to a series: threads, links, change-ids, other mails of its sender."""

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
"""How long before and after a mail its series is searched. Some series pause for a year, and go on."""

MAILS = 400
"""The maximum number of mails that one search returns. If a sender posts more, the title's words narrow the search."""

VERSIONS = 30
"""The maximum number of mails with the same change-id or link that are read. No series has more versions."""

THREADS = 80
"""The maximum number of threads that are fetched for one series."""


@dataclass
class Gathered:
    """The result for an archive: the series, the posting that was asked for, and notes on what could not be done."""

    start: Posting
    series: list[Linked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strangers: list[Posting] = field(default_factory=list)
    """Other postings of the threads that were read. Nothing ties them to the series."""


class Gatherer:
    """Searches one archive for one series."""

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
        """Return the series of a mail: a patch, a cover letter, or a reply to one.

        Raise UsageError if the archive does not have the mail, or if there is no patch above it.
        """
        return self._gather(self._start(message_id, self._thread(message_id)))

    def from_words(self, words: str) -> Gathered:
        """Return the series whose titles have all these words. Raise UsageError if there is none, or more than one."""
        query = Query(subject_words=tuple(words.split()))
        self.tell(f"searching for {query}")
        hits = [hit for hit in search.search(self.archive, query, MAILS) if begins(hit)]
        if not hits:
            raise UsageError(
                f"no patch in {self.archive.name} has the words {words!r} in its subject",
                hint="give fewer words, or the Message-ID of any of its mails",
            )
        groups = _groups(hits)
        if len(groups) > 1:
            lines = [f"{group[-1].message_id}  {group[-1].date:%Y-%m-%d}  {group[-1].title}" for group in groups[:20]]
            raise UsageError(
                f"the words {words!r} are in the titles of {len(groups)} series",
                details="\n".join(lines),
                hint="give one of these Message-IDs, or more words",
            )
        return self.from_message(groups[0][-1].message_id)

    def _start(self, message_id: str, mails: list[Letter]) -> Posting:
        by_id = {letter.message_id: letter for letter in mails}
        mail, seen = by_id.get(message_id), {""}
        while mail is not None:
            for posting in self.pool.values():
                if mail.message_id in posting.ids:
                    if mail.message_id != message_id:
                        self.notes.append(f"{message_id} is an answer; taken: {mail.message_id}, the mail it answers")
                    return posting
            seen.add(mail.message_id)  # mails that answer each other would loop for ever
            above = [mail.in_reply_to, *reversed(mail.references)]
            mail = next((by_id[name] for name in above if name in by_id and name not in seen), None)
        raise UsageError(
            f"{message_id}: is neither a patch nor an answer to one: {_sent(by_id.get(message_id))}",
            hint="give the Message-ID of a patch or of its cover letter",
        )

    def _gather(self, start: Posting) -> Gathered:
        """Follow what is sure to further postings, until nothing new is found."""
        self.tell("asking b4 for the newest version")
        self._newest = b4.newest(start.message_id, self.archive)
        if self._newest:
            self._fetch(self._newest)
        asked: set[str] = set()
        while True:
            series = related.link(start, self.pool.values())
            sure = [linked.posting for linked in series if not linked.doubts]
            fresh = [posting for posting in sure if posting.message_id not in asked]
            if not fresh:
                break
            for posting in fresh:
                asked.add(posting.message_id)
                self._follow(posting, back=posting is start)
            self._search([start, *(posting for posting in sure if posting is not start)])
        if self._newest not in start.ids:
            series = [self._with_b4(linked) for linked in series]
        if self._absent:
            names = ", ".join(self._absent[:5]) + (" ..." if len(self._absent) > 5 else "")
            self._say_once(f"named, but not in {self.archive.name}: {names}")
        tied = {linked.posting.message_id for linked in series}
        strangers = [posting for name, posting in self.pool.items() if name not in tied]
        return Gathered(start, series, self.notes, sorted(strangers, key=lambda posting: posting.date))

    def _with_b4(self, linked: Linked) -> Linked:
        if self._newest not in linked.posting.ids:
            return linked
        return replace(linked, evidence=(*linked.evidence, "the newest that b4 finds"))

    def _follow(self, posting: Posting, *, back: bool) -> None:
        """Fetch what a posting refers to and, if `back`, what refers to it."""
        # Other links in its patches lead to bug reports and discussions.
        versions = (name for letter in posting.letters for name in letter.version_links)
        for name in unique([*posting.head.links, *versions]):
            self._fetch(name)
        for phrase in (*sorted(posting.change_ids), *([posting.message_id] if back else [])):
            for hit in self._ask(Query(phrase=phrase))[-VERSIONS:]:
                if begins(hit):
                    self._fetch(hit.message_id)

    def _search(self, known: Sequence[Posting]) -> None:
        """Fetch the senders' other mails with similar titles, and mails of others whose titles have the same words."""
        dates = [posting.date.date() for posting in known if posting.head.date]
        span = (min(dates) - SPAN, max(dates) + SPAN) if dates else (None, None)
        senders = dict.fromkeys(posting.head.sender_address for posting in known if posting.head.sender_address)
        queries = [Query(sender, (), *span) for sender in senders]
        if any(len(self._ask(query)) >= MAILS for query in queries):
            self._say_once("the sender posts much: only mails with all but one word of the titles were looked at")
            queries = [Query(sender, words, *span) for sender in senders for words in _most_words(known)]
        words = tuple(sorted(known[0].words.words))
        queries += [Query("", words, *span)] if len(words) > 2 else []
        # Even if the cover letter has another title, the first patch may be the same.
        wanted = {title for posting in known for title in (posting.words, *posting.patches)}
        for query in queries:
            for hit in self._ask(query):
                title = titles.read(parse_subject(hit.title).title)
                if begins(hit) and max(titles.likeness(title, other) for other in wanted) >= related.NEAR:
                    self._fetch(hit.message_id)

    def _ask(self, query: Query) -> list[Hit]:
        """Return what a search finds. Each search is made once. If the archive cannot be searched, note that."""
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
        """Add the postings of a mail's thread to the pool. Links may lead to mails that the archive does not have."""
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
        self._read |= {message_id, *(mail.message_id for mail in mails)}
        for posting in collect(mails):
            self.pool.setdefault(posting.message_id, posting)
        return mails

    def _say_once(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def begins(hit: Hit) -> bool:
    """Return whether a title is that of a cover letter, or of a first or only patch."""
    subject = parse_subject(hit.title)
    return (subject.is_patch or "RFC" in subject.tags) and subject.number <= 1


def _groups(hits: Sequence[Hit]) -> list[list[Hit]]:
    """Return these mails grouped into series, as far as titles and senders tell; each group oldest first."""
    groups: list[list[Hit]] = []
    for hit in hits:
        title = titles.read(parse_subject(hit.title).title)
        for group in groups:
            other = titles.read(parse_subject(group[-1].title).title)
            if group[-1].address == hit.address and titles.likeness(title, other) >= related.NEAR:
                group.append(hit)
                break
        else:
            groups.append([hit])
    return groups


def _most_words(known: Sequence[Posting]) -> list[tuple[str, ...]]:
    """Return the words of each title with one word left out at a time, as a word may differ between versions."""
    sets = {posting.words.words for posting in known}
    fewer = {words - {word} for words in sets for word in words if len(words) > 2} or sets
    return sorted(tuple(sorted(words)) for words in fewer if words)


def _sent(mail: Letter | None) -> str:
    return "the thread does not have it" if mail is None else f"{mail.author} sent {_subject(mail)!r}"


def _subject(mail: Letter) -> str:
    return " ".join([*(f"[{' '.join(mail.subject.tags)}]" if mail.subject.tags else "",), mail.subject.title]).strip()
