"""Format the figures of a bench: few digits, signs and intervals. Pure."""

from __future__ import annotations

import math

from series_ci.results.stats import Finding

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float) -> str:
    """Return a number with at most four digits, and a prefix if it is large: `97.3M`, `61.2`, `0`."""
    if math.isinf(value) or math.isnan(value):
        return "-"
    for size, prefix in _PREFIXES:
        if abs(value) >= size * 10:
            return f"{value / size:.4g}{prefix}"
    return f"{value:.4g}"


def change(finding: Finding) -> str:
    """Return the change of a metric: in percent, or as a difference if a ratio makes no sense."""
    if math.isnan(finding.change):
        return "-"
    return percent(finding.change) if finding.relative else signed(finding.change)


def interval(finding: Finding) -> str:
    """Return the 95% interval of the change."""
    if math.isinf(finding.low):
        return "-"
    formatted = percent if finding.relative else signed
    return f"[{formatted(finding.low)}, {formatted(finding.high)}]"


def detectable(finding: Finding) -> str:
    """Return the smallest change that as many runs could have shown."""
    if math.isinf(finding.detectable):
        return "none"
    return f"±{100 * finding.detectable:.1f}%" if finding.relative else f"±{number(finding.detectable)}"


def percent(ratio: float) -> str:
    """Return a ratio as its deviation from 1: `-5.07%`."""
    return f"{100 * (ratio - 1):+.2f}%"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return ("+" if value > 0 else "") + number(value)
