"""x."""

from __future__ import annotations

from series_ci.report.bench import Bench


def page(bench: Bench) -> str:
    """X."""
    return bench.repeat
