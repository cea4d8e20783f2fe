"""Figures for people: few digits, signs and intervals. Pure."""

from __future__ import annotations

import math

from series_ci.results.stats import Finding

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float) -> str:
    """Four figures that count, and a prefix for large ones: `97.30M`, `61.20`, `0`."""
    if math.isinf(value) or math.isnan(value):
        return "-"
    for size, prefix in _PREFIXES:
        if abs(value) >= size * 10:
            return f"{value / size:.4g}{prefix}"
    return f"{value:.4g}"


def change(finding: Finding) -> str:
    """The change of a metric: in percent, or where that cannot be said as a difference."""
    if math.isnan(finding.change):
        return "-"
    return percent(finding.change) if finding.relative else signed(finding.change)


def interval(finding: Finding) -> str:
    """The 95% interval of the change."""
    if math.isinf(finding.low):
        return "-"
    told = percent if finding.relative else signed
    return f"[{told(finding.low)}, {told(finding.high)}]"


def detectable(finding: Finding) -> str:
    """The smallest change that so many runs could have shown."""
    if math.isinf(finding.detectable):
        return "none"
    return f"±{100 * finding.detectable:.1f}%" if finding.relative else f"±{number(finding.detectable)}"


def percent(ratio: float) -> str:
    """A ratio as its deviation from 1: `-5.07%`."""
    return f"{100 * (ratio - 1):+.2f}%"


def signed(value: float) -> str:
    """A difference, with its sign unless it is none."""
    return ("+" if value > 0 else "") + number(value)
