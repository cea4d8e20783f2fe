"""`series-ci init`: a manifest for any series, from one of its mails or from words of its title."""

from __future__ import annotations

import json
from typing import Any

import click

from series_ci.cli import terminal
from series_ci.cli.request import LORE
from series_ci.errors import UsageError
from series_ci.pipeline.init import Wanted, make_manifest
from series_ci.report.init import show, summary


@click.command()
@click.argument("what", metavar="MESSAGE-ID|WORDS", nargs=-1, required=True)
@click.option("--archive", metavar="URL|MBOX|DIR", default=LORE, help="where the mails are", show_default=True)
@click.option(
    "--tree", metavar="SPEC", help="the kernel tree of all versions; what the diffs start from is looked up in it"
)
@click.option("--name", metavar="NAME", help="what to call the series  [default: words of its title]")
@click.option("-o", "--out", metavar="FILE|-", help="where to write the manifest; - for standard output")
@click.option("--json", "as_json", is_flag=True, help="print what was found as JSON")
@click.option("-v", "--verbose", is_flag=True, help="show what is searched for, and every command that is run")
@click.option("-q", "--quiet", is_flag=True, help="no progress")
def init(what: tuple[str, ...], *, as_json: bool, verbose: bool, quiet: bool, **given: Any) -> int:  # noqa: ANN401 (click)
    """Write a manifest for the series of a MESSAGE-ID, or for the one whose title has all WORDS.

    Its other versions are looked for in the archive; what is not certain is written commented out, with the reason.
    The file is series/NAME.yaml, or NAME.yaml where there is no folder series; no file is overwritten.
    """
    wanted = Wanted(**given)
    if as_json and wanted.out == "-":
        raise UsageError("--json and -o - both want standard output", hint="give a file with -o, or leave one out")
    progress = terminal.Terminal(verbose=verbose, quiet=quiet)
    result = make_manifest(" ".join(what).strip(), wanted, progress, verbose=verbose)
    if as_json:
        found = summary(result.draft, result.gathered, result.file)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show(result.draft, result.gathered, result.file, terminal.console(stderr=wanted.out == "-"))
    if wanted.out == "-":
        click.echo(result.text, nl=False)
    return 0
