"""`series-ci plan`: spread the versions of a series over machines."""

from __future__ import annotations

import json
from pathlib import Path

import click

from series_ci import arch
from series_ci.cli import options, terminal
from series_ci.cli.options import Options, Shown
from series_ci.host import paths
from series_ci.mail.archive import open_archive
from series_ci.manifest import find
from series_ci.pipeline.plan import Plan, make, matrix


@click.command()
@click.argument("versions", metavar="[VERSION]...", nargs=-1)
@options.asked("series")
@click.option(
    "--arch",
    "arches",
    metavar="NAME",
    multiple=True,
    help=f"for this architecture (repeatable): {', '.join(arch.ARCHES)}  [default: that of this machine]",
)
@click.option(
    "--times",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="a folder of earlier run directories, to know what takes long  [default: where runs are kept]",
)
@click.option("--github-matrix", is_flag=True, help="print JSON for strategy.matrix of a GitHub workflow")
@options.progress
def plan(
    versions: tuple[str, ...],
    *,
    asked: Options,
    arches: tuple[str, ...],
    times: Path | None,
    github_matrix: bool,
    shown: Shown,
) -> int:
    """Plan a test of all versions (or of these) on several machines, one job per line, the longest first.

    Versions with the same patches, by patch-id, go into one job: `series-ci test` builds and boots what is the same
    once. A line is what that command takes, and the architecture. `series-ci merge` joins what the jobs leave behind.
    """
    progress = shown.progress()
    manifest = find.find(asked.series, paths.series_folders())
    labels = list(dict.fromkeys(manifest.version(each).label for each in versions)) or list(manifest.versions)
    names = [arch.get(each).name for each in dict.fromkeys(arches)] or [arch.host()]
    where = open_archive(asked.archive or str(manifest.archive))
    planned = make(manifest, labels, where, names, times or paths.runs(), progress)
    click.echo(json.dumps(matrix(planned)) if github_matrix else _table(planned))
    for error in planned.errors:
        terminal.show_error(error)
    return 0


def _table(planned: Plan) -> str:
    rows = [(" ".join(each.versions), each.arch, _time(each.seconds)) for each in planned.shards]
    width, arches = (max(len(row[at]) for row in rows) for at in (0, 1))
    return "\n".join(f"{versions:{width}}  {name:{arches}}  {time}" for versions, name, time in rows)


def _time(seconds: float | None) -> str:
    return "never run" if seconds is None else f"{seconds:.0f} s"
