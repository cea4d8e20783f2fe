"""`series-ci versions`: list the versions of a series, and mark what a reviewer should know of each."""

from __future__ import annotations

import json

import click

from series_ci.cli import options, terminal
from series_ci.cli.options import Options, Shown
from series_ci.host import paths
from series_ci.mail.archive import open_archive
from series_ci.manifest import find
from series_ci.report.versions import listing_json, show
from series_ci.versions.listing import look


@click.command()
@options.asked("series")
@click.option(
    "--tree",
    metavar="SPEC",
    help="see whether this kernel tree has the series already: a git checkout, git+URL@REF, a tarball, debian:PACKAGE"
    "  [default: the trees in the cache]",
)
@click.option("-l", "--long", is_flag=True, help="a block per version: changelog, trailers, base, Message-ID")
@click.option("--json", "as_json", is_flag=True, help="print everything as JSON")
@options.progress
def versions(*, asked: Options, tree: str | None, long: bool, as_json: bool, shown: Shown) -> int:
    """List the versions of a series with what their mails say, and mark what a reviewer should know.

    Marked are: the same patch as an earlier version (by patch-id), a number sent twice or missing in the subject,
    another subject, trailers that no mail of that person backs, sign-offs below the --- or not the author's, mode
    changes of source files, and a version that a tree has already.
    """
    progress = shown.progress()
    manifest = find.find(asked.series, paths.series_folders())
    listing = look(manifest, open_archive(asked.archive or str(manifest.archive)), tree, progress)
    if as_json:
        click.echo(json.dumps(listing_json(listing), indent=2, ensure_ascii=False))
    else:
        show(listing, terminal.console(stderr=False), long=long)
    for error in listing.errors:
        terminal.show_error(error)
    return max((int(error.status) for error in listing.errors), default=0)
