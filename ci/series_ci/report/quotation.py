"""Quote the mail that a reply answers: its first lines. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from series_ci.mail import addresses
from series_ci.mail.message import body_of, header, parse
from series_ci.report import mailtext
from series_ci.report.mailtext import WIDTH

QUOTED = 6
"""Lines of its text that are quoted."""

_SHORTLOG = re.compile(r"\S.* \(\d+\):")


def lines(raw: bytes) -> Iterator[str]:
    """Yield the attribution (who wrote when) and the first lines of a mail, quoted."""
    answered = parse(raw)
    writer = next(iter(addresses.read(answered, "From").people), None)
    who = (writer.name or writer.address) if writer else "somebody"
    yield from textwrap.wrap(f"On {header(answered, 'Date')}, {who} wrote:", WIDTH, break_long_words=False)
    opening = _opening(body_of(answered))
    for line in _trimmed(opening[:QUOTED]):
        yield from mailtext.folded(line, "> ", "> ") if line else [">"]
    if len(opening) > QUOTED:
        yield "[...]"


def _opening(text: str) -> list[str]:
    """Return the lines of a mail before its trailers, its list of patches, its notes and its diff."""
    message = re.split(r"^(?:---$|diff --git )", text, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line.rstrip() for line in message.splitlines()]
    end = next((at for at, line in enumerate(lines) if _SHORTLOG.fullmatch(line)), len(lines))
    return _trimmed([line for line in lines[:end] if not re.match(r"(From: |[A-Z][\w-]+-by: )", line)])


def _trimmed(lines: Sequence[str]) -> list[str]:
    """Return the lines without the empty ones at both ends."""
    text = "\n".join(lines).strip("\n")
    return text.split("\n") if text else []
