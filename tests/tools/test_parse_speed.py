"""The benchmark of reading logs: that its logs hold what they should, and that a missed bar is told."""

from __future__ import annotations

import json
from itertools import chain, islice

import pytest

import parse_speed
from fakes.here import CI
from parse_speed import Figure
from series_ci import cli
from series_ci.results import logs
from series_ci.results.ktap import stream
from series_ci.results.model import Status


def test_the_figures(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CI))
    status = cli.run(parse_speed.main, ["--size", "1", "--lines", "1000", "--json"])
    figures = [Figure(**each) for each in json.loads(capsys.readouterr().out)]
    assert len(figures) == 8
    assert all(each.measured > 0 for each in figures)
    assert status == (0 if all(each.good for each in figures) else 1)


def test_the_logs() -> None:
    lines = list(islice(chain.from_iterable(piece.splitlines() for piece in parse_speed.mixed_log()), 10_000))
    found: list[Status] = []
    splats = logs.scan(iter(lines), lambda results: found.extend(each.status for each in results))
    assert (found.count(Status.PASS), found.count(Status.CRASH) < 45) == (36 * 10, True)
    assert {each.kind for each in splats} == {"WARNING"}
    (first, *_rest) = stream.parse(parse_speed.program(1).splitlines())
    assert first.name == "mm/prog_1:fixture.case_1"


@pytest.mark.parametrize(("measured", "at_least", "good"), [(2.0, True, True), (1.0, True, False), (2.0, False, False)])
def test_a_figure_has_to_be_on_the_right_side(measured: float, at_least: bool, good: bool) -> None:
    assert Figure("x", measured, 1.5, at_least=at_least).good is good
