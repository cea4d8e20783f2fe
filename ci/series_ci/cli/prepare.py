"""`series-ci prepare`: fill the cache with what all versions of a series share."""

from __future__ import annotations

import click

from series_ci.cli import options
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_sweep
from series_ci.pipeline.prepare import prepare_builds


@click.command()
@click.argument("versions", metavar="[VERSION]...", nargs=-1)
@options.asked("test", *options.BUILD)
@options.progress
def prepare(versions: tuple[str, ...], *, asked: Options, shown: Shown) -> int:
    """Bring into the cache what all versions of a series share: mails, trees, kernel and selftests of the base.

    No line of the series is built or run: a cache that several machines are to start from is best made like this.
    """
    sweep = make_sweep(versions, asked, keep_going=True)
    prepare_builds(sweep.requests, shown.progress())
    return 0
