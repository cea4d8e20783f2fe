"""`series-ci merge RUN_DIR...`: join the run directories of several machines."""

from __future__ import annotations

from pathlib import Path

import click

from series_ci.cli import options, terminal
from series_ci.cli.options import Shown
from series_ci.errors import UsageError
from series_ci.host import paths
from series_ci.manifest import find
from series_ci.manifest.model import Manifest
from series_ci.pipeline.merge import merge_runs
from series_ci.report.sweep import show
from series_ci.rundir import layout, verify


@click.command()
@options.run_dirs
@click.option("--series", metavar="NAME|FILE", help="the series  [default: the one that the first RUN_DIR names]")
@click.option(
    "--version",
    "versions",
    metavar="LABEL",
    multiple=True,
    help="only this version was to be tested (repeatable)  [default: all of the manifest]",
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="where to; must not exist yet")
@options.progress
def merge(
    run_dirs: tuple[Path, ...], *, series: str | None, versions: tuple[str, ...], out: Path | None, shown: Shown
) -> int:
    """Join the runs that several machines made of the versions of a series, as if one had made them all.

    Each RUN_DIR is verified first, as `series-ci verify` does. They have to be of the same series, base, configuration,
    machine and tests; two of the same version have to say the same. A version that is in none of them has no result.
    The exit status is that of `series-ci test --all`.
    """
    progress = shown.progress()
    if out is not None and out.exists():
        raise UsageError(f"--out {out}: exists", hint="a run directory is written once")
    manifest = _manifest(series, run_dirs[0])
    labels = [label for label in manifest.versions if not versions or label in versions]
    for each in versions:
        manifest.version(each)
    target = out.absolute() if out else layout.stamped(manifest.name, "merged")
    sweep = merge_runs(run_dirs, manifest, labels, target, progress)
    show(sweep, terminal.console(stderr=False))
    return int(sweep.status)


def _manifest(series: str | None, first: Path) -> Manifest:
    return find.find(series or verify.read_verified(first).series, paths.series_folders())
