"""Search an archive by sender, words and dates, or read a whole thread.

A public-inbox answers a search with an Atom feed, newest first, 200 mails per page. Only a few pages are requested: an
archive may hold millions of mails, and the query's words find what matters first.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import download
from series_ci.mail import message, titles
from series_ci.mail.archive import Archive

PAGES = 5
"""The maximum number of pages of a feed that one search requests."""

PAGE = 200
"""The number of mails on a page, which public-inbox defines."""

_ATOM = "{http://www.w3.org/2005/Atom}"
_WORD = re.compile(r"\w+")


class NoSearchError(InfrastructureError):
    """The server cannot search. Its mails are available by Message-ID only."""


@dataclass(frozen=True)
class Query:
    """What to search for. Empty fields are ignored, all others must match.

    `subject_words` match in any order, in singular or plural. `phrase` must be in the text outside of quotations.
    """

    from_address: str = ""
    subject_words: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    phrase: str = ""

    def __str__(self) -> str:
        """Return the query in the language of public-inbox."""
        parts = [f'f:"{_plain(self.from_address)}"'] if self.from_address else []
        # Quoted words match exactly; without quotes, a server finds folios for folio.
        parts += [f"s:{word}" for word in _words(" ".join(self.subject_words))]
        if self.since or self.until:
            first, last = (f"{day:%Y%m%d}" if day else "" for day in (self.since, self.until))
            parts.append(f"d:{first}..{last}")
        parts += [f'nq:"{_plain(self.phrase)}"'] if self.phrase else []
        return " AND ".join(parts)


@dataclass(frozen=True)
class Hit:
    """The headers of a mail that a search found. `title` is the subject as it was sent, `date` has a time zone."""

    message_id: str
    title: str
    author: str
    address: str
    date: datetime


def search(archive: Archive, query: Query, limit: int) -> list[Hit]:
    """Return the newest `limit` mails that match the query, oldest first.

    Raise NoSearchError if the server cannot search, InfrastructureError if it does not answer.
    """
    if not str(query):
        return []
    hits = _ask(archive.url, query, limit) if archive.url else _look(archive, query)
    return sorted(hits, key=lambda hit: hit.date)[-limit:]


def thread(archive: Archive, message_id: str) -> list[bytes]:
    """Return all mails of the thread that contains a mail, in the order of the archive (a server's: oldest first).

    Raise UsageError if the archive does not have the mail.
    """
    if not archive.url:
        return _local_thread(archive, message_id)
    url = f"{archive.url}{quote(message_id, safe='@')}/t.mbox.gz"
    try:
        page = download.get(url)
    except download.RefusedError as error:
        if error.code == 404:
            raise _unknown(archive, message_id) from error
        raise
    try:
        raw = gzip.GzipFile(fileobj=io.BytesIO(page)).read(download.PAGE)
    except (OSError, EOFError, zlib.error) as error:
        raise InfrastructureError(f"{url}: is not the mailbox it should be: {error}", hint=download.TRY) from error
    return message.split_mbox(raw)


def _unknown(archive: Archive, message_id: str) -> UsageError:
    return UsageError(
        f"{message_id}: {archive.name} has no such mail",
        hint="look the mail up in the archive and give its Message-ID, without < and >",
    )


def _plain(text: str) -> str:
    return " ".join(text.replace('"', " ").split())


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _ask(base: str, query: Query, limit: int) -> list[Hit]:
    """Request page after page, until one is not full or enough mails were found."""
    hits: dict[str, Hit] = {}
    for page in range(PAGES):
        url = f"{base}?q={quote(str(query))}&x=A" + (f"&o={page * PAGE}" if page else "")
        entries = _feed(url)
        hits |= {entry.message_id: entry for entry in entries}
        # Compare with half a page: a page that lacks a few mails (removed ones, for example) is not the last one.
        if len(entries) < PAGE // 2 or len(hits) >= limit:
            break
    return list(hits.values())


def _feed(url: str) -> list[Hit]:
    try:
        page = download.get(url)
        if page.strip() == b"</feed>":
            return []  # this is public-inbox's answer for a page that does not exist
        root = ElementTree.fromstring(page)
    except download.RefusedError as error:
        if error.code == 404 and b"search results" in error.body:
            return []  # this is public-inbox's answer if nothing was found
        if error.code in (400, 403, 404, 501):
            raise NoSearchError(
                f"{url}: this archive cannot be searched (the server said {error.code})",
                hint="give another archive with --archive, or the Message-IDs of the other versions by hand",
            ) from error
        raise
    except ElementTree.ParseError as error:
        raise InfrastructureError(f"{url}: the answer is no Atom feed: {error}", hint=download.TRY) from error
    hits = (_entry(entry) for entry in root.iter(f"{_ATOM}entry"))
    return [hit for hit in hits if hit]


def _entry(entry: ElementTree.Element) -> Hit | None:
    link = entry.find(f"{_ATOM}link")
    steps = urlsplit(link.get("href", "") if link is not None else "").path.rstrip("/").rpartition("/")
    sent = entry.findtext(f"{_ATOM}updated", "")
    try:
        when = datetime.fromisoformat(sent)
    except ValueError:
        return None
    if not steps[2]:
        return None
    author, address = (entry.findtext(f"{_ATOM}author/{_ATOM}{name}", "") for name in ("name", "email"))
    return Hit(unquote(steps[2]), entry.findtext(f"{_ATOM}title", ""), author, address, when)


def _look(archive: Archive, query: Query) -> list[Hit]:
    """Search local mails for the query. Headers are compared first, since there may be ten thousand mails."""
    wanted = {titles.stem(word) for word in _words(" ".join(query.subject_words))}
    hits = []
    for name, head in archive.heads.items():
        if (
            head.date is not None
            and query.from_address.lower() in head.address.lower()
            and wanted <= {titles.stem(word) for word in _words(head.title)}
            and _within(head.date.astimezone(UTC).date(), query)
            and _says(head.raw, query.phrase)
        ):
            hits.append(Hit(name, head.title, head.author, head.address, head.date))
    return hits


def _within(day: date, query: Query) -> bool:
    return (query.since or day) <= day <= (query.until or day)


def _says(raw: bytes, phrase: str) -> bool:
    if not phrase:
        return True
    lines = message.body_of(message.parse(raw)).split("\n")
    return phrase.lower() in "\n".join(line for line in lines if not line.startswith(">")).lower()


def _local_thread(archive: Archive, message_id: str) -> list[bytes]:
    """Return the mails that are connected by In-Reply-To and References, perhaps by way of mails that are missing."""
    heads = archive.heads
    if message_id not in heads:
        raise _unknown(archive, message_id)
    below: dict[str, list[str]] = {}
    for name, head in heads.items():
        for above in head.above:
            below.setdefault(above, []).append(name)
    seen, todo = {message_id}, [message_id]
    while todo:
        name = todo.pop()
        near = {*below.get(name, ()), *(heads[name].above if name in heads else ())} - seen
        seen |= near
        todo += near
    return [head.raw for name, head in heads.items() if name in seen]
