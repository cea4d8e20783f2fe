"""`series-ci verify RUN_DIR...`: check run directories that come from elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from series_ci.cli import options
from series_ci.rundir.sweep_run import SweepRun
from series_ci.rundir.verify import read_verified


@click.command()
@options.run_dirs
def verify(run_dirs: tuple[Path, ...]) -> int:
    """Make sure that each RUN_DIR is what a run leaves behind, before anything is done with it.

    Refused are links, files that no run writes or that are too large, records of another form, and a verdict that does
    not follow from the records of the boots. What those say of the boots is the word of the machine they ran on.
    """
    for folder in run_dirs:
        run = read_verified(folder)
        label = "" if isinstance(run, SweepRun) else f" {run.version}"
        click.echo(f"{folder}: {run.series}{label}: {run.verdict}")
    return 0
