"""`series-ci watch`: test new versions of a series as they are sent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from series_ci.cli import options, terminal, verdict
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request
from series_ci.errors import Error, UsageError
from series_ci.host import paths
from series_ci.manifest import find
from series_ci.manifest.request import Request
from series_ci.pipeline.watch import Watch, keep_testing, mark_posted, tell_new
from series_ci.rundir.run import VersionRun
from series_ci.versions import ledger
from series_ci.versions.ledger import Record


@click.command()
@options.asked("test", *options.BUILD, "accel", "size")
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
    asked: Options,
    shown: Shown,
) -> int:
    """Look for versions of a series that are newer than those of its manifest, and test each, once.

    What is known of them is kept in a file: a version that was being tested when the watch was killed is gone on with,
    one that was tested is never tested again. With --once, for cron and for GitHub's matrix, they are printed for
    others to test, and are not printed again; with --retry they are, until --posted says that their results are where
    people read them.
    """
    if (once and posted) or (retry and not once):
        raise UsageError("--retry goes with --once, and --posted with neither")
    manifest = find.find(asked.series, paths.series_folders())
    place = state or paths.runs().parent / "watch" / f"{manifest.name}.json"
    watched = Watch(manifest, asked.archive or str(manifest.archive), asked.series or manifest.name, shown.progress())

    def request(message_id: str, entry: Record) -> Request:
        return make_request(message_id, replace(asked, out=entry.out, label=entry.label or None))

    with ledger.opened(place) as known:
        if posted:
            mark_posted(posted, known)
        elif once:
            tell_new(watched, known, retry, lambda rows: click.echo(json.dumps({"include": rows})))
        else:
            keep_testing(watched, known, interval, request, _show)
    return 0


def _show(ended: VersionRun | Error) -> None:
    """Print the run of a version, or the error that its test ended with."""
    if isinstance(ended, Error):
        terminal.show_error(ended)
    else:
        verdict.show(ended, as_json=False)
