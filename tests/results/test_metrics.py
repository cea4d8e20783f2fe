"""Samples by metric and round."""

from __future__ import annotations

from dataclasses import replace

from fakes import measured
from series_ci.results import metrics
from series_ci.results.stats import Better, SampleKind


def test_samples_for_warming_up_do_not_count():
    pair = next(iter(metrics.measured(measured.samples(2, each=3)).values()))
    assert [len(boot) for boot in (*pair.base, *pair.patched)] == [3] * 4


def test_each_value_is_with_its_kernel_and_its_round():
    found = [
        replace(each, metrics={"exit_ms": each.round + (0.5 if each.side == "base" else 0)})
        for each in measured.samples(3)
    ]
    pair = next(iter(metrics.measured(found).values()))
    assert [set(boot) for boot in pair.base] == [{0.5}, {1.5}, {2.5}]
    assert [set(boot) for boot in pair.patched] == [{0}, {1}, {2}]


def test_a_round_that_only_one_kernel_has_waits_for_the_other():
    taken = [each for each in measured.samples(3) if (each.side, each.round) != ("patched", 2)]
    assert {len(pair.base) for pair in metrics.measured(taken).values()} == {2}


def test_metrics_are_in_a_fixed_order_and_unknown_ones_come_last():
    assert metrics.in_order(["own", "skips", "exit_ms", "skips"]) == ["exit_ms", "skips", "own"]


def test_what_nobody_knows_is_evidence_only():
    assert (metrics.quantity("own_ms").kind, metrics.quantity("own_ms").better) == (SampleKind.TIME, Better.NEITHER)
    assert metrics.quantity("own").kind is SampleKind.AMOUNT
