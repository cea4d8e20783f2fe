"""Verdicts on reported figures, two runs beside one another."""

from __future__ import annotations

import pytest

from fakes.here import SERIES
from fakes.locks import of_test
from series_ci.manifest import model
from series_ci.manifest.model import MachineSize, Scenario
from series_ci.manifest.reported import Figure
from series_ci.pipeline import figures, reproduce
from series_ci.rundir import reproduction, runlock
from series_ci.rundir.reproduction import FigureVerdict, judge

BARRY = model.load(SERIES / "exit-skip.yaml").reported[0]


def figure(value):
    return Figure(metric="skips", value=value, quote=str(value))


@pytest.mark.parametrize(
    ("value", "values", "verdict"),
    [
        (15, [10, 20], FigureVerdict.REPRODUCED),
        (10, [10, 20], FigureVerdict.REPRODUCED),
        (20, [10, 20], FigureVerdict.REPRODUCED),
        (0, [0, 0], FigureVerdict.REPRODUCED),
        (99, [10, 10], FigureVerdict.ORDER),
        (100, [10, 10], FigureVerdict.NOT),
        (1.1, [10, 10], FigureVerdict.ORDER),
        (1, [10, 10], FigureVerdict.NOT),
        (6114, [0, 0, 0], FigureVerdict.NOT),
        (0, [1, 2, 3], FigureVerdict.NOT),
        (-5, [4, 6], FigureVerdict.NOT),
        (-5, [-6, -4], FigureVerdict.REPRODUCED),
        (15, [], FigureVerdict.CANNOT),
    ],
)
def test_the_verdict_on_a_figure(value, values, verdict):
    row = judge(figure(value), values, "why")
    assert row.verdict is verdict
    assert row.why == ("why" if verdict is FigureVerdict.CANNOT else "")


def bench(accel, median):
    """The lock of a bench of one metric that was seen within 5 of its median."""
    row = runlock.MeasuredResults(
        scenario="one", side="base", metric="skips", median=median, least=median - 5, greatest=median + 5, samples=3
    )
    measure = runlock.Measure(scenarios=(), runs=1, seed=1, accel=accel)
    return of_test(verb="bench", guest=None, tested=None, tests=(), measure=measure, measured=(row,))


@pytest.mark.parametrize(
    ("one", "two", "same", "tools"),
    [
        (bench("tcg", 10), bench("tcg", 15), True, []),
        (bench("tcg", 10), bench("tcg", 16), False, []),
        (bench("tcg", 10), bench("kvm", 10), False, ["accelerator"]),
        (bench("kvm", 10), bench("tcg", 10), False, ["accelerator"]),
        (bench(None, 10), bench("tcg", 10), True, []),
    ],
)
def test_a_metric_agrees_in_its_range_and_never_across_accelerators(one, two, same, tools):
    found = reproduction.compare(one, two)
    assert found.same is same
    assert [each.what for each in found.tools] == tools
    if tools:
        assert [each.now for each in found.results] == [f"not compared: measured under {two.accel}"]


def test_a_report_is_measured_on_the_machine_that_it_is_of(tmp_path):
    entry = BARRY.model_copy(update={"arch": "arm64"})
    scenario = Scenario(name="one", program="bench/one", machine=MachineSize(memory="300M", cpus=4, swap="512M"))
    with reproduce.request_of(of_test(), reproduce.Again(), tmp_path, "") as request:
        made = figures._on_its_machine(request, entry, scenario)
    assert made.arch.name == "arm64"
    assert (made.machine.memory, made.machine.cpus, made.machine.swap) == (300 << 20, 4, 512 << 20)
