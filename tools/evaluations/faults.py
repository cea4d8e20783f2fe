"""Does `series-ci test` survive what may befall it? Kills at random moments, a full disk, another one beside it.

The program is run as users run it, in a cache of its own; only ccache is the real one.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

import faults_disk
import faults_pairs
import faults_trials
from faults_bench import Bench
from faults_disk import Filled
from faults_pairs import Pair
from faults_trials import Trial, reference
from series_ci import cli
from series_ci.cli import options, terminal
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request
from series_ci.errors import ExitStatus, UsageError
from series_ci.host import locks, paths, requirements
from series_ci.manifest import find
from series_ci.manifest.request import Request

DEMO = "demo"
"""The series that is taken when none is named: it needs no network."""


def bench_for(request: Request) -> Bench:
    """The bench for a request, empty: its path stays the same, so that ccache knows what it compiled there before."""
    top = paths.cache() / "faults"
    shutil.rmtree(top, ignore_errors=True)
    words = shlex.split(request.repeat)[3:]  # series-ci test VERSION ...
    bench = Bench(top / "bench", top / "logs", tuple(words))
    bench.share_ccache(paths.cache())
    return bench


def another(request: Request, series: str) -> str:
    """A version of the series beside the one that is asked for: the one before it, or after the first."""
    labels = list(find.find(series, paths.series_folders()).versions)
    at = labels.index(request.label)
    if len(labels) < 2:
        raise UsageError(f"{series} has one version only", hint="--together wants two")
    return labels[at - 1 if at else 1]


def show(title: str, heading: Sequence[str], rows: Sequence[Sequence[str]], out: Console) -> None:
    """Print a table."""
    drawn = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for head in heading:
        drawn.add_column(head, no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    drawn.width = drawn.__rich_measure__(out, out.options.update(max_width=10_000)).maximum
    out.print(drawn, crop=False)


def show_trials(trials: Sequence[Trial], out: Console) -> None:
    """One line per trial, what was wrong, and what it comes to."""
    if not trials:
        return
    rows = [
        (str(number), each.plan.loss.title, faults_trials.where(each), f"{each.seconds:.0f} s", _verdict(each.wrong))
        for number, each in enumerate(trials, 1)
    ]
    show("", ("trial", "begins without", "killed in", "took", "then"), rows, out)
    _complain([each.wrong for each in trials], out)
    bad = any(each.wrong for each in trials)
    out.print(Text(faults_trials.summary(trials), "bold red" if bad else "bold green"))


def show_disks(found: Sequence[Filled], out: Console) -> None:
    """One line per size of the disk."""
    if not found:
        return
    rows = [
        (f"{each.size / 1e6:.0f} MB", each.what, each.step, str(each.status), _verdict(each.wrong)) for each in found
    ]
    show("", ("disk", "had no room for", "came to", "status", ""), rows, out)
    _complain([each.wrong for each in found], out)
    full = sum(each.full for each in found)
    out.print(
        Text(f"the disk was full {full} times in {len(found)} runs", "bold red" if wrong(found) else "bold green")
    )


def show_pairs(found: Sequence[Pair], out: Console) -> None:
    """One line per pair."""
    if not found:
        return
    rows = [
        (" and ".join(each.versions), f"{each.seconds:.0f} s", str(each.waited), _verdict(each.wrong)) for each in found
    ]
    show("", ("together", "took", "waited", "then"), rows, out)
    _complain([each.wrong for each in found], out)


def _verdict(complaints: Sequence[str]) -> str:
    return f"{len(complaints)} wrong" if complaints else "as it should be"


def _complain(found: Sequence[Sequence[str]], out: Console) -> None:
    for number, complaints in enumerate(found, 1):
        for line in complaints:
            out.print(Text(f"{number}: {line}", "red"))


def wrong(found: Sequence[Trial | Filled | Pair]) -> bool:
    """Whether anything was; a disk that never was full has shown nothing."""
    disks = [each for each in found if isinstance(each, Filled)]
    return any(each.wrong for each in found) or (bool(disks) and not any(each.full for each in disks))


@click.command("faults", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("version", default="v10")
@click.option("--kills", type=click.IntRange(0, 9999), default=50, show_default=True, help="how often it is killed")
@click.option("--seed", type=int, default=1, show_default=True, help="what chance depends on: the same kills again")
@click.option("--disk-full", is_flag=True, help="also run it on a disk that fills up (a small tmpfs; needs root)")
@click.option("--together", is_flag=True, help="also run two at once")
@options.asked("test", *options.KERNEL)
@options.shown
def main(
    *,
    version: str,
    kills: int,
    seed: int,
    disk_full: bool,
    together: bool,
    asked: Options,
    shown: Shown,
) -> int:
    """Break `series-ci test VERSION` in many ways, and see that the next run comes to the verdict it has anyway.

    Killed, it must leave no process, lock, worktree or half file behind; on a full disk it must say so, with status 5;
    of two at once the second waits. VERSION is of the bundled demo, if no other --series is named.

    Exit status: 0 all was as it should be, 1 something was not, 5 the undisturbed run gave no verdict.
    """
    series = asked.series or DEMO
    request = make_request(version, replace(asked, series=series))
    requirements.require(request.arch, request.toolchain)
    progress = shown.progress()
    with locks.locked(paths.cache() / "faults.lock", progress.say):
        bench = bench_for(request)
        known = reference(bench, version, progress)
        trials = faults_trials.run(bench, known, kills, seed, progress)
        other = another(request, series) if together else version
        pairs = faults_pairs.run(bench, known, reference(bench, other, progress), progress) if together else []
        swap = request.machine.swap
        disks = faults_disk.run(bench, known, swap, paths.cache(), progress) if disk_full else []
        if not wrong([*trials, *pairs, *disks]):
            shutil.rmtree(bench.folder)
    if shown.as_json:
        found = {
            "trials": [asdict(each) for each in trials],
            "pairs": [asdict(each) for each in pairs],
            "disks": [asdict(each) for each in disks],
        }
        click.echo(json.dumps(found, default=lambda loss: loss.title, indent=2))
    else:
        out = terminal.console(stderr=False)
        show_trials(trials, out)
        show_pairs(pairs, out)
        show_disks(disks, out)
    return int(ExitStatus.REGRESSION if wrong([*trials, *pairs, *disks]) else ExitStatus.OK)


if __name__ == "__main__":
    sys.exit(cli.run(main))
