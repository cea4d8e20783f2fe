"""`series-ci reproduce WHAT`: measure figures from the list again, or repeat a run from its lock."""

from __future__ import annotations

import json
import os.path
from dataclasses import replace
from pathlib import Path

import click

from series_ci.cli import options, terminal
from series_ci.cli.declare import chosen
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request
from series_ci.errors import ExitStatus, UsageError
from series_ci.host import paths
from series_ci.manifest import find
from series_ci.pipeline.figures import Boots, Task, find_report, reproduce_figures
from series_ci.pipeline.reproduce import Again, repeat_run
from series_ci.report.reproduction import repeated_summary, show_repeated, show_reproduction
from series_ci.rundir import layout


@click.command()
@click.argument("what", metavar="[NAME|RUN_DIR|LOCK]", required=False)
@click.option(
    "--runs", type=click.IntRange(1, 999), default=3, show_default=True, help="boots, for figures from the list"
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="of random moments, for these"
)
@options.asked(*options.SOURCES, "fragments", "accel", "out")
@options.shown
def reproduce(
    what: str | None,
    *,
    runs: int,
    seed: int,
    asked: Options,
    shown: Shown,
) -> int:
    """Measure figures that the manifest has below `reported:` again, or repeat an earlier run from its lock alone.

    NAME is that of a report; without it all are measured, each in a folder of its own. RUN_DIR or LOCK (its file
    run.lock) is a run of anybody's; mails and tree are fetched again and have to be the same by digest, other tools
    are named. Both write reproduction.md, a text for the thread.

    Exit status: 0 each figure is reproduced or of the same order, or all results are those of the lock; 1 they are not,
    or a figure cannot be measured on this version; 5 other mails or another tree than the lock's; 6 none of the series
    is in the kernel any more.
    """
    if what is not None and os.path.exists(what):  # noqa: PTH110 (Path.exists raises if a name is too long)
        return _repeat(Path(what), asked, shown)
    if what is not None and Path(what).name != what:
        raise UsageError(
            f"{what}: no such file or folder", hint="give a run directory, its run.lock, or a report's name"
        )
    return _reports(what, asked, Boots(runs, seed), shown)


def _folder(out: str | None) -> Path:
    if out is None:
        return layout.stamped("reproduce", "run")
    path = Path(out).resolve()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"--out {out}: exists and is not an empty folder")
    return path


def _reports(name: str | None, asked: Options, boots: Boots, shown: Shown) -> int:
    """Measure the figures of one report or of all, show each as soon as it is known, and return the exit status."""
    manifest = find.find(asked.series, paths.series_folders())
    known = manifest.reported
    if not known:
        raise UsageError(
            f"{manifest.name}: the manifest has no figures from the list", hint="they come below reported:"
        )
    names = [name] if name is not None else [each.name for each in known]
    reports = [find_report(known, manifest.bench, each) for each in names]
    folder = (
        _folder(asked.out) if asked.out else layout.stamped(manifest.name, f"reproduce-{name}" if name else "reproduce")
    )
    summaries, progress = [], shown.progress()
    for entry, scenario in reports:
        words = [entry.name, "--runs", str(boots.runs), "--seed", str(boots.seed)]
        version_request = make_request(entry.version, replace(asked, out=None), verb="reproduce", words=words)
        request = replace(version_request, out=folder if name else folder / entry.name)
        reproduced = reproduce_figures(Task(request, entry, scenario, boots), progress)
        summaries.append(reproduced.summary)
        if not shown.as_json:
            show_reproduction(entry, reproduced.rows, terminal.console(stderr=False))
    if shown.as_json:
        click.echo(json.dumps(summaries[0] if name else summaries, indent=2, ensure_ascii=False))
    else:
        click.echo(f"results:  {folder}")
    return int(ExitStatus.OK if all(each["reproduced"] for each in summaries) else ExitStatus.REGRESSION)


def _repeat(path: Path, asked: Options, shown: Shown) -> int:
    """Repeat the run of a lock, show how the results of the two compare, and return the exit status."""
    out = _folder(asked.out)
    _refuse(asked)
    repetition = repeat_run(path, Again(asked.archive, asked.tree, asked.accel), out, shown.progress())
    if shown.as_json:
        click.echo(json.dumps(repeated_summary(repetition.lock, repetition.found), indent=2, ensure_ascii=False))
    else:
        show_repeated(repetition.found, terminal.console(stderr=False))
        click.echo(f"results:  {out}")
    return int(ExitStatus.OK if repetition.found.same else ExitStatus.REGRESSION)


def _refuse(asked: Options) -> None:
    """Raise UsageError for an option whose value the lock determines."""
    chosen_options = chosen(asked)
    for name, what in (
        ("series", "what series it is of"),
        ("base_patch", "what the base has on top of its tree"),
        ("config", "what the kernels are configured with"),
    ):
        if name in chosen_options:
            raise UsageError(f"{chosen_options[name]}: a lock says itself {what}")
