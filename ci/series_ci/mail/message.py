"""Mails and mailboxes as data: which patch of which series a mail is, and its text. Pure."""

from __future__ import annotations

import email
import email.errors
import email.header
import email.message
import email.policy
import email.utils
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from series_ci.mail import difftext

SEPARATOR = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
"""The line that public-inbox and b4 write between mails. b4's own output has git@z in it."""

_SPLIT = re.compile(rb"^From (?:mboxrd|git)@z Thu Jan  1 00:00:00 1970\r?\n", re.MULTILINE)
_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_PREFIX = re.compile(r"\s*\[([^\]]*)\]")
_GLUED = re.compile(r"(patch)(v\d+)", re.IGNORECASE)
_VERSION = re.compile(r"v([0-9]{1,9})", re.IGNORECASE)
_COUNTER = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")

_PLACEHOLDER = "*** SUBJECT HERE ***"
"""What git format-patch writes into a cover letter, and some authors leave there."""


@dataclass(frozen=True)
class Subject:
    """What the bracketed prefixes of a subject say. An absent counter is 1 of 1, an absent version is 1.

    `numbered` is true if the version is written in the subject. `tags` are the other words, such as RFC, RESEND or the
    tree that the series is for.
    """

    title: str
    is_patch: bool
    version: int
    number: int
    total: int
    numbered: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Patch:
    """One patch of a series as it was mailed. `raw` is the mail itself, without a mailbox separator."""

    message_id: str
    subject: Subject
    author: str
    date: str
    raw: bytes

    @property
    def content(self) -> tuple[str, ...]:
        """Return what identifies the patch, whatever encoding a server gave the mail on its way."""
        text = body_of(parse(self.raw)).rstrip("\n") + "\n"
        return (self.message_id, self.author, self.date, self.subject.title, text)


def parse(raw: bytes) -> email.message.Message:
    """Return a mail from its bytes. The policy is compat32, as the modern one raises on headers of real mails."""
    return email.message_from_bytes(raw, policy=email.policy.compat32)


def header(message: email.message.Message, name: str) -> str:
    """Return a header, unfolded and decoded, or "" if the mail does not have it."""
    sent = next((value for key, value in message.raw_items() if key.lower() == name.lower()), None)
    if sent is None:
        return ""
    # get() would turn plain UTF-8, which breaks the standard, into U+FFFD. git reads plain UTF-8, too.
    value = str(sent).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        text = str(email.header.make_header(email.header.decode_header(value)))
    # An unknown charset or broken base64: return what was sent.
    except (LookupError, ValueError, email.errors.MessageError):
        text = value
    return " ".join(text.split())


def id_of(message: email.message.Message) -> str:
    """Return the Message-ID without its angle brackets."""
    return header(message, "Message-ID").strip("<> ")


def date_of(message: email.message.Message) -> datetime | None:
    """Return when a mail was sent, with a time zone.

    Return None if the date cannot be parsed or is in a year in which no mail was sent.
    """
    try:
        sent = email.utils.parsedate_to_datetime(header(message, "Date"))
    except ValueError:
        return None
    # Arithmetic with a date near the ends of the calendar would overflow.
    if not 1970 <= sent.year <= 2200:
        return None
    return sent if sent.tzinfo else sent.replace(tzinfo=UTC)


def body_of(message: email.message.Message) -> str:
    """Return the text of a mail's plain parts, with transfer encoding and charset decoded, and LF line ends."""
    texts = []
    for part in message.walk():
        if part.get_content_type() not in ("text/plain", "text/x-patch", "text/x-diff"):
            continue
        payload = part.get_payload(decode=True)
        raw = payload if isinstance(payload, bytes) else b""
        try:
            text = raw.decode(part.get_content_charset() or "utf-8", "replace")
        except LookupError:
            text = raw.decode("utf-8", "replace")
        text = text.replace("\r\n", "\n")
        texts.append(unflow(text, part) if is_flowed(part) and is_stuffed(text) else text)
    return "\n".join(texts)


def is_flowed(part: email.message.Message) -> bool:
    """Return whether a mail, or a part of one, declares its text as format=flowed (RFC 3676)."""
    return str(part.get_param("format", "")).lower() == "flowed"


