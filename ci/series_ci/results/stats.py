"""Samples of two kernels -> what may be said of the difference. Pure: figures in, findings out, the same each time.

What is independent of what. The samples of one boot share its memory layout, its host load and whatever the samples
before them left: they are no independent observations, and a test that takes them for such finds differences between a
kernel and itself. The unit here is the boot. Each boot gives one figure per metric, over its samples: the median of a
time, where one that was disturbed should not count, and the mean of an amount (bytes, pages, skips), where the rare
large ones are what it is about. All that follows knows only those figures:

* the estimate is the ratio of the two medians over boots (where a zero among them forbids that, the difference);
* its interval is a bootstrap over rounds. A round is one boot of each kernel, one right after the other, and is drawn
  as a whole, so that a host that grew slower meanwhile moves both. Drawing from n boots reaches a little less far than
  n boots do; the interval is widened for that as Hesterberg (2015) has it: the level that a t interval of n would need;
* the probability is that of a Mann-Whitney test of the boots, exact or by permutation where figures are equal, with
  Holm's correction over all metrics of all scenarios of the bench: one verdict in forty is not to be had for nothing.

Both have to agree before a metric is called better or worse. "No change" needs evidence as well: the whole interval
within the margin. What is neither is "not enough runs"; and below LEAST boots of each kernel everything is, for not
even the range of five figures holds their median with 95%.

To go on until an interval is narrow enough (`precise`) does not favour either verdict: it looks at the width, never at
where the interval lies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
"""Of the intervals; what is left of 1 is the chance that a bench of two equal kernels calls any metric changed."""

LEAST = 6
"""Boots of each kernel: that all n lie on one side of their median has the chance 2 / 2^n: 3% for six, 6% for five."""

POWER = 0.8
"""How often the smallest effect that is told of would have been found."""

DRAWS = 2999
"""Of the bootstrap, and of the permutations."""

Figures = NDArray[np.float64]


class SampleKind(StrEnum):
    """What a metric counts: decides how the samples of a boot become its one figure."""

    TIME = "time"
    AMOUNT = "amount"


class Better(StrEnum):
    """Which way a metric had better go; of what is only evidence, neither."""

    LESS = "less"
    NEITHER = "neither"


class Verdict(StrEnum):
    """What the runs show of a metric."""

    BETTER = "better"
    WORSE = "worse"
    CHANGED = "changed"
    SAME = "no change"
    UNKNOWN = "not enough runs"


@dataclass(frozen=True)
class Metric:
    """One measured quantity of one scenario. `name` is unique in its scenario."""

    scenario: str
    name: str
    kind: SampleKind
    better: Better = Better.LESS


@dataclass(frozen=True)
class Finding:
    """What is known of a metric. `base` and `patched` are medians over boots.

    With `relative`, `change` and the interval `low` to `high` are ratios, patched over base, and `detectable` is the
    smallest deviation from 1 that so many runs find in 80% of all cases; else they are differences, and 0 is no change.
    `detectable` is infinite where no effect at all could have been found. `p` is corrected.
    """

    metric: Metric
    rounds: int
    samples: int
    base: float
    patched: float
    relative: bool
    change: float
    low: float
    high: float
    p: float
    detectable: float
    verdict: Verdict

    @property
    def half_width(self) -> float:
        """Of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Rounds:
    """The samples of a metric: for each round those of the base's boot and those of the patched kernel's."""

    base: Sequence[Sequence[float]]
    patched: Sequence[Sequence[float]]


def judge(measured: Mapping[Metric, Rounds], margin: float) -> list[Finding]:
    """A finding for each metric. `margin` is how large a change is still none, as a fraction: 0.1 is ±10%."""
    figures = {
        metric: (_of_boots(pair.base, metric), _of_boots(pair.patched, metric)) for metric, pair in measured.items()
    }
    raw = {metric: _probability(*pair) for metric, pair in figures.items()}
    # Where all figures are equal there is nothing to test, whoever they belong to; so that is no choice by outcome.
    tested = [metric for metric, pair in figures.items() if len(np.unique(np.concatenate(pair))) > 1]
    corrected = dict(zip(tested, holm([raw[metric] for metric in tested]), strict=True))
    found = []
    for metric, pair in measured.items():
        finding = _estimate(metric, *figures[metric], corrected.get(metric, 1.0), len(tested))
        finding = replace(finding, samples=sum(len(boot) for boot in (*pair.base, *pair.patched)))
        found.append(replace(finding, verdict=_verdict(finding, margin)))
    return found


