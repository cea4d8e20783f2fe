"""`series-ci init`: write the manifest of a series, found by one of its mails or by words of its title."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click

from series_ci.cli import terminal
from series_ci.cli.declare import option, taken
from series_ci.cli.request import LORE
from series_ci.errors import UsageError
from series_ci.pipeline.init import Wanted, make_manifest
from series_ci.report.init import show, summary


@dataclass(frozen=True)
class Asked:
    """The options of `series-ci init`, as typed."""

    archive: str = option(
        "--archive", metavar="URL|MBOX|DIR", default=LORE, help="where the mails are", show_default=True
    )
    tree: str | None = option(
        "--tree", metavar="SPEC", help="the kernel tree of all versions; what the diffs start from is looked up in it"
    )
    name: str | None = option("--name", metavar="NAME", help="what to call the series  [default: words of its title]")
    out: str | None = option("-o", "--out", metavar="FILE|-", help="where to write the manifest; - for standard output")
    as_json: bool = option("--json", is_flag=True, help="print what was found as JSON")
    verbose: bool = option(
        "-v", "--verbose", is_flag=True, help="show what is searched for, and every command that is run"
    )
    quiet: bool = option("-q", "--quiet", is_flag=True, help="no progress")


@click.command()
@click.argument("what", metavar="MESSAGE-ID|WORDS", nargs=-1, required=True)
@taken(Asked, "asked")
def init(what: tuple[str, ...], *, asked: Asked) -> int:
    """Write a manifest for the series of a MESSAGE-ID, or for the one whose title has all WORDS.

    Its other versions are looked for in the archive; what is not certain is written commented out, with the reason.
    The file is series/NAME.yaml, or NAME.yaml where there is no folder series; no file is overwritten.
    """
    wanted = Wanted(asked.archive, asked.tree, asked.name, asked.out)
    if asked.as_json and asked.out == "-":
        raise UsageError("--json and -o - both want standard output", hint="give a file with -o, or leave one out")
    progress = terminal.Terminal(verbose=asked.verbose, quiet=asked.quiet)
    result = make_manifest(" ".join(what).strip(), wanted, progress, verbose=asked.verbose)
    if asked.as_json:
        init_json = summary(result.draft, result.gathered, result.file)
        click.echo(json.dumps(init_json, indent=2, ensure_ascii=False))
    else:
        show(result.draft, result.gathered, result.file, terminal.console(stderr=asked.out == "-"))
    if asked.out == "-":
        click.echo(result.text, nl=False)
    return 0
