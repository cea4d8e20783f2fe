"""Show a bench as one HTML file, without scripts or other files; light or dark as the browser asks for."""

from __future__ import annotations

import html
from string import Template

from series_ci.host import paths
from series_ci.manifest.model import Scenario
from series_ci.report.bench import Bench, amount, conclusion, environment
from series_ci.report.benchplot import forest, points
from series_ci.report.numbers import change, detectable, interval, number
from series_ci.results.metrics import quantity
from series_ci.results.stats import Finding, Verdict

_CLASSES = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.CHANGED: "changed",
    Verdict.SAME: "same",
    Verdict.UNKNOWN: "unknown",
}

_NAMES = {
    "accelerator": "accelerator",
    "accelerator_reason": "why not KVM",
    "arch": "architecture",
    "compiler": "compiler",
    "config": "kernel configuration (digest)",
    "host": "host",
    "load": "load of the host",
    "qemu": "emulator",
}


def page(bench: Bench) -> str:
    """Return the page."""
    template = Template(paths.data("report", "bench.html").read_text("utf-8"))
    known = environment(bench.samples)
    rows = [("base", f"{bench.base} ({bench.base_commit[:12]})"), (bench.label, f"Message-ID {bench.message_id}")]
    rows += [(_NAMES[name], value) for name, value in sorted(known.items()) if name in _NAMES]
    return template.substitute(
        title=html.escape(f"{bench.series} {bench.label}: measured against its base"),
        conclusion=html.escape(conclusion(bench)),
        amount=html.escape(amount(bench)),
        label=html.escape(bench.label),
        margin=f"{100 * bench.margin:g}",
        scenarios="\n".join(_scenario(bench, each) for each in bench.scenarios),
        environment="\n".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows),
        repeat=html.escape(bench.repeat),
    )


def _scenario(bench: Bench, scenario: Scenario) -> str:
    size = scenario.machine
    swap = f"a swap disk of {size.swap >> 20} MiB" if size.swap else "no swap disk"
    machine = f"{size.memory >> 20} MiB, {size.cpus} CPUs, {swap}"
    heads = ("metric", "base", bench.label, "change", "95% interval", "could show", "verdict", "every sample, by boot")
    rows = "\n".join(_row(bench, scenario, each) for each in bench.of(scenario))
    return (
        f'<section><h2 id="{html.escape(scenario.name)}">{html.escape(scenario.name)}</h2>'
        f"<p>{html.escape(scenario.note)} <small>({machine})</small></p>"
        f'<div class="wide"><table><thead><tr>{"".join(f"<th>{html.escape(each)}</th>" for each in heads)}</tr></thead>'
        f"<tbody>\n{rows}\n</tbody></table></div></section>"
    )


def _row(bench: Bench, scenario: Scenario, finding: Finding) -> str:
    name, known = finding.metric.name, quantity(finding.metric.name)
    plot = forest(finding, bench.margin)
    samples = [each for each in bench.samples if each.scenario == scenario.name and not each.warmup]
    cells = [
        f"<td><b>{html.escape(name)}</b><br><small>{html.escape(known.title)}, {known.unit}</small></td>",
        f'<td class="n">{number(finding.base)}</td>',
        f'<td class="n">{number(finding.patched)}</td>',
        f'<td class="n">{change(finding)}</td>',
        f'<td class="n">{plot}<br><small>{interval(finding)}<br>p {finding.p:.2g}</small></td>',
        f'<td class="n">{detectable(finding)}</td>',
        f'<td><span class="verdict {_CLASSES[finding.verdict]}">{finding.verdict.value}</span></td>',
        f"<td>{points(samples, name, bench.label)}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"
