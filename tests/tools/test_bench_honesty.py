"""What tools/eval bench-honesty makes of its benches; and that its patch slows what it says."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import bench_honesty
from bench_honesty import PATCH, Trial
from fakes import measured
from series_ci.results.stats import Verdict


def trial(*verdicts, slow=False):
    made = measured.bench()
    findings = [replace(each, verdict=verdict) for each, verdict in zip(made.findings, verdicts, strict=False)]
    return Trial("x", slow, replace(made, findings=tuple(findings)))


def test_nothing_may_be_found_in_a_kernel_and_itself():
    assert trial(Verdict.SAME, Verdict.UNKNOWN).wrong == []
    assert trial(Verdict.SAME, Verdict.BETTER).wrong == ["window demand_ms: better"]
    assert len(trial(Verdict.WORSE, Verdict.CHANGED).wrong) == 2


def test_the_slow_exits_must_be_found_whatever_else_is():
    assert trial(Verdict.WORSE, Verdict.SAME, slow=True).wrong == []
    assert trial(Verdict.UNKNOWN, Verdict.WORSE, slow=True).wrong == ["window exit_ms: not enough runs"]


def test_slow_exits_are_not_found_where_nothing_exits():
    made = trial(Verdict.WORSE, Verdict.WORSE, slow=True)
    without = tuple(each for each in made.bench.findings if each.metric.name != "exit_ms")
    assert without
    assert replace(made, bench=replace(made.bench, findings=without)).wrong == ["no scenario measures exit_ms"]


def test_the_patch_delays_exit_mmap():
    text = PATCH.read_text()
    assert re.search(r"^@@.*@@ void exit_mmap\(", text, re.MULTILINE)
    assert "+\tmdelay(30);" in text


def test_the_command_that_does_it_again_is_one():
    line = bench_honesty.repeat(
        "v6.12", [Path("a b.patch")], ["window", "phone"], benches=2, runs=4, margin=5.0, accel="tcg"
    )
    program, *words = shlex.split(line)
    assert program == "tools/eval bench-honesty"
    context = bench_honesty.main.make_context("x", [word.replace("a b.patch", __file__) for word in words])
    assert context.params["names"] == ("window", "phone")
    assert (context.params["spec"], context.params["benches"], context.params["runs"]) == ("v6.12", 2, 4)
    assert (context.params["margin"], context.params["accel"]) == (5.0, "tcg")
