"""Samples of two kernels to verdicts; and that a bench of a kernel against itself stays silent."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_ci.results import stats
from series_ci.results.stats import Better, Metric, Rounds, SampleKind, Verdict

TIME = Metric("control", "elapsed", SampleKind.TIME)
AMOUNT = Metric("window", "swapped", SampleKind.AMOUNT)
MARGIN = 0.1


def boots(rng, rounds, samples, *, middle=100.0, between=0.01, within=0.02, drift=0.0, correlation=0.6, factor=1.0):
    """Figures of boots: each has a level of its own and samples that take after the one before; the host drifts.

    `drift` is how much slower the host is in the last round than in the first.
    """
    made = []
    for number in range(rounds):
        level = rng.normal(0, between) + drift * number / max(1, rounds - 1)
        noise, found = rng.normal(0, within), []
        for _ in range(samples):
            noise = correlation * noise + math.sqrt(1 - correlation**2) * rng.normal(0, within)
            found.append(middle * factor * math.exp(level + noise))
        made.append(found)
    return made


def bench(rng, *, rounds=8, samples=5, metrics=9, factor=1.0, **of_boots):
    """A simulated bench: times that are noisy in many ways, rare amounts, and a metric that is always zero."""
    measured = {}
    for number in range(metrics - 2):
        metric = Metric("s", f"time{number}", SampleKind.TIME)
        measured[metric] = Rounds(
            boots(rng, rounds, samples, **of_boots), boots(rng, rounds, samples, factor=factor, **of_boots)
        )
    pages = [[[float(4096 * rng.poisson(400)) for _ in range(samples)] for _ in range(rounds)] for _ in range(2)]
    measured[Metric("s", "amount", SampleKind.AMOUNT)] = Rounds(*pages)
    zero = [[0.0] * samples] * rounds
    measured[Metric("s", "zero", SampleKind.AMOUNT, Better.NEITHER)] = Rounds(zero, zero)
    return measured


def one(base, patched, metric=TIME, margin=MARGIN):
    return stats.judge({metric: Rounds(base, patched)}, margin)[0]


def level(*values):
    """Boots of one sample each."""
    return [[value] for value in values]


EIGHT = (100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1)


@pytest.mark.parametrize("drift", [0.0, 0.5])
def test_a_kernel_against_itself_shows_no_change_in_95_of_100(drift):
    rng = np.random.default_rng(6)
    outcomes = Counter()
    for _ in range(100):
        verdicts = {each.verdict for each in stats.judge(bench(rng, between=0.012, drift=drift), MARGIN)}
        changed = verdicts & {Verdict.BETTER, Verdict.WORSE, Verdict.CHANGED}
        outcomes["changed" if changed else "unknown" if Verdict.UNKNOWN in verdicts else "same"] += 1
    assert outcomes["changed"] <= 5, outcomes
    if not drift:
        assert outcomes["same"] >= 95, outcomes


def test_noise_alone_is_never_a_change_but_may_be_too_much_to_tell():
    rng = np.random.default_rng(7)
    outcomes = Counter(
        each.verdict for _ in range(100) for each in stats.judge(bench(rng, between=0.3, rounds=6), MARGIN)
    )
    assert outcomes[Verdict.BETTER] + outcomes[Verdict.WORSE] <= 5, outcomes
    assert outcomes[Verdict.UNKNOWN] > 500, outcomes


def test_samples_of_one_boot_are_not_taken_for_independent_ones():
    """Boots that differ, and samples within them that hardly do: as 400 independent samples they always differ."""
    rng = np.random.default_rng(8)
    found = Counter()
    for _ in range(100):
        pair = [boots(rng, 8, 50, between=0.05, within=0.001) for _ in range(2)]
        naive = stats.stats.mannwhitneyu(*(np.concatenate(each) for each in pair)).pvalue
        found["naive"] += naive < 0.05
        found["ours"] += one(*pair).verdict in (Verdict.BETTER, Verdict.WORSE)
    assert found["naive"] > 50
    assert found["ours"] <= 5


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(300):
        found = one(*(boots(rng, 8, 5, between=0.05, factor=factor) for factor in (1.0, 1.3)))
        held += found.low <= 1.3 <= found.high
    assert held >= 0.93 * 300


@pytest.mark.parametrize(("factor", "verdict"), [(1.3, Verdict.WORSE), (0.7, Verdict.BETTER)])
def test_a_real_change_is_found(factor, verdict):
    rng = np.random.default_rng(10)
    found = stats.judge(bench(rng, factor=factor, between=0.03), MARGIN)
    assert {each.verdict for each in found if each.metric.kind is SampleKind.TIME} == {verdict}


def test_the_smallest_effect_that_is_told_of_is_found_about_as_often_as_promised():
    rng = np.random.default_rng(11)
    effects = [
        each.detectable for _ in range(40) for each in stats.judge(bench(rng, between=0.05), 0.0) if each.relative
    ]
    effect = float(np.median(effects))
    found = [
        each.verdict is Verdict.WORSE
        for _ in range(40)
        for each in stats.judge(bench(rng, between=0.05, factor=1 + effect), 0.0)
        if each.metric.kind is SampleKind.TIME
    ]
    assert np.mean(found) >= 0.7
    assert 0.02 < effect < 0.5


def test_a_zero_in_the_base_makes_differences_of_ratios():
    found = one(level(*[0] * 8), level(50, 60, 55, 40, 45, 52, 58, 61), AMOUNT)
    assert not found.relative
    assert (found.base, found.patched, found.change) == (0.0, 53.5, 53.5)
    assert found.verdict is Verdict.WORSE


def test_what_is_gone_is_better():
    found = one(level(50, 60, 55, 40, 45, 52, 58, 61), level(*[0] * 8), AMOUNT)
    assert (found.change, found.verdict) == (-53.5, Verdict.BETTER)
    assert found.high < 0


def test_evidence_is_neither_better_nor_worse():
    skips = Metric("window", "skips", SampleKind.AMOUNT, Better.NEITHER)
    assert one(level(*[0] * 8), level(*range(5, 13)), skips).verdict is Verdict.CHANGED


def test_nothing_on_both_sides_is_no_change():
    found = one(level(*[0] * 8), level(*[0] * 8), AMOUNT)
    assert (found.verdict, found.p, found.low, found.high) == (Verdict.SAME, 1.0, 0.0, 0.0)


def test_a_rare_event_is_no_proof():
    assert one(level(*[0] * 8), level(0, 0, 900, 0, 0, 0, 0, 0), AMOUNT).verdict is not Verdict.WORSE


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_too_few_boots_say_nothing_however_clear_they_look(rounds):
    found = one(level(*EIGHT[:rounds]), level(*(2 * each for each in EIGHT[:rounds])))
    assert found.verdict is Verdict.UNKNOWN
    assert found.detectable == math.inf


def test_so_many_metrics_that_six_boots_cannot_prove_anything():
    pair = Rounds(level(*EIGHT[:6]), level(*(2 * each for each in EIGHT[:6])))
    few = stats.judge({Metric("s", f"m{number}", SampleKind.TIME): pair for number in range(9)}, MARGIN)
    many = stats.judge({Metric("s", f"m{number}", SampleKind.TIME): pair for number in range(40)}, MARGIN)
    assert {each.verdict for each in few} == {Verdict.WORSE}
    assert {each.verdict for each in many} == {Verdict.UNKNOWN}
    assert math.isfinite(few[0].detectable)
    assert math.isinf(many[0].detectable)


def test_a_time_is_not_moved_by_one_disturbed_sample_and_an_amount_is():
    base = [[10.0, 10.0, 10.0]] * 6
    disturbed = [[10.0, 10.0, 1000.0]] * 6
    assert one(base, disturbed).change == 1.0
    assert one(base, disturbed, AMOUNT).change == 34.0


def test_a_small_change_that_is_certain_is_no_change_within_the_margin():
    found = one(level(*EIGHT), level(*(1.05 * each for each in EIGHT)))
    assert found.verdict is Verdict.SAME
    assert one(level(*EIGHT), level(*(1.05 * each for each in EIGHT)), margin=0.02).verdict is Verdict.WORSE


def test_a_host_that_grows_slower_moves_both_kernels():
    rng = np.random.default_rng(12)
    pair = [boots(rng, 8, 5, between=0.01, drift=1.0) for _ in range(2)]
    assert one(*pair).half_width < 0.1


def test_precise_looks_at_times_only_and_never_before_there_are_enough():
    narrow = one(level(*EIGHT), level(*EIGHT))
    wide = one(level(*EIGHT), level(*(each * factor for each, factor in zip(EIGHT, range(1, 9), strict=True))))
    rare = one(level(*EIGHT), level(1, 900, 2, 5, 1, 1, 1, 1), AMOUNT)
    assert stats.precise([narrow, rare], 0.05)
    assert not stats.precise([narrow, wide], 0.05)
    assert not stats.precise([one(level(*EIGHT[:5]), level(*EIGHT[:5]))], 0.05)


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_lies_between_the_raw_value_and_bonferroni(raw):
    for before, after in zip(raw, stats.holm(raw), strict=True):
        assert before <= after <= min(1.0, before * len(raw)) + 1e-12


@given(st.lists(st.lists(st.floats(0.1, 1e9), min_size=1, max_size=4), min_size=2, max_size=10))
def test_a_kernel_with_the_same_figures_is_the_same(figures):
    found = one(figures, figures)
    assert (found.change, found.low, found.high) == (1.0, 1.0, 1.0)
    assert found.verdict is (Verdict.SAME if len(figures) >= stats.LEAST else Verdict.UNKNOWN)
