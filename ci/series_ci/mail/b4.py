"""Run the b4 command line: its options, its environment, and what its failures mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import Message
from pathlib import Path

from series_ci.errors import ApplyError, Error, InfrastructureError, UsageError
from series_ci.host import files, process, scratch
from series_ci.mail import search
from series_ci.mail.archive import Archive
from series_ci.mail.message import id_of, is_flowed, is_stuffed, parse, patch, split_mbox, unflow

TIMEOUT = 180.0
"""Seconds for one call of b4. lore answers in less than one, but a mirror with a slow connection may take many."""

_NOT_FOUND = re.compile(r"error: 404|not find|No messages|not in the (?:thread|mailbox)|0 messages", re.IGNORECASE)

_HIDDEN = re.compile(
    r"suspicious unicode control characters.*?Subject: (.*?)\n.*?Line: (.*?)\n.*?Char: ([^\n]*) \(0x([0-9a-f]+)\)",
    re.DOTALL,
)
"""What b4 prints about a mail with control characters, such as bidirectional ones. b4 does nothing with such a mail."""


def am(message_id: str, archive: Archive, *options: str) -> list[bytes]:
    """Return what `b4 am` makes of the thread of a mail: the cover letter, if there is one, and the patches.

    Raise UsageError if the archive does not have the mail or the mail has no patch, ApplyError if its text has
    invisible characters, otherwise InfrastructureError.
    """
    with scratch.folder("b4") as folder:
        program = process.which("b4")
        if program is None:
            raise InfrastructureError("b4 is not installed", hint="pip install 'b4==0.16.*'")
        # Attestation would ask DNS for DKIM keys, and does not affect what is applied.
        argv = [program, "-c", "b4.attestation-policy=off"]
        local = []
        if archive.url:
            argv += ["-c", f"b4.midmask={archive.url}%s", "-c", f"b4.searchmask={archive.url}?x=m&t=1&q=%s"]
        else:
            argv.append("--offline-mode")
            # Write the thread only: of a whole archive b4 would parse ten thousand mails at each call.
            _write_maildir(folder / "archive", search.thread(archive, message_id))
            local = ["-m", "archive"]
        # -T: do not add trailers from replies. The author did not send them, and they would change the digest.
        argv += ["--no-stdin", "am", "-T", *options, *local, "-o", "out", message_id]
        return [_unflowed(raw, archive) for raw in _run(argv, folder, message_id, archive)]


def newest(message_id: str, archive: Archive) -> str:
    """Return the Message-ID that b4 takes for the newest version of a series, or "" if it finds none.

    This is only a hint: b4 misses versions, and takes mails for versions that are none.
    """
    if not archive.url:
        return ""  # b4 looks for newer versions on servers only
    try:
        mails = am(message_id, archive, "--check-newer-revisions")
    except Error:
        return ""  # if this search fails, others follow
    return patch(mails[0]).message_id if mails else ""


def _unflowed(raw: bytes, archive: Archive) -> bytes:
    """Return a mail with its format=flowed text restored.

    b4 keeps such text as it was sent, with an additional space in some lines, and drops the parameter that says so.
    """
    head, _, body = raw.partition(b"\n\n")
    text = body.decode("utf-8", "surrogateescape")
    if "\n  " not in text or not is_stuffed(text):
        return raw  # saves another request to the archive
    name = patch(raw).message_id
    parts = [part for mail in search.thread(archive, name) for part in _parts(mail, name) if is_flowed(part)]
    return head + b"\n\n" + unflow(text, parts[0]).encode("utf-8", "surrogateescape") if parts else raw


def _parts(raw: bytes, message_id: str) -> list[Message]:
    message = parse(raw)
    return list(message.walk()) if id_of(message) == message_id else []


def _environment(home: Path) -> dict[str, str]:
    """Return an environment that hides the user's configuration and folders from b4 and its git."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "TMPDIR": str(home),
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        **process.GIT_ALONE,
    }


def _write_maildir(path: Path, mails: Iterable[bytes]) -> None:
    """Write mails as a maildir for b4. A mbox would not do, since b4 does not undo its quoting."""
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    for number, raw in enumerate(mails):
        (path / "new" / f"{number:06}").write_bytes(raw)


def _run(argv: list[str], folder: Path, message_id: str, archive: Archive) -> list[bytes]:
    done = process.run(argv, cwd=folder, env=_environment(folder), timeout=TIMEOUT)
    out = folder / "out"
    if done.code != 0 or not out.is_dir():
        raise _failed(message_id, archive, done.err)
    covers = [path.read_bytes() for path in sorted(out.glob("*.cover"))]
    return covers + [raw for path in sorted(out.glob("*.mbx")) for raw in split_mbox(path.read_bytes())]


def _failed(message_id: str, archive: Archive, stderr: str) -> Error:
    """Return the error for a call of b4 that failed. `stderr` is what it printed."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    if files.is_full(stderr):
        raise files.disk_full("b4 cannot write")
    if hidden := _HIDDEN.search(stderr):
        return _refused(message_id, hidden)
    if "No patches found" in stderr:
        return UsageError(f"{message_id}: the mail is there, but it holds no patch")
    known = archive.find(message_id) is not None if archive.mails else not _NOT_FOUND.search(stderr)
    if not known:
        return UsageError(
            f"{message_id}: {archive.name} has no such mail",
            hint="look the mail up in the archive and give its Message-ID, without < and >",
        )
    return InfrastructureError(
        f"{message_id}: cannot be had from {archive.name}: {lines[-1] if lines else 'b4 gave no reason'}",
        hint="check the network, or give another archive: --archive URL|MBOX|DIR",
    )


def _refused(message_id: str, hidden: re.Match[str]) -> ApplyError:
    """Return the error for a mail that b4 refused because of an invisible character."""
    subject, line, name, number = hidden.groups()
    return ApplyError(
        f"{message_id}: is refused: its text has U+{int(number, 16):04X} ({name}), which is not seen and changes how "
        "a line reads",
        hint="such a character is rarely meant: read the source of the mail, and have it sent without",
        details=f"{subject.strip()}\n{line.strip()}",
    )
