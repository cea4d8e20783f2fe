"""Get one version of a series from a mail archive, by Message-ID, with the b4 command line.

b4 finds, decodes and threads mails better than we would, but its exit code says little: it returns 0 with half a
series, or with another version than the one asked for (see `_verify`). So what it wrote is checked against the identity
that was asked for, and then kept: a Message-ID names one content for ever.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from series_ci import files, mail, paths, process
from series_ci.archive import Archive
from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.mail import Patch

B4_TIMEOUT = 180.0
"""Seconds for one call of b4: lore answers in under one, but a mirror behind a slow line may take many."""

DIGEST = "digest-2"
"""The digest's name in our records. A new way of reading mails needs a new one: old digests do not count then."""

_MESSAGE_ID = re.compile(r"[^\s<>@-][^\s<>@]*@[^\s<>@]+")
_NOT_FOUND = re.compile(r"error: 404|not find|No messages|not in the (?:thread|mailbox)|0 messages", re.IGNORECASE)


@dataclass(frozen=True)
class Fetched:
    """A version as it was mailed, verified.

    `mbox` is ready for `git am`; `patch_ids` are those of `git patch-id --stable`, one per patch in order; `digest`
    covers all that identifies the content; `cached` says that no archive was asked.
    """

    message_id: str
    patches: tuple[Patch, ...]
    patch_ids: tuple[str, ...]
    mbox: Path
    digest: str
    cached: bool

    @property
    def title(self) -> str:
        """The subject of the first patch, without its prefixes."""
        return self.patches[0].subject.title


def fetch(message_id: str, archive: Archive, *, tell: Callable[[str], None] = lambda _line: None) -> Fetched:
    """The version whose patch or cover letter has this Message-ID, from what was kept or from the archive.

    Raises UsageError when the archive does not have it or has something else under that name, InfrastructureError when
    the archive cannot be asked, gives half a series, or gives another content than it gave before.
    """
    message_id = message_id.strip().strip("<>")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise UsageError(f"{message_id!r} is not a Message-ID", hint="it reads NAME@HOST, as in the mail's header")
    folder = paths.cache() / "mail" / files.digest(message_id)[:20]
    kept = files.read_json(folder / "series.json") or {}
    if kept.get("archive_digest") == archive.digest and (loaded := _load(message_id, folder, kept)):
        return loaded
    with files.locked(folder.parent / ".lock", tell):
        raw_mails = _ask_b4(message_id, archive)
        patches = _verify(message_id, raw_mails)
        digest = _digest(patches)
        before = kept.get(DIGEST, digest)
        if isinstance(before, str) and before != digest:
            raise InfrastructureError(
                f"{message_id}: {archive.name} now gives another content than {kept.get('archive')} did "
                f"(digest {digest[:12]}, kept {before[:12]})",
                hint=f"one Message-ID names one mail; compare with {folder}/series.mbx, "
                "and remove that folder if the kept mail is the wrong one",
            )
        patch_ids = [_patch_id(each) for each in patches]
        with files.disk_errors(folder), files.fresh_folder(folder) as making:
            (making / "series.mbx").write_bytes(mail.join_mbox(each.raw for each in patches))
            record = {
                "message_id": message_id,
                "archive": archive.name,
                "archive_digest": archive.digest,
                DIGEST: digest,
                "patch_ids": patch_ids,
            }
            files.write_json(making / "series.json", record)
    return Fetched(message_id, tuple(patches), tuple(patch_ids), folder / "series.mbx", digest, cached=False)


def _digest(patches: Iterable[Patch]) -> str:
    return files.digest(*(part for each in patches for part in each.content))


def _load(message_id: str, folder: Path, kept: dict[str, object]) -> Fetched | None:
    """What an earlier run kept, or None if it is not what was kept (a damaged cache is made again)."""
    mbox = folder / "series.mbx"
    try:
        patches = [mail.patch(raw) for raw in mail.split_mbox(mbox.read_bytes())]
    except OSError:
        return None
    digest = _digest(patches)
    ids = kept.get("patch_ids")
    if digest != kept.get(DIGEST) or not isinstance(ids, list):
        return None
    return Fetched(message_id, tuple(patches), tuple(ids), mbox, digest, cached=True)


