"""Print the verdict on a version or a sweep, and return its exit status."""

from __future__ import annotations

import json
from typing import Any

import click

from series_ci.cli import terminal
from series_ci.report import sweep, table
from series_ci.rundir.run import VersionRun
from series_ci.rundir.summary import version_json
from series_ci.rundir.sweep_run import SweepRun
from series_ci.rundir.sweep_summary import sweep_json


def show(run: VersionRun, *, as_json: bool) -> int:
    """Print the run of one version, and its error if it has one. Return its exit status."""
    if as_json:
        _print_json(version_json(run))
    else:
        table.show(run, terminal.console(stderr=False))
    if run.error is not None:
        terminal.show_error(run.error)
    return int(run.status)


def show_sweep(run: SweepRun, *, as_json: bool) -> int:
    """Print the table of a sweep. Return its exit status."""
    if as_json:
        _print_json(sweep_json(run))
    else:
        sweep.show(run, terminal.console(stderr=False))
    return int(run.status)


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
