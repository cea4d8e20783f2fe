"""The verdict in the words that all formats share."""

from __future__ import annotations

from dataclasses import replace

from fakes.outcomes import outcome, run
from series_ci.pipeline.outcome import version_run
from series_ci.results.compare import Change, TestChange
from series_ci.results.model import Ended, Result, Splat, Status
from series_ci.rundir import words
from series_ci.rundir.run import Boot, Retried
from series_ci.rundir.sweep_run import SweepRun


def entry(name: str, change: Change = Change.BROKEN) -> TestChange:
    return TestChange(name, Status.PASS, Status.FAIL, change)


RUN = version_run(
    outcome(
        run(
            "base", *(Result(name, Status.PASS) for name in ("mm/a", "mm/a:x", "mm/gone")), Result("mm/f", Status.FAIL)
        ),
        run(
            "v10",
            *(Result(name, Status.FAIL) for name in ("mm/a", "mm/a:x")),
            Result("mm/f", Status.PASS),
            splats=(Splat("BUG", "BUG: x", "ab"),),
        ),
    )
)


def test_the_headline_counts_the_worst_first() -> None:
    assert words.headline(RUN) == "demo v10: regression, 2 BROKEN, 1 new kernel complaint, 1 GONE, 1 FIXED"
    assert words.headline(SweepRun("demo", "x", (), "/runs/9", "again")) == "demo: no version was tested, 0 versions"


def test_a_loss_on_both_kernels_is_told() -> None:
    lost = Result("mm/a", Status.CRASH)
    assert words.headline(version_run(outcome(run("base", lost), run("v10", lost)))).endswith(
        "1 SAME (1 without a result)"
    )


def retried(*guests: Retried) -> list[str]:
    boots = (Boot("patched"), Boot("patched-2"))
    return words.retried(replace(RUN, retried=guests, base_boots=(Boot("base"),), boots=boots))


def test_a_guest_that_was_started_again_is_told_with_its_console() -> None:
    hung = Retried("patched", "patched/try-1", Ended.HANG, "the kernel printed nothing more for 60 s")
    assert retried(hung) == [
        "v10 hung before /init in 1 of 3 boots, and was started again: the kernel printed nothing more for 60 s "
        "(patched/try-1/console.log)"
    ]
    lost = Retried("base", "base/try-1", Ended.LOST, "QEMU ended with signal 9")
    assert retried(lost) == [
        "the base was lost with its QEMU in 1 of 2 boots, and was started again: QEMU ended with signal 9 "
        "(base/try-1/qemu.log)"
    ]
    assert len(retried(lost, hung, replace(hung, folder="patched-2/try-1"))) == 2
    assert retried() == []


def test_changes_come_by_weight_and_steady_ones_not_at_all() -> None:
    assert [str(each.change) for each in words.changed(RUN)] == ["BROKEN", "BROKEN", "GONE", "FIXED"]


def test_a_program_does_not_hide_the_result_that_made_it_fail() -> None:
    first = words.first_failure(RUN)
    assert first
    assert first.name == "mm/a:x"
    names = ["mm/a", "mm/a:x", "mm/a:x.deep", "mm/ab", "mm/other"]
    assert [each.name for each in words.leaves([entry(name) for name in names])] == ["mm/a:x.deep", "mm/ab", "mm/other"]


def test_nothing_broken_no_first_failure() -> None:
    assert words.first_failure(version_run(outcome(run("base"), run("v10")))) is None


def test_states() -> None:
    assert words.states(TestChange("a", None, Status.FAIL, Change.BROKEN)) == "absent -> FAIL"