def _environment(home: Path) -> dict[str, str]:
    """b4 and the git below it must not see the user's configuration, nor leave anything in the user's folders."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "TMPDIR": str(home),
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        **process.GIT_ALONE,
    }


def _ask_b4(message_id: str, archive: Archive) -> list[bytes]:
    """The patches (and the cover letter, first, if there is one) that b4 makes of the thread of `message_id`."""
    with tempfile.TemporaryDirectory(prefix="series-ci-b4-") as scratch:
        folder = Path(scratch)
        b4 = process.which("b4")
        if b4 is None:
            raise InfrastructureError("b4 is not installed", hint="pip install 'b4==0.16.*'")
        # Attestation asks DNS for DKIM keys and changes nothing in what is applied.
        argv = [b4, "-c", "b4.attestation-policy=off"]
        local = []
        if archive.url:
            argv += ["-c", f"b4.midmask={archive.url}%s", "-c", f"b4.searchmask={archive.url}?x=m&t=1&q=%s"]
        else:
            argv.append("--offline-mode")
            _write_maildir(folder / "archive", archive.mails)
            local = ["-m", "archive"]
        # -T: trailers that reviewers sent later are not part of what the author sent, and would change the digest.
        # A patch that was sent anew in reply to its first version must not be mixed with the rest of that version.
        argv += ["--no-stdin", "am", "-T", "--no-partial-reroll", *local, "-o", "out"]
        found = _run_b4([*argv, message_id], folder, message_id, archive)
        version = _version_in(message_id, found, archive)
        if version is not None:
            shutil.rmtree(folder / "out")
            found = _run_b4([*argv, "-v", str(version), message_id], folder, message_id, archive)
        _refuse_twins(found, archive)
        return found


def _write_maildir(path: Path, mails: Iterable[bytes]) -> None:
    """Mails for b4; a mailbox would not do, as b4 does not undo the quoting in one."""
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    for number, raw in enumerate(mails):
        (path / "new" / f"{number:06}").write_bytes(raw)


def _refuse_twins(found: list[bytes], archive: Archive) -> None:
    """b4 takes one of several mails with the same Message-ID, without a word."""
    ours = {mail.patch(raw).message_id for raw in found}
    for name in mail.contradictions(archive.mails):
        if name in ours:
            raise UsageError(f"{name}: {archive.name} holds two different mails with this Message-ID")


def _version_in(message_id: str, found: list[bytes], archive: Archive) -> int | None:
    """The version to ask for by number, when b4 took the newest one of a thread that holds several.

    Only a local archive can be looked into before b4 answers; for a server the later check refuses the wrong version.
    """
    if any(mail.patch(raw).message_id == message_id for raw in found):
        return None
    asked = archive.find(message_id)
    return asked.subject.version if asked and asked.subject.is_patch else None


def _run_b4(argv: list[str], folder: Path, message_id: str, archive: Archive) -> list[bytes]:
    done = process.run(argv, cwd=folder, env=_environment(folder), timeout=B4_TIMEOUT)
    out = folder / "out"
    if done.code != 0 or not out.is_dir():
        raise _b4_failed(message_id, archive, done.err)
    covers = [path.read_bytes() for path in sorted(out.glob("*.cover"))]
    return covers + [raw for path in sorted(out.glob("*.mbx")) for raw in mail.split_mbox(path.read_bytes())]


def _b4_failed(message_id: str, archive: Archive, said: str) -> Error:
    lines = [line for line in said.splitlines() if line.strip()]
    if "No patches found" in said:
        return UsageError(f"{message_id}: the mail is there, but it holds no patch")
    there = archive.find(message_id) is not None if archive.mails else not _NOT_FOUND.search(said)
    if not there:
        return UsageError(
            f"{message_id}: {archive.name} has no such mail",
            hint="look the mail up in the archive and give its Message-ID, without < and >",
        )
    return InfrastructureError(
        f"{message_id}: cannot be had from {archive.name}: {lines[-1] if lines else 'b4 gave no reason'}",
        hint="check the network, or give another archive: --archive URL|MBOX|DIR",
    )


def _verify(asked: str, raw_mails: list[bytes]) -> list[Patch]:
    """Make sure that these mails are the version that was asked for, whole and alone; return its patches in order."""
    everything = [mail.patch(raw) for raw in raw_mails]
    cover = [each for each in everything if each.subject.number == 0]
    patches = sorted((each for each in everything if each.subject.number != 0), key=lambda each: each.subject.number)
    if not patches:
        raise UsageError(f"{asked}: the mail is there, but it holds no patch")
    if asked not in [each.message_id for each in everything]:
        raise UsageError(
            f"{asked}: is neither a patch nor a cover letter; its thread holds [{_describe(patches[0])}]",
            hint=f"did you mean {patches[0].message_id} ?",
        )
    versions = sorted({each.subject.version for each in [*cover, *patches]})
    if len(versions) > 1:
        raise UsageError(f"{asked}: the thread mixes versions {versions}", hint="give the Message-ID of one patch")
    total = patches[0].subject.total
    numbers = [each.subject.number for each in patches]
    missing = sorted(set(range(1, total + 1)) - set(numbers))
    if missing:
        names = ", ".join(f"{number}/{total}" for number in missing)
        raise InfrastructureError(
            f"{asked}: the series is incomplete: patch {names} is missing",
            hint="the rest may not have reached this archive yet; try again later or another --archive",
        )
    if len(numbers) != total:
        raise UsageError(f"{asked}: the thread holds {len(numbers)} patches for a series of {total}")
    return patches


def _describe(patch: Patch) -> str:
    return f"v{patch.subject.version} {patch.subject.number}/{patch.subject.total} {patch.subject.title}"


def _patch_id(patch: Patch) -> str:
    done = process.run(["git", "patch-id", "--stable"], stdin=patch.raw)
    if done.code != 0 or not done.out.strip():
        raise UsageError(f"{patch.message_id}: holds no diff that git can read", details=done.err)
    return done.out.split()[0]
