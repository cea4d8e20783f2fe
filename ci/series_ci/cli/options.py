"""The options that several verbs share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import click

from series_ci.arch import ARCHES, Accel
from series_ci.cli import declare
from series_ci.cli.declare import Decorator, option
from series_ci.cli.terminal import Terminal
from series_ci.host import paths


def _path(name: str) -> str:
    return paths.named(str(Path(name).resolve()))


def _place(text: str) -> str:
    """Return a URL as it is, and any other text as an absolute path."""
    return text if "://" in text else _path(text)


def _spec(text: str) -> str:
    """Return a spec with a scheme as it is, and any other as an absolute path, which may end with @REV."""
    return text if re.match(r"[a-z][a-z0-9+.-]*:", text) else _path(text)


@dataclass(frozen=True)
class Options:
    """The options of a request, as typed. The line that repeats a run has them in the order of the fields."""

    # again=None: `repeat.line` puts the name or path of the manifest in its place.
    series: str | None = option(
        "--series",
        group="series",
        again=None,
        metavar="NAME|FILE",
        help="the series, by name or by manifest  [default: the one marked so]",
    )
    archive: str | None = option(
        "--archive",
        group="series",
        again=_place,
        metavar="URL|MBOX|DIR",
        help="where the mails are, instead of the manifest's archive",
    )
    tree: str | None = option(
        "--tree",
        group="tree",
        again=_spec,
        metavar="SPEC",
        help="the kernel tree: a git checkout, git+URL@REF, a tarball, debian:PACKAGE",
    )
    base_patch: tuple[str, ...] = option(
        "--base-patch",
        group="tree",
        again=_path,
        metavar="FILE",
        multiple=True,
        help="a patch that comes before the series (repeatable; with --tree)",
    )
    config: tuple[str, ...] = option(
        "--config",
        group="fragments",
        again=_path,
        metavar="FILE",
        multiple=True,
        help="one more kernel config fragment (repeatable)",
    )
    test: tuple[str, ...] = option(
        "--test",
        group="test",
        metavar="COLLECTION/PROGRAM",
        multiple=True,
        help="run this selftest instead of the manifest's (repeatable)",
    )
    label: str | None = option(
        "--label",
        group="label",
        metavar="LABEL",
        help="what the version of MESSAGE-ID is called in reports, such as v11",
    )
    arch: str | None = option(
        "--arch",
        group="arch",
        metavar="NAME",
        help=f"the guest's architecture: {', '.join(ARCHES)}  [default: that of this machine]",
    )
    toolchain: str = option(
        "--toolchain",
        group="toolchain",
        type=click.Choice(["gcc", "llvm"]),
        default="gcc",
        show_default=True,
        help="what kernel and tests are built with; llvm is the kernel's LLVM=1",
    )
    accel: str = option(
        "--accel",
        group="accel",
        type=click.Choice(["auto", *get_args(Accel)]),
        default="auto",
        show_default=True,
        help="what guests run under; icount: TCG, and a clock that counts instructions",
    )
    memory: str | None = option("--memory", group="size", metavar="SIZE", help="the guest's memory, such as 512M")
    cpus: int | None = option("--cpus", group="size", type=click.IntRange(1, 256), help="the guest's CPUs")
    swap: str | None = option(
        "--swap", group="size", metavar="SIZE", help="the guest's swap disk, such as 512M; 0 for none"
    )
    out: str | None = option(
        "--out", group="out", again=None, metavar="DIR", help="the run directory; must be empty or not exist yet"
    )
    each_patch: bool = option(
        "--each-patch",
        group="each-patch",
        is_flag=True,
        help="build after each patch, too, and show new compiler warnings",
    )


@dataclass(frozen=True)
class Shown:
    """How progress and result are shown."""

    as_json: bool = option("--json", group="json", is_flag=True, help="print the comparison as JSON")
    verbose: bool = option("-v", "--verbose", group="progress", is_flag=True, help="show every command that is run")
    quiet: bool = option("-q", "--quiet", group="progress", is_flag=True, help="no progress")

    def progress(self) -> Terminal:
        """Return the progress for a verb."""
        return Terminal(verbose=self.verbose, quiet=self.quiet)


def asked(*groups: str) -> Decorator:
    """Return a decorator that gives a command these groups of Options, as its argument `asked`."""
    return declare.taken(Options, "asked", *groups)


SOURCES = ("series", "tree")
"""The groups of options for mails and tree."""

BUILD = (*SOURCES, "fragments", "toolchain", "arch")
"""SOURCES, and the groups for what a kernel is built with."""

KERNEL = (*BUILD, "accel", "size", "out")
"""BUILD, and the groups for the guest and the run directory."""

shown = declare.taken(Shown, "shown", "json", "progress")
"""A decorator that gives a command --json, --verbose and --quiet, as its argument `shown`."""

progress = declare.taken(Shown, "shown", "progress")
"""A decorator that gives a command --verbose and --quiet only, as its argument `shown`."""

accel = declare.alone(Options, "accel")
"""A decorator that gives a command --accel, as its argument `accel`."""

run_dirs = click.argument(
    "run_dirs", metavar="RUN_DIR...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
"""A decorator that gives a command one or more run directories, as its argument `run_dirs`."""
