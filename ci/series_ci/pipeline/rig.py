"""What is measured and how much of it: the two kernels of a bench, what they are booted with, and the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from series_ci import arch
from series_ci.errors import InfrastructureError
from series_ci.guest.accel import Accelerator
from series_ci.guest.boot import BootSetup, require, runnable
from series_ci.guest.initramfs import GuestTest
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.kernel.source import Base
from series_ci.mail.fetch import Fetched
from series_ci.manifest.model import Scenario, Selftest
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.progress import Progress
from series_ci.results import stats
from series_ci.results.metrics import measured
from series_ci.results.samples import Sample


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

    build_setup: BuildSetup
    accel: Accelerator
    pair: tuple[Kernel, Kernel]
    sources: Sources | None = None

    def boot_setup(self, scenario: Scenario, seed: int) -> BootSetup:
        """How a scenario is booted: its own machine, its program alone."""
        size = scenario.machine
        asked = ("--warmup", scenario.warmup, "--samples", scenario.samples, "--seed", seed)
        return BootSetup(
            arch.Machine(self.build_setup.tools.arch, size.memory, size.cpus, size.swap),
            self.accel,
            (_test(scenario, self.build_setup, self.pair[0].commit, tuple(str(word) for word in asked)),),
            self.build_setup.tools,
            self.build_setup.config_digest,
        )


def _test(scenario: Scenario, build_setup: BuildSetup, commit: str, words: tuple[str, ...]) -> GuestTest:
    selftest = Selftest.model_construct(
        program=scenario.program, name=scenario.program, args=(*scenario.args, *words), timeout=None
    )
    return stages.make_test(selftest, build_setup, commit)


def request(asked: Request, scenarios: Sequence[Scenario]) -> Request:
    """The request with the scenarios' programs in place of the tests: their collections' configuration comes along."""
    programs = dict.fromkeys(scenario.program for scenario in scenarios)
    tests = (Selftest.model_construct(program=each, name=each, args=(), timeout=None) for each in programs)
    return replace(asked, tests=tuple(tests))


def prepare(asked: Request, progress: Progress) -> BenchSetup:
    """Both kernels of a request that `request` has made. Raises what `pipeline.test` raises, ApplyError and all."""
    made = stages.make_pair(asked, progress)
    return replace(
        of_kernels(asked, made.build_setup, (made.first, made.second), progress),
        sources=Sources(made.fetched, made.base),
    )


def of_kernels(asked: Request, build_setup: BuildSetup, pair: tuple[Kernel, Kernel], progress: Progress) -> BenchSetup:
    """Two kernels that are there already."""
    chosen = stages.choose_accelerator(asked.accel, asked.arch, pair[0].build.image, progress)
    tests = [stages.make_test(each, build_setup, pair[0].commit) for each in asked.tests]
    require(tests, pair)
    for kernel in pair:
        if missing := [test.name for test in tests if not runnable(test, kernel)]:
            raise InfrastructureError(
                f"{', '.join(missing)}: did not compile in the tree of {kernel.label}", hint=f"see {kernel.tests.log}"
            )
    return BenchSetup(build_setup, chosen, pair)