def is_stuffed(text: str) -> bool:
    """Return whether every line that begins with a space has a second one, as in flowed text.

    Some mails declare format=flowed and are not.
    """
    lines = [line for line in text.split("\n") if line.startswith(" ") and line.strip()]
    return all(line.startswith("  ") for line in lines)


def unflow(text: str, part: email.message.Message) -> str:
    """Return a flowed text without its soft line breaks and additional spaces. `part` has the parameters (delsp)."""
    delsp = str(part.get_param("delsp", "")).lower() == "yes"
    lines, soft = [], ""
    for line in text.split("\n"):
        if line == "-- ":
            lines += [soft, line] if soft else [line]
            soft = ""
            continue
        line = line.removeprefix(" ")  # noqa: PLW2901 (space-stuffed)
        if line.endswith(" ") and line.strip():  # a single space is an empty line of a diff, and no soft break
            soft += line[:-1] if delsp else line
            continue
        lines.append(soft + line)
        soft = ""
    return "\n".join([*lines, soft] if soft else lines)


def parse_subject(text: str) -> Subject:
    """Parse `[RFC PATCH mm-unstable v3 02/10] title`: any number of prefixes, with words in any order."""
    prefixes = []
    rest = text
    while match := _PREFIX.match(rest):
        prefixes.append(match[1])
        rest = rest[match.end() :]
    # Like b4, read [PATCHv2, 1/3] as [PATCH v2 1/3].
    words = [word.strip(",;") for word in _GLUED.sub(r"\1 \2", " ".join(prefixes)).split()]
    version = next((int(m[1]) for word in words if (m := _VERSION.fullmatch(word))), None)
    counter = next((m for word in words if (m := _COUNTER.fullmatch(word))), None)
    number, total = (int(counter[1]), int(counter[2])) if counter else (1, 1)
    is_patch = any("PATCH" in word.upper() for word in words)
    known = (_VERSION, _COUNTER, re.compile("patch", re.IGNORECASE))
    tags = tuple(word for word in words if word and not any(form.fullmatch(word) for form in known))
    return Subject(rest.strip(), is_patch, version or 1, number, total, version is not None, tags)


def patch(raw: bytes) -> Patch:
    """Return a mail as a Patch. The caller has to tell from its subject whether it is one."""
    message = parse(raw)
    subject = parse_subject(header(message, "Subject"))
    return Patch(id_of(message), subject, header(message, "From"), header(message, "Date"), raw)


def cover_of(mails: Sequence[bytes]) -> Patch | None:
    """Return the cover letter among the mails of a version, or None. It is the first mail.

    Some have no `[PATCH 0/N]`. Then the first mail has neither a diff nor a counter, and patches follow.
    """
    first = patch(mails[0]) if mails else None
    if first is None or first.subject.number == 0:
        return first
    bare = len(mails) > 1 and first.subject.total == 1
    return first if bare and difftext.start(body_of(parse(first.raw))) < 0 else None


def title(mails: Sequence[bytes]) -> str:
    """Return the title of the cover letter among these mails, or "" if there is no cover letter or no title."""
    cover = cover_of(mails)
    return "" if cover is None or cover.subject.title == _PLACEHOLDER else cover.subject.title


def split_mbox(raw: bytes) -> list[bytes]:
    """Return the mails of a mailbox that b4 or public-inbox wrote, without the `>From` quoting of both."""
    return [unquoted(part).rstrip(b"\n") + b"\n" for part in _SPLIT.split(raw) if part.strip()]


def unquoted(raw: bytes) -> bytes:
    """Return a mail of a mailbox without the quoting of lines that begin with `From `."""
    return _QUOTED_FROM.sub(rb"\1", raw)


def join_mbox(mails: Iterable[bytes]) -> bytes:
    """Return the mails as a mailbox: the inverse of `split_mbox`."""
    return b"".join(SEPARATOR + _FROM_LINE.sub(rb">\1", raw).rstrip(b"\n") + b"\n\n" for raw in mails)


def contradictions(mails: Iterable[bytes]) -> Iterator[str]:
    """Yield the Message-IDs under which there are mails with different contents."""
    seen: dict[str, tuple[str, ...]] = {}
    for raw in mails:
        mail = patch(raw)
        if mail.message_id and seen.setdefault(mail.message_id, mail.content) != mail.content:
            yield mail.message_id


REPLY_NEEDS = ("To", "Subject", "In-Reply-To")
