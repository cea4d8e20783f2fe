"""Options that several verbs share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, get_args

import click

from series_ci.arch import ARCHES, Accel

Command = Callable[..., Any]


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator of many; --help lists them in this order."""
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


series = _all(
    click.option(
        "--series", metavar="NAME|FILE", help="the series, by name or by manifest  [default: the one marked so]"
    ),
    click.option("--archive", metavar="URL|MBOX|DIR", help="where the mails are, instead of the manifest's archive"),
)
"""Which series, and where its mails are."""

tree = _all(
    click.option(
        "--tree", metavar="SPEC", help="the kernel tree: a git checkout, git+URL@REF, a tarball, debian:PACKAGE"
    ),
    click.option(
        "--base-patch",
        metavar="FILE",
        multiple=True,
        help="a patch that comes before the series (repeatable; with --tree)",
    ),
)
"""What it is applied to."""

progress = _all(
    click.option("-v", "--verbose", is_flag=True, help="show every command that is run"),
    click.option("-q", "--quiet", is_flag=True, help="no progress"),
)
"""How much is told on the way."""

accel = click.option(
    "--accel",
    type=click.Choice(["auto", *get_args(Accel)]),
    default="auto",
    show_default=True,
    help="what guests run under; icount: TCG, and a clock that counts instructions",
)
"""What guests run under."""

_arch = click.option(
    "--arch", metavar="NAME", help=f"the guest's architecture: {', '.join(ARCHES)}  [default: that of this machine]"
)

machine = _all(
    _arch,
    accel,
    click.option("--memory", metavar="SIZE", help="the guest's memory, such as 512M"),
    click.option("--cpus", type=click.IntRange(1, 256), help="the guest's CPUs"),
    click.option("--swap", metavar="SIZE", help="the guest's swap disk, such as 512M; 0 for none"),
)
"""What it is booted in."""

_fragments = click.option(
    "--config", metavar="FILE", multiple=True, help="one more kernel config fragment (repeatable)"
)

_config = _all(
    _fragments,
    click.option(
        "--toolchain",
        type=click.Choice(["gcc", "llvm"]),
        default="gcc",
        show_default=True,
        help="what kernel and tests are built with; llvm is the kernel's LLVM=1",
    ),
)
_out = click.option("--out", metavar="DIR", help="the run directory; must be empty or not exist yet")
_json = click.option("--json", "as_json", is_flag=True, help="print the comparison as JSON")

_kernel = _all(series, tree, _config, machine, _out)

bench = _all(
    _kernel,
    _json,
    progress,
)
"""What a version is taken from, what it is built and booted with, and how that is shown."""

_test = click.option(
    "--test",
    metavar="COLLECTION/PROGRAM",
    multiple=True,
    help="run this selftest instead of the manifest's (repeatable)",
)

made = _all(_test, series, tree, _config, _arch)
"""What a base is made of."""

request = _all(_test, bench)
"""The same, with tests to choose."""

watched = _all(_test, series, tree, _config, machine)
"""What the versions that are yet to come are tested with."""

guest = _all(_test, _kernel, progress)
"""The same, for a guest that nothing is judged in."""

measured = _all(series, tree, _config, _arch, accel, _out, _json, progress)
"""The same, where the scenario says what machine it wants."""

repeated = _all(series, tree, _fragments, accel, _out, _json, progress)
"""What may be asked for of something that has the rest written down."""

run_dirs = click.argument(
    "run_dirs", metavar="RUN_DIR...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
"""Run directories, wherever they come from."""
