"""What one mail says about its series: trailers, changelog, base, links, files. Pure.

A patch mail has four parts: the commit message, the notes below the first `---` (git am drops them), the diff, and the
signature. A cover letter or a reply has no diff. Lines that quote another mail are ignored.
"""

from __future__ import annotations

import email.message
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from series_ci.mail import addresses, difftext
from series_ci.mail.addresses import Person
from series_ci.mail.difftext import unique
from series_ci.mail.message import Subject, body_of, date_of, header, id_of, parse, parse_subject


@dataclass(frozen=True)
class Trailer:
    """A line such as `Acked-by: NAME <ADDRESS>`.

    `address` is "" if the line has none. A trailer that is `below` the first `---` is dropped by git am.
    """

    name: str
    value: str
    address: str
    below: bool


@dataclass(frozen=True)
class Diffstat:
    """The size of a diff, counted in the diff itself, whatever the mail says about it."""

    files: int = 0
    insertions: int = 0
    deletions: int = 0


@dataclass(frozen=True)
class Letter:
    """One mail. What it does not have is empty; `date` has a time zone, and is None if it cannot be parsed.

    `author` is who wrote the patch: the From: line of the body if there is one (`author_in_body`), otherwise the
    sender. `sender_address` is always that of the From: header. `links` are the Message-IDs that the text refers to,
    `version_links` those of them that it calls another version. `mode_changes` are the files whose mode is changed by
    the diff or by the diffstat above it, `modes_lost` those whose diff lost the lines about the mode. `blobs` are pairs
    of a path and the id, perhaps abbreviated, of the old content. `paths` are the files that the diff touches, a
    renamed one under both names.
    """

    message_id: str
    subject: Subject
    author: str
    author_address: str
    sender_address: str
    date: datetime | None
    in_reply_to: str
    references: tuple[str, ...]
    trailers: tuple[Trailer, ...]
    changelog: str
    diffstat: Diffstat
    base_commit: str
    change_id: str
    links: tuple[str, ...]
    version_links: tuple[str, ...]
    mode_changes: tuple[str, ...]
    modes_lost: tuple[str, ...]
    blobs: tuple[tuple[str, str], ...]
    paths: tuple[str, ...]
    has_diff: bool
    author_in_body: bool = False


