"""Make the lock of a bench, or of reported figures that were measured, from its samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from series_ci.guest import qemu
from series_ci.manifest.model import Scenario
from series_ci.manifest.reported import Reported
from series_ci.manifest.request import Request
from series_ci.pipeline.rig import BenchSetup, Plan, Sources
from series_ci.pipeline.runlock import inputs, tools
from series_ci.results.metrics import in_order
from series_ci.results.samples import SIDES, Sample
from series_ci.rundir import runlock
from series_ci.rundir.runlock import Lock, MeasuredResults


def of_bench(
    request: Request,
    bench_setup: BenchSetup,
    scenarios: Sequence[Scenario],
    plan: Plan,
    samples: Sequence[Sample],
    *,
    margin: float = 0.1,
    reported: Reported | None = None,
) -> Lock:
    """Return the lock of a measurement.

    A bench measures both kernels. With `reported`, the lock is of figures from the list, and only the kernel with the
    series was measured. `margin` is the largest change that counts as none, a fraction.
    """
    sources, environment = _sources(bench_setup), samples[-1].environment
    images = {side: kernel.build.image_digest for side, kernel in zip(SIDES, bench_setup.pair, strict=True)}
    return Lock(
        verb="reproduce" if reported else "bench",
        measure=runlock.Measure(
            scenarios=tuple(scenarios),
            runs=_rounds(samples),
            seed=plan.seed,
            margin=margin,
            accel=bench_setup.accel.name,
        ),
        reported=reported,
        measured=tuple(measured(samples)),
        **inputs(request, sources.fetched, sources.base, bench_setup.build_setup, bench_setup.pair[1].commit),
        tools=tools(request, bench_setup.build_setup, environment, _argv(bench_setup, scenarios[-1]), images),
    )


def _sources(bench_setup: BenchSetup) -> Sources:
    assert bench_setup.sources is not None  # those of a version
    return bench_setup.sources


def _rounds(samples: Sequence[Sample]) -> int:
    return 1 + max(each.round for each in samples)


def measured(samples: Sequence[Sample]) -> list[MeasuredResults]:
    """Return median, range and number of the samples per scenario, side and metric, without those for warming up."""
    kept = [each for each in samples if not each.warmup]
    rows = []
    for scenario in dict.fromkeys(each.scenario for each in kept):
        for side in SIDES:
            of_side = [each.metrics for each in kept if (each.scenario, each.side) == (scenario, side)]
            for name in in_order(name for each in of_side for name in each):
                values = [each[name] for each in of_side if name in each]
                rows.append(
                    MeasuredResults(
                        scenario=scenario,
                        side="base" if side == SIDES[0] else "patched",
                        metric=name,
                        median=median(values),
                        least=min(values),
                        greatest=max(values),
                        samples=len(values),
                    )
                )
    return rows


def _argv(bench_setup: BenchSetup, scenario: Scenario) -> list[str]:
    """Return QEMU's command line for a scenario."""
    boot_setup = bench_setup.boot_setup(scenario, 0)
    image, files_there = bench_setup.pair[1].build.image, qemu.Files(Path())
    return qemu.command_line(boot_setup.machine, boot_setup.accel.name, image, Path("initramfs.cpio"), files_there)
