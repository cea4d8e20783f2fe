"""Do the work of `series-ci watch`: look for new versions, test or print each once, and keep a record of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.host import files
from series_ci.mail.archive import open_archive
from series_ci.manifest.model import Manifest
from series_ci.manifest.request import Request
from series_ci.pipeline.plan import MOST
from series_ci.pipeline.test import run_version
from series_ci.progress import Progress
from series_ci.rundir import layout
from series_ci.rundir.run import VersionRun
from series_ci.versions import arrivals
from series_ci.versions.arrivals import Arrival
from series_ci.versions.ledger import Fate, Ledger, Record

LONGEST = 240
"""The maximum wait, in minutes, for a server that does not answer, unless the interval is longer."""

sleep: Callable[[float], None] = time.sleep
"""A name of its own, so that tests can replace it."""

Row = dict[str, str]
"""A new version, as a job of a GitHub matrix."""


@dataclass(frozen=True)
class Watch:
    """A watched series: its manifest, the archive to search, and `series`, the value for --series of other verbs."""

    manifest: Manifest
    archive: str
    series: str
    progress: Progress

    def look(self, known: Ledger) -> list[Arrival]:
        """Return the versions that `known` does not have. Raises InfrastructureError if the archive does not answer."""
        return arrivals.look(self.manifest, open_archive(self.archive), known, self.progress)


def mark_posted(posted: Sequence[str], known: Ledger) -> None:
    """Record the ids in `posted` as POSTED. Raises UsageError, and records none, if one of them was never printed."""
    printed = {_id(each): each for fate in (Fate.TOLD, Fate.POSTED) for each in known.having(fate)}
    if unknown := [each for each in posted if each not in printed]:
        raise UsageError(f"--posted {unknown[0]}: --once has printed no such id, says {known.path}")
    known.put({printed[each]: replace(known[printed[each]], fate=Fate.POSTED) for each in posted})


def tell_new(watch: Watch, known: Ledger, retry: int, tell: Callable[[list[Row]], None]) -> None:
    """Look once, and call `tell` with the new versions, and with those printed before that are to be printed again.

    The latter are not marked as posted and were printed `retry` times at most. There are MOST rows at most.
    """
    again = _unposted(known, retry, watch.progress)
    new = [*again, *watch.look(known)][:MOST]
    # Print first, record then: if printing fails, or a matrix has no room, the next look prints the rest.
    tell([_row(each, watch.series) for each in new])
    known.put({each.message_id: _told(each, known) for each in new})


def _unposted(known: Ledger, retry: int, progress: Progress) -> list[Arrival]:
    """Return the versions to print again. Report those that were printed more than `retry` times, and drop them."""
    unposted = []
    for message_id in known.having(Fate.TOLD) if retry else ():
        entry = known[message_id]
        if 0 < entry.times <= retry:
            unposted.append(Arrival(message_id, entry.title, entry.label))
        elif entry.times:
            progress.say(f"{entry.title} ({message_id}) was printed {entry.times} times, and never posted: given up")
    return unposted


def _row(new: Arrival, series: str) -> Row:
    return {
        "id": _id(new.message_id),
        "title": new.title,
        "label": new.label,
        "series": series,
        "versions": new.message_id,
    }


def _id(message_id: str) -> str:
    """Return the id of a mail, 12 hexadecimal digits, fit for file names."""
    return files.digest(message_id)[:12]


def _told(arrival: Arrival, known: Ledger) -> Record:
    before = known[arrival.message_id].times if arrival.message_id in known else 0
    return Record(Fate.TOLD, arrival.title, label=arrival.label, times=before + 1)


def keep_testing(
    watch: Watch,
    known: Ledger,
    interval: int,
    request: Callable[[str, Record], Request],
    show: Callable[[VersionRun | Error], None],
) -> None:
    """Look every `interval` minutes, until killed, and test each new version.

    First tests the versions whose test was interrupted when an earlier watch was killed. `request` makes the request
    for a Message-ID and its record; `show` is called with the run or the error of each version.
    """
    for message_id in known.having(Fate.TRYING):
        _try(message_id, known, request, show, watch.progress)
    wait = interval
    while True:
        try:
            new = watch.look(known)
        except InfrastructureError as error:
            wait = min(2 * wait, max(LONGEST, interval))
            watch.progress.say(f"{error.message}; looking again in {wait} minutes")
        else:
            wait = interval
            for arrival in new:
                out = layout.stamped(watch.manifest.name, "watch")
                known.put({arrival.message_id: Record(Fate.TRYING, arrival.title, str(out), label=arrival.label)})
                _try(arrival.message_id, known, request, show, watch.progress)
        sleep(60.0 * wait)


def _try(
    message_id: str,
    known: Ledger,
    request: Callable[[str, Record], Request],
    show: Callable[[VersionRun | Error], None],
    progress: Progress,
) -> None:
    """Test a version and record it as DONE. If its run directory is finished already, only record it."""
    entry = known[message_id]
    finished = files.read_json(Path(entry.out) / layout.SUMMARY)
    if finished is None:
        progress.say(f"new: {entry.title}")
        try:
            run = run_version(request(message_id, entry), progress)
        except Error as error:
            show(error)
            status = int(error.status)
        else:
            show(run)
            status = int(run.status)
    else:
        status = int(finished["status"])
    known.put({message_id: replace(entry, fate=Fate.DONE, status=status)})
