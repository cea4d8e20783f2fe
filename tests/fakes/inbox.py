"""What a public-inbox answers to searches, and any number of generated mails to search in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from fakes import mails
from series_ci.mail import patchmail

NOTHING = (404, b"<html><head><title>q - search results</title></head></html>")
"""How public-inbox says that nothing was found."""

PAST_THE_END = (200, b"\n</feed>")
"""What it says to a page that is not there, of a search that found something."""

SWITCHED_OFF = (501, b"<pre>Search is not available for this public-inbox</pre>")


def feed(raws: Sequence[bytes], url: str = "http://localhost/all") -> bytes:
    """An Atom feed of these mails as public-inbox writes it."""
    entries = []
    for raw in raws:
        read = patchmail.read(raw)
        assert read.date
        title = escape(mails.header(raw, "Subject"))
        entries.append(
            f"<entry><author><name>{escape(read.author)}</name><email>{read.sender_address}</email></author>"
            f"<title>{title}</title><updated>{read.date.isoformat()}</updated>"
            f'<link\nhref="{url}/{read.message_id}/"/><id>urn:uuid:1</id></entry>'
        )
    head = '<?xml version="1.0" encoding="us-ascii"?>\n<feed\nxmlns="http://www.w3.org/2005/Atom"><title>x</title>'
    text = f"{head}{''.join(entries)}</feed>"
    return text.encode("ascii", "xmlcharrefreplace")


def searcher(raws: Sequence[bytes]) -> Callable[[str, int], tuple[int, bytes]]:
    """Answer every query with these mails, newest first, 200 to a page."""

    def answer(_query: str, offset: int) -> tuple[int, bytes]:
        page = raws[offset : offset + 200]
        return (200, feed(page)) if page else PAST_THE_END if raws else NOTHING

    return answer


def many(number: int) -> list[bytes]:
    """Mails of other people about other things, newest first."""
    start = datetime.fromisoformat("2026-02-03T11:00:00+00:00")
    return [
        (
            f"Message-ID: <other-{count}@example.org>\nFrom: Sam {count % 97} <sam{count % 97}@example.org>\n"
            f"Date: {start - timedelta(minutes=count):%a, %d %b %Y %H:%M:%S} +0000\n"
            f"Subject: [PATCH] net: frobnicate device {count}\n\nText\n\n---\n"
            f"diff --git a/net/{count}.c b/net/{count}.c\n"
            f"--- a/net/{count}.c\n+++ b/net/{count}.c\n@@ -1 +1 @@\n-a\n+b\n"
        ).encode()
        for count in range(number)
    ]


def mail(
    identity: str,
    subject: str,
    day: str = "2026-02-03",
    *,
    text: str = "Text.",
    parent: str = "",
    sender: str = "robin@example.org",
    path: str | None = "mm/rmap.c",
    blob: str = "1111111111",
) -> bytes:
    """One small mail: a patch of the file `path`, or without a diff if that is None. `day` may have a time: T11:00."""
    when = datetime.fromisoformat(day).strftime("%a, %d %b %Y %H:%M:%S +0000")
    above = f"In-Reply-To: <{parent}@example.org>\nReferences: <{parent}@example.org>\n" if parent else ""
    head = f"diff --git a/{path} b/{path}\nindex {blob}..2222222222 100644\n"
    diff = f"{head}--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
    return (
        f"Message-ID: <{identity}@example.org>\nFrom: {sender.partition('@')[0].title()} <{sender}>\nDate: {when}\n"
        f"Subject: {subject}\n{above}\n{text}\n\n---\n\n{diff if path else ''}"
    ).encode()
