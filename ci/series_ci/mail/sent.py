"""The mails of one version as they were sent: recipients, cover letter and all that b4 leaves out of what it writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from urllib.parse import quote

from series_ci.errors import InfrastructureError
from series_ci.host import download
from series_ci.mail import message, search
from series_ci.mail.archive import Archive
from series_ci.mail.message import Patch

NAME = "sent.mbx"
"""In a run directory and in the cache: the cover letter, if there is one, and the patches."""


def find(message_id: str, given: Sequence[Patch], archive: Archive) -> list[bytes]:
    """The mails that b4 gave, as the archive has them and in the same order.

    `message_id` is one of their thread. Raises InfrastructureError if the archive does not give one of them.
    """
    found = _by_name(search.thread(archive, message_id))
    mails = [found.get(each.message_id) or _single(each.message_id, archive) for each in given]
    return [message.unquoted(raw) for raw in mails] if archive.quoted else mails


def _by_name(mails: Iterable[bytes]) -> dict[str, bytes]:
    """Mails by their Message-IDs; the first one where an archive has several copies."""
    found: dict[str, bytes] = {}
    for raw in mails:
        found.setdefault(message.id_of(message.parse(raw)), raw)
    return found


def _single(message_id: str, archive: Archive) -> bytes:
    """A mail that is not in the thread that the archive gives."""
    if message_id in archive.heads:
        return archive.heads[message_id].raw
    if archive.url:
        with suppress(download.RefusedError):
            page = download.get(f"{archive.url}{quote(message_id, safe='@')}/raw")
            for raw in [page, *message.split_mbox(page)]:
                if message.id_of(message.parse(raw)) == message_id:
                    return raw
    raise InfrastructureError(
        f"{message_id}: {archive.name} gives this mail to b4, and does not give it as it was sent",
        hint="try again later, or give another archive: --archive URL|MBOX|DIR",
    )
