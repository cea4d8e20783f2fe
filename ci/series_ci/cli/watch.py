"""`series-ci watch`: new versions of a series, tested as they come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from series_ci.cli import options, terminal, verdict
from series_ci.cli.request import Options, make_request
from series_ci.cli.terminal import Terminal
from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.host import files, paths
from series_ci.mail.archive import open_archive
from series_ci.manifest import find
from series_ci.manifest.model import Manifest
from series_ci.pipeline.plan import MOST
from series_ci.pipeline.test import run_version
from series_ci.rundir import layout
from series_ci.versions import arrivals, ledger
from series_ci.versions.arrivals import Arrival
from series_ci.versions.ledger import Fate, Ledger, Record

LONGEST = 240
"""Minutes that a server which does not answer is left alone at the most."""

sleep: Callable[[float], None] = time.sleep
"""What the tests replace."""


@click.command()
@options.watched
@click.option("--once", is_flag=True, help="look once, print what is new as JSON, test nothing")
@click.option(
    "--retry",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="with --once: print again, N times at most, what was printed and is not marked as posted",
)
@click.option(
    "--posted", metavar="ID", multiple=True, help="mark as posted what --once printed with this id (repeatable)"
)
@click.option("--interval", metavar="MINUTES", type=click.IntRange(1), default=15, show_default=True)
@click.option(
    "--state", metavar="FILE", type=click.Path(path_type=Path), help="what is known, instead of its usual place"
)
@options.progress
def watch(
    *,
    once: bool,
    retry: int,
    posted: tuple[str, ...],
    interval: int,
    state: Path | None,
    verbose: bool,
    quiet: bool,
    **given: Any,  # noqa: ANN401 (click)
) -> int:
    """Look for versions of a series that are newer than those of its manifest, and test each, once.

    What is known of them is kept in a file: a version that was being tested when the watch was killed is gone on with,
    one that was tested is never tested again. With --once, for cron and for GitHub's matrix, they are printed for
    others to test, and are not printed again; with --retry they are, until --posted says that their results are where
    people read them.
    """
    if (once and posted) or (retry and not once):
        raise UsageError("--retry goes with --once, and --posted with neither")
    asked = Options(**given, out=None)
    progress = Terminal(verbose=verbose, quiet=quiet)
    manifest = find.find(asked.series, paths.series_folders())
    place = state or paths.runs().parent / "watch" / f"{manifest.name}.json"
    with ledger.opened(place) as known:
        if posted:
            _mark(posted, known)
            return 0
        if once:
            again = _unposted(known, retry, progress)
            _tell([*again, *_look(manifest, asked, known, progress)], asked.series or manifest.name, known)
            return 0
        return _for_ever(manifest, asked, known, progress, interval)


def _look(manifest: Manifest, asked: Options, known: Ledger, progress: Terminal) -> list[Arrival]:
    archive = open_archive(asked.archive or str(manifest.archive))
    return arrivals.look(manifest, archive, known, progress)


def _id(message_id: str) -> str:
    """What stands for a mail in names of files."""
    return files.digest(message_id)[:12]


def _unposted(known: Ledger, retry: int, progress: Terminal) -> list[Arrival]:
    """What was printed and not posted, and may be printed once more; of what may not, a person is told."""
    found = []
    for message_id in known.having(Fate.TOLD) if retry else ():
        entry = known[message_id]
        if 0 < entry.times <= retry:
            found.append(Arrival(message_id, entry.title, entry.label))
        elif entry.times:
            progress.say(f"{entry.title} ({message_id}) was printed {entry.times} times, and never posted: given up")
    return found


def _tell(new: list[Arrival], series: str, known: Ledger) -> None:
    """Print first: what did not get out is told again the next time, and so is what one matrix has no room for."""
    rows = [
        {
            "id": _id(each.message_id),
            "title": each.title,
            "label": each.label,
            "series": series,
            "versions": each.message_id,
        }
        for each in new[:MOST]
    ]
    click.echo(json.dumps({"include": rows}))
    known.put({each.message_id: _told(each, known) for each in new[:MOST]})


def _told(arrival: Arrival, known: Ledger) -> Record:
    before = known[arrival.message_id].times if arrival.message_id in known else 0
    return Record(Fate.TOLD, arrival.title, label=arrival.label, times=before + 1)


def _mark(posted: Sequence[str], known: Ledger) -> None:
    """Write down what was posted. Raises UsageError, and writes nothing, if any of it was never printed."""
    printed = {_id(each): each for fate in (Fate.TOLD, Fate.POSTED) for each in known.having(fate)}
    if unknown := [each for each in posted if each not in printed]:
        raise UsageError(f"--posted {unknown[0]}: --once has printed no such id, says {known.path}")
    known.put({printed[each]: replace(known[printed[each]], fate=Fate.POSTED) for each in posted})


def _for_ever(manifest: Manifest, asked: Options, known: Ledger, progress: Terminal, interval: int) -> int:
    for message_id in known.having(Fate.TRYING):
        _try(message_id, known[message_id], asked, known, progress)
    wait = interval
    while True:
        try:
            new = _look(manifest, asked, known, progress)
        except InfrastructureError as error:
            wait = min(2 * wait, max(LONGEST, interval))
            progress.say(f"{error.message}; looking again in {wait} minutes")
        else:
            wait = interval
            for each in new:
                entry = Record(Fate.TRYING, each.title, str(layout.stamped(manifest.name, "watch")), label=each.label)
                known.put({each.message_id: entry})
                _try(each.message_id, entry, asked, known, progress)
        sleep(60.0 * wait)


def _try(message_id: str, entry: Record, asked: Options, known: Ledger, progress: Terminal) -> None:
    """Test a version; one whose test had ended when the watch was killed is only written down."""
    finished = files.read_json(Path(entry.out) / layout.SUMMARY)
    if finished is None:
        progress.say(f"new: {entry.title}")
        try:
            given = replace(asked, out=entry.out, label=entry.label or None)
            status = verdict.show(run_version(make_request(message_id, given), progress), as_json=False)
        except Error as error:
            terminal.show_error(error)
            status = int(error.status)
    else:
        status = int(finished["status"])
    known.put({message_id: replace(entry, fate=Fate.DONE, status=status)})
