"""`series-ci test VERSION...`: test one version of a series, or several."""

from __future__ import annotations

import click

from series_ci.cli import options, verdict
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request, make_sweep
from series_ci.errors import UsageError
from series_ci.pipeline.sweep import run_sweep
from series_ci.pipeline.test import run_version


@click.command()
@click.argument("versions", metavar="[VERSION|MESSAGE-ID]...", nargs=-1)
@click.option("--all", "all_versions", is_flag=True, help="every version of the manifest, as one table")
@click.option(
    "--keep-going/--no-keep-going",
    default=True,
    help="of several versions: go on after one that goes wrong  [default: go on]",
)
@options.asked("label", "each-patch", "test", *options.KERNEL)
@options.shown
def test(
    versions: tuple[str, ...],
    *,
    all_versions: bool,
    keep_going: bool,
    asked: Options,
    shown: Shown,
) -> int:
    """Test VERSION (a label of the manifest, such as v10) or the series that a MESSAGE-ID belongs to.

    Several versions, or --all, give one table; what they share is built and booted once. An interrupted sweep goes on
    where it stopped when it is asked for in the same words.

    Without a manifest, for a Message-ID: give --tree, and --test for the selftests to run (none: it is only booted).
    """
    if all_versions == bool(versions):
        both = "VERSION and --all: give the one or the other"
        raise UsageError(both if versions else "no VERSION", hint="e.g. series-ci test v10, or series-ci test --all")
    progress = shown.progress()
    if len(versions) == 1:
        return verdict.show(run_version(make_request(versions[0], asked), progress), as_json=shown.as_json)
    if asked.each_patch:
        raise UsageError("--each-patch takes a single VERSION")
    sweep = make_sweep(versions, asked, keep_going=keep_going)
    return verdict.show_sweep(run_sweep(sweep, progress), as_json=shown.as_json)
