"""Where mails come from: a public-inbox server, an mbox file, or a folder of mails."""

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
    """A mail and what its headers say; `date` is aware, `above` are the Message-IDs that it answers."""

    raw: bytes
    title: str
    author: str
    address: str
    date: datetime | None
    above: tuple[str, ...]


@dataclass(frozen=True)
class Archive:
    """Where mails come from: the URL of a public-inbox, or a mailbox of our own making with its digest.

    `quoted` says that the mails have the quoting of a mailbox, `>From ` for a line that begins with From.
    """

    name: str
    url: str = ""
    mails: tuple[bytes, ...] = ()
    quoted: bool = False

    @property
    def digest(self) -> str:
        """What tells one state of a local archive from another; empty for a server, which is asked only once."""
        return files.digest(*self.mails) if self.mails else ""

    @cached_property
    def heads(self) -> dict[str, Head]:
        """The mails that are here, by Message-ID; the first one where several have the same."""
        found: dict[str, Head] = {}
        for raw in self.mails:
            # Headers alone, and once: an archive may hold ten thousand mails.
            message = parse(_END_OF_HEADERS.split(raw, maxsplit=1)[0])
            found.setdefault(id_of(message), _head(message, raw))
        return found

    def find(self, message_id: str) -> Patch | None:
        """The mail with this Message-ID, if it is here; a server's mails are not."""
        head = self.heads.get(message_id)
        return None if head is None else patch(head.raw)


def _head(message: Message, raw: bytes) -> Head:
    sender = next(iter(addresses.read(message, "From").people), Person("", ""))
    above = f"{header(message, 'In-Reply-To')} {header(message, 'References')}"
    title, date = header(message, "Subject"), date_of(message)
    return Head(raw, title, sender.name, sender.address, date, tuple(_ID.findall(above)))


def open_archive(where: str) -> Archive:
    """An archive from what the user wrote: a URL, an mbox file, or a folder of mails (*.eml, or a maildir)."""
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
    found = [file for pattern in ("*.eml", "cur/*", "new/*") for file in sorted(path.glob(pattern)) if file.is_file()]
    return [file.read_bytes() for file in found]


def _read_mbox(path: Path) -> list[bytes]:
    if not path.is_file():
        raise FileNotFoundError(2, "no such file or folder", str(path))
    with scratch.folder("mbox") as folder:
        # mailbox.mbox opens for writing where it can: give it a copy, the archive is the user's.
        copy = Path(shutil.copy(path, folder))
        box = mailbox.mbox(copy)
        try:
            return [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118 (a Mailbox iterates over messages)
        finally:
            box.close()
