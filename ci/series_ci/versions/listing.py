"""List the versions for `series-ci versions`: fetch them and their threads, check who gave the trailers, ask a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from series_ci.errors import Error, UsageError
from series_ci.kernel import history
from series_ci.mail import fetch, patchmail, search
from series_ci.mail.archive import Archive
from series_ci.mail.fetch import Fetched
from series_ci.mail.patchmail import Letter
from series_ci.mail.search import Query
from series_ci.manifest.model import Manifest, Version
from series_ci.progress import Progress, count
from series_ci.versions import as_mailed, checks, trailers, upstream
from series_ci.versions.checks import Remark, Sent
from series_ci.versions.trailers import Claim

MAILS = 20
"""The maximum number of mails of one person that are read for one trailer, besides the threads of all versions."""


@dataclass(frozen=True)
class Listed:
    """One version of the manifest: its mails, or the error for which they are not available, and the remarks on it."""

    version: Version
    sent: Sent | None = None
    error: Error | None = None
    marks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Listing:
    """All versions of a series. `trees` are those that were searched; `remarks` say what could not be looked at."""

    manifest: Manifest
    versions: tuple[Listed, ...]
    trees: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def errors(self) -> list[Error]:
        """Return the errors of the versions that are not available."""
        return [version.error for version in self.versions if version.error]


@dataclass
class _Mails:
    """The archive, and the mails that were read from it so far, by Message-ID."""

    archive: Archive
    read: dict[str, Letter] = field(default_factory=dict)

    def thread(self, message_id: str) -> None:
        """Read the thread of a mail, unless it was read already. Raise Error."""
        if message_id not in self.read:
            letters = map(patchmail.read, search.thread(self.archive, message_id))
            self.read |= {letter.message_id: letter for letter in letters}


def look(manifest: Manifest, archive: Archive, spec: str | None, progress: Progress) -> Listing:
    """List the versions. `spec` is the tree to search for the series; without it, the trees in the cache are searched.

    A version that is not in the archive, or incomplete, is listed with its error. Raise Error if the archive does not
    answer or the tree is not available.
    """
    mails = _Mails(archive)
    with progress.step("mails") as step:
        listed = []
        for version in manifest.versions.values():
            step.update(version.label)
            listed.append(_fetch(version, manifest.message_ids(version.label), mails, progress))
        step.note(f"{count(len(listed), 'version')}, {count(len(mails.read), 'mail')} in their threads")
    sent = [entry.sent for entry in listed if entry.sent]
    remarks: list[str] = []
    with progress.step("trailers") as step:
        sent = [replace(mailed, claims=_backed(mailed, mails)) for mailed in sent]
        sent = [_search(mailed, sent, mails, remarks) for mailed in sent]
        step.note(count(sum(len(mailed.claims) for mailed in sent), "trailer") + " of others")
    trees, of_trees = _in_trees(sent, spec, progress)
    of_mails = checks.marks(sent)
    by_label = {mailed.label: mailed for mailed in sent}
    marks = {mailed.label: (*of_mails[at], *of_trees[at]) for at, mailed in enumerate(sent)}
    entries = [
        replace(entry, sent=by_label[entry.version.label], marks=marks[entry.version.label]) if entry.sent else entry
        for entry in listed
    ]
    return Listing(manifest, tuple(entries), tuple(trees), tuple(dict.fromkeys(remarks)))


def _fetch(version: Version, message_ids: Sequence[str], mails: _Mails, progress: Progress) -> Listed:
    try:
        mails.thread(version.message_id)
    except UsageError as error:
        return Listed(version, error=error)
    try:
        fetched = fetch.fetch_version(message_ids, mails.archive, tell=progress.say)
    except Error as error:  # the archive answers, but this version is incomplete
        return Listed(version, error=error)
    return Listed(version, sent=_sent(version.label, fetched, mails.read))


def _sent(label: str, fetched: Fetched, known: Mapping[str, Letter]) -> Sent:
    patches = tuple(patchmail.read(patch.raw) for patch in fetched.patches)
    head = known.get(fetched.message_id)
    cover = head if head and head.subject.number == 0 else None
    code = tuple(line for patch in fetched.patches for line in as_mailed.code_of_mail(patch.raw))
    letters = [cover, *patches] if cover else patches
    return Sent(label, cover, patches, fetched.patch_ids, code, trailers.claims(letters))


def _search(version: Sent, versions: Sequence[Sent], mails: _Mails, remarks: list[str]) -> Sent:
    """Return the version with claims that mails outside of its threads back.

    Such a mail is a person's reply to another series with these words.
    """
    words = trailers.stable_words([other.head.subject.title for other in versions])
    for claim in [claim for claim in version.claims if not claim.backed_by and claim.trailer.address]:
        query = Query(from_address=claim.trailer.address, subject_words=words)
        try:
            for hit in search.search(mails.archive, query, MAILS):
                mails.thread(hit.message_id)
        except Error as error:
            remarks.append(f"for trailers only the threads of the versions were looked at: {error.message}")
            break
    return replace(version, claims=_backed(version, mails))


def _backed(version: Sent, mails: _Mails) -> tuple[Claim, ...]:
    return trailers.back(version.claims, version.head, mails.read.values())


def _in_trees(sent: Sequence[Sent], spec: str | None, progress: Progress) -> tuple[list[str], list[tuple[Remark, ...]]]:
    with progress.step("tree") as step:
        if spec:
            # GitPython, which these need, takes longer to load than all else that a listing does.
            from series_ci.kernel import checkout, sources, store  # noqa: PLC0415

            bases = [sources.resolve(spec, step.update)]
            checkout.check_kernel(store.Store(bases[0].store), bases[0].commit, spec)
        else:
            bases = history.imported()
        of_bases = [upstream.look(base, sent) for base in bases]
        step.note(", ".join(base.spec for base in bases) or "none in the cache to look into; name one with --tree")
    return [base.spec for base in bases], [
        tuple(mark for of_base in of_bases for mark in of_base[at]) for at in range(len(sent))
    ]
