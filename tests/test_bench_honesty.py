"""What tools/bench-honesty makes of its benches; and that its patch slows what it says."""

from __future__ import annotations

import re
from dataclasses import replace

from bench_honesty import PATCH, Trial
from fakes import measured
from series_ci.stats import Verdict


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


def test_the_patch_delays_exit_mmap():
    text = PATCH.read_text()
    assert re.search(r"^@@.*@@ void exit_mmap\(", text, re.MULTILINE)
    assert "+\tmdelay(30);" in text
