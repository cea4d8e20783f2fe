"""`series-ci prepare`: what all versions of a series share, into the cache."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from series_ci.cli import options, terminal
from series_ci.cli.request import make_sweep, sources_only
from series_ci.pipeline.prepare import prepare_builds


@click.command()
@click.argument("versions", metavar="[VERSION]...", nargs=-1)
@options.made
@options.progress
def prepare(
    versions: tuple[str, ...],
    *,
    test: tuple[str, ...],
    config: tuple[str, ...],
    arch: str | None,
    toolchain: str,
    verbose: bool,
    quiet: bool,
    **given: Any,  # noqa: ANN401 (click)
) -> int:
    """Bring into the cache what all versions of a series share: mails, trees, kernel and selftests of the base.

    No line of the series is built or run: a cache that several machines are to start from is best made like this.
    """
    asked = replace(sources_only(**given), test=test, config=config, arch=arch, toolchain=toolchain)
    sweep = make_sweep(versions, asked, keep_going=True)
    prepare_builds(sweep.requests, terminal.Terminal(verbose=verbose, quiet=quiet))
    return 0
