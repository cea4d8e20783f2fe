"""Does exit_skip give the same verdicts each time? Many runs of it on one kernel, in one guest or in many.

Build folder, cache, locks, guest and machine are those of `series-ci test` with the series
exit-skip: they come from the same functions.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

import mutants
from series_ci import cli
from series_ci.cli import options, terminal
from series_ci.errors import ExitStatus, UsageError
from series_ci.guest import qemu
from series_ci.guest.boot import boot_kernel
from series_ci.guest.status import read
from series_ci.host import locks, process, requirements
from series_ci.kernel.store import Store
from series_ci.manifest.model import Selftest
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.progress import Progress, count
from series_ci.results.compare import LOST
from series_ci.results.model import BOOT_RESULT, Ended, Run, Status

BUSY = ("sh", "-c", "while :; do :; done")
"""As much as one CPU of the host can do, and no end of it."""


@dataclass(frozen=True)
class Plan:
    """How often the program runs: `inside` times in each of `boots` guests, every second of them beside a busy host."""

    boots: int
    inside: int
    busy: bool

    def is_busy(self, boot: int) -> bool:
        """Whether a boot, counted from 1, is one that has a busy process beside it."""
        return self.busy and boot % 2 == 0


@dataclass(frozen=True)
class Sample:
    """One run of the program: its own verdict and those of its cases, by name.

    `boot` and `number` count from 1; `seconds` is how long it ran, None where the guest ended before it did.
    """

    boot: int
    number: int
    busy: bool
    seconds: float | None
    verdicts: dict[str, Status]


@dataclass(frozen=True)
class Series:
    """All runs, and the boots that they were made in."""

    samples: tuple[Sample, ...]
    boots: tuple[Run, ...]

    @property
    def cases(self) -> list[str]:
        """All names that a run gave a verdict on: the program first, then its cases."""
        return list(dict.fromkeys(name for sample in self.samples for name in sample.verdicts))

    def verdicts(self, name: str) -> tuple[Status | None, ...]:
        """What each run said of a case; None where it did not know the case."""
        return tuple(sample.verdicts.get(name) for sample in self.samples)

    @property
    def unsteady(self) -> list[str]:
        """The cases whose verdicts differ, and those that gave none: every run may have been cut off alike."""
        return [name for name in self.cases if len(found := set(self.verdicts(name))) > 1 or found & LOST]

    @property
    def trouble(self) -> list[str]:
        """What befell the guests: ends that are none, and complaints of the kernel."""
        boots = list(enumerate(self.boots, 1))
        ends = [f"boot {number}: {run.ended}  {_why(run)}" for number, run in boots if run.ended is not Ended.POWEROFF]
        return ends + [f"boot {number}: {splat.title}" for number, run in boots for splat in run.splats]

    @property
    def status(self) -> ExitStatus:
        """REGRESSION (1) if the program cannot be trusted."""
        return ExitStatus.REGRESSION if self.unsteady or self.trouble else ExitStatus.OK


def _why(run: Run) -> str:
    return "".join(result.reason for result in run.results if result.name == BOOT_RESULT)


def measure(asked: Request, plan: Plan, progress: Progress) -> Series:
    """Build the kernel of the tree, and run the program on it as planned."""
    requirements.require(asked.arch)
    base, _refused = stages.find_base(asked, progress)
    with locks.locked(Store(base.store).lock, progress.say):
        build_setup, kernel = stages.make_base(asked, base, progress)
    boot_setup = stages.make_boot_setup(asked, build_setup, [kernel], progress)
    samples: list[Sample] = []
    boots = []
    for boot in range(1, plan.boots + 1):
        busy = plan.is_busy(boot)
        folder = asked.out / f"boot-{boot}"
        with _host(busy=busy):
            run = boot_kernel(boot_setup, kernel, folder, progress, f"boot {boot}{' busy' if busy else ''}")
        boots.append(run)
        times = durations(qemu.Files(folder).status)
        samples += [
            Sample(boot, number, busy, times.get(number), verdicts(run, name(number)))
            for number in range(1, plan.inside + 1)
        ]
    return Series(tuple(samples), tuple(boots))


@contextmanager
def _host(*, busy: bool) -> Iterator[None]:
    if not busy:
        yield
        return
    with process.started(BUSY):
        yield


def name(number: int) -> str:
    """What the results of the n-th run in a guest are called."""
    return f"{mutants.PROGRAM}-{number}"


def verdicts(run: Run, prefix: str) -> dict[str, Status]:
    """What the run of that name said: the program's verdict under its own name, its cases under theirs.

    A program that does not build runs under no other name.
    """
    found = {}
    for result in run.results:
        whole, _, case = result.name.partition(":")
        if whole in (prefix, mutants.PROGRAM):
            found[case or mutants.PROGRAM] = result.status
    return found


def durations(status: Path) -> dict[int, float]:
    """The seconds that each test of a guest took, by its number, from what /init said on its status port."""
    told = read(status).told.items()
    return {number: each.seconds for number, each in told if each.seconds is not None}


def tally(found: Sequence[Status | None]) -> str:
    """`80 PASS, 2 SKIP`: the most frequent first."""
    return ", ".join(f"{number} {status or 'MISSING'}" for status, number in Counter(found).most_common())


def show(series: Series, out: Console) -> None:
    """Print the runs, the cases whose verdicts differ, and what it comes to."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("boot", "run", "host", "seconds", "cases"):
        rows.add_column(head, no_wrap=True, justify="right" if head in ("boot", "run", "seconds") else "left")
    for each in series.samples:
        took = "-" if each.seconds is None else f"{each.seconds:.1f}"
        said = [status for case, status in each.verdicts.items() if case != mutants.PROGRAM]
        rows.add_row(str(each.boot), str(each.number), "busy" if each.busy else "", took, tally(said))
    out.print(rows, crop=False)
    for case in series.unsteady:
        found = series.verdicts(case)
        out.print(Text(f"{case}: {tally(found)}", "bold red"))
        usual, _times = Counter(found).most_common(1)[0]
        for each, status in zip(series.samples, found, strict=True):
            if status is not usual:
                out.print(f"    boot {each.boot}, run {each.number}: {status or 'MISSING'}")
    for line in series.trouble:
        out.print(Text(line, "bold red"))
    out.print(Text(summary(series), "bold red" if series.status else "bold green"))


