"""`series-ci diff A B`: show what changed from one version of a series to another."""

from __future__ import annotations

import json

import click

from series_ci.cli import options, terminal
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request
from series_ci.errors import UsageError
from series_ci.pipeline.diff import compare_versions
from series_ci.report.difference import difference_json, show


@click.command()
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@options.asked(*options.SOURCES)
@click.option("--mails", is_flag=True, help="compare the mails as they are: no tree is needed")
@click.option("--stat", is_flag=True, help="one line per patch: what became of it, and how many of its lines changed")
@click.option("--json", "as_json", is_flag=True, help="print it as JSON")
@options.progress
def diff(old: str, new: str, *, mails: bool, stat: bool, as_json: bool, asked: Options, shown: Shown) -> int:
    """Show what changed from version A to version B (labels of the manifest): a diff of each patch, by git range-diff.

    Each version is applied to its base; where one does not apply, the mails' texts are compared. If both versions were
    tested on their bases, the tests whose results differ are shown, too. The exit status is 0 however much changed.
    """
    progress = shown.progress()
    if mails and asked.tree:
        raise UsageError("--mails needs no tree: give either --mails or --tree")
    difference = compare_versions(make_request(old, asked), make_request(new, asked), progress, mails_only=mails)
    if as_json:
        click.echo(json.dumps(difference_json(difference), indent=2, ensure_ascii=False))
    else:
        show(difference, terminal.console(stderr=False), stat=stat)
    return 0
