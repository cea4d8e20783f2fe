"""`series-ci shell VERSION`: open a shell in the guest that a version is tested in."""

from __future__ import annotations

import click

from series_ci.cli import options
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request
from series_ci.errors import ExitStatus
from series_ci.pipeline.shell import open_shell


@click.command()
@click.argument("version", metavar="VERSION|MESSAGE-ID")
@click.option("--base", "base_only", is_flag=True, help="the kernel without the series")
@options.asked("test", *options.KERNEL)
@options.progress
def shell(version: str, *, base_only: bool, asked: Options, shown: Shown) -> int:
    """Open a shell in the guest that VERSION is tested in, with its kernel, tests, memory and swap.

    Ctrl-D ends the guest; Ctrl-A X ends QEMU at once, whatever the kernel does.
    """
    open_shell(make_request(version, asked), shown.progress(), base_only=base_only)
    return int(ExitStatus.OK)
