"""A bench that was never run: samples drawn with a fixed seed, one of everything that a report can meet."""

from __future__ import annotations

import random

from series_ci.manifest.model import MachineSize, Scenario
from series_ci.report.bench import Bench
from series_ci.results import stats
from series_ci.results.metrics import measured
from series_ci.results.samples import SIDES, Sample

WINDOW = Scenario.model_construct(
    name="window", program="bench/window", args=(), machine=MachineSize(), samples=5, warmup=1, note="held in its exit"
)
CONTROL = Scenario.model_construct(
    name="control", program="bench/control", args=(), machine=MachineSize(), samples=5, warmup=1, note="nothing <exits>"
)

ENVIRONMENT = {"accelerator": "tcg", "accelerator_reason": "no /dev/kvm", "arch": "x86_64", "compiler": "gcc 12"}


def samples(rounds: int = 8, each: int = 5) -> list[Sample]:
    """Samples in which exits get faster, swap-outs vanish, skips appear, and the control stays as it is."""
    rng = random.Random(4)
    found = []
    for number in range(rounds):
        for side in SIDES:
            base = side == "base"
            for sample in range(each + 1):
                load = {"load_before": f"{rng.uniform(0.5, 3):.2f}", "load_after": "1.50"}
                figures = {
                    "window": {
                        "exit_ms": (60 if base else 45) * rng.uniform(0.95, 1.05),
                        "demand_ms": rng.lognormvariate(5, 0.7),
                        "swapped_per_exit": (32 << 20) - 4096.0 * rng.randrange(99) if base else 0.0,
                        "skips": 0.0 if base else float(rng.randrange(9000, 12000)),
                    },
                    "control": {"work_ms": 2000 * rng.uniform(0.97, 1.03), "skips": 0.0},
                }
                found += [
                    Sample(
                        scenario=name,
                        side=side,
                        label="base" if base else "v10",
                        round=number,
                        order=2 * number + (base == (number % 2 == 1)),
                        number=sample,
                        warmup=sample == 0,
                        metrics=metrics,
                        environment={**ENVIRONMENT, **load},
                    )
                    for name, metrics in figures.items()
                ]
    return found


def bench(rounds: int = 8) -> Bench:
    """What these samples come to."""
    taken = samples(rounds)
    return Bench(
        series="exit-skip",
        label="v10",
        message_id="20240710083641.546-1@example.org",
        base="debian:linux-source-6.12",
        base_commit="0123456789abcdef0123",
        margin=0.1,
        repeat="series-ci bench v10 --runs 8",
        scenarios=(WINDOW, CONTROL),
        samples=tuple(taken),
        findings=tuple(stats.judge(measured(taken), 0.1)),
    )
