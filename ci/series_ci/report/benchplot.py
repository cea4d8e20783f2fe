"""Draw plots of a bench as SVG: every sample as a point, and the interval of a change. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from series_ci.report.numbers import number
from series_ci.results.samples import SIDES, Sample
from series_ci.results.stats import Finding

WIDTH = 330
LABEL = 44
LANE = 6.0
"""Height of the points of one boot."""

GAP = 8.0
AXIS = 18.0

FOREST_WIDTH = 170
FOREST_HEIGHT = 26


def points(samples: Sequence[Sample], metric: str, label: str) -> str:
    """Draw the samples of a metric: a band for each kernel, with a lane for each boot, and the median."""
    values = [each.metrics[metric] for each in samples if metric in each.metrics]
    if not values:
        return ""
    low, high = _range(values)
    parts: list[str] = []
    top = GAP
    for side, name in zip(SIDES, ("base", label), strict=True):
        here = [each for each in samples if each.side == side and metric in each.metrics]
        rounds = sorted({each.round for each in here})
        height = LANE * max(1, len(rounds))
        parts.append(f'<text class="name" x="0" y="{top + height / 2 + 4:.1f}">{html.escape(_short(name))}</text>')
        parts.append(f'<rect class="band" x="{LABEL}" y="{top:.1f}" width="{WIDTH - LABEL}" height="{height:.1f}"/>')
        for each in here:
            y = top + LANE * (rounds.index(each.round) + 0.5)
            value = each.metrics[metric]
            title = f"boot {each.round + 1}, sample {each.number}: {value:g}"
            x = _place(value, low, high)
            parts.append(f'<circle class="{side}" cx="{x:.1f}" cy="{y:.1f}" r="2.2"><title>{title}</title></circle>')
        parts.append(_median(here, metric, (low, high), (top, top + height)))
        top += height + GAP
    parts.append(_axis(low, high, top))
    about = html.escape(f"{metric}: {len(values)} samples")
    return f'<svg role="img" aria-label="{about}" width="{WIDTH}" height="{top + AXIS:.0f}">{"".join(parts)}</svg>'


def _median(samples: Sequence[Sample], metric: str, scale: tuple[float, float], ends: tuple[float, float]) -> str:
    values = sorted(each.metrics[metric] for each in samples)
    if not values:
        return ""
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    x = _place(middle, *scale)
    title = f"<title>median of all samples: {middle:g}</title>"
    return (
        f'<line class="median" x1="{x:.1f}" x2="{x:.1f}" y1="{ends[0] - 2:.1f}" y2="{ends[1] + 2:.1f}">{title}</line>'
    )


def _axis(low: float, high: float, top: float) -> str:
    line = f'<line class="axis" x1="{LABEL}" x2="{WIDTH}" y1="{top:.1f}" y2="{top:.1f}"/>'
    ticks = [(low, "start"), ((low + high) / 2, "middle"), (high, "end")] if high > low else [(low, "middle")]
    for value, anchor in ticks:
        x = {"start": LABEL, "middle": (LABEL + WIDTH) / 2, "end": WIDTH}[anchor]
        line += f'<text class="tick" x="{x}" y="{top + 13:.1f}" text-anchor="{anchor}">{number(value)}</text>'
    return line


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of the axis: from zero if that costs little resolution."""
    low, high = min(values), max(values)
    return (0.0 if low > 0 and low < high / 2 else low), high


def _place(value: float, low: float, high: float) -> float:
    inner = WIDTH - LABEL - 8
    return LABEL + 4 + (inner / 2 if high == low else inner * (value - low) / (high - low))


def _short(name: str) -> str:
    return name if len(name) <= 6 else name[:5] + "…"


def forest(finding: Finding, margin: float) -> str:
    """Draw the change with its interval. The band is the margin that counts as none, the line in it no change."""
    if math.isinf(finding.low) or math.isnan(finding.change):
        return ""
    none = 1.0 if finding.relative else 0.0
    room = margin * max(abs(finding.base), abs(finding.patched))
    band = (1 / (1 + margin), 1 + margin) if finding.relative else (-room, room)
    values = [finding.low, finding.high, finding.change, *band]
    reach = max(abs(_scaled(each, relative=finding.relative)) for each in values) or 1.0

    def x(value: float) -> float:
        return FOREST_WIDTH / 2 * (1 + 0.94 * _scaled(value, relative=finding.relative) / reach)

    y = FOREST_HEIGHT / 2
    left, breadth = x(band[0]), max(1.0, x(band[1]) - x(band[0]))
    title = f"{finding.change:g}, 95% [{finding.low:g}, {finding.high:g}]"
    return (
        f'<svg role="img" aria-label="{title}" width="{FOREST_WIDTH}" height="{FOREST_HEIGHT}"><title>{title}</title>'
        f'<rect class="band" x="{left:.1f}" y="3" width="{breadth:.1f}" height="{y * 2 - 6}"/>'
        f'<line class="axis" x1="{x(none):.1f}" x2="{x(none):.1f}" y1="0" y2="{FOREST_HEIGHT}"/>'
        f'<line class="interval" x1="{x(finding.low):.1f}" x2="{x(finding.high):.1f}" y1="{y}" y2="{y}"/>'
        f'<circle class="change" cx="{x(finding.change):.1f}" cy="{y}" r="4"/></svg>'
    )


def _scaled(value: float, *, relative: bool) -> float:
    """Return a value on the axis; a ratio by its logarithm, so that half and double are equally far from 1."""
    return math.log(value) if relative else value
