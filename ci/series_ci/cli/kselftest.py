"""`series-ci kselftest`: export the project's own kernel selftest."""

from __future__ import annotations

from pathlib import Path

import click

from series_ci.cli import terminal
from series_ci.pipeline.kselftest import export_patch


@click.group()
def kselftest() -> None:
    """Export the project's own kernel selftest, kselftest/mm/exit_skip.c."""


@kselftest.command()
@click.option(
    "--tree",
    "spec",
    metavar="SPEC",
    help="the kernel tree: a git checkout, git+URL@REF, a tarball, debian:PACKAGE  [default: the checkout you are in]",
)
@click.option(
    "--base-patch", "base_patches", metavar="FILE", multiple=True, help="a patch that comes before ours (repeatable)"
)
@click.option("-o", "--output", metavar="FILE|DIR|-", default=".", help="where to write it; - for standard output")
@click.option("-v", "--verbose", is_flag=True, help="show every command that is run")
def export(spec: str | None, base_patches: tuple[str, ...], output: str, *, verbose: bool) -> int:
    """Write the selftest as a patch against a kernel tree, ready for git am, checkpatch and git send-email.

    The author is who git says you are. Neither the tree nor its branches and index are touched: a checkout is read at
    its last commit.
    """
    progress = terminal.Terminal(verbose=verbose)
    exported = export_patch(spec, [Path(each) for each in base_patches], output, progress)
    if exported.file is None:
        click.echo(exported.content, nl=False)
    else:
        click.echo(exported.file)
    return 0
