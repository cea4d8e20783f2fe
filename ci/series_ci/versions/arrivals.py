"""Find new versions of a series in its archive.

A look costs the server two searches. Only if they find a mail that was not seen before, the series is gathered anew,
with everything that ties its versions together.
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
    """A new version: the Message-ID that names it, a title for people, and its label in reports."""

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
    """Return the versions that are newer than the manifest's and that the ledger does not have, oldest first.

    Everything else that was seen is written to the ledger. The arrivals are not: the caller does that, together with
    what it does about them. Raise NoSearchError if the archive cannot be searched, Error if it does not answer.
    """
    with progress.step("look") as step:
        newest = _newest(manifest, archive, progress)
        mails = _search(newest, archive)
        fresh = {name: hit for name, hit in mails.items() if name not in ledger}
        step.note(f"{count(len(mails), 'mail')} since {newest.head.date:%Y-%m-%d}, {len(fresh)} not seen before")
        if not fresh:
            return []
        gathered = Gatherer(archive, step.update).from_message(newest.message_id)
    names = _labels(gathered.series, manifest)
    arrivals, seen = [], dict[str, Record]()
    waiting: set[str] = set()
    for linked in gathered.series:
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
    named = {arrival.message_id for arrival in arrivals}
    ledger.put({**_others(fresh, waiting | named), **seen})
    return arrivals


def _labels(series: Sequence[Linked], manifest: Manifest) -> Mapping[str, str]:
    """Return the labels that `series-ci init` would give to these postings, by Message-ID.

    A label that the manifest has already gets the date of the posting as suffix.
    """
    return {
        version.posting.message_id: f"{version.label}-{version.posting.date:%Y%m%d}"
        if version.label in manifest.versions
        else version.label
        for version in labels.assign(series)
    }


def _newest(manifest: Manifest, archive: Archive, progress: Progress) -> _Known:
    label = list(manifest.versions)[-1]
    fetched = fetch.fetch_version(manifest.message_ids(label), archive, tell=progress.say)
    heads = [patchmail.read(patch.raw) for patch in fetched.patches]
    return _Known(fetched.message_id, heads[0], tuple(head.subject.title for head in heads))


def _search(newest: _Known, archive: Archive) -> Mapping[str, Hit]:
    """Return the first mail of each posting that the sender began since, or that has the words of the title."""
    since = newest.head.date.date() if newest.head.date else None
    words = trailers.stable_words(newest.titles[:1])
    queries = [Query(newest.head.sender_address, (), since), Query("", words, since)]
    hits = (hit for query in queries for hit in search.search(archive, query, candidates.MAILS))
    return {hit.message_id: hit for hit in hits if candidates.begins(hit)}


def _is_new(posting: Posting, manifest: Manifest, newest: _Known) -> bool:
    known = {version.message_id for version in manifest.versions.values()}
    return not posting.ids & known and (newest.head.date is None or posting.date > newest.head.date)


def _others(fresh: Mapping[str, Hit], kept: set[str]) -> dict[str, Record]:
    return {name: Record(Fate.OTHER, hit.title) for name, hit in fresh.items() if name not in kept}
