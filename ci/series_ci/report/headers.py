"""The headers of a reply: whom it goes to, and which mail it answers. Pure."""

from __future__ import annotations

import email.header
import re
from collections.abc import Collection, Sequence

from series_ci.mail import addresses, recipients
from series_ci.mail.addresses import WIDTH
from series_ci.mail.message import cover_of, header, id_of, parse
from series_ci.mail.recipients import Recipients

_VISIBLE = re.compile(r"[^\x21-\x7e]")


def answered(mails: Sequence[bytes]) -> bytes:
    """The mail of a version that an answer to all of it goes to: the cover letter, else the first patch."""
    found = cover_of(mails)
    return found.raw if found else mails[0]


def whom(mails: Sequence[bytes], own: Collection[str]) -> Recipients:
    """The recipients; `own` are the addresses of whoever answers."""
    return recipients.of(answered(mails), mails, own)


def head(mails: Sequence[bytes], found: Recipients, *, ascii_only: bool) -> str:
    """The headers without From, Date and Message-ID, which whoever sends the mail has."""
    message = parse(answered(mails))
    lines = [addresses.header("To", found.to)]
    lines += [addresses.header("Cc", found.cc)] if found.cc else []
    ours = f"<{_VISIBLE.sub('', id_of(message))}>"
    above = re.findall(r"<[^<>\s]+>", header(message, "References") or header(message, "In-Reply-To"))
    references = list(dict.fromkeys([*(_VISIBLE.sub("", each) for each in above), ours]))
    lines += [
        _subject(header(message, "Subject")),
        f"In-Reply-To: {ours}",
        "References: " + "\n ".join(references),
        "MIME-Version: 1.0",
        f"Content-Type: text/plain; charset={'us-ascii' if ascii_only else 'utf-8'}",
        f"Content-Transfer-Encoding: {'7bit' if ascii_only else '8bit'}",
    ]
    return "\n".join(lines) + "\n"


def _subject(text: str) -> str:
    text = addresses.decoded(text)
    text = text if text.lower().startswith("re:") else f"Re: {text}"
    charset = "us-ascii" if text.isascii() else "utf-8"
    found = email.header.Header(text, charset, maxlinelen=WIDTH - 2, header_name="Subject")
    return f"Subject: {found.encode()}"
