"""What a reproduction comes to: figures that were reported beside those that were measured, or one run beside another.

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
    """What may be said of a reported figure."""

    REPRODUCED = "reproduced"
    ORDER = "same order"
    NOT = "not reproduced"
    CANNOT = "cannot"


GOOD = (FigureVerdict.REPRODUCED, FigureVerdict.ORDER)


@dataclass(frozen=True)
class FigureRow:
    """A reported figure and what was measured; `why` says why nothing was."""

    figure: Figure
    verdict: FigureVerdict
    median: float = math.nan
    least: float = math.nan
    greatest: float = math.nan
    samples: int = 0
    why: str = ""


def judge(figure: Figure, values: Sequence[float], why: str) -> FigureRow:
    """The figure beside what was measured of it; `why` says why there is none, if there is none."""
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
    """Every reported figure judged; `trouble` is why there are no samples."""
    kept = [sample for sample in samples if not sample.warmup]
    found = []
    for figure in figures:
        values = [sample.metrics[figure.metric] for sample in kept if figure.metric in sample.metrics]
        found.append(judge(figure, values, trouble or f"the scenario does not measure {figure.metric} on this kernel"))
    return found


@dataclass(frozen=True)
class Mismatch:
    """Something that is not as it was."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Repeated:
    """A run made again from its lock: what it was made with that differs, which results differ, and how many agree."""

    tools: tuple[Mismatch, ...]
    results: tuple[Mismatch, ...]
    agreeing: int

    @property
    def same(self) -> bool:
        """Whether the results are those of the lock."""
        return not self.results


def compare(then: Lock, now: Lock) -> Repeated:
    """Two runs of the same inputs."""
    if then.tested:
        found = _tested(then, now)
    elif then.accel and then.accel != now.accel:
        found = [_not_compared(each, now.accel) for each in then.measured]
    else:
        found = _measured(then.measured, now.measured)
    return Repeated(tuple(_tools(then, now)), tuple(each for each in found if each), sum(not each for each in found))


def _tools(then: Lock, now: Lock) -> list[Mismatch]:
    """What is of this machine or of this program: it may differ, and whoever reads the result has to know."""
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
    """One entry for each result, None for one that agrees."""
    one, two = then.tested, now.tested
    if one is None or two is None:
        return []
    found: list[Mismatch | None] = []
    for name in {**one.changes, **two.changes}:
        sides = [f"{run.base.get(name, 'absent')} -> {run.patched.get(name, 'absent')}" for run in (one, two)]
        found.append(Mismatch(name, *sides) if sides[0] != sides[1] else None)
    builds = [{each.name: _build(each) for each in run.patches} for run in (then, now)]
    for name in {**builds[0], **builds[1]}:
        sides = [side.get(name, "absent") for side in builds]
        found.append(Mismatch(f"build of {name}", *sides) if sides[0] != sides[1] else None)
    for what, then_, now_ in (
        ("verdict", one.verdict, two.verdict),
        ("new complaints of the kernel", " ".join(one.complaints) or "none", " ".join(two.complaints) or "none"),
    ):
        found.append(Mismatch(what, then_, now_) if then_ != now_ else None)
    return found


def _build(found: Built) -> str:
    return ", ".join(["builds" if found.builds else "does not build", *found.new_warnings])


def _measured(then: Sequence[MeasuredResults], now: Sequence[MeasuredResults]) -> list[Mismatch | None]:
    """A metric agrees if its median lies in the other run's range, on either side."""
    seen = {(each.scenario, each.side, each.metric): each for each in now}
    found: list[Mismatch | None] = []
    for old in then:
        key = (old.scenario, old.side, old.metric)
        new = seen.get(key)
        agrees = new is not None and (
            old.least <= new.median <= old.greatest or new.least <= old.median <= new.greatest
        )
        found.append(None if agrees else Mismatch(" ".join(key), _range(old), _range(new) if new else "not measured"))
    return found


def _not_compared(old: MeasuredResults, accel: str) -> Mismatch:
    """Figures of KVM and of TCG have nothing to do with each other."""
    return Mismatch(f"{old.scenario} {old.side} {old.metric}", _range(old), f"not compared: measured under {accel}")


def _range(found: MeasuredResults) -> str:
    return f"{found.median:g} [{found.least:g}, {found.greatest:g}]"
