"""`series-ci b4-check`: answer b4 review with the results for a mail."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from series_ci.errors import UsageError
from series_ci.host import paths
from series_ci.pipeline.b4_check import answer


@click.command("b4-check")
@click.option(
    "--runs",
    "folders",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="where run directories are, or one itself (repeatable)  [default: where test puts them without --out]",
)
def b4_check(folders: tuple[Path, ...]) -> int:
    """Read one mail on standard input and print what was found out about its version, as b4's external checks do.

    The newest finished run of that very mail counts: pass, warn (flaky, or not tested yet) or fail. To have it in
    `b4 review`:

    git config --global --add b4.review-series-check-cmd 'series-ci b4-check'
    """
    if sys.stdin.isatty():
        raise UsageError("b4-check reads a mail on standard input", hint="b4 calls it: see series-ci b4-check --help")
    click.echo(json.dumps(answer(sys.stdin.buffer.read(), folders or (paths.runs(),)), indent=2))
    return 0
