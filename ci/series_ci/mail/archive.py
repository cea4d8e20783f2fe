"""Archives of mails: a public-inbox server, an mbox file, or a folder of mails."""

from __future__ import annotations

import mailbox
import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from functools import cached_property
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.host import files, scratch
from series_ci.mail import addresses
from series_ci.mail.addresses import Person
from series_ci.mail.message import Patch, date_of, header, id_of, parse, patch

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_ID = re.compile(r"<([^<>\s]+)>")


@dataclass(frozen=True)
class Head:
    """A mail and its headers. `date` has a time zone; `above` holds the Message-IDs of the mails that it answers."""

    raw: bytes
    title: str
    author: str
    address: str
    date: datetime | None
    above: tuple[str, ...]


@dataclass(frozen=True)
class Archive:
    """A source of mails: the URL of a public-inbox, or mails that were read from files.

    `quoted` says that the mails are quoted as in an mbox: a line that begins with `From ` is written as `>From `.
    """

    name: str
    url: str = ""
    mails: tuple[bytes, ...] = ()
    quoted: bool = False

    @property
    def digest(self) -> str:
        """Return a digest of a local archive's contents; "" for a server, which is asked only once."""
        return files.digest(*self.mails) if self.mails else ""

    @cached_property
    def heads(self) -> dict[str, Head]:
        """Return the local mails by Message-ID. Of several mails with the same Message-ID the first one counts."""
        by_id: dict[str, Head] = {}
        for raw in self.mails:
            # Parse the headers only, and only once: an archive may hold ten thousand mails.
            message = parse(_END_OF_HEADERS.split(raw, maxsplit=1)[0])
            by_id.setdefault(id_of(message), _head(message, raw))
        return by_id

    def find(self, message_id: str) -> Patch | None:
        """Return the local mail with this Message-ID, or None. Mails on a server are not looked up."""
        head = self.heads.get(message_id)
        return None if head is None else patch(head.raw)


def _head(message: Message, raw: bytes) -> Head:
    sender = next(iter(addresses.read(message, "From").people), Person("", ""))
    above = f"{header(message, 'In-Reply-To')} {header(message, 'References')}"
    title, date = header(message, "Subject"), date_of(message)
    return Head(raw, title, sender.name, sender.address, date, tuple(_ID.findall(above)))


def open_archive(where: str) -> Archive:
    """Return the archive that the user named: a URL, an mbox file, or a folder of mails (*.eml, or a maildir).

    Raise UsageError if it cannot be read or holds no mail.
    """
    if re.match(r"https?://", where):
        return Archive(where, url=where.rstrip("/") + "/")
    path = Path(where)
    try:
        mails = _read_folder(path) if path.is_dir() else _read_mbox(path)
    except OSError as error:
        raise UsageError(
            f"archive {where}: {error.strerror}",
            hint="give the URL of a public-inbox, an mbox file, or a folder of mails (*.eml)",
        ) from error
    if not mails:
        raise UsageError(f"archive {where}: holds no mail", hint="a folder is searched for *.eml, cur/* and new/*")
    return Archive(where, mails=tuple(mails), quoted=path.is_file())


def _read_folder(path: Path) -> list[bytes]:
    paths = [file for pattern in ("*.eml", "cur/*", "new/*") for file in sorted(path.glob(pattern)) if file.is_file()]
    return [file.read_bytes() for file in paths]


def _read_mbox(path: Path) -> list[bytes]:
    if not path.is_file():
        raise FileNotFoundError(2, "no such file or folder", str(path))
    with scratch.folder("mbox") as folder:
        # mailbox.mbox opens a file for writing if it can. The archive belongs to the user, so give it a copy.
        copy = Path(shutil.copy(path, folder))
        box = mailbox.mbox(copy)
        try:
            return [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118 (a Mailbox iterates over messages)
        finally:
            box.close()
