"""Patch mails as authors send them: made by `git format-patch` from edits of the miniature kernel.

The series is the story of folios that end with their process, in two patches. Every mail is on example.org and gets a
Message-ID that tells its version and number, such as `20260203.v2-1@example.org`.
"""

from __future__ import annotations

import functools
import gzip
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fakes import fakelinux

AUTHOR = {"GIT_AUTHOR_NAME": "Robin Välé", "GIT_AUTHOR_EMAIL": "robin.vale@example.org"}


@dataclass(frozen=True)
class Change:
    """One patch: its commit message and the edits, (file, old text, new text); an empty old text adds a file."""

    message: str
    edits: tuple[tuple[str, str, str], ...]


HELPER = Change(
    "mm: tell the folios that end with their process\n\n"
    "Reclaim cannot know that a folio is about to be freed anyway.\n\nFrom here on it can ask.\n\n"
    "Signed-off-by: Robin Välé <robin.vale@example.org>",
    (
        (
            "include/linux/mm.h",
            "int folio_referenced(",
            "static inline int folio_exiting(const struct folio *folio)\n{\n"
            "\treturn folio_test_anon(folio) && !folio->mm->mm_users;\n}\n\nint folio_referenced(",
        ),
    ),
)
SKIP = Change(
    "mm/rmap: leave the folios of exiting processes alone\n\n"
    "They are freed in a moment: to swap them out is work for nothing.\n\n"
    "Signed-off-by: Robin Välé <robin.vale@example.org>",
    (
        (
            "mm/rmap.c",
            "\tif (folio->mapcount > 1)",
            "\tif (folio_exiting(folio))\n\t\treturn -1;\n\tif (folio->mapcount > 1)",
        ),
    ),
)
DOES_NOT_COMPILE = Change(
    "mm/rmap: leave the folios of exiting processes alone\n\nSigned-off-by: Robin Välé <robin.vale@example.org>",
    (
        (
            "mm/rmap.c",
            "\tif (folio->mapcount > 1)",
            "\tif (folio_is_exiting(folio)\n\t\treturn -1;\n\tif (folio->mapcount > 1)",
        ),
    ),
)
GOOD = (HELPER, SKIP)
BROKEN = (HELPER, DOES_NOT_COMPILE)

COVER = "Folios that end with their process"


def message_id(version: int, number: int) -> str:
    """The Message-ID of a patch of the series; number 0 is the cover letter."""
    return f"20260203.v{version}-{number}@example.org"


def series(
    patches: Sequence[Change] = GOOD,
    *,
    version: int = 1,
    cover: str = COVER,
    reply_to: str = "",
    tree: str = "",
    changes: Mapping[str, str] | None = None,
) -> list[bytes]:
    """The mails of one version, cover letter first (none if `cover` is empty).

    `reply_to` threads them below a mail of an earlier version. `tree` replaces mm/rmap.c: the series of another base;
    `changes` are other files of that base.
    """
    base = {**({"mm/rmap.c": tree} if tree else {}), **(changes or {})}
    return list(_series(tuple(patches), version, cover, reply_to, tuple(base.items())))


@functools.cache
def _series(
    changes: tuple[Change, ...], version: int, cover: str, reply_to: str, base: tuple[tuple[str, str], ...]
) -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory(prefix="mails-") as scratch:
        folder = fakelinux.repository(Path(scratch) / "linux", dict(base))
        for number, change in enumerate(changes, 1):
            for name, old, new in change.edits:
                _edit(folder / name, old, new)
            fakelinux.git(folder, "add", "-A", "-f")
            date = f"2026-02-{version:02}T11:05:{number:02}+0100"
            fakelinux.git(folder, "commit", "-q", "-m", change.message, env={**AUTHOR, "GIT_AUTHOR_DATE": date})
        argv = ["format-patch", "-q", "-o", "out", "--encode-email-headers", f"-v{version}", "v6.12.7"]
        if cover:
            argv.insert(1, "--cover-letter")
        elif len(changes) == 1:
            argv.insert(1, "-N")
        sender = {name.replace("AUTHOR", "COMMITTER"): value for name, value in AUTHOR.items()}
        fakelinux.git(folder, *argv, env={**sender, "GIT_COMMITTER_DATE": f"2026-02-{version:02}T11:05:00+0100"})
        raws = [path.read_bytes() for path in sorted((folder / "out").iterdir())]
    if cover:
        raws[0] = (
            raws[0].replace(b"*** SUBJECT HERE ***", cover.encode()).replace(b"*** BLURB HERE ***", b"Please test.")
        )
    first = 0 if cover else 1
    top = message_id(version, first)
    return tuple(
        _with_headers(raw, message_id(version, number), top if number != first else reply_to)
        for number, raw in enumerate(raws, first)
    )


def _edit(path: Path, old: str, new: str) -> None:
    before = path.read_text("utf-8") if path.exists() else ""
    assert old in before, f"{path.name} does not have {old!r}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before.replace(old, new, 1) if old else new, "utf-8")


def _with_headers(raw: bytes, identity: str, parent: str) -> bytes:
    """A mail of format-patch with what a mail server and `git send-email` add, without its mailbox line."""
    raw = re.sub(rb"\AFrom [0-9a-f]{40} .*\n", b"", raw)
    extra = f"Message-ID: <{identity}>\nTo: linux-mm@example.org\n"
    if parent:
        extra += f"In-Reply-To: <{parent}>\nReferences: <{parent}>\n"
    return extra.encode() + raw


def reply(to: bytes, text: str, identity: str = "20260209.reply@example.org", subject: str = "") -> bytes:
    """A reviewer's answer to a mail."""
    parent = header(to, "Message-ID").strip("<>")
    subject = subject or f"Re: {header(to, 'Subject')}"
    return (
        f"Message-ID: <{identity}>\nIn-Reply-To: <{parent}>\nReferences: <{parent}>\n"
        f"From: Alex Marlow <alex.marlow@example.org>\nDate: Mon, 9 Feb 2026 08:00:00 +0100\n"
        f"Subject: {subject}\nTo: linux-mm@example.org\n\n{text}\n"
    ).encode()


def header(raw: bytes, name: str) -> str:
    """A header of a mail as it was sent, unfolded."""
    found = re.search(rf"^{name}: (.*(?:\n[ \t].*)*)".encode(), raw.partition(b"\n\n")[0], re.MULTILINE | re.IGNORECASE)
    return " ".join(found[1].decode().split()) if found else ""


def mbox(mails: Iterable[bytes]) -> bytes:
    """A mailbox as public-inbox serves it: mboxrd."""
    quoted = (re.sub(rb"^(>*From )", rb">\1", raw, flags=re.MULTILINE) for raw in mails)
    return b"".join(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + raw.rstrip(b"\n") + b"\n\n" for raw in quoted)


def folder(path: Path, mails: Iterable[bytes]) -> Path:
    """Write mails as *.eml into a folder."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    for number, raw in enumerate(mails):
        (path / f"{number:02}.eml").write_bytes(raw)
    return path


def inbox(*threads: Sequence[bytes]) -> dict[str, bytes]:
    """The pages of a public-inbox: each mail's id answers with its whole thread."""
    pages = {}
    for thread in threads:
        page = gzip.compress(mbox(thread), mtime=0)
        for raw in thread:
            pages[f"/all/{header(raw, 'Message-ID').strip('<>')}/t.mbox.gz"] = page
    return pages