def summary(series: Series) -> str:
    """The last line: counts, outcome, and the wall time of a run and of all boots."""
    cases = [case for case in series.cases if case != mutants.PROGRAM]
    differ = series.unsteady
    said = f"{count(len(differ), 'verdict')} not steady" if differ else "no verdict differs"
    said += ", trouble with the guests" if series.trouble else ""
    times = [each.seconds for each in series.samples if each.seconds is not None]
    took = f"{min(times):.0f} to {max(times):.0f} s each, median {statistics.median(times):.0f} s, " if times else ""
    wall = sum(run.seconds for run in series.boots)
    what = f"{count(len(cases), 'case')}, {count(len(series.samples), 'run')}, {count(len(series.boots), 'boot')}"
    return f"{what}: {said}; {took}{wall:.0f} s in all"


def as_json(series: Series, asked: Request) -> dict[str, Any]:
    """The same as one JSON object."""
    return {
        "tree": asked.trees[0].spec,
        "arch": asked.arch.name,
        "test": mutants.PROGRAM,
        "status": int(series.status),
        "summary": summary(series),
        "run_dir": str(asked.out),
        "cpus": asked.machine.cpus,
        "seconds": [run.seconds for run in series.boots],
        "unsteady": {case: series.verdicts(case) for case in series.unsteady},
        "trouble": series.trouble,
        "runs": [
            {
                "boot": each.boot,
                "run": each.number,
                "busy": each.busy,
                "seconds": each.seconds,
                "verdicts": each.verdicts,
            }
            for each in series.samples
        ],
    }


def request(spec: str, accel: str, cpus: int | None, inside: int, arch: str | None = None) -> Request:
    """What `series-ci test` would be asked for, with the program as often as it is to run in one guest."""
    asked = mutants.request(spec, accel, "steady", arch)
    tests = tuple(
        Selftest.model_construct(program=mutants.PROGRAM, name=name(number), args=(), timeout=None)
        for number in range(1, inside + 1)
    )
    return replace(asked, tests=tests, machine=replace(asked.machine, cpus=cpus or asked.machine.cpus))


@click.command("steady", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--tree", "spec", metavar="SPEC", default="debian:linux-source-6.12", show_default=True, help="the kernel"
)
@click.option("--arch", metavar="NAME", help="the guest's architecture  [default: that of this machine]")
@click.option("--inside", type=click.IntRange(1, 999), default=1, show_default=True, help="runs in each guest")
@click.option("--boots", type=click.IntRange(1, 999), default=1, show_default=True, help="guests, one after the other")
@click.option("--cpus", type=click.IntRange(1, 256), help="the guest's CPUs")
@click.option("--busy", is_flag=True, help="every second boot has a busy process beside it, on the host")
@click.option("--json", "json_wanted", is_flag=True, help="print the outcome as JSON")
@options.accel
def main(  # noqa: PLR0913 (click)
    *,
    spec: str,
    arch: str | None,
    inside: int,
    boots: int,
    cpus: int | None,
    busy: bool,
    json_wanted: bool,
    accel: str,
) -> int:
    """Run exit_skip many times on one kernel, and show the cases whose verdicts differ.

    Exit status: 0 no verdict differs; 1 one does, or a guest did not come to its end, or the kernel complained;
    2 usage; 5 infrastructure.
    """
    if inside * boots < 2:
        raise UsageError("one run has nothing to differ from", hint="give --inside N or --boots N")
    if busy and boots < 2:
        raise UsageError("--busy is for every second boot", hint="give --boots N as well")
    asked = request(spec, accel, cpus, inside, arch)
    series = measure(asked, Plan(boots, inside, busy), terminal.Terminal())
    if json_wanted:
        click.echo(json.dumps(as_json(series, asked), indent=2, ensure_ascii=False))
    else:
        show(series, terminal.console(stderr=False))
        click.echo(f"results:  {asked.out}")
    return int(series.status)


if __name__ == "__main__":
    sys.exit(cli.run(main))
