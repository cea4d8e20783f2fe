"""Compare reported figures with measured ones, and a run with one that was made again from its lock.

Pure; the words for the list are in `report.reproduction`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from series_ci.manifest.reported import Figure
from series_ci.results.samples import Sample
from series_ci.rundir.runlock import Built, Lock, MeasuredResults

ORDER = 10
"""Two figures are of the same order if the larger one is less than so many times the smaller one."""


class FigureVerdict(StrEnum):
    """What a measurement says of a reported figure."""

    REPRODUCED = "reproduced"
    ORDER = "same order"
    NOT = "not reproduced"
    CANNOT = "cannot"


GOOD = (FigureVerdict.REPRODUCED, FigureVerdict.ORDER)


@dataclass(frozen=True)
class FigureRow:
    """A reported figure and the median, range and number of its samples; `why` says why there are none."""

    figure: Figure
    verdict: FigureVerdict
    median: float = math.nan
    least: float = math.nan
    greatest: float = math.nan
    samples: int = 0
    why: str = ""


def judge(figure: Figure, values: Sequence[float], why: str) -> FigureRow:
    """Compare a figure with the measured values; `why` is the reason if there are none."""
    if not values:
        return FigureRow(figure, FigureVerdict.CANNOT, why=why)
    middle, least, greatest = median(values), min(values), max(values)
    if least <= figure.value <= greatest:
        verdict = FigureVerdict.REPRODUCED
    elif middle * figure.value > 0 and 1 / ORDER < middle / figure.value < ORDER:
        verdict = FigureVerdict.ORDER
    else:
        verdict = FigureVerdict.NOT
    return FigureRow(figure, verdict, middle, least, greatest, len(values))


def rows(figures: Sequence[Figure], samples: Sequence[Sample], trouble: str = "") -> list[FigureRow]:
    """Return a row for each reported figure; `trouble` is the reason if there are no samples."""
    kept = [sample for sample in samples if not sample.warmup]
    judged = []
    for figure in figures:
        values = [sample.metrics[figure.metric] for sample in kept if figure.metric in sample.metrics]
        judged.append(judge(figure, values, trouble or f"the scenario does not measure {figure.metric} on this kernel"))
    return judged


@dataclass(frozen=True)
class Mismatch:
    """Something that differs between the two runs."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Repeated:
    """A run that was made again from its lock: the tools and the results that differ, and how many results agree."""

    tools: tuple[Mismatch, ...]
    results: tuple[Mismatch, ...]
    agreeing: int

    @property
    def same(self) -> bool:
        """Whether the results are those of the lock."""
        return not self.results


def compare(then: Lock, now: Lock) -> Repeated:
    """Compare a run with one that was made again from its lock."""
    if then.tested:
        mismatches = _tested(then, now)
    elif then.accel and then.accel != now.accel:
        mismatches = [_not_compared(each, now.accel) for each in then.measured]
    else:
        mismatches = _measured(then.measured, now.measured)
    return Repeated(
        tuple(_tools(then, now)), tuple(each for each in mismatches if each), sum(not each for each in mismatches)
    )


def _tools(then: Lock, now: Lock) -> list[Mismatch]:
    """Return the tools and machine properties that differ. That is no error, but readers have to know it."""
    pairs = [
        ("series-ci", then.tools.series_ci, now.tools.series_ci),
        ("compiler", then.tools.compiler, now.tools.compiler),
        ("QEMU", then.tools.qemu, now.tools.qemu),
        ("host", then.tools.host, now.tools.host),
        ("configuration", then.config.digest, now.config.digest),
        ("own selftests", then.tools.selftests, now.tools.selftests),
        ("accelerator", then.accel or now.accel, now.accel),
        *((f"kernel ({side})", image, now.tools.images.get(side, "")) for side, image in then.tools.images.items()),
    ]
    return [Mismatch(*pair) for pair in pairs if pair[1] != pair[2]]


def _tested(then: Lock, now: Lock) -> list[Mismatch | None]:
    """Return an entry for each result: None if it agrees."""
    one, two = then.tested, now.tested
    if one is None or two is None:
        return []
    mismatches: list[Mismatch | None] = []
    for name in {**one.changes, **two.changes}:
        sides = [f"{run.base.get(name, 'absent')} -> {run.patched.get(name, 'absent')}" for run in (one, two)]
        mismatches.append(Mismatch(name, *sides) if sides[0] != sides[1] else None)
    builds = [{each.name: _build(each) for each in run.patches} for run in (then, now)]
    for name in {**builds[0], **builds[1]}:
        sides = [side.get(name, "absent") for side in builds]
        mismatches.append(Mismatch(f"build of {name}", *sides) if sides[0] != sides[1] else None)
    for what, then_, now_ in (
        ("verdict", one.verdict, two.verdict),
        ("new complaints of the kernel", " ".join(one.complaints) or "none", " ".join(two.complaints) or "none"),
    ):
        mismatches.append(Mismatch(what, then_, now_) if then_ != now_ else None)
    return mismatches


def _build(build: Built) -> str:
    return ", ".join(["builds" if build.builds else "does not build", *build.new_warnings])


def _measured(then: Sequence[MeasuredResults], now: Sequence[MeasuredResults]) -> list[Mismatch | None]:
    """Return an entry for each metric: None if the median of one run lies in the range of the other."""
    seen = {(each.scenario, each.side, each.metric): each for each in now}
    mismatches: list[Mismatch | None] = []
    for old in then:
        key = (old.scenario, old.side, old.metric)
        new = seen.get(key)
        agrees = new is not None and (
            old.least <= new.median <= old.greatest or new.least <= old.median <= new.greatest
        )
        mismatches.append(
            None if agrees else Mismatch(" ".join(key), _range(old), _range(new) if new else "not measured")
        )
    return mismatches


def _not_compared(old: MeasuredResults, accel: str) -> Mismatch:
    """Return the entry of a metric that was measured under another accelerator, and so cannot be compared."""
    return Mismatch(f"{old.scenario} {old.side} {old.metric}", _range(old), f"not compared: measured under {accel}")


def _range(metric: MeasuredResults) -> str:
    return f"{metric.median:g} [{metric.least:g}, {metric.greatest:g}]"
