"""The mails of one version as they were sent, with the recipients and everything else that b4 leaves out."""

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
"""The name of the mailbox in a version's folder in the cache: the cover letter, if there is one, and the patches."""


def find(message_id: str, given: Sequence[Patch], archive: Archive) -> list[bytes]:
    """Return the mails that b4 returned as the archive has them, in the same order.

    `message_id` is one of their thread. Raise InfrastructureError if the archive does not have one of them.
    """
    thread = _by_name(search.thread(archive, message_id))
    mails = [thread.get(patch.message_id) or _single(patch.message_id, archive) for patch in given]
    return [message.unquoted(raw) for raw in mails] if archive.quoted else mails


def _by_name(mails: Iterable[bytes]) -> dict[str, bytes]:
    """Return the mails by Message-ID. Of several copies the first one counts."""
    by_name: dict[str, bytes] = {}
    for raw in mails:
        by_name.setdefault(message.id_of(message.parse(raw)), raw)
    return by_name


def _single(message_id: str, archive: Archive) -> bytes:
    """Return a mail that is not in the thread that the archive returned."""
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