_TRAILER = re.compile(r"((?:[A-Za-z]+-)*[Bb]y|Cc|CC|Fixes|Link|Closes|Message-I[dD]):[ \t]*(\S.*)")
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_ID = re.compile(r"<([^<>\s]+)>")
_IN_BODY = re.compile(r"(?:From|Subject|Date): .*", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]+")
_NAMED_ID = re.compile(r"Message-I[dD]: *<([^<>\s]+@[^<>\s]+)>")
_VERSION = re.compile(r"\bv\d+\b|\bRFC\b|\b(?:previous|earlier|prior|last) (?:version|posting|series)", re.IGNORECASE)
_BASE = re.compile(r"^base-commit: *([0-9a-f]{12,64})\b", re.MULTILINE)
_CHANGE_ID = re.compile(r"^change-id: *(\S+)", re.MULTILINE | re.IGNORECASE)
_MODE_LINE = re.compile(r"^ mode change \d{6} => \d{6} (.+?)\s*$", re.MULTILINE)
_STAT = re.compile(r" \S.*\| +(?:\d+|Bin\b)| \d+ files? changed| (?:create|delete|mode|rename|copy) .*")
_END = re.compile(r"-- ?$|base-commit: |change-id: |[A-Z][\w-]*-by: ", re.IGNORECASE)
_ARROW = r"(?:->|=>|-->|→|\bto\b|:)"
_HEADING = re.compile(
    r"\W{0,4}(?:"
    r"(?:(?:revision|version|change|patch)[ -]?(?:log|history|changes)|history)\s*:?\s*"
    r"|(?:major |main )?(?:changes|changed|differences|updates?)\s*(?:in|since|from|to|between|for|against|of|after)?"
    r"[ :]+(?:the )?(?:v\d+|RFC|(?:last|previous|first) (?:version|posting|series))\b.*"
    rf"|(?:RFC[ -]*)?v\d+\s*{_ARROW}.*"
    r"|changes:\s*|v\d+\s*"
    r")",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s+\S|[-*+o•]\s|\(?\d+[.)]")


def read(raw: bytes) -> Letter:
    """Return the contents of a mail in any encoding. Never raise: what cannot be parsed is empty."""
    message = parse(raw)
    text = body_of(message)
    cut = difftext.start(text)
    prose, diff = (text, "") if cut < 0 else (text[:cut], text[cut:])
    own = "\n".join(line for line in prose.split("\n") if not line.startswith(">"))
    changes = difftext.parse(diff)
    sender = next(iter(addresses.read(message, "From").people), Person("", ""))
    in_body = _in_body_author(own)
    author = in_body or sender
    signature = diff[-4000:]  # b4 and git write some of their lines below the diff
    return Letter(
        message_id=id_of(message),
        subject=parse_subject(header(message, "Subject")),
        author=author.name or author.address,
        author_address=author.address,
        sender_address=sender.address,
        date=date_of(message),
        in_reply_to=next(iter(_ids(message, "In-Reply-To")), ""),
        references=_ids(message, "References"),
        trailers=_trailers(own),
        changelog=changelog(own),
        diffstat=Diffstat(len(changes), sum(c.insertions for c in changes), sum(c.deletions for c in changes)),
        base_commit=_first(_BASE, own, signature),
        change_id=_first(_CHANGE_ID, own, signature),
        links=links(own),
        version_links=unique(name for line in _version_lines(own) for name in links(line)),
        mode_changes=unique([*_MODE_LINE.findall(own), *(c.new for c in changes if c.mode_changed)]),
        modes_lost=unique(c.new for c in changes if c.mode_lost),
        blobs=tuple((c.old, c.blob) for c in changes if c.blob),
        paths=unique(path for c in changes for path in (c.old, c.new)),
        has_diff=bool(changes),
        author_in_body=in_body is not None,
    )


def _ids(message: email.message.Message, name: str) -> tuple[str, ...]:
    return tuple(_ID.findall(header(message, name)))


def _first(form: re.Pattern[str], *texts: str) -> str:
    return next((match[1] for text in texts if (match := form.search(text))), "")


def _in_body_author(text: str) -> Person | None:
    """Return the author in the From: line among the header lines that git am reads at the top of a body, or None."""
    for line in text.lstrip("\n").split("\n"):
        if not _IN_BODY.fullmatch(line):
            return None
        people = addresses.parse(line.partition(":")[2]).people if line[:4].lower() == "from" else ()
        if people:
            return people[0]
    return None


def _trailers(text: str) -> tuple[Trailer, ...]:
    trailers, below = [], False
    for line in text.split("\n"):
        below = below or line.rstrip() == "---"
        if match := _TRAILER.fullmatch(line.rstrip()):
            address = _ADDRESS.search(match[2])
            trailers.append(Trailer(match[1], match[2], address[0] if address else "", below))
    return tuple(trailers)


def links(text: str) -> tuple[str, ...]:
    """Return the Message-IDs that a text refers to: in URLs of archives, and after `Message-ID:`."""
    placed = [(match.start(), _in_url(match[0])) for match in _URL.finditer(text)]
    placed += [(match.start(), match[1]) for match in _NAMED_ID.finditer(text)]
    return unique(name for _place, name in sorted(placed))


def _version_lines(text: str) -> list[str]:
    """Return the lines that name a version, and lines below one that names a version and has no link itself."""
    lines = text.split("\n")
    above = ["", *lines]
    return [
        line
        for line, before in zip(lines, above, strict=False)
        if _VERSION.search(_URL.sub("", line)) or (_VERSION.search(before) and not _URL.search(before))
    ]


def _in_url(url: str) -> str:
    """Return the Message-ID in the URL of an archive: the component of its path with an @ in it, or ""."""
    path = url.partition("://")[2].partition("/")[2]
    components = (unquote(step) for step in re.split(r"[/?#]", path.rstrip(".,;:!)]}'")))
    return next((name for name in components if _ADDRESS.fullmatch(name)), "")


def changelog(text: str) -> str:
    """Return the changelog of a mail, wherever it is: from its heading to where other text begins."""
    kept: list[str] = []
    inside = False
    for block in re.split(r"\n[ \t]*\n|^---[ \t]*\n", text.strip("\n") + "\n", flags=re.MULTILINE):
        lines = block.strip("\n").split("\n")
        end = next((at for at, line in enumerate(lines) if _STAT.match(line) or _END.match(line)), len(lines))
        first = next((at for at, line in enumerate(lines[:end]) if _HEADING.fullmatch(line)), None)
        if first is None and inside and (_ITEM.match(lines[0]) or kept[-1].rstrip().endswith(":")):
            first = 0  # a list below a heading, or its continuation
        inside = first is not None and end > first
        if inside:
            kept.append("\n".join(lines[first:end]))
    return "\n\n".join(kept)
