"""The story of `series-ci reproduce NAME`: figures that were reported on the list, measured again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from series_ci import arch
from series_ci.arch import Machine
from series_ci.errors import ApplyError, BuildError, UsageError
from series_ci.host import files
from series_ci.manifest.model import Scenario
from series_ci.manifest.reported import Reported
from series_ci.manifest.request import Request
from series_ci.pipeline import bench, rig
from series_ci.pipeline.bench import Turn
from series_ci.pipeline.bench_runlock import of_bench
from series_ci.pipeline.rig import BenchSetup, Plan
from series_ci.progress import Progress
from series_ci.report.reproduction import summary, text
from series_ci.results import samples
from series_ci.results.samples import SIDES, Sample
from series_ci.rundir import reproduction, runlock
from series_ci.rundir.layout import RunDir
from series_ci.rundir.reproduction import FigureRow
from series_ci.rundir.runlock import Lock

_PATCHED = SIDES[1]


@dataclass(frozen=True)
class Boots:
    """How often a report's kernel is booted, and where chance begins."""

    runs: int
    seed: int


@dataclass(frozen=True)
class Task:
    """A report whose figures are to be measured on the version of a request."""

    request: Request
    entry: Reported
    scenario: Scenario
    boots: Boots


@dataclass(frozen=True)
class Measured:
    """What was measured for a report; without a `bench_setup`, `trouble` is why nothing could be."""

    bench_setup: BenchSetup | None
    samples: tuple[Sample, ...] = ()
    trouble: ApplyError | BuildError | None = None


@dataclass(frozen=True)
class Reproduced:
    """A report, what its figures come to here, and the summary that was written of it."""

    entry: Reported
    rows: Sequence[FigureRow]
    summary: dict[str, Any]


def reproduce_figures(task: Task, progress: Progress) -> Reproduced:
    """Measure the figures of one report, and write down what they come to and the text for the thread.

    That the version does not apply or build is an answer, too. Raises what `rig.prepare` and `bench.boot` raise.
    """
    task = replace(task, request=_on_its_machine(task.request, task.entry, task.scenario))
    folder, measured = task.request.out, measure(task, progress)
    rows = reproduction.rows(task.entry.figures, measured.samples, measured.trouble.message if measured.trouble else "")
    made = lock_of(task, measured)
    repeat = f"series-ci reproduce {RunDir(folder).run_lock}" if made else task.request.repeat
    told = summary(task.entry, rows, repeat)
    if made is not None:
        write_measured(folder, measured, made)
    files.write(RunDir(folder).reproduction, text(task.entry, rows, made))
    # The last one: it says that all is there.
    files.write_json(RunDir(folder).summary, told)
    return Reproduced(task.entry, rows, told)


def _on_its_machine(request: Request, entry: Reported, scenario: Scenario) -> Request:
    """The request for a report's version, on the machine that it was reported of."""
    size = scenario.machine
    return replace(request, machine=Machine(arch.get(entry.arch), size.memory, size.cpus, size.swap))


def measure(task: Task, progress: Progress) -> Measured:
    """Boot the kernel with the series for the report's scenario, as often as is asked for.

    That the version does not apply or build is an answer, too. Raises what `rig.prepare` and `bench.boot` raise.
    """
    try:
        made = rig.prepare(rig.request(task.request, [task.scenario]), progress)
    except (ApplyError, BuildError) as error:
        return Measured(None, trouble=error)
    found: list[Sample] = []
    for number in range(task.boots.runs):
        turn = Turn(task.scenario, _PATCHED, number, number, task.boots.seed + number)
        found += bench.boot(made, turn, task.request.out / "boots", progress)
    return Measured(made, tuple(found))


def lock_of(task: Task, measured: Measured) -> Lock | None:
    """The lock of what was measured; None if nothing could be."""
    if measured.bench_setup is None:
        return None
    plan = Plan(task.boots.runs, task.boots.runs, task.boots.seed)
    return of_bench(task.request, measured.bench_setup, [task.scenario], plan, measured.samples, reported=task.entry)


def write_measured(folder: Path, measured: Measured, made: Lock) -> None:
    """Put samples and lock into the run directory."""
    files.write(RunDir(folder).samples, samples.as_lines(measured.samples))
    runlock.write(folder, made)


def find_report(entries: Sequence[Reported], scenarios: Sequence[Scenario], name: str) -> tuple[Reported, Scenario]:
    """A report and its scenario. Raises UsageError for a name that there is not."""
    for entry in entries:
        if entry.name == name:
            return entry, next(each for each in scenarios if each.name == entry.scenario)
    known = ", ".join(each.name for each in entries) or "none"
    raise UsageError(f"{name}: no report of that name", hint=f"there are: {known}")
