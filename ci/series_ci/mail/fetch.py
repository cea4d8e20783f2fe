"""Fetch one version of a series from a mail archive, by Message-ID, with b4.

b4 finds, decodes and threads mails well, but its exit code says little: it returns 0 for half a series, or for another
version than the one asked for (see `_verify`). So its output is checked against the Message-ID that was asked for, and
then cached: a Message-ID names the same content for ever.

b4's output is meant for `git am`, and has neither recipients nor the cover letter. The mails as they were sent are
cached beside it, for replies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.host import files, locks, paths, process
from series_ci.mail import b4, message, patchmail, posting, search, sent
from series_ci.mail.archive import Archive
from series_ci.mail.message import Patch
from series_ci.progress import Tell

DIGEST = "digest-2"
"""The digest's name in the cache's records.

If the way of reading mails changes, it needs a new name, so that old digests are ignored.
"""

MBOX, RECORD = "series.mbx", "series.json"
"""In a version's folder in the cache: the patches ready for git am, and what identifies them."""

_MESSAGE_ID = re.compile(r"[^\s<>@-][^\s<>@]*@[^\s<>@]+")


@dataclass(frozen=True)
class Fetched:
    """A verified version as it was mailed.

    `mbox` is ready for `git am`. `patch_ids` are those of `git patch-id --stable`, one per patch in order. `digest`
    covers all that identifies the content. `cached` is true if no archive was asked. `sent` holds the version's own
    mails as they were sent, the cover letter first if there is one.
    """

    message_id: str
    patches: tuple[Patch, ...]
    patch_ids: tuple[str, ...]
    mbox: Path
    digest: str
    cached: bool
    sent: tuple[bytes, ...] = ()

    @property
    def cover(self) -> Patch | None:
        """Return the cover letter, or None if the version has none."""
        return message.cover_of(self.sent)

    @property
    def title(self) -> str:
        """Return the subject of the cover letter, or of the first patch, without its prefixes."""
        return message.title(self.sent) or self.patches[0].subject.title


def fetch_version(message_ids: Sequence[str], archive: Archive, *, tell: Tell = lambda _line: None) -> Fetched:
    """Fetch the version of the last of these Message-IDs.

    Each takes the patches that it did not resend from the one before.
    """
    fetched = None
    for message_id in message_ids:
        fetched = fetch_patches(message_id, archive, rest=fetched, tell=tell)
    assert fetched is not None
    return fetched


def fetch_patches(
    message_id: str, archive: Archive, *, rest: Fetched | None = None, tell: Tell = lambda _line: None
) -> Fetched:
    """Fetch the version whose patch or cover letter has this Message-ID, from the cache or from the archive.

    With `rest`, the version resent only some patches; the others are taken from `rest`.

    Raise UsageError if the archive does not have it or has something else under that Message-ID, InfrastructureError if
    the archive cannot be asked, returns half a series, or returns other content than it did before.
    """
    message_id = message_id.strip().strip("<>")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise UsageError(f"{message_id!r} is not a Message-ID", hint="it reads NAME@HOST, as in the mail's header")
    folder = paths.cache() / "mail" / files.digest(message_id, *([rest.digest] if rest else []))[:20]
    kept = files.read_json(folder / RECORD) or {}
    if kept.get("archive_digest") == archive.digest and (loaded := _load(message_id, folder, kept)):
        return loaded
    with locks.locked(folder.parent / ".lock", tell):
        given, patches = _ask_b4(message_id, archive, rest.patches if rest else ())
        digest = _digest(patches)
        before = kept.get(DIGEST, digest)
        if isinstance(before, str) and before != digest:
            raise InfrastructureError(
                f"{message_id}: {archive.name} now gives another content than {kept.get('archive')} did "
                f"(digest {digest[:12]}, kept {before[:12]})",
                hint=f"one Message-ID names one mail; compare with {folder}/{MBOX}, "
                "and remove that folder if the kept mail is the wrong one",
            )
        patch_ids = [_patch_id(patch) for patch in patches]
        mails = sent.find(message_id, given, archive)
        with files.disk_errors(folder), files.fresh_folder(folder) as making:
            (making / MBOX).write_bytes(message.join_mbox(patch.raw for patch in patches))
            (making / sent.NAME).write_bytes(message.join_mbox(mails))
            record = {
                "message_id": message_id,
                "archive": archive.name,
                "archive_digest": archive.digest,
                DIGEST: digest,
                "patch_ids": patch_ids,
                sent.NAME: files.digest((making / sent.NAME).read_bytes()),
            }
            files.write_json(making / RECORD, record)
    return Fetched(message_id, tuple(patches), tuple(patch_ids), folder / MBOX, digest, cached=False, sent=tuple(mails))


def _ask_b4(message_id: str, archive: Archive, rest: Sequence[Patch]) -> tuple[list[Patch], list[Patch]]:
    """Return the mails that b4 finds of a version, and all patches of the version, verified."""
    # Do not let b4 mix a patch that was resent in reply to its first version with the rest of that version.
    mails = b4.am(message_id, archive, "--no-partial-reroll")
    _refuse_twins(mails, archive)
    try:
        return _verify(message_id, mails, rest)
    except Error:
        alone = _alone(message_id, archive)
        if alone is None:
            raise
    return _verify(message_id, b4.am(message_id, alone, "--no-partial-reroll"), rest)


