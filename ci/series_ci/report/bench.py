"""Show a bench as a table, with an interval and a verdict for each metric, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from series_ci.manifest.model import Scenario
from series_ci.manifest.request import Request
from series_ci.progress import count
from series_ci.report.numbers import change, detectable, interval, number
from series_ci.report.plain_table import Table
from series_ci.results import stats
from series_ci.results.metrics import measured, quantity
from series_ci.results.samples import Sample
from series_ci.results.stats import Finding, Verdict

LOOKS = {
    Verdict.BETTER: "bold green",
    Verdict.WORSE: "bold red",
    Verdict.CHANGED: "bold",
    Verdict.SAME: "",
    Verdict.UNKNOWN: "yellow",
}


@dataclass(frozen=True)
class Bench:
    """A finished bench: its samples, the findings, and the command line that repeats it.

    `margin` is the relative change that still counts as none; `base` is the spec of the base's tree.
    """

    series: str
    label: str
    message_id: str
    base: str
    base_commit: str
    margin: float
    repeat: str
    scenarios: tuple[Scenario, ...]
    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...]

    def of(self, scenario: Scenario) -> list[Finding]:
        """Return the findings of one scenario."""
        return [each for each in self.findings if each.metric.scenario == scenario.name]


def gather(
    request: Request, commit: str, scenarios: tuple[Scenario, ...], samples: Sequence[Sample], margin: float
) -> Bench:
    """Judge the samples of a request; `commit` is that of the base."""
    findings = stats.judge(measured(samples), margin)
    return Bench(
        request.series,
        request.label,
        request.message_id,
        request.trees[0].spec,
        commit,
        margin,
        request.repeat,
        scenarios,
        tuple(samples),
        tuple(findings),
    )


def show_bench(bench: Bench, out: Console) -> None:
    """Print a table for each scenario, the conclusion and the command that repeats it."""
    for scenario in bench.scenarios:
        out.print(Text(f"{scenario.name}: {scenario.note}" if scenario.note else scenario.name, "bold"))
        rows = Table(box=None, pad_edge=False, header_style="bold")
        for head in ("metric", "unit", "base", bench.label, "change", "95% interval", "could show", "verdict"):
            rows.add_column(head, no_wrap=True, justify="left" if head in ("metric", "unit", "verdict") else "right")
        for each in bench.of(scenario):
            rows.add_row(
                each.metric.name,
                quantity(each.metric.name).unit,
                number(each.base),
                number(each.patched),
                change(each),
                interval(each),
                detectable(each),
                Text(each.verdict.value, LOOKS[each.verdict]),
            )
        # As wide as its content: a figure that is cut would be another one.
        rows.width = rows.__rich_measure__(out, out.options.update(max_width=10_000)).maximum
        out.print(rows, crop=False)
        out.print()
    out.print(Text(conclusion(bench)), soft_wrap=True)
    out.print(Text(f"repeat:   {bench.repeat}"), soft_wrap=True)


def conclusion(bench: Bench) -> str:
    """Return how often there is each verdict, and of how many boots and samples, as one line."""
    counts = {verdict: sum(each.verdict is verdict for each in bench.findings) for verdict in Verdict}
    counted = ", ".join(f"{times} {verdict.value}" for verdict, times in counts.items() if times)
    return f"{bench.series} {bench.label}: {counted} (within ±{100 * bench.margin:g}%); {amount(bench)}"


def amount(bench: Bench) -> str:
    """Return how much was measured: `96 boots, 480 samples under TCG`."""
    boots = {(each.scenario, each.side, each.round) for each in bench.samples}
    kept = [each for each in bench.samples if not each.warmup]
    accels = sorted({each.environment.get("accelerator", "?").upper() for each in bench.samples})
    return f"{count(len(boots), 'boot')}, {count(len(kept), 'sample')} under {' and '.join(accels)}"


def worse(bench: Bench) -> bool:
    """Return whether any metric is worse."""
    return any(each.verdict is Verdict.WORSE for each in bench.findings)


def environment(samples: Sequence[Sample]) -> dict[str, str]:
    """Return the environment that all samples have in common, and the range of the host's load."""
    if not samples:
        return {}
    first = samples[0].environment
    same = {
        name: value for name, value in first.items() if all(each.environment.get(name) == value for each in samples)
    }
    loads = [
        float(each.environment[name])
        for each in samples
        for name in ("load_before", "load_after")
        if name in each.environment
    ]
    if loads:
        same["load"] = f"{min(loads):.2f} to {max(loads):.2f} processes"
    return {name: value for name, value in same.items() if value}


def summary(bench: Bench) -> dict[str, Any]:
    """Return the bench as a JSON object; figures that are infinite or not a number are null."""
    return {
        "series": bench.series,
        "version": bench.label,
        "message_id": bench.message_id,
        "base": bench.base,
        "base_commit": bench.base_commit,
        "margin": bench.margin,
        "conclusion": conclusion(bench),
        "repeat": bench.repeat,
        "environment": environment(bench.samples),
        "findings": [_finding(each) for each in bench.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    row = asdict(finding)
    metric = row.pop("metric")
    named = {
        "scenario": metric["scenario"],
        "metric": metric["name"],
        "unit": quantity(metric["name"]).unit,
        "verdict": row.pop("verdict"),
    }
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }
    return {**named, **finite}
