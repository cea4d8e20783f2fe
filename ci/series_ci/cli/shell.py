"""`series-ci shell VERSION`: a shell in the guest that the version is tested in."""

from __future__ import annotations

from typing import Any

import click

from series_ci.cli import options
from series_ci.cli.request import Options, make_request
from series_ci.cli.terminal import Terminal
from series_ci.errors import ExitStatus
from series_ci.guest.interactive import interact
from series_ci.pipeline.shell import prepare


@click.command()
@click.argument("version", metavar="VERSION|MESSAGE-ID")
@click.option("--base", "base_only", is_flag=True, help="the kernel without the series")
@options.guest
def shell(
    version: str,
    *,
    base_only: bool,
    verbose: bool,
    quiet: bool,
    **given: Any,  # noqa: ANN401 (click)
) -> int:
    """A shell in the guest that VERSION is tested in, with its kernel, tests, memory and swap.

    Ctrl-D ends the guest; Ctrl-A X ends QEMU at once, whatever the kernel does.
    """
    progress = Terminal(verbose=verbose, quiet=quiet)
    request = make_request(version, Options(**given))
    recipe, kernel = prepare(request, progress, base_only=base_only)
    interact(recipe, kernel, request.out)
    return int(ExitStatus.OK)
