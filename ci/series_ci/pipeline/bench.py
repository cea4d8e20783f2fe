"""Figures of two kernels, taken in turns: rounds of boots, each boot one scenario on one kernel.

Both kernels boot by the same recipe, one right after the other; every second round begins with the other one (A B B A),
so that a host that changes meanwhile favours neither. What a boot gave is kept in its folder the moment it is over:
killed at any time, a bench goes on with the boots that it has.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from series_ci import arch
from series_ci.errors import InfrastructureError, UsageError
from series_ci.guest import attempts, bounded_log, qemu
from series_ci.guest.accel import Accelerator
from series_ci.guest.boot import BootSetup, boot_kernel, require, runnable
from series_ci.guest.initramfs import GuestTest
from series_ci.host import files, inside
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.kernel.store import Base
from series_ci.mail.fetch import Fetched
from series_ci.manifest.model import Scenario, Selftest
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.progress import Progress, count
from series_ci.results import samples, stats
from series_ci.results.metrics import measured
from series_ci.results.model import Run, Status
from series_ci.results.samples import SIDES, Raw, Sample

SAMPLES = "samples.jsonl"
"""In a boot's folder, written last; and in that of the bench, with those of all boots."""

TRIES = 2
"""How often a boot is made that does not give all its samples."""

_TOLD = ("arch", "accelerator", "accelerator_reason", "compiler", "config", "qemu", "host", "memory", "cpus", "swap")


@dataclass(frozen=True)
class Plan:
    """How much is measured: at least `runs` rounds and then, with a `precision`, as many as it takes, up to `most`.

    `precision` is what the intervals of all times of a scenario have to be as narrow as, as a fraction.
    """

    runs: int
    most: int
    seed: int = 1
    precision: float | None = None

    @property
    def limit(self) -> int:
        """Rounds that there are at the most."""
        return self.runs if self.precision is None else self.most

    def enough(self, rounds: int, found: Sequence[Sample]) -> bool:
        """Whether a scenario has been measured precisely enough by these rounds."""
        if self.precision is None or rounds < self.runs:
            return False
        return stats.precise(stats.judge(measured(found), self.precision), self.precision)


@dataclass(frozen=True)
class Sources:
    """Where the two kernels came from."""

    fetched: Fetched
    base: Base


@dataclass(frozen=True)
class BenchSetup:
    """The two kernels, base first, and what they are booted with; `sources` is None if they are of no version."""

    shop: BuildSetup
    accel: Accelerator
    pair: tuple[Kernel, Kernel]
    sources: Sources | None = None

    def recipe(self, scenario: Scenario, seed: int) -> BootSetup:
        """How a scenario is booted: its own machine, its program alone."""
        size = scenario.machine
        asked = ("--warmup", scenario.warmup, "--samples", scenario.samples, "--seed", seed)
        return BootSetup(
            arch.Machine(self.shop.tools.arch, size.memory, size.cpus, size.swap),
            self.accel,
            (_test(scenario, self.shop, self.pair[0].commit, tuple(str(word) for word in asked)),),
            self.shop.tools,
            self.shop.config_digest,
        )


def _test(scenario: Scenario, shop: BuildSetup, commit: str, words: tuple[str, ...]) -> GuestTest:
    selftest = Selftest.model_construct(
        program=scenario.program, name=scenario.program, args=(*scenario.args, *words), timeout=None
    )
    return stages.make_test(selftest, shop, commit)


def request(asked: Request, scenarios: Sequence[Scenario]) -> Request:
    """The request with the scenarios' programs in place of the tests: their collections' configuration comes along."""
    programs = dict.fromkeys(scenario.program for scenario in scenarios)
    tests = (Selftest.model_construct(program=each, name=each, args=(), timeout=None) for each in programs)
    return replace(asked, tests=tuple(tests))


def prepare(asked: Request, progress: Progress) -> BenchSetup:
    """Both kernels of a request that `request` has made. Raises what `pipeline.test` raises, ApplyError and all."""
    made = stages.make_pair(asked, progress)
    return replace(rig(asked, made.shop, (made.first, made.second), progress), sources=Sources(made.fetched, made.base))


def rig(asked: Request, shop: BuildSetup, pair: tuple[Kernel, Kernel], progress: Progress) -> BenchSetup:
    """Two kernels that are there already."""
    chosen = stages.choose_accelerator(asked.accel, asked.arch, pair[0].build.image, progress)
    tests = [stages.make_test(each, shop, pair[0].commit) for each in asked.tests]
    require(tests, pair)
    for kernel in pair:
        if missing := [test.name for test in tests if not runnable(test, kernel)]:
            raise InfrastructureError(
                f"{', '.join(missing)}: did not compile in the tree of {kernel.label}", hint=f"see {kernel.tests.log}"
            )
    return BenchSetup(shop, chosen, pair)


def run(made: BenchSetup, scenarios: Sequence[Scenario], plan: Plan, out: Path, progress: Progress) -> list[Sample]:
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
    recipe = made.recipe(turn.scenario, turn.seed)
    folder = out / turn.folder
    program = inside.read(kernel.tests.folder, turn.scenario.program) or b""
    origin = files.digest(kernel.build.image.read_bytes(), program, repr((turn.scenario, turn.seed)))[:16]
    if kept := _kept(folder / SAMPLES, origin, made.accel.name):
        return kept
    wanted = turn.scenario.warmup + turn.scenario.samples
    for number in range(1, TRIES + 1):
        shutil.rmtree(folder, ignore_errors=True)
        began, load = time.time(), os.getloadavg()[0]
        ran = boot_kernel(recipe, kernel, folder, progress, f"{turn.scenario.name} {turn.round + 1} {kernel.label}")
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
            files.write(folder / SAMPLES, samples.as_lines(taken))
            return taken
        aside = folder.with_name(f"{folder.name}.{attempts.FOLDER}{number}")
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
