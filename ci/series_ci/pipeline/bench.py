"""Do the work of `series-ci bench`: measure two kernels in turns; each boot runs one scenario on one kernel.

Both kernels boot with the same setup, one right after the other. Every second round swaps the two (A B B A), so that a
change of the host's load favours neither. The samples of a boot are written to its folder as soon as the boot is over,
so a bench that was killed continues with the boots that it has.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import InfrastructureError, UsageError
from series_ci.guest import bounded_log, qemu, record
from series_ci.guest.boot import boot_kernel
from series_ci.host import files, inside
from series_ci.manifest.model import Scenario
from series_ci.manifest.request import Request
from series_ci.pipeline import rig
from series_ci.pipeline.bench_runlock import of_bench
from series_ci.pipeline.rig import BenchSetup, Plan
from series_ci.progress import Progress, count
from series_ci.report.bench import Bench, gather, summary
from series_ci.report.benchpage import page
from series_ci.results import samples
from series_ci.results.model import Run, Status
from series_ci.results.samples import SIDES, Raw, Sample
from series_ci.rundir import layout, runlock
from series_ci.rundir.runlock import Lock

TRIES = 2
"""The number of attempts at a boot that does not give all its samples."""

_TOLD = ("arch", "accelerator", "accelerator_reason", "compiler", "config", "qemu", "host", "memory", "cpus", "swap")
"""The facts of a boot's environment that each of its samples carries."""


@dataclass(frozen=True)
class Task:
    """One bench: what to measure for a request, and how much of it.

    `margin` is the largest change that counts as none, a fraction. `identity` is the command line that an interrupted
    bench has to share for this one to continue it.
    """

    request: Request
    scenarios: tuple[Scenario, ...]
    plan: Plan
    margin: float
    identity: str


@dataclass(frozen=True)
class Taken:
    """A bench whose boots are over and whose results are not yet written."""

    request: Request
    bench: Bench
    lock: Lock
    samples: Sequence[Sample]


def run_bench(task: Task, progress: Progress) -> Bench:
    """Measure both kernels of a version, write the results, and return them. Continue an interrupted bench of the task.

    Raises what `layout.opened`, `rig.prepare` and `rounds` raise. The boots that are over by then are kept.
    """
    with layout.opened(task.request.out, task.identity) as goes_on:
        if goes_on:
            progress.say(f"goes on with the interrupted bench in {task.request.out}")
        return write(take(task.request, task.scenarios, task.plan, task.margin, progress))


def take(request: Request, scenarios: tuple[Scenario, ...], plan: Plan, margin: float, progress: Progress) -> Taken:
    """Build both kernels, run all rounds, and return the bench without writing its results."""
    bench_setup = rig.prepare(rig.request(request, scenarios), progress)
    all_samples = rounds(bench_setup, scenarios, plan, request.out, progress)
    bench = gather(request, bench_setup.pair[0].commit, scenarios, all_samples, margin)
    return Taken(
        request, bench, of_bench(request, bench_setup, scenarios, plan, all_samples, margin=margin), all_samples
    )


def write(taken: Taken) -> Bench:
    """Write samples, page, lock and summary of a bench into its run directory. Return the bench."""
    run_dir = layout.RunDir(taken.request.out)
    files.write(run_dir.samples, samples.as_lines(taken.samples))
    files.write(run_dir.bench_page, page(taken.bench))
    runlock.write(run_dir.path, taken.lock)
    # Last: a directory with a summary is finished.
    files.write_json(run_dir.summary, summary(taken.bench))
    return taken.bench


def rounds(
    bench_setup: BenchSetup, scenarios: Sequence[Scenario], plan: Plan, out: Path, progress: Progress
) -> list[Sample]:
    """Boot both kernels in turns and return all samples, including those of an interrupted bench in `out`.

    Samples for warming up are included, and marked as such. Raises InfrastructureError if a boot does not give its
    samples, UsageError if those in `out` were taken with another accelerator.
    """
    by_scenario: dict[str, list[Sample]] = {scenario.name: [] for scenario in scenarios}
    unfinished, order = list(scenarios), 0
    for number in range(plan.limit):
        for scenario in list(unfinished):
            for side in sides(number):
                turn = Turn(scenario, side, number, order, plan.seed + number)
                by_scenario[scenario.name] += boot(bench_setup, turn, out / "boots", progress)
                order += 1
            if plan.enough(number + 1, by_scenario[scenario.name]):
                unfinished.remove(scenario)
        if not unfinished:
            break
    return [sample for of_scenario in by_scenario.values() for sample in of_scenario]


