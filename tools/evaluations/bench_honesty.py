"""Is a bench honest? A kernel against itself must show no change, and one whose exits take longer must be worse.

Kernels, guests, rounds and statistics are those of `series-ci bench` with the series
exit-skip: they come from the same functions. tools/evaluations/slow-exit.patch makes the slow kernel.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.text import Text

import mutants
from series_ci import cli
from series_ci.cli import options, terminal
from series_ci.errors import ExitStatus
from series_ci.host import files, locks, process, requirements
from series_ci.kernel import apply, kernel
from series_ci.kernel.store import Store
from series_ci.manifest import find
from series_ci.manifest.model import Scenario, TreeSource
from series_ci.manifest.request import Request
from series_ci.pipeline import bench, rig, stages
from series_ci.pipeline.rig import BenchSetup, Plan
from series_ci.progress import Progress
from series_ci.report.bench import Bench, gather, show_bench, summary
from series_ci.results import samples
from series_ci.results.stats import Verdict
from series_ci.rundir.layout import RunDir

PATCH = Path(__file__).resolve().parent / "slow-exit.patch"
SLOWED = "exit_ms"
"""The metric that has to be worse with it."""

FALSE = frozenset({Verdict.BETTER, Verdict.WORSE, Verdict.CHANGED})


@dataclass(frozen=True)
class Trial:
    """One bench whose outcome is known beforehand: a kernel against itself, or against the slow one."""

    name: str
    slow: bool
    bench: Bench

    @property
    def exits(self) -> bool:
        """Whether something was measured that the slow kernel makes slower."""
        return any(each.metric.name == SLOWED for each in self.bench.findings)

    @property
    def wrong(self) -> list[str]:
        """The verdicts that are not what they have to be."""
        if self.slow:
            if not self.exits:
                return [f"no scenario measures {SLOWED}"]
            return [
                f"{each.metric.scenario} {each.metric.name}: {each.verdict}"
                for each in self.bench.findings
                if each.metric.name == SLOWED and each.verdict is not Verdict.WORSE
            ]
        return [
            f"{each.metric.scenario} {each.metric.name}: {each.verdict}"
            for each in self.bench.findings
            if each.verdict in FALSE
        ]


def run(
    asked: Request, scenarios: tuple[Scenario, ...], *, plan: Plan, benches: int, margin: float, progress: Progress
) -> list[Trial]:
    """Measure the base against itself `benches` times, then against the slow kernel."""
    requirements.require(asked.arch, asked.toolchain)
    base, _refused = stages.find_base(asked, progress)
    with locks.locked(Store(base.store).lock, progress.say):
        build_setup, first = stages.make_base(asked, base, progress)
        commit = apply.with_base_patches(base, [PATCH]).commit
        slow = replace(
            kernel.make(replace(build_setup, collections=()), "slow", commit, asked.out / "slow", progress),
            tests=first.tests,
        )
    accel = rig.of_kernels(asked, build_setup, (first, first), progress).accel
    trials: list[Trial] = []
    seconds = [(f"itself-{number}", replace(first, label="itself")) for number in range(1, benches + 1)]
    for place, (name, second) in enumerate([*seconds, ("slow", slow)]):
        if second is slow and trials and not trials[-1].exits:
            progress.say(f"slow: left out, no scenario measures {SLOWED}")
            break
        out = asked.out / name
        pair = BenchSetup(build_setup, accel, (first, second))
        taken = bench.rounds(pair, scenarios, replace(plan, seed=plan.seed + 1000 * place), out, progress)
        made = gather(replace(asked, label=second.label), first.commit, scenarios, taken, margin)
        files.write(RunDir(out).samples, samples.as_lines(taken))
        trials.append(Trial(name, second is slow, made))
        progress.say(f"{name}: {'; '.join(trials[-1].wrong) or 'as it has to be'}")
    return trials


@click.command("bench-honesty", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--tree", "spec", metavar="SPEC", default="debian:linux-source-6.12", show_default=True, help="the kernel"
)
@click.option("--base-patch", "patches", metavar="FILE", multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option("--scenario", "names", metavar="NAME", multiple=True, default=("window",), show_default=True)
@click.option("--benches", type=click.IntRange(0, 99), default=3, show_default=True, help="of a kernel and itself")
@click.option("--runs", type=click.IntRange(1, 99), default=8, show_default=True, help="boots of each kernel")
@click.option("--margin", type=click.FloatRange(0.1, 99), default=10.0, show_default=True, help="in percent")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="where boots are kept, and gone on with")
@click.option("--json", "json_wanted", is_flag=True, help="print the outcome as JSON")
@options.accel
def main(  # noqa: PLR0913 (click)
    *,
    spec: str,
    patches: tuple[Path, ...],
    names: tuple[str, ...],
    benches: int,
    runs: int,
    margin: float,
    out: Path | None,
    json_wanted: bool,
    accel: str,
) -> int:
    """Measure a kernel against itself, and against one whose exits take 30 ms longer.

    Exit status: 0 nothing was found where there is nothing, and the slow exits were; 1 otherwise; 2 usage;
    5 infrastructure.
    """
    manifest = find.find(mutants.SERIES, [])
    scenarios = tuple(each for each in manifest.bench if each.name in names)
    source = TreeSource.model_construct(spec=spec, base_patches=tuple(each.resolve() for each in patches))
    asked = mutants.request(spec, accel, "honesty")
    asked = replace(
        asked,
        trees=(source,),
        out=out.resolve() if out else asked.out,
        repeat=repeat(spec, patches, names, benches=benches, runs=runs, margin=margin, accel=accel),
    )
    asked = rig.request(asked, scenarios)
    plan = Plan(runs, runs)
    trials = run(asked, scenarios, plan=plan, benches=benches, margin=margin / 100, progress=terminal.Terminal())
    if json_wanted:
        click.echo(json.dumps({each.name: as_json(each) for each in trials}, indent=2, ensure_ascii=False))
    else:
        show(trials)
        click.echo(f"results:  {asked.out}")
    return int(ExitStatus.REGRESSION if any(each.wrong for each in trials) else ExitStatus.OK)


def repeat(
    spec: str, patches: Sequence[Path], names: Sequence[str], *, benches: int, runs: int, margin: float, accel: str
) -> str:
    """The command line that does the same again."""
    words = ["tools/eval bench-honesty", "--tree", spec]
    words += [word for patch in patches for word in ("--base-patch", str(patch))]
    words += [word for name in names for word in ("--scenario", name)]
    words += ["--benches", str(benches), "--runs", str(runs), "--margin", f"{margin:g}", "--accel", accel]
    return process.quote(words)


def show(trials: list[Trial]) -> None:
    """Print the table of each bench, and what is wrong in it."""
    out = terminal.console(stderr=False)
    for each in trials:
        out.print(Text(each.name, "bold"))
        show_bench(each.bench, out)
        out.print(Text("; ".join(each.wrong) or "as it has to be", "bold red" if each.wrong else "bold green"))
        out.print()


def as_json(trial: Trial) -> dict[str, Any]:
    """A bench with what is wrong in it."""
    return {"wrong": trial.wrong, **summary(trial.bench)}


if __name__ == "__main__":
    sys.exit(cli.run(main))
