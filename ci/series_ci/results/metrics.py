"""What a scenario of `series-ci bench` may measure: names, units, and whether less is better. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from series_ci.results.samples import SIDES, Sample
from series_ci.results.stats import Better, Metric, Rounds, SampleKind


@dataclass(frozen=True)
class Quantity:
    """One kind of figure. `title` says what it is, `unit` is the unit of the samples."""

    title: str
    unit: str
    kind: SampleKind
    better: Better = Better.LESS


QUANTITIES = {
    "exit_ms": Quantity("from the kill (in window: from the window's end) until all are reaped", "ms", SampleKind.TIME),
    "demand_ms": Quantity("until the process that wants memory has it", "ms", SampleKind.TIME),
    "work_ms": Quantity("once over the working set", "ms", SampleKind.TIME),
    "exiting_cpu_ms": Quantity("processor time of the exiting tasks, from the kill on", "ms", SampleKind.TIME),
    "worker_cpu_ms": Quantity("processor time of the one that works", "ms", SampleKind.TIME),
    "kswapd_ms": Quantity("processor time of kswapd", "ms", SampleKind.TIME),
    "system_ms": Quantity("time in the kernel, all CPUs (by ticks of 10 ms)", "ms", SampleKind.TIME),
    "swapped_per_exit": Quantity(
        "of the exiting processes' memory, written to swap per exit", "bytes", SampleKind.AMOUNT
    ),
    "pswpout": Quantity("written to swap, whole machine", "pages", SampleKind.AMOUNT),
    "pswpin": Quantity("read from swap, whole machine", "pages", SampleKind.AMOUNT),
    "ref_keep": Quantity(
        "kept by reclaim, for they were referenced (nr_ref_keep)", "pages", SampleKind.AMOUNT, Better.NEITHER
    ),
    "skips": Quantity("folio_referenced() returned -1", "times", SampleKind.AMOUNT, Better.NEITHER),
    "skipped_bytes": Quantity("in the folios of these returns", "bytes", SampleKind.AMOUNT, Better.NEITHER),
}
"""The known metrics, in the order in which reports show them."""


def quantity(name: str) -> Quantity:
    """Return what is known of a metric. An unknown one has no better direction, and is only evidence."""
    return QUANTITIES.get(name) or Quantity(
        name, "", SampleKind.TIME if name.endswith("_ms") else SampleKind.AMOUNT, Better.NEITHER
    )


def measured(samples: Sequence[Sample]) -> dict[Metric, Rounds]:
    """Return the samples by metric and round, without warm-up samples and without rounds that only one kernel has."""
    kept = [sample for sample in samples if not sample.warmup]
    by_metric: dict[Metric, Rounds] = {}
    for scenario in dict.fromkeys(sample.scenario for sample in kept):
        of_scenario = [sample for sample in kept if sample.scenario == scenario]
        numbers = sorted({sample.round for sample in of_scenario})
        rounds = [number for number in numbers if len(_sides(of_scenario, number)) == len(SIDES)]
        for name in in_order(name for sample in of_scenario for name in sample.metrics):
            known = quantity(name)
            pair = ([_values(of_scenario, side, number, name) for number in rounds] for side in SIDES)
            by_metric[Metric(scenario, name, known.kind, known.better)] = Rounds(*pair)
    return by_metric


def in_order(names: Iterable[str]) -> list[str]:
    """Return each name once: known ones in the order of QUANTITIES, others after them."""
    known = list(QUANTITIES)
    return sorted(dict.fromkeys(names), key=lambda name: known.index(name) if name in known else len(known))


def _sides(samples: Sequence[Sample], number: int) -> set[str]:
    return {sample.side for sample in samples if sample.round == number}


def _values(samples: Sequence[Sample], side: str, number: int, name: str) -> list[float]:
    return [sample.metrics[name] for sample in samples if (sample.side, sample.round) == (side, number)]