def sides(number: int) -> tuple[str, str]:
    """Return the order in which a round, counted from 0, boots the kernels: A B if its number is even, else B A."""
    base, patched = SIDES
    return (base, patched) if number % 2 == 0 else (patched, base)


@dataclass(frozen=True)
class Turn:
    """One boot of a bench: a scenario on one side (base or patched).

    `round` counts the rounds of the scenario from 0, `order` all boots of the bench from 0. `seed` is passed to the
    scenario's program.
    """

    scenario: Scenario
    side: str
    round: int
    order: int
    seed: int

    @property
    def folder(self) -> str:
        """The boot's folder, relative to the folder of all boots."""
        return f"{self.scenario.name}/{self.round + 1:03d}-{self.side}"


def boot(bench_setup: BenchSetup, turn: Turn, out: Path, progress: Progress) -> list[Sample]:
    """Boot one kernel for a scenario, keep its samples in the boot's folder, and return them.

    If the folder has samples of the same image, program, scenario and seed, returns those without a boot. An attempt
    with missing samples or a kernel complaint is set aside and made again. Raises InfrastructureError if TRIES attempts
    were not enough, UsageError for samples of another accelerator.
    """
    kernel = bench_setup.pair[SIDES.index(turn.side)]
    boot_setup = bench_setup.boot_setup(turn.scenario, turn.seed)
    folder = out / turn.folder
    program = inside.read(kernel.tests.folder, turn.scenario.program) or b""
    origin = files.digest(kernel.build.image.read_bytes(), program, repr((turn.scenario, turn.seed)))[:16]
    if kept := _kept(layout.RunDir(folder).samples, origin, bench_setup.accel.name):
        return kept
    wanted = turn.scenario.warmup + turn.scenario.samples
    for number in range(1, TRIES + 1):
        shutil.rmtree(folder, ignore_errors=True)
        began, load = time.time(), os.getloadavg()[0]
        ran = boot_kernel(boot_setup, kernel, folder, progress, f"{turn.scenario.name} {turn.round + 1} {kernel.label}")
        environment = {
            **{name: value for name, value in ran.environment.items() if name in _TOLD},
            "origin": origin,
            "seed": str(turn.seed),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
            "boot_seconds": str(ran.boot_seconds),
            "load_before": f"{load:.2f}",
            "load_after": f"{os.getloadavg()[0]:.2f}",
        }
        raw_samples = samples.parse(bounded_log.lines(qemu.Files(folder).results))
        if len(raw_samples) == wanted and not ran.splats:
            boot_samples = [_sample(turn, kernel.label, raw, environment) for raw in raw_samples]
            files.write(layout.RunDir(folder).samples, samples.as_lines(boot_samples))
            return boot_samples
        aside = folder.with_name(f"{folder.name}.{record.TRY}{number}")
        progress.say(f"{turn.folder}: {len(raw_samples)} of {count(wanted, 'sample')}: {_why(ran)}; see {aside}")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    shortfall = f"{len(raw_samples)} of {count(wanted, 'sample')}, {TRIES} times: {_why(ran)}"
    raise InfrastructureError(
        f"{turn.scenario.name} on {kernel.label} gave {shortfall}",
        hint=f"see {aside}; what was measured is kept, and --resume goes on with it",
    )


def _why(ran: Run) -> str:
    bad = [f"{each.name}: {each.status} {each.reason}" for each in ran.results if each.status is not Status.PASS]
    return "; ".join([*bad, *(f"the kernel complains: {splat.title}" for splat in ran.splats)]) or "no reason"


def _kept(path: Path, origin: str, accel: str) -> list[Sample]:
    kept = samples.read(path)
    if not kept or kept[0].environment.get("origin") != origin:
        return []
    if (before := kept[0].environment.get("accelerator")) != accel:
        raise UsageError(
            f"{path.parent} was measured under {before}, and this would be {accel}: the two are not mixed",
            hint=f"--accel {before} goes on, another --out begins anew",
        )
    return kept


def _sample(turn: Turn, label: str, raw: Raw, environment: dict[str, str]) -> Sample:
    return Sample(
        scenario=turn.scenario.name,
        side=turn.side,
        label=label,
        round=turn.round,
        order=turn.order,
        number=raw.sample,
        warmup=raw.warmup,
        metrics=raw.metrics,
        environment=environment,
    )
