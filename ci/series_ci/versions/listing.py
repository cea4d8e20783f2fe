"""The story of `series-ci versions`: fetch all versions and their threads, see who gave the trailers, ask a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from series_ci.errors import Error, UsageError
from series_ci.kernel import history, sources, store
from series_ci.mail import fetch, patchmail, search
from series_ci.mail.archive import Archive
from series_ci.mail.fetch import Fetched
from series_ci.mail.patchmail import Letter
from series_ci.mail.search import Query
from series_ci.manifest.model import Manifest, Version
from series_ci.progress import Progress, count
from series_ci.versions import as_mailed, checks, trailers, upstream
from series_ci.versions.checks import Remark, Sent

MAILS = 20
"""So many mails of one person are looked at for one trailer, besides the threads of all versions."""


@dataclass(frozen=True)
class Listed:
    """One version of the manifest: the mails, or the error with which they could not be had, and its marks."""

    version: Version
    sent: Sent | None = None
    error: Error | None = None
    marks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Listing:
    """All versions of a series; `trees` are those that were looked into, `remarks` what could not be looked at."""

    manifest: Manifest
    versions: tuple[Listed, ...]
    trees: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def errors(self) -> list[Error]:
        """Why some versions could not be had."""
        return [each.error for each in self.versions if each.error]


@dataclass
class _Mails:
    """The archive, and the mails that were read from it so far, by Message-ID."""

    archive: Archive
    read: dict[str, Letter] = field(default_factory=dict)

    def thread(self, message_id: str) -> None:
        """Read the thread of a mail, unless it was read with another one. Raises Error."""
        if message_id not in self.read:
            letters = map(patchmail.read, search.thread(self.archive, message_id))
            self.read |= {each.message_id: each for each in letters}


def look(manifest: Manifest, archive: Archive, spec: str | None, progress: Progress) -> Listing:
    """List the versions. `spec` is the tree in which the series may be; without it, those in the cache are looked into.

    A version that is not in the archive, or not whole, is listed with its error. Raises Error for an archive that does
    not answer, and for a tree that cannot be had.
    """
    mails = _Mails(archive)
    with progress.step("mails") as step:
        listed = []
        for version in manifest.versions.values():
            step.update(version.label)
            listed.append(_fetch(version, manifest.message_ids(version.label), mails, progress))
        step.note(f"{count(len(listed), 'version')}, {count(len(mails.read), 'mail')} in their threads")
    sent = [each.sent for each in listed if each.sent]
    remarks: list[str] = []
    with progress.step("trailers") as step:
        sent = [replace(each, claims=trailers.back(each.claims, each.head, mails.read.values())) for each in sent]
        sent = [_search(each, sent, mails, remarks) for each in sent]
        step.note(count(sum(len(each.claims) for each in sent), "trailer") + " of others")
    trees, found = _in_trees(sent, spec, progress)
    of_mails = checks.marks(sent)
    by_label = {each.label: each for each in sent}
    all_marks = {each.label: (*of_mails[at], *found[at]) for at, each in enumerate(sent)}
    done = [
        replace(each, sent=by_label[each.version.label], marks=all_marks[each.version.label]) if each.sent else each
        for each in listed
    ]
    return Listing(manifest, tuple(done), tuple(trees), tuple(dict.fromkeys(remarks)))


def _fetch(version: Version, message_ids: Sequence[str], mails: _Mails, progress: Progress) -> Listed:
    try:
        mails.thread(version.message_id)
    except UsageError as error:
        return Listed(version, error=error)
    try:
        fetched = fetch.fetch_version(message_ids, mails.archive, tell=progress.say)
    except Error as error:  # the archive answers: it is this version that is not whole
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
    """Look for the mails that are in no thread of the versions: a person's answers to another series of these words."""
    words = trailers.stable_words([each.head.subject.title for each in versions])
    for claim in [each for each in version.claims if not each.backed_by and each.trailer.address]:
        query = Query(from_address=claim.trailer.address, subject_words=words)
        try:
            for found in search.search(mails.archive, query, MAILS):
                mails.thread(found.message_id)
        except Error as error:
            remarks.append(f"for trailers only the threads of the versions were looked at: {error.message}")
            break
    return replace(version, claims=trailers.back(version.claims, version.head, mails.read.values()))


def _in_trees(sent: Sequence[Sent], spec: str | None, progress: Progress) -> tuple[list[str], list[tuple[Remark, ...]]]:
    with progress.step("tree") as step:
        if spec:
            bases = [sources.resolve(spec, step.update)]
            store.check_kernel(store.Store(bases[0].store), bases[0].commit, spec)
        else:
            bases = history.imported()
        found = [upstream.look(base, sent) for base in bases]
        step.note(", ".join(base.spec for base in bases) or "none in the cache to look into; name one with --tree")
    return [base.spec for base in bases], [
        tuple(mark for each in found for mark in each[at]) for at in range(len(sent))
    ]
