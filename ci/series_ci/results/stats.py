"""Decide from the samples of two kernels what may be said of the difference. Pure and deterministic.

The unit is the boot. The samples of one boot share its memory layout, the load of the host and whatever earlier samples
left behind: they are not independent, and a test that treats them as independent finds differences between a kernel and
itself. So each boot gives one figure per metric: the median of its samples for a time, so that a disturbed sample does
not count, and the mean for an amount (bytes, pages, skips), where the rare large samples are what matters. From these
figures alone are computed:

* the estimate: the ratio of the two medians over boots, or their difference if any figure is zero.
* its interval: a bootstrap over rounds. A round is one boot of each kernel, one right after the other. It is drawn as a
  whole, so that a host that becomes slower affects both. Drawing from n boots gives too narrow an interval; it is
  widened as in Hesterberg (2015), to the level that a t interval of n boots would need.
* the probability: a Mann-Whitney test of the boots, exact, or by permutation if figures are equal, with Holm's
  correction over all metrics of all scenarios. Without it one verdict in forty would be wrong by chance.

Both have to agree before a metric is called better or worse. "No change" needs evidence too: the whole interval lies
within the margin. Everything else is "not enough runs", and so is everything below LEAST boots of each kernel: not even
the range of five figures contains their median with 95% confidence.

Running until the interval is narrow enough (`precise`) favours no verdict: it depends on the width of the interval,
never on where it lies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
"""The confidence level. A bench of two equal kernels calls any of its metrics changed with probability 1 - LEVEL."""

LEAST = 6
"""The minimum number of boots of each kernel.

All n boots lie on one side of their median with probability 2 / 2^n: 3% for six boots, 6% for five.
"""

POWER = 0.8
"""The probability with which the smallest detectable effect would have been found."""

DRAWS = 2999
"""The number of draws of the bootstrap, and of the permutations."""

Figures = NDArray[numpy.float64]


class SampleKind(StrEnum):
    """What a metric counts. This decides how the samples of a boot become one figure."""

    TIME = "time"
    AMOUNT = "amount"


class Better(StrEnum):
    """Which direction is better; neither for a metric that is only evidence."""

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

    If `relative`, then `change` and the interval from `low` to `high` are ratios, patched over base, and `detectable`
    is the smallest deviation from 1 that this number of runs finds in 80% of all cases. Otherwise they are differences,
    and 0 is no change. `detectable` is infinite if no effect could have been found. `p` is corrected for multiple
    tests.
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
        """Return half the width of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Rounds:
    """The samples of a metric: for each round those of the base's boot and those of the patched kernel's boot."""

    base: Sequence[Sequence[float]]
    patched: Sequence[Sequence[float]]


def judge(measured: Mapping[Metric, Rounds], margin: float) -> list[Finding]:
    """Return a finding for each metric. A change within `margin`, a fraction (0.1 is ±10%), counts as none."""
    figures = {
        metric: (_of_boots(pair.base, metric), _of_boots(pair.patched, metric)) for metric, pair in measured.items()
    }
    raw = {metric: _probability(*pair) for metric, pair in figures.items()}
    # Equal figures cannot be tested, whichever kernel they belong to. So leaving them out does not select by outcome.
    tested = [metric for metric, pair in figures.items() if len(numpy.unique(numpy.concatenate(pair))) > 1]
    corrected = dict(zip(tested, holm([raw[metric] for metric in tested]), strict=True))
    findings = []
    for metric, pair in measured.items():
        finding = _estimate(metric, *figures[metric], corrected.get(metric, 1.0), len(tested))
        finding = replace(finding, samples=sum(len(boot) for boot in (*pair.base, *pair.patched)))
        findings.append(replace(finding, verdict=_verdict(finding, margin)))
    return findings


