"""`series-ci test VERSION...`: one version of a series, or several, from the list to a verdict."""

from __future__ import annotations

import json
from typing import Any

import click

from series_ci.cli import options, terminal
from series_ci.cli.request import Options, make_request, make_sweep
from series_ci.cli.terminal import Terminal
from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.pipeline import stages
from series_ci.pipeline import sweep as sweeps
from series_ci.pipeline.rows import Row, Sweep
from series_ci.pipeline.runlock import of_test
from series_ci.pipeline.stages import Outcome, Request
from series_ci.report import sweep as sweep_report
from series_ci.report import table
from series_ci.report.junit import junit
from series_ci.report.markdown import markdown
from series_ci.report.summary import ran, status, summary
from series_ci.rundir import layout, runlock


@click.command()
@click.argument("versions", metavar="[VERSION|MESSAGE-ID]...", nargs=-1)
@click.option("--all", "all_versions", is_flag=True, help="every version of the manifest, as one table")
@click.option(
    "--keep-going/--no-keep-going",
    default=True,
    help="of several versions: go on after one that goes wrong  [default: go on]",
)
@click.option("--label", metavar="LABEL", help="what the version of MESSAGE-ID is called in reports, such as v11")
@click.option("--each-patch", is_flag=True, help="build after each patch, too, and show new compiler warnings")
@options.request
def test(
    versions: tuple[str, ...],
    *,
    all_versions: bool,
    keep_going: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **given: Any,  # noqa: ANN401 (click)
) -> int:
    """Test VERSION (a label of the manifest, such as v10) or the series that a MESSAGE-ID belongs to.

    Several versions, or --all, give one table; what they share is built and booted once. An interrupted sweep goes on
    where it stopped when it is asked for in the same words.

    Without a manifest, for a Message-ID: give --tree, and --test for the selftests to run (none: it is only booted).
    """
    if all_versions == bool(versions):
        both = "VERSION and --all: give the one or the other"
        raise UsageError(both if versions else "no VERSION", hint="e.g. series-ci test v10, or series-ci test --all")
    asked = Options(**given)
    progress = Terminal(verbose=verbose, quiet=quiet)
    if len(versions) == 1:
        return test_one(make_request(versions[0], asked), progress, as_json=as_json)
    if asked.each_patch:
        raise UsageError("--each-patch takes a single VERSION")
    return _test_many(make_sweep(versions, asked, keep_going=keep_going), progress, as_json=as_json)


def test_one(request: Request, progress: Terminal, *, as_json: bool) -> int:
    """Test, write down, show; the exit status."""
    outcome = stages.test(request, progress)
    write(outcome)
    if as_json:
        _print_json(summary(ran(outcome)))
    else:
        table.show(outcome, terminal.console(stderr=False))
    if outcome.error is not None:
        terminal.show_error(outcome.error)
    return int(status(outcome))


def write(outcome: Outcome) -> None:
    """Put the verdict into the run directory."""
    out = outcome.request.out
    run = ran(outcome)
    files.write(out / "junit.xml", junit(run))
    if made := of_test(outcome):
        runlock.write(out, made)
    # The last one: it says that the run is finished.
    files.write_json(out / layout.SUMMARY, summary(run))


def _test_many(sweep: Sweep, progress: Terminal, *, as_json: bool) -> int:
    with layout.opened(sweep.out, sweep.repeat) as goes_on:
        if goes_on:
            progress.say(f"goes on with the interrupted sweep in {sweep.out}")

        def done(row: Row) -> None:
            if row.outcome is not None:
                write(row.outcome)

        run = sweep_report.ran(sweep, sweeps.run(sweep, progress, done))
        files.write(sweep.out / "junit.xml", junit(run))
        files.write(sweep.out / "summary.md", markdown(run))
        # The last one: it says that the sweep is finished.
        files.write_json(sweep.out / layout.SUMMARY, sweep_report.summary(run))
    if as_json:
        _print_json(sweep_report.summary(run))
    else:
        sweep_report.show(run, terminal.console(stderr=False))
    return int(run.status)


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
