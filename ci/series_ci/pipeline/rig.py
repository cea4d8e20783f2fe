"""Prepare a bench: its two kernels, what they are booted with, and the number of rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from series_ci import arch
from series_ci.errors import InfrastructureError
from series_ci.guest.accel import Accelerator
from series_ci.guest.boot import BootSetup, require, runnable
from series_ci.guest.initramfs import GuestTest
from series_ci.kernel.base import Base
from series_ci.kernel.kernel import BuildSetup, Kernel
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
    """The number of rounds: `runs`, or with a `precision` at least `runs` and at most `most`.

    Rounds go on until the interval of every time of a scenario is at most ± `precision`, a fraction. `seed` is that of
    the first round; each further round adds 1.
    """

    runs: int
    most: int
    seed: int = 1
    precision: float | None = None

    @property
    def limit(self) -> int:
        """The maximum number of rounds."""
        return self.runs if self.precision is None else self.most

    def enough(self, rounds: int, samples: Sequence[Sample]) -> bool:
        """Return whether a scenario, with these samples of `rounds` rounds, is measured precisely enough."""
        if self.precision is None or rounds < self.runs:
            return False
        return stats.precise(stats.judge(measured(samples), self.precision), self.precision)


@dataclass(frozen=True)
class Sources:
    """The mails and the base that the two kernels were made of."""

    fetched: Fetched
    base: Base


@dataclass(frozen=True)
class BenchSetup:
    """The two kernels, base first, and what they are booted with. Only kernels of a version have `sources`."""

    build_setup: BuildSetup
    accel: Accelerator
    pair: tuple[Kernel, Kernel]
    sources: Sources | None = None

    def boot_setup(self, scenario: Scenario, seed: int) -> BootSetup:
        """Return what a scenario is booted with: the machine of its size, and its program as the only test."""
        size = scenario.machine
        arguments = ("--warmup", scenario.warmup, "--samples", scenario.samples, "--seed", seed)
        return BootSetup(
            arch.Machine(self.build_setup.tools.arch, size.memory, size.cpus, size.swap),
            self.accel,
            (_test(scenario, self.build_setup, self.pair[0].commit, tuple(str(word) for word in arguments)),),
            self.build_setup.tools,
            self.build_setup.config_digest,
        )


def _test(scenario: Scenario, build_setup: BuildSetup, commit: str, words: tuple[str, ...]) -> GuestTest:
    selftest = Selftest.model_construct(
        program=scenario.program, name=scenario.program, args=(*scenario.args, *words), timeout=None
    )
    return stages.make_test(selftest, build_setup, commit)


def request(asked: Request, scenarios: Sequence[Scenario]) -> Request:
    """Return the request with the scenarios' programs as its tests, which adds their collections' configuration."""
    programs = dict.fromkeys(scenario.program for scenario in scenarios)
    tests = (Selftest.model_construct(program=each, name=each, args=(), timeout=None) for each in programs)
    return replace(asked, tests=tuple(tests))


def prepare(asked: Request, progress: Progress) -> BenchSetup:
    """Build both kernels of what `request` returned. Raises what `stages.make_pair` and `of_kernels` raise."""
    kernels = stages.make_pair(asked, progress)
    return replace(
        of_kernels(asked, kernels.build_setup, (kernels.first, kernels.second), progress),
        sources=Sources(kernels.fetched, kernels.base),
    )


def of_kernels(asked: Request, build_setup: BuildSetup, pair: tuple[Kernel, Kernel], progress: Progress) -> BenchSetup:
    """Return the setup of two kernels that are built, base first.

    Raises UsageError if neither has a test of the request, InfrastructureError if one of them lacks a test.
    """
    chosen = stages.choose_accelerator(asked.accel, asked.arch, pair[0].build.image, progress)
    tests = [stages.make_test(each, build_setup, pair[0].commit) for each in asked.tests]
    require(tests, pair)
    for kernel in pair:
        if missing := [test.name for test in tests if not runnable(test, kernel)]:
            raise InfrastructureError(
                f"{', '.join(missing)}: did not compile in the tree of {kernel.label}", hint=f"see {kernel.tests.log}"
            )
    return BenchSetup(build_setup, chosen, pair)