def _alone(message_id: str, archive: Archive) -> Archive | None:
    """Return an archive with the mails of one version only, or None if that does not narrow down its thread.

    In a thread with several versions b4 takes the newest one, and it mixes two series in the same thread.
    """
    pairs = [(patchmail.read(raw), raw) for raw in search.thread(archive, message_id)]
    mails = {letter.message_id: (letter, raw) for letter, raw in pairs}
    postings = posting.collect(letter for letter, _raw in mails.values())
    ours = next((version.ids for version in postings if message_id in version.ids), None)
    if ours is None or len(postings) == 1:
        return None
    return Archive(archive.name, mails=tuple(raw for name, (_letter, raw) in mails.items() if name in ours))


def _digest(patches: Iterable[Patch]) -> str:
    return files.digest(*(part for patch in patches for part in patch.content))


def _load(message_id: str, folder: Path, kept: dict[str, object]) -> Fetched | None:
    """Return the version as it is cached, or None if the cache is damaged; it is fetched again then."""
    mbox = folder / MBOX
    try:
        patches = [message.patch(raw) for raw in message.split_mbox(mbox.read_bytes())]
        mails = (folder / sent.NAME).read_bytes()  # earlier releases kept none
    except OSError:
        return None
    digest = _digest(patches)
    ids = kept.get("patch_ids")
    if digest != kept.get(DIGEST) or files.digest(mails) != kept.get(sent.NAME) or not isinstance(ids, list):
        return None
    return Fetched(
        message_id, tuple(patches), tuple(ids), mbox, digest, cached=True, sent=tuple(message.split_mbox(mails))
    )


def _refuse_twins(raw_mails: list[bytes], archive: Archive) -> None:
    """Raise UsageError for different mails with one Message-ID. b4 would silently take one of them."""
    ours = {message.patch(raw).message_id for raw in raw_mails}
    near = (raw for raw in archive.mails if any(name.encode() in raw for name in ours))
    for name in message.contradictions(near):
        if name in ours:
            raise UsageError(f"{name}: {archive.name} holds two different mails with this Message-ID")


def _verify(asked: str, raw_mails: list[bytes], rest: Sequence[Patch]) -> tuple[list[Patch], list[Patch]]:
    """Check that the mails are the version that was asked for, nothing else, and complete together with `rest`.

    Return the version's own mails, cover letter first, and all its patches, both in order.
    """
    everything = [message.patch(raw) for raw in raw_mails]
    cover = [mail] if (mail := message.cover_of(raw_mails)) else []
    patches = sorted(everything[len(cover) :], key=lambda patch: patch.subject.number)
    if not patches:
        raise UsageError(f"{asked}: the mail is there, but it holds no patch")
    if asked not in [mail.message_id for mail in everything]:
        raise UsageError(
            f"{asked}: is neither a patch nor a cover letter; its thread holds [{_describe(patches[0])}]",
            hint=f"did you mean {patches[0].message_id} ?",
        )
    numbered = [mail for mail in cover if mail.subject.number == 0]
    versions = sorted({mail.subject.version for mail in [*numbered, *patches]})
    if len(versions) > 1:
        raise UsageError(f"{asked}: the thread mixes versions {versions}", hint="give the Message-ID of one patch")
    total = patches[0].subject.total
    own = [*cover[:1], *patches]
    if rest:
        patches = _with_rest(asked, patches, rest)
    numbers = [patch.subject.number for patch in patches]
    missing = sorted(set(range(1, total + 1)) - set(numbers))
    if missing:
        names = ", ".join(f"{number}/{total}" for number in missing)
        raise InfrastructureError(
            f"{asked}: the series is incomplete: patch {names} is missing",
            hint="the rest may not have reached this archive yet; try again later or another --archive",
        )
    if len(numbers) != total:
        raise UsageError(f"{asked}: the thread holds {len(numbers)} patches for a series of {total}")
    return own, patches


def _with_rest(asked: str, patches: Sequence[Patch], rest: Sequence[Patch]) -> list[Patch]:
    """Return the patches that were resent, and of the version before those that were not.

    Raise UsageError if the versions have different numbers of patches, or if all patches were resent.
    """
    total, of_rest = patches[0].subject.total, rest[0].subject.total
    if total != of_rest:
        raise UsageError(f"{asked}: is of a series of {total} patches, and the rest is to come from one of {of_rest}")
    resent = {patch.subject.number for patch in patches}
    if len(resent) == total:
        raise UsageError(f"{asked}: all {total} patches were sent anew", hint="drop 'rest-of' from the manifest")
    others = [patch for patch in rest if patch.subject.number not in resent]
    return sorted([*patches, *others], key=lambda patch: patch.subject.number)


def _describe(patch: Patch) -> str:
    return f"v{patch.subject.version} {patch.subject.number}/{patch.subject.total} {patch.subject.title}"


def _patch_id(patch: Patch) -> str:
    done = process.run(["git", "patch-id", "--stable"], stdin=patch.raw)
    if done.code != 0 or not done.out.strip():
        raise UsageError(f"{patch.message_id}: holds no diff that git can read", details=done.err)
    return done.out.split()[0]
