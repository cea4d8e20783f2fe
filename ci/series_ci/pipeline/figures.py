"""Do the work of `series-ci reproduce NAME`: measure figures again that were reported on the list."""

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
    """The number of boots, and the seed of the first one; each further boot adds 1 to the seed."""

    runs: int
    seed: int


@dataclass(frozen=True)
class Task:
    """A report whose figures are measured on the version of a request."""

    request: Request
    entry: Reported
    scenario: Scenario
    boots: Boots


@dataclass(frozen=True)
class Measured:
    """The samples for a report. If the version does not apply or build, there is `trouble` and no `bench_setup`."""

    bench_setup: BenchSetup | None
    samples: tuple[Sample, ...] = ()
    trouble: ApplyError | BuildError | None = None


@dataclass(frozen=True)
class Reproduced:
    """A report, a row for each of its figures, and the summary that was written."""

    entry: Reported
    rows: Sequence[FigureRow]
    summary: dict[str, Any]


def reproduce_figures(task: Task, progress: Progress) -> Reproduced:
    """Measure the figures of one report, and write samples, lock, the text for the thread and the summary.

    If the version does not apply or build, the rows say so. Raises what `measure` raises.
    """
    task = replace(task, request=_on_its_machine(task.request, task.entry, task.scenario))
    folder, measured = task.request.out, measure(task, progress)
    rows = reproduction.rows(task.entry.figures, measured.samples, measured.trouble.message if measured.trouble else "")
    lock = lock_of(task, measured)
    repeat = f"series-ci reproduce {RunDir(folder).run_lock}" if lock else task.request.repeat
    report_summary = summary(task.entry, rows, repeat)
    if lock is not None:
        write_measured(folder, measured, lock)
    files.write(RunDir(folder).reproduction, text(task.entry, rows, lock))
    # Last: a directory with a summary is finished.
    files.write_json(RunDir(folder).summary, report_summary)
    return Reproduced(task.entry, rows, report_summary)


def _on_its_machine(request: Request, entry: Reported, scenario: Scenario) -> Request:
    """Return the request with the architecture of the report, and the memory, CPUs and swap of its scenario."""
    size = scenario.machine
    return replace(request, machine=Machine(arch.get(entry.arch), size.memory, size.cpus, size.swap))


def measure(task: Task, progress: Progress) -> Measured:
    """Boot the kernel with the series for the report's scenario, `boots.runs` times, and return the samples.

    An ApplyError or BuildError is returned as `trouble`. Raises what else `rig.prepare` and `bench.boot` raise.
    """
    try:
        bench_setup = rig.prepare(rig.request(task.request, [task.scenario]), progress)
    except (ApplyError, BuildError) as error:
        return Measured(None, trouble=error)
    taken: list[Sample] = []
    for number in range(task.boots.runs):
        turn = Turn(task.scenario, _PATCHED, number, number, task.boots.seed + number)
        taken += bench.boot(bench_setup, turn, task.request.out / "boots", progress)
    return Measured(bench_setup, tuple(taken))


def lock_of(task: Task, measured: Measured) -> Lock | None:
    """Return the lock of a measurement, or None if nothing was measured."""
    if measured.bench_setup is None:
        return None
    plan = Plan(task.boots.runs, task.boots.runs, task.boots.seed)
    return of_bench(task.request, measured.bench_setup, [task.scenario], plan, measured.samples, reported=task.entry)


def write_measured(folder: Path, measured: Measured, lock: Lock) -> None:
    """Write the samples and the lock into a run directory."""
    files.write(RunDir(folder).samples, samples.as_lines(measured.samples))
    runlock.write(folder, lock)


def find_report(entries: Sequence[Reported], scenarios: Sequence[Scenario], name: str) -> tuple[Reported, Scenario]:
    """Return the report of that name and its scenario. Raises UsageError if there is none."""
    for entry in entries:
        if entry.name == name:
            return entry, next(each for each in scenarios if each.name == entry.scenario)
    known = ", ".join(each.name for each in entries) or "none"
    raise UsageError(f"{name}: no report of that name", hint=f"there are: {known}")
