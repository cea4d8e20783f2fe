"""`series-ci bench VERSION`: measure both kernels and report the differences."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from series_ci.cli import options, terminal
from series_ci.cli.declare import option, taken
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request
from series_ci.errors import ExitStatus, UsageError
from series_ci.host import paths
from series_ci.manifest import find
from series_ci.manifest.model import Scenario
from series_ci.manifest.request import Request
from series_ci.pipeline.bench import Task, run_bench
from series_ci.pipeline.rig import Plan
from series_ci.report.bench import show_bench, summary, worse
from series_ci.rundir import layout


def _fraction(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return a percentage as a fraction: 0.05 for 5%. Raises click.BadParameter unless it is between 0 and 100."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?%?", text) or not 0 < float(text.rstrip("%")) < 100:
        raise click.BadParameter(f"{text}: expected a percentage such as 5%", param=option)
    return float(text.rstrip("%")) / 100


@dataclass(frozen=True)
class Effort:
    """The number of boots, and what counts as precise (`until`) or as no change (`margin`), both fractions."""

    runs: int = option("--runs", type=click.IntRange(1, 999), default=8, show_default=True, help="boots of each kernel")
    until: float | None = option(
        "--until",
        metavar="PRECISION",
        callback=_fraction,
        help="go on until the interval of every time is as narrow as ± so much, such as 5%",
    )
    most: int = option("--most", type=click.IntRange(1, 999), default=40, show_default=True, help="boots, with --until")
    margin: float = option(
        "--margin",
        metavar="PERCENT",
        callback=_fraction,
        default="10%",
        show_default=True,
        help="what is still no change",
    )
    seed: int = option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="of random moments")

    @property
    def words(self) -> str:
        """The options that ask for the same effort, without the seed."""
        until = [f"--until {100 * self.until:g}% --most {self.most}"] if self.until else []
        return " ".join([f"--runs {self.runs}", *until, f"--margin {100 * self.margin:g}%"])


@click.command()
@click.argument("version", metavar="VERSION")
@click.option("--scenario", "names", metavar="NAME", multiple=True, help="only this scenario (repeatable)")
@taken(Effort, "effort")
@click.option("--resume", is_flag=True, help="go on with the youngest bench that was asked for like this and not ended")
@options.asked(*options.BUILD, "accel", "out")
@options.shown
def bench(
    version: str,
    *,
    names: tuple[str, ...],
    effort: Effort,
    resume: bool,
    asked: Options,
    shown: Shown,
) -> int:
    """Measure VERSION against its base: the scenarios of the manifest, on both kernels in turns (A B B A).

    Exit status: 1 a metric is worse; 6 none of the series is in the kernel. Killed at any moment, all boots that were
    over are kept: --resume goes on.
    """
    scenarios = choose(find.find(asked.series, paths.series_folders()).bench, names)
    request = make_request(version, replace(asked, out=None), verb="bench")
    identity = " ".join([request.repeat, *(f"--scenario {name}" for name in names), f"--seed {effort.seed}"])
    out = folder(asked.out, request, identity, resume=resume)
    plan = Plan(effort.runs, max(effort.runs, effort.most), effort.seed, effort.until)
    task = Task(
        replace(request, out=out, repeat=f"{identity} {effort.words}"), scenarios, plan, effort.margin, identity
    )
    measured = run_bench(task, shown.progress())
    if shown.as_json:
        click.echo(json.dumps(summary(measured), indent=2, ensure_ascii=False))
    else:
        show_bench(measured, terminal.console(stderr=False))
        click.echo(f"results:  {out}")
    return int(ExitStatus.REGRESSION if worse(measured) else ExitStatus.OK)


def choose(known: Sequence[Scenario], names: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the scenarios of those names, or all. Raises UsageError for an unknown name, and if there are none."""
    if not known:
        raise UsageError("the manifest has no scenarios to measure", hint="they come below the key bench:")
    by_name = {each.name: each for each in known}
    for name in names:
        if name not in by_name:
            raise UsageError(f"--scenario {name}: there is none", hint=f"there are: {', '.join(by_name)}")
    return tuple(by_name[name] for name in dict.fromkeys(names)) or tuple(known)


def folder(given: str | None, request: Request, identity: str, *, resume: bool) -> Path:
    """Return the folder of a new bench, or with `resume` that of the newest interrupted one with this `identity`.

    `given` is the value of --out. Raises UsageError if that folder holds something else, or if there is no such bench
    to resume.
    """
    if given:
        path = Path(given).resolve()
        if path.exists() and not (path.is_dir() and not any(path.iterdir())) and not resume:
            raise UsageError(f"--out {given}: exists and is not an empty folder", hint="--resume goes on with a bench")
        if resume and layout.unfinished(path) != identity:
            raise UsageError(f"--out {given}: holds no interrupted bench that was asked for in these words")
        return path
    name = f"bench-{request.label}"
    if not resume:
        return layout.stamped(request.series, name)
    for path in sorted(paths.runs().glob(f"{glob.escape(layout.safe(request.series))}-{name}-*"), reverse=True):
        if layout.unfinished(path) == identity:
            return path
    raise UsageError("there is no interrupted bench that was asked for in these words", hint="leave --resume out")
