"""New versions of a series in its archive.

A look costs the server two searches, unless they find a mail that nobody has looked at yet: only then the series is
gathered anew, with all that ties its versions together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from series_ci.mail import fetch, patchmail, search
from series_ci.mail.archive import Archive
from series_ci.mail.patchmail import Letter
from series_ci.mail.posting import Posting
from series_ci.mail.search import Hit, Query
from series_ci.manifest.model import Manifest
from series_ci.progress import Progress, count
from series_ci.versions import candidates, labels, related, trailers
from series_ci.versions.candidates import Gatherer
from series_ci.versions.ledger import Fate, Ledger, Record
from series_ci.versions.related import Linked


@dataclass(frozen=True)
class Arrival:
    """A new version: the mail that it is named by, what a person calls it, and its label in reports."""

    message_id: str
    title: str
    label: str


@dataclass(frozen=True)
class _Known:
    """The newest version of the manifest."""

    message_id: str
    head: Letter
    titles: tuple[str, ...]


def look(manifest: Manifest, archive: Archive, ledger: Ledger, progress: Progress) -> list[Arrival]:
    """The versions that are newer than those of the manifest and that the ledger does not know, oldest first.

    All else that was looked at is written into the ledger; the arrivals are not: the caller does, with what it does
    about them. Raises NoSearchError for an archive that cannot be searched, Error for one that does not answer.
    """
    with progress.step("look") as step:
        newest = _newest(manifest, archive, progress)
        mails = _search(newest, archive)
        fresh = {name: each for name, each in mails.items() if name not in ledger}
        step.note(f"{count(len(mails), 'mail')} since {newest.head.date:%Y-%m-%d}, {len(fresh)} not seen before")
        if not fresh:
            return []
        found = Gatherer(archive, step.update).from_message(newest.message_id)
    names = _labels(found.series, manifest)
    arrivals, seen = [], dict[str, Record]()
    waiting: set[str] = set()
    for linked in found.series:
        posting = linked.posting
        if not _is_new(posting, manifest, newest) or posting.message_id in ledger:
            continue
        title = f"{related.name(posting)}: {posting.title}"
        if posting.missing:
            progress.say(f"{title}: {count(len(posting.missing), 'patch')} not in the archive yet")
            waiting |= posting.ids
        elif linked.doubts:
            progress.say(f"{title} ({posting.message_id}) may be a new version: {'; '.join(linked.doubts)}")
            seen[posting.message_id] = Record(Fate.DOUBTFUL, title)
        else:
            arrivals.append(Arrival(posting.message_id, title, names[posting.message_id]))
    named = {each.message_id for each in arrivals}
    ledger.put({**_others(fresh, waiting | named), **seen})
    return arrivals


def _labels(series: Sequence[Linked], manifest: Manifest) -> Mapping[str, str]:
    """The labels that `series-ci init` would give to these postings, by Message-ID; those of the manifest are taken."""
    return {
        each.posting.message_id: f"{each.label}-{each.posting.date:%Y%m%d}"
        if each.label in manifest.versions
        else each.label
        for each in labels.assign(series)
    }


def _newest(manifest: Manifest, archive: Archive, progress: Progress) -> _Known:
    label = list(manifest.versions)[-1]
    fetched = fetch.fetch_version(manifest.message_ids(label), archive, tell=progress.say)
    heads = [patchmail.read(patch.raw) for patch in fetched.patches]
    return _Known(fetched.message_id, heads[0], tuple(each.subject.title for each in heads))


def _search(newest: _Known, archive: Archive) -> Mapping[str, Hit]:
    """What its sender has begun since, and what others have with the words of its title."""
    since = newest.head.date.date() if newest.head.date else None
    words = trailers.stable_words(newest.titles[:1])
    queries = [Query(newest.head.sender_address, (), since), Query("", words, since)]
    mails = (each for query in queries for each in search.search(archive, query, candidates.MAILS))
    return {each.message_id: each for each in mails if candidates.begins(each)}


def _is_new(posting: Posting, manifest: Manifest, newest: _Known) -> bool:
    known = {version.message_id for version in manifest.versions.values()}
    return not posting.ids & known and (newest.head.date is None or posting.date > newest.head.date)


def _others(fresh: Mapping[str, Hit], kept: set[str]) -> dict[str, Record]:
    return {name: Record(Fate.OTHER, each.title) for name, each in fresh.items() if name not in kept}
