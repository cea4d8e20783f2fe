"""Verify that the mails in a run directory from elsewhere are those of its version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from series_ci.mail.message import REPLY_NEEDS, Patch, cover_of, header, parse, patch, title
from series_ci.rundir import layout, read
from series_ci.rundir.run import VersionRun

Fault = tuple[Path, str]
"""A file, and what is wrong with it."""


def fault(folder: Path, run: VersionRun) -> Fault | None:
    """Return the first fault, None if there is none; earlier releases kept no mails as they were sent."""
    path = folder / layout.MAILS
    if not path.is_file():
        return path, "is missing"
    patches = [patch(raw) for raw in read.mails(folder)]
    named = [(each.message_id, each.subject) for each in run.origin.patches]
    if [(each.message_id, each.subject.title) for each in patches] != named:
        return path, f"holds other patches than {layout.SUMMARY} names"
    mails = read.sent_mails(folder)
    if (folder / layout.SENT).is_file() and not _belong(mails, patches, run.message_id):
        return folder / layout.SENT, f"holds other mails than those of {run.message_id}"
    if run.title != (title(mails) or patches[0].subject.title):
        return folder / layout.SUMMARY, f"has the title {run.title!r}, and the mails have another"
    return _reply(folder / layout.REPLY, {each.message_id for each in [*map(patch, mails), *patches]})


def fits(cover: str, folder: Path) -> bool:
    """Return whether `cover` is the Message-ID of the cover letter; True if the folder has no mails as sent."""
    mails = read.sent_mails(folder)
    letter = cover_of(mails)
    return not mails or cover == (letter.message_id if letter else "")


def _belong(mails: Sequence[bytes], patches: Sequence[Patch], message_id: str) -> bool:
    """Return whether these are a version's own mails: its cover letter, if any, and tested patches in their order."""
    names = [patch(raw).message_id for raw in mails]
    own = names[1:] if cover_of(mails) else names
    known = [each.message_id for each in patches]
    return bool(own) and own == [name for name in known if name in own] and message_id in names


def _reply(path: Path, names: set[str]) -> Fault | None:
    """Return the fault of a reply: it has to answer this version. Its text may have been edited by its sender."""
    if not path.is_file():
        return None
    message = parse(path.read_bytes())
    answers = header(message, "In-Reply-To").strip("<> ")
    if answers not in names or not all(header(message, name) for name in REPLY_NEEDS):
        return path, "is no reply to this version"
    return None
