"""The story of `series-ci bench`: figures of two kernels, taken in turns, each boot one scenario on one kernel.

Both kernels boot with the same setup, one right after the other; every second round begins with the other (A B B A),
so that a host that changes meanwhile favours neither. What a boot gave is kept in its folder the moment it is over:
killed at any time, a bench goes on with the boots that it has.
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
"""How often a boot is made that does not give all its samples."""

_TOLD = ("arch", "accelerator", "accelerator_reason", "compiler", "config", "qemu", "host", "memory", "cpus", "swap")


@dataclass(frozen=True)
class Task:
    """What is to be measured for a request; `margin` is how large a change is still none, as a fraction.

    `identity` is what two benches have in common of which one goes on with the other.
    """

    request: Request
    scenarios: tuple[Scenario, ...]
    plan: Plan
    margin: float
    identity: str


@dataclass(frozen=True)
class Taken:
    """A bench that is over, and not yet written down."""

    request: Request
    bench: Bench
    lock: Lock
    samples: Sequence[Sample]


def run_bench(task: Task, progress: Progress) -> Bench:
    """Measure both kernels of a version, and write down what came of it; goes on with what an earlier bench has left.

    Raises what `rig.prepare` and `rounds` raise; all boots that are over then are kept.
    """
    with layout.opened(task.request.out, task.identity) as goes_on:
        if goes_on:
            progress.say(f"goes on with the interrupted bench in {task.request.out}")
        return write(take(task.request, task.scenarios, task.plan, task.margin, progress))


def take(request: Request, scenarios: tuple[Scenario, ...], plan: Plan, margin: float, progress: Progress) -> Taken:
    """Take both kernels through the scenarios."""
    made = rig.prepare(rig.request(request, scenarios), progress)
    taken = rounds(made, scenarios, plan, request.out, progress)
    found = gather(request, made.pair[0].commit, scenarios, taken, margin)
    return Taken(request, found, of_bench(request, made, scenarios, plan, taken, margin=margin), taken)


def write(taken: Taken) -> Bench:
    """Put all that came of a bench into the run directory, and return the bench."""
    run_dir = layout.RunDir(taken.request.out)
    files.write(run_dir.samples, samples.as_lines(taken.samples))
    files.write(run_dir.bench_page, page(taken.bench))
    runlock.write(run_dir.path, taken.lock)
    # The last one: it says that the bench is finished.
    files.write_json(run_dir.summary, summary(taken.bench))
    return taken.bench


def rounds(made: BenchSetup, scenarios: Sequence[Scenario], plan: Plan, out: Path, progress: Progress) -> list[Sample]:
    """All samples of a bench, those that an interrupted one has left in `out` included; warm-up is marked, not dropped.

    Raises InfrastructureError for a boot that does not give its samples, UsageError if `out` has those of another
    accelerator.
    """
    found: dict[str, list[Sample]] = {scenario.name: [] for scenario in scenarios}
    todo, order = list(scenarios), 0
    for number in range(plan.limit):
        for scenario in list(todo):
            for side in sides(number):
                turn = Turn(scenario, side, number, order, plan.seed + number)
                found[scenario.name] += boot(made, turn, out / "boots", progress)
                order += 1
            if plan.enough(number + 1, found[scenario.name]):
                todo.remove(scenario)
        if not todo:
            break
    return [sample for each in found.values() for sample in each]


def sides(number: int) -> tuple[str, str]:
    """In which order a round boots the two kernels: A B, then B A."""
    base, patched = SIDES
    return (base, patched) if number % 2 == 0 else (patched, base)


@dataclass(frozen=True)
class Turn:
    """One boot: which scenario on which side, in which round; the how-manieth of the bench; the program's seed."""

    scenario: Scenario
    side: str
    round: int
    order: int
    seed: int

    @property
    def folder(self) -> str:
        """Below the folder of all boots."""
        return f"{self.scenario.name}/{self.round + 1:03d}-{self.side}"


def boot(made: BenchSetup, turn: Turn, out: Path, progress: Progress) -> list[Sample]:
    """The samples of one boot; those that lie in its folder already, if they are of this very kernel and program."""
    kernel = made.pair[SIDES.index(turn.side)]
    boot_setup = made.boot_setup(turn.scenario, turn.seed)
    folder = out / turn.folder
    program = inside.read(kernel.tests.folder, turn.scenario.program) or b""
    origin = files.digest(kernel.build.image.read_bytes(), program, repr((turn.scenario, turn.seed)))[:16]
    if kept := _kept(layout.RunDir(folder).samples, origin, made.accel.name):
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
        found = samples.parse(bounded_log.lines(qemu.Files(folder).results))
        if len(found) == wanted and not ran.splats:
            taken = [_sample(turn, kernel.label, each, environment) for each in found]
            files.write(layout.RunDir(folder).samples, samples.as_lines(taken))
            return taken
        aside = folder.with_name(f"{folder.name}.{record.TRY}{number}")
        progress.say(f"{turn.folder}: {len(found)} of {count(wanted, 'sample')}: {_why(ran)}; see {aside}")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    told = f"{len(found)} of {count(wanted, 'sample')}, {TRIES} times: {_why(ran)}"
    raise InfrastructureError(
        f"{turn.scenario.name} on {kernel.label} gave {told}",
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
