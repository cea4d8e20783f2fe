"""Make the headers of a reply: its recipients, and the mail that it answers. Pure."""

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
    """Return the mail of a version that a reply to all of it answers: the cover letter, else the first patch."""
    cover = cover_of(mails)
    return cover.raw if cover else mails[0]


def whom(mails: Sequence[bytes], own: Collection[str]) -> Recipients:
    """Return the recipients of a reply; `own` are the sender's addresses."""
    return recipients.of(answered(mails), mails, own)


def head(mails: Sequence[bytes], addressees: Recipients, *, ascii_only: bool) -> str:
    """Return the headers without From, Date and Message-ID, which git send-email adds."""
    message = parse(answered(mails))
    lines = [addresses.header("To", addressees.to)]
    lines += [addresses.header("Cc", addressees.cc)] if addressees.cc else []
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
    folded = email.header.Header(text, charset, maxlinelen=WIDTH - 2, header_name="Subject")
    return f"Subject: {folded.encode()}"
