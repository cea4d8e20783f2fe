"""An archive asked for more than one mail: by sender, words and dates, or for a whole thread.

A public-inbox answers a search with an Atom feed, newest first, 200 mails to a page. A few pages at most are asked for:
an archive may hold millions of mails, and what matters comes with the words of the question.
"""

from __future__ import annotations

import gzip
import io
import re
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import quote, unquote, urlsplit

from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import download
from series_ci.mail import message, titles
from series_ci.mail.archive import Archive

PAGES = 5
"""Pages of a feed that one search may ask for."""

PAGE = 200
"""Mails on a page, by public-inbox's own choice."""

_ATOM = "{http://www.w3.org/2005/Atom}"
_WORD = re.compile(r"\w+")


class NoSearchError(InfrastructureError):
    """The server cannot search; its mails can still be had by Message-ID."""


@dataclass(frozen=True)
class Query:
    """What to look for; what is empty does not matter, all the rest must hold.

    `subject_words` in any order, one for its plural too; `phrase` stands in the text, not in what it quotes.
    """

    from_address: str = ""
    subject_words: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    phrase: str = ""

    def __str__(self) -> str:
        """The question in public-inbox's own language."""
        parts = [f'f:"{_plain(self.from_address)}"'] if self.from_address else []
        # Words in quotes would be taken as they are; without, a server knows folios for folio.
        parts += [f"s:{word}" for word in _words(" ".join(self.subject_words))]
        if self.since or self.until:
            first, last = (f"{day:%Y%m%d}" if day else "" for day in (self.since, self.until))
            parts.append(f"d:{first}..{last}")
        parts += [f'nq:"{_plain(self.phrase)}"'] if self.phrase else []
        return " AND ".join(parts)


@dataclass(frozen=True)
class Hit:
    """A mail that a search found: its headers. `title` is the subject as it was sent, `date` is aware."""

    message_id: str
    title: str
    author: str
    address: str
    date: datetime


def search(archive: Archive, query: Query, limit: int) -> list[Hit]:
    """The newest `limit` mails that answer the question, oldest first.

    Raises NoSearchError for a server without search, InfrastructureError for one that does not answer.
    """
    if not str(query):
        return []
    found = _ask(archive.url, query, limit) if archive.url else _look(archive, query)
    return sorted(found, key=lambda each: each.date)[-limit:]


def thread(archive: Archive, message_id: str) -> list[bytes]:
    """All mails of the thread that a mail is in, oldest first as the archive has them.

    Raises UsageError when the archive does not have the mail.
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
    """Page for page, until one is not full or enough were found."""
    found: dict[str, Hit] = {}
    for page in range(PAGES):
        url = f"{base}?q={quote(str(query))}&x=A" + (f"&o={page * PAGE}" if page else "")
        entries = _feed(url)
        found |= {each.message_id: each for each in entries}
        # Less than half: a page that lacks some mails (removed ones, say) is no last page.
        if len(entries) < PAGE // 2 or len(found) >= limit:
            break
    return list(found.values())


def _feed(url: str) -> list[Hit]:
    try:
        page = download.get(url)
        if page.strip() == b"</feed>":
            return []  # and this, that there is no such page
        root = ET.fromstring(page)
    except download.RefusedError as error:
        if error.code == 404 and b"search results" in error.body:
            return []  # this is how public-inbox says that nothing was found
        if error.code in (400, 403, 404, 501):
            raise NoSearchError(
                f"{url}: this archive cannot be searched (the server said {error.code})",
                hint="give another archive with --archive, or the Message-IDs of the other versions by hand",
            ) from error
        raise
    except ET.ParseError as error:
        raise InfrastructureError(f"{url}: the answer is no Atom feed: {error}", hint=download.TRY) from error
    entries = (_entry(each) for each in root.iter(f"{_ATOM}entry"))
    return [each for each in entries if each]


def _entry(entry: ET.Element) -> Hit | None:
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
    """The same question to mails that are here: by their headers first, as there may be ten thousand."""
    wanted = {titles.stem(word) for word in _words(" ".join(query.subject_words))}
    found = []
    for name, head in archive.heads.items():
        if (
            head.date is not None
            and query.from_address.lower() in head.address.lower()
            and wanted <= {titles.stem(word) for word in _words(head.title)}
            and _within(head.date.astimezone(UTC).date(), query)
            and _says(head.raw, query.phrase)
        ):
            found.append(Hit(name, head.title, head.author, head.address, head.date))
    return found


def _within(day: date, query: Query) -> bool:
    return (query.since or day) <= day <= (query.until or day)


def _says(raw: bytes, phrase: str) -> bool:
    if not phrase:
        return True
    lines = message.body_of(message.parse(raw)).split("\n")
    return phrase.lower() in "\n".join(line for line in lines if not line.startswith(">")).lower()


def _local_thread(archive: Archive, message_id: str) -> list[bytes]:
    """What hangs together by In-Reply-To and References, over mails that are not here, too."""
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