def precise(findings: Sequence[Finding], precision: float) -> bool:
    """Return whether the interval of every time is at most ± `precision`, a fraction.

    Amounts do not count: an amount that depends on a race which is won in one boot of three never has a narrow
    interval.
    """
    times = [finding for finding in findings if finding.metric.kind is SampleKind.TIME and finding.relative]
    return all(finding.rounds >= LEAST and finding.half_width <= precision for finding in times)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Return the probabilities with Holm's correction, in the given order.

    The smallest is multiplied by n, the next by n-1, and so on; none becomes smaller than the one before it.
    """
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place])
    corrected = [0.0] * len(order)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, probabilities[place] * (len(order) - rank)))
        corrected[place] = largest
    return corrected


def _of_boots(boots: Sequence[Sequence[float]], metric: Metric) -> Figures:
    average = numpy.median if metric.kind is SampleKind.TIME else numpy.mean
    return numpy.array([average(numpy.asarray(boot, float)) for boot in boots], float)


def _probability(base: Figures, patched: Figures) -> float:
    both = numpy.concatenate((base, patched))
    if min(len(base), len(patched)) < 2 or len(numpy.unique(both)) == 1:
        return 1.0
    ties = len(numpy.unique(both)) < len(both)
    method: Any = stats.PermutationMethod(n_resamples=DRAWS, rng=numpy.random.default_rng(1)) if ties else "exact"
    return min(1.0, float(stats.mannwhitneyu(base, patched, method=method).pvalue))


def _estimate(metric: Metric, base: Figures, patched: Figures, p: float, tested: int) -> Finding:
    relative = bool(base.size and base.min() > 0 and patched.min() > 0)
    medians = [float(numpy.median(figures)) if figures.size else math.nan for figures in (base, patched)]
    base_median, patched_median = medians
    low, high = _interval(base, patched, relative=relative)
    return Finding(
        metric,
        rounds=len(base),
        samples=0,
        base=base_median,
        patched=patched_median,
        relative=relative,
        change=patched_median / base_median if relative else patched_median - base_median,
        low=low,
        high=high,
        p=p,
        detectable=_detectable(base, patched, tested, relative=relative),
        verdict=Verdict.UNKNOWN,
    )


def _interval(base: Figures, patched: Figures, *, relative: bool) -> tuple[float, float]:
    """Return the bootstrap interval of the ratio (or the difference) of the medians; infinite for a single round."""
    number = len(base)
    if number < 2:
        return -math.inf, math.inf
    places = numpy.random.default_rng(number).integers(0, number, (DRAWS, number))
    first, second = numpy.median(base[places], axis=1), numpy.median(patched[places], axis=1)
    drawn = second / first if relative else second - first
    needed = stats.t.ppf((1 + LEVEL) / 2, number - 1) * math.sqrt(number / (number - 1))
    tail = float(stats.norm.cdf(-needed))
    low, high = numpy.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _detectable(base: Figures, patched: Figures, tested: int, *, relative: bool) -> float:
    """Return the smallest effect that the test finds with probability POWER.

    This is for a metric that is the last of `tested` to be corrected, and for normal figures with the spread that was
    seen within each kernel. 2/pi is the efficiency of medians compared to means then; the ranks of the test lose less.
    For a ratio, the effect is the upward deviation from 1.
    """
    number = len(base)
    if number < LEAST:
        return math.inf
    level = (1 - LEVEL) / max(1, tested)
    if 2 / math.comb(2 * number, number) > level:  # even complete separation of the figures is not significant
        return math.inf
    variances = [float(numpy.var(numpy.log(figures) if relative else figures, ddof=1)) for figures in (base, patched)]
    spread = math.sqrt(sum(variances) / 2)
    quantiles = stats.t.ppf([1 - level / 2, POWER], 2 * number - 2)
    effect = float(quantiles.sum()) * spread * math.sqrt(2 / number / (2 / math.pi))
    return math.expm1(effect) if relative else effect


def _verdict(finding: Finding, margin: float) -> Verdict:
    if finding.rounds < LEAST:
        return Verdict.UNKNOWN
    none = 1.0 if finding.relative else 0.0
    # A ratio may be as far below 1 as its reciprocal is above 1.
    room = margin * max(abs(finding.base), abs(finding.patched))
    least, most = (1 / (1 + margin), 1 + margin) if finding.relative else (-room, room)
    if least <= finding.low and finding.high <= most:
        return Verdict.SAME
    if finding.low <= none <= finding.high or finding.p > 1 - LEVEL:
        return Verdict.UNKNOWN
    if finding.metric.better is Better.NEITHER:
        return Verdict.CHANGED
    return Verdict.BETTER if finding.change < none else Verdict.WORSE
