"""The story of `series-ci watch`: look for new versions, test each once or tell of it, remember what became of it."""

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
"""Minutes that a server which does not answer is left alone at the most."""

sleep: Callable[[float], None] = time.sleep
"""What the tests replace."""

Row = dict[str, str]
"""A new version as a job of GitHub's matrix takes it."""


@dataclass(frozen=True)
class Watch:
    """The series that is watched, the archive that it is looked for in, and what `series-ci test` knows it by."""

    manifest: Manifest
    archive: str
    series: str
    progress: Progress

    def look(self, known: Ledger) -> list[Arrival]:
        """The versions that are new. Raises InfrastructureError if the archive does not answer."""
        return arrivals.look(self.manifest, open_archive(self.archive), known, self.progress)


def mark_posted(posted: Sequence[str], known: Ledger) -> None:
    """Write down what was posted. Raises UsageError, and writes nothing, if any of it was never printed."""
    printed = {_id(each): each for fate in (Fate.TOLD, Fate.POSTED) for each in known.having(fate)}
    if unknown := [each for each in posted if each not in printed]:
        raise UsageError(f"--posted {unknown[0]}: --once has printed no such id, says {known.path}")
    known.put({printed[each]: replace(known[printed[each]], fate=Fate.POSTED) for each in posted})


def tell_new(watch: Watch, known: Ledger, retry: int, tell: Callable[[list[Row]], None]) -> None:
    """Look once, and `tell` of what is new, and of what was told up to `retry` times and is not marked as posted."""
    again = _unposted(known, retry, watch.progress)
    new = [*again, *watch.look(known)][:MOST]
    # First: what did not get out is told again the next time, and so is what one matrix has no room for.
    tell([_row(each, watch.series) for each in new])
    known.put({each.message_id: _told(each, known) for each in new})


def _unposted(known: Ledger, retry: int, progress: Progress) -> list[Arrival]:
    """What was printed and not posted, and may be printed once more; of what may not, a person is told."""
    found = []
    for message_id in known.having(Fate.TOLD) if retry else ():
        entry = known[message_id]
        if 0 < entry.times <= retry:
            found.append(Arrival(message_id, entry.title, entry.label))
        elif entry.times:
            progress.say(f"{entry.title} ({message_id}) was printed {entry.times} times, and never posted: given up")
    return found


def _row(new: Arrival, series: str) -> Row:
    return {
        "id": _id(new.message_id),
        "title": new.title,
        "label": new.label,
        "series": series,
        "versions": new.message_id,
    }


def _id(message_id: str) -> str:
    """What stands for a mail in names of files."""
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
    """Look every `interval` minutes, until killed, and test what is new; first what was under test when last killed.

    `request` makes what is to be tested of a mail and its entry; `show` is told how each ends.
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
            for each in new:
                out = layout.stamped(watch.manifest.name, "watch")
                known.put({each.message_id: Record(Fate.TRYING, each.title, str(out), label=each.label)})
                _try(each.message_id, known, request, show, watch.progress)
        sleep(60.0 * wait)


def _try(
    message_id: str,
    known: Ledger,
    request: Callable[[str, Record], Request],
    show: Callable[[VersionRun | Error], None],
    progress: Progress,
) -> None:
    """Test a version; one whose test had ended when the watch was killed is only written down."""
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