def precise(findings: Sequence[Finding], precision: float) -> bool:
    """Whether the interval of every time is as narrow as ± `precision`, as a fraction.

    Amounts do not count: of a race that was won in one boot of three there never is a narrow one.
    """
    times = [each for each in findings if each.metric.kind is SampleKind.TIME and each.relative]
    return all(each.rounds >= LEAST and each.half_width <= precision for each in times)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Holm's correction, in the given order: the smallest counts n times, the next n-1 times, none less than before."""
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place])
    corrected = [0.0] * len(order)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, probabilities[place] * (len(order) - rank)))
        corrected[place] = largest
    return corrected


def _of_boots(boots: Sequence[Sequence[float]], metric: Metric) -> Figures:
    one = np.median if metric.kind is SampleKind.TIME else np.mean
    return np.array([one(np.asarray(boot, float)) for boot in boots], float)


def _probability(base: Figures, patched: Figures) -> float:
    both = np.concatenate((base, patched))
    if min(len(base), len(patched)) < 2 or len(np.unique(both)) == 1:
        return 1.0
    ties = len(np.unique(both)) < len(both)
    method: Any = stats.PermutationMethod(n_resamples=DRAWS, rng=np.random.default_rng(1)) if ties else "exact"
    return min(1.0, float(stats.mannwhitneyu(base, patched, method=method).pvalue))


def _estimate(metric: Metric, base: Figures, patched: Figures, p: float, tested: int) -> Finding:
    relative = bool(base.size and base.min() > 0 and patched.min() > 0)
    middle, other = (float(np.median(each)) if each.size else math.nan for each in (base, patched))
    low, high = _interval(base, patched, relative=relative)
    return Finding(
        metric,
        rounds=len(base),
        samples=0,
        base=middle,
        patched=other,
        relative=relative,
        change=other / middle if relative else other - middle,
        low=low,
        high=high,
        p=p,
        detectable=_detectable(base, patched, tested, relative=relative),
        verdict=Verdict.UNKNOWN,
    )


def _interval(base: Figures, patched: Figures, *, relative: bool) -> tuple[float, float]:
    """The bootstrap interval of the ratio, or of the difference, of the medians; all there is for a single round."""
    number = len(base)
    if number < 2:
        return -math.inf, math.inf
    places = np.random.default_rng(number).integers(0, number, (DRAWS, number))
    first, second = np.median(base[places], axis=1), np.median(patched[places], axis=1)
    drawn = second / first if relative else second - first
    needed = stats.t.ppf((1 + LEVEL) / 2, number - 1) * math.sqrt(number / (number - 1))
    tail = float(stats.norm.cdf(-needed))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _detectable(base: Figures, patched: Figures, tested: int, *, relative: bool) -> float:
    """The smallest effect that the test finds with POWER, were this metric the last of `tested` to be corrected for.

    For normal figures of the spread that was seen within each kernel; 2/pi is what medians cost against means then, and
    more than the ranks of the test do. As a deviation from 1, upwards, of a ratio.
    """
    number = len(base)
    if number < LEAST:
        return math.inf
    level = (1 - LEVEL) / max(1, tested)
    if 2 / math.comb(2 * number, number) > level:  # not even if all of one kernel's figures are above the other's
        return math.inf
    spread = math.sqrt(sum(float(np.var(np.log(each) if relative else each, ddof=1)) for each in (base, patched)) / 2)
    quantiles = stats.t.ppf([1 - level / 2, POWER], 2 * number - 2)
    effect = float(quantiles.sum()) * spread * math.sqrt(2 / number / (2 / math.pi))
    return math.expm1(effect) if relative else effect


def _verdict(finding: Finding, margin: float) -> Verdict:
    if finding.rounds < LEAST:
        return Verdict.UNKNOWN
    none = 1.0 if finding.relative else 0.0
    # A ratio may be as far below 1 as its reciprocal is above.
    room = margin * max(abs(finding.base), abs(finding.patched))
    least, most = (1 / (1 + margin), 1 + margin) if finding.relative else (-room, room)
    if least <= finding.low and finding.high <= most:
        return Verdict.SAME
    if finding.low <= none <= finding.high or finding.p > 1 - LEVEL:
        return Verdict.UNKNOWN
    if finding.metric.better is Better.NEITHER:
        return Verdict.CHANGED
    return Verdict.BETTER if finding.change < none else Verdict.WORSE
