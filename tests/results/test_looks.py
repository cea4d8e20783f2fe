"""Two looks at the same kernels, or three: what is looked at again, what is claimed; nothing seen is dropped."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_ci.errors import ExitStatus
from series_ci.results import looks
from series_ci.results.compare import Change, Comparison, TestChange, compare
from series_ci.results.model import Attempt, Ended, Result, Run, Splat, Status

PASS, FAIL, SKIP, CRASH = Status.PASS, Status.FAIL, Status.SKIP, Status.CRASH
HUNG = "the kernel printed nothing more for {} s, and its /init had not started"


def run(
    *results: tuple[str, Status] | Result,
    ended: Ended = Ended.POWEROFF,
    splats: Sequence[Splat] = (),
    attempts: tuple[Attempt, ...] = (),
) -> Run:
    made = tuple(each if isinstance(each, Result) else Result(*each) for each in results)
    return Run("v1", "0" * 40, ended, 1.0, 0.5, made, tuple(splats), attempts=attempts)


def splat(fingerprint: str, test: str = "") -> Splat:
    return Splat("WARNING", f"WARNING at mm/rmap.c:{fingerprint}", fingerprint, ("line",), test=test)


def look(base: Status | None, patched: Status | None, name: str = "a") -> Comparison:
    """One look at a test that one kernel or both may not know."""
    sides = [run(("boot", PASS), *([(name, status)] if status else [])) for status in (base, patched)]
    return compare(*sides)


def entry(found: Comparison, name: str = "a") -> TestChange:
    return next(each for each in found.entries if each.name == name)


# What may be claimed.


@pytest.mark.parametrize(
    ("base", "patched", "change"),
    [(PASS, FAIL, "BROKEN"), (FAIL, PASS, "FIXED"), (PASS, SKIP, "SKIPPED"), (PASS, None, "GONE"), (None, PASS, "NEW")],
)
def test_what_two_looks_show_is_claimed(base: Status | None, patched: Status | None, change: str) -> None:
    first = look(base, patched)
    found = looks.join([first, look(base, patched)])
    assert found.entries == first.entries
    assert entry(found).change == change


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ((PASS, FAIL), (PASS, PASS), "PASS -> FAIL in the first look, PASS -> PASS in the second look"),
        ((PASS, FAIL), (FAIL, FAIL), "PASS -> FAIL in the first look, FAIL -> FAIL in the second look"),
        ((PASS, FAIL), (FAIL, PASS), "PASS -> FAIL in the first look, FAIL -> PASS in the second look"),
        ((PASS, FAIL), (PASS, None), "PASS -> FAIL in the first look, PASS -> absent in the second look"),
        ((FAIL, PASS), (FAIL, FAIL), "FAIL -> PASS in the first look, FAIL -> FAIL in the second look"),
        ((FAIL, PASS), (PASS, PASS), "FAIL -> PASS in the first look, PASS -> PASS in the second look"),
        ((PASS, SKIP), (PASS, PASS), "PASS -> SKIP in the first look, PASS -> PASS in the second look"),
        ((PASS, None), (PASS, PASS), "PASS -> absent in the first look, PASS -> PASS in the second look"),
        ((None, PASS), (None, FAIL), "absent -> PASS in the first look, absent -> FAIL in the second look"),
    ],
)
def test_what_one_look_shows_is_flaky_and_both_are_told(
    first: tuple[Status | None, Status | None], second: tuple[Status | None, Status | None], reason: str
) -> None:
    found = looks.join([look(*first), look(*second)])
    shown = entry(found)
    assert (shown.base, shown.patched, shown.change) == (*first, Change.FLAKY)
    assert shown.reason == reason
    assert found.status is ExitStatus.OK


def test_what_only_the_second_look_shows_is_flaky_and_shown() -> None:
    shown = entry(looks.join([look(PASS, PASS), look(PASS, FAIL)]))
    assert (shown.base, shown.patched, shown.change) == (PASS, FAIL, Change.FLAKY)
    assert shown.reason == "PASS -> PASS in the first look, PASS -> FAIL in the second look"


def test_the_words_of_the_test_stay_in_the_reason() -> None:
    first = compare(run(("a", PASS)), run(Result("a", FAIL, "no memory")))
    reason = entry(looks.join([first, look(PASS, PASS)])).reason
    assert reason.endswith("in the second look; no memory")


def test_a_result_that_no_kernel_gave_again_is_flaky() -> None:
    """Its program ran, and did not come to it."""
    both = run(("boot", PASS), ("a", PASS))
    first = compare(run(("a", PASS), ("a:x", PASS)), run(("a", FAIL), ("a:x", FAIL)))
    shown = entry(looks.join([first, compare(both, both)]), "a:x")
    assert (shown.change, shown.reason) == (
        Change.FLAKY,
        "PASS -> FAIL in the first look, absent -> absent in the second look",
    )


@pytest.mark.parametrize(("base", "patched", "change"), [(PASS, None, Change.GONE), (None, PASS, Change.NEW)])
def test_a_name_that_a_test_makes_up_comes_and_goes(
    base: Status | None, patched: Status | None, change: Change
) -> None:
    """It does so on each boot, and that is no reason for a third look either."""
    first, second = (
        compare(
            run(("a", PASS), *([(name, base)] if base else [])),
            run(("a", PASS), *([(name, patched)] if patched else [])),
        )
        for name in ("a:child with 80 MB", "a:child with 90 MB")
    )
    found = looks.join([first, second])
    assert [(each.name, each.change) for each in found.entries] == [
        ("a", Change.SAME),
        ("a:child with 80 MB", change),
    ]
    assert looks.again(first, ["a", "b"]) == ["a"]
    more = compare(run(("a", PASS), ("b", PASS), ("a:x", PASS)), run(("a", PASS), ("b", PASS)))
    assert not looks.contradicted(more, look(PASS, PASS, "a:x"))


def test_what_the_second_look_did_not_run_stays_as_it_was() -> None:
    first = compare(run(("a", PASS), ("b:x", FAIL)), run(("a", FAIL), ("b:x", FAIL)))
    found = looks.join([first, look(PASS, FAIL)])
    assert entry(found, "b:x") == entry(first, "b:x")


def test_a_result_that_only_the_second_look_knows_is_flaky_if_it_is_bad() -> None:
    second = compare(
        run(("a", PASS)), run(("a", PASS), Result("a:kernel-taint", FAIL, "the kernel was tainted"), ("a:good", PASS))
    )
    found = looks.join([look(PASS, PASS), second])
    assert [each.name for each in found.entries] == ["boot", "a", "a:kernel-taint"]
    shown = entry(found, "a:kernel-taint")
    assert (shown.change, shown.reason) == (Change.FLAKY, "in the second look only; the kernel was tainted")


# Fewer tests in the second look, all of them in the third.

FIRST = compare(run(("a", PASS), ("b", PASS)), run(("a", PASS), ("b", FAIL)))
ALONE = compare(run(("b", PASS)), run(("b", PASS)))


def test_a_short_look_that_does_not_show_it_again_contradicts() -> None:
    assert looks.contradicted(FIRST, ALONE)
    assert not looks.contradicted(FIRST, compare(run(("b", PASS)), run(("b", FAIL))))
    assert not looks.contradicted(FIRST, compare(run(("a", PASS), ("b", PASS)), run(("a", PASS), ("b", PASS))))
    assert not looks.contradicted(FIRST, compare(run(("b", PASS)), run(("b", CRASH))))


def test_a_guest_that_ends_well_with_fewer_tests_contradicts() -> None:
    good = run(("a", PASS), ("b", PASS))
    first = compare(good, run(("a", PASS), ("b", PASS), ended=Ended.PANIC))
    assert looks.contradicted(first, compare(run(("a", PASS)), run(("a", PASS))))


def test_two_looks_with_all_tests_outweigh_one_with_fewer() -> None:
    found = entry(looks.join([FIRST, ALONE, FIRST]), "b")
    assert found.change is Change.BROKEN
    told = (
        "PASS -> FAIL in the first look, PASS -> PASS in the second look (fewer tests), PASS -> FAIL in the third look"
    )
    assert found.reason == told


def test_they_do_not_if_the_base_was_as_bad_once() -> None:
    assert entry(looks.join([FIRST, compare(run(("b", FAIL)), run(("b", FAIL))), FIRST]), "b").change is Change.FLAKY


def test_what_the_third_look_does_not_show_either_is_flaky() -> None:
    same = compare(run(("a", PASS), ("b", PASS)), run(("a", PASS), ("b", PASS)))
    assert entry(looks.join([FIRST, ALONE, same]), "b").change is Change.FLAKY
    # Nor is a change that only came with fewer tests, and then with all of them: the first look did not have it.
    assert entry(looks.join([same, FIRST, FIRST]), "b").change is Change.FLAKY


# Which tests run again.

TESTS = ("a", "b", "c")


def full(**results: Status) -> Run:
    return run(("boot", PASS), *((name, results.get(name, PASS)) for name in TESTS))


@pytest.mark.parametrize(
    ("base", "patched", "names"),
    [
        (full(), full(), None),
        (full(), full(b=FAIL), ["b"]),
        (full(c=FAIL, a=FAIL), full(), ["a", "c"]),
        (full(), full(b=SKIP), ["b"]),
        (full(), run(("boot", PASS), ("a", PASS), ("b", PASS)), ["c"]),
        (full(), run(("boot", CRASH), ("a", CRASH), ("b", PASS), ("c", PASS), ended=Ended.PANIC), ["a"]),
        # It died when all was through: that may be any test's doing.
        (full(), run(("boot", CRASH), ("a", PASS), ("b", PASS), ("c", PASS), ended=Ended.PANIC), ["a", "b", "c"]),
        # What did not compile in one tree is no matter of a boot.
        (full(), run(("boot", PASS), *((name, PASS) for name in TESTS), ("d", Status.NOTBUILT)), None),
    ],
)
def test_what_changed_is_looked_at_again(base: Run, patched: Run, names: list[str] | None) -> None:
    assert looks.again(compare(base, patched), TESTS) == names


def test_the_test_in_which_the_kernel_complained_runs_again() -> None:
    good = full()
    complaints = {test: run(*good.results, splats=[splat("x", test)]) for test in ("b", "")}
    assert looks.again(compare(good, complaints["b"]), TESTS) == ["b"]
    assert looks.again(compare(good, complaints[""]), TESTS) == ["a", "b", "c"]
    assert looks.again(compare(complaints["b"], complaints["b"]), TESTS) is None
    assert looks.again(compare(run(("boot", PASS)), run(("boot", PASS), splats=[splat("x")])), ()) == []


def test_a_test_with_a_note_runs_again() -> None:
    patched = run(("boot", PASS), ("a", PASS), Result("b", PASS, held=100), ("c", PASS))
    assert looks.again(compare(full(), patched), TESTS) == ["b"]


# Guests that were started again.


def hung(seconds: int = 60, what: str = HUNG) -> Attempt:
    why = what.format(seconds)
    return Attempt("try-1", Ended.HANG, why, (Result("boot", Status.TIMEOUT, why),))


UP = run(("boot", PASS), ("a", PASS))
HUNG_ONCE = run(("boot", PASS), ("a", PASS), attempts=(hung(),))


def test_a_kernel_that_hung_once_before_init_is_flaky() -> None:
    found = looks.verdict([(UP, HUNG_ONCE)])
    shown = entry(found, "boot")
    assert (shown.base, shown.patched, shown.change) == (PASS, PASS, Change.FLAKY)
    assert shown.reason == f"TIMEOUT in a guest that was started again: {HUNG.format(60)}"
    assert (entry(found).change, found.status) == (Change.SAME, ExitStatus.OK)
    # Both are booted once more, without a test.
    assert looks.again(found, TESTS) == []
    assert entry(looks.verdict([(UP, HUNG_ONCE), (UP, UP)]), "boot") == shown


def test_what_hangs_alike_on_both_kernels_says_nothing() -> None:
    for pairs in (
        [(HUNG_ONCE, HUNG_ONCE)],
        [(run(*UP.results, attempts=(hung(61),)), HUNG_ONCE)],
        [(UP, HUNG_ONCE), (HUNG_ONCE, UP)],  # the second look shows it on the base
        [(HUNG_ONCE, UP)],
    ):
        assert entry(looks.verdict(pairs), "boot").change is Change.SAME


def test_what_hangs_elsewhere_on_the_base_is_no_excuse() -> None:
    silent = run(*UP.results, attempts=(hung(what="the kernel printed nothing within {} s"),))
    assert entry(looks.verdict([(silent, HUNG_ONCE)]), "boot").change is Change.FLAKY


def test_a_kernel_that_hangs_in_both_looks_is_broken() -> None:
    never = run(("boot", Status.TIMEOUT), ("a", Status.NOTRUN), ended=Ended.HANG, attempts=(hung(),))
    for pairs in ([(UP, never), (UP, HUNG_ONCE)], [(UP, HUNG_ONCE), (UP, never)]):
        found = looks.verdict(pairs)
        shown = entry(found, "boot")
        assert (shown.patched, shown.change) == (Status.TIMEOUT, Change.BROKEN)
        assert found.status is ExitStatus.REGRESSION


def test_a_failure_in_a_guest_that_was_lost_is_not_forgotten() -> None:
    lost = Attempt("try-1", Ended.LOST, "QEMU ended", (Result("a", FAIL, "bad page"), Result("b", FAIL)))
    patched = run(("boot", PASS), ("a", PASS), attempts=(lost,))
    found = looks.verdict([(UP, patched)])
    assert [(each.name, each.change) for each in found.entries] == [("boot", Change.SAME), ("a", Change.FLAKY)]
    assert entry(found).reason == "FAIL in a guest that was started again: bad page"
    # The base failed like that, too.
    assert entry(looks.verdict([(run(*UP.results, attempts=(lost,)), patched)])).change is Change.SAME


def test_what_the_base_was_once_as_bad_as_is_no_regression() -> None:
    lost = Attempt("try-1", Ended.LOST, "QEMU ended", (Result("a", FAIL),))
    base, patched = run(*UP.results, attempts=(lost,)), run(("boot", PASS), ("a", FAIL))
    found = looks.verdict([(base, patched), (UP, patched)])
    assert (entry(found).change, entry(found).reason) == (
        Change.FLAKY,
        "FAIL on the base, too, in a guest that was started again",
    )


# Notes.


def noted(*notes: str, held: int = 0) -> Comparison:
    return compare(run(("a", PASS)), run(Result("a", PASS, notes=notes, held=held)))


def test_missing_memory_that_was_not_missing_again_is_noise() -> None:
    assert entry(looks.join([noted(held=40), noted()])).notes == ()
    assert entry(looks.join([noted(), noted(held=40)])).notes == ()
    found = looks.join([noted(held=40), noted(held=50)])
    assert entry(found).notes == ("did not give back 40 MiB of memory and swap",)


def test_any_other_note_says_if_it_came_once() -> None:
    once = noted("left running: sleep 5")
    assert entry(looks.join([once, noted("left running: sleep 7")])).notes == ("left running: sleep 5",)
    assert entry(looks.join([once, noted()])).notes == ("left running: sleep 5 (in the first look only)",)
    assert entry(looks.join([noted(), once])).notes == ("left running: sleep 5 (in the second look only)",)
    assert entry(looks.join([once, compare(run(("b", PASS)), run(("b", PASS)))])).notes == ("left running: sleep 5",)


# Complaints and ends.


def complaints(base: str, patched: str) -> Comparison:
    return compare(run(splats=[*map(splat, base.split())]), run(splats=[*map(splat, patched.split())]))


@pytest.mark.parametrize(
    ("first", "second", "new"),
    [
        (("", "x"), ("", ""), ["x"]),
        (("", ""), ("", "x"), ["x"]),
        (("", "x"), ("", "x"), ["x"]),
        (("", "x"), ("", "y"), ["x", "y"]),
        (("", "x"), ("x", ""), []),
        (("", "x"), ("x", "x"), []),
        (("x", ""), ("", "x"), []),
        (("x", "x"), ("", "x"), []),
        (("x", ""), ("", ""), []),
    ],
)
def test_a_complaint_is_new_if_no_run_of_the_base_has_it(
    first: tuple[str, str], second: tuple[str, str], new: list[str]
) -> None:
    verdict = looks.join([complaints(*first), complaints(*second)])
    assert [each.fingerprint for each in verdict.new_splats] == new
    fingerprints = [each.splat.fingerprint for each in verdict.splats]
    assert len(fingerprints) == len(set(fingerprints))


GOOD, DOWN = Ended.POWEROFF, Ended.PANIC


@pytest.mark.parametrize(
    ("first", "second", "worse"),
    [
        ((GOOD, DOWN), (GOOD, DOWN), True),
        ((GOOD, DOWN), (GOOD, GOOD), False),
        ((GOOD, DOWN), (DOWN, DOWN), False),
        ((GOOD, GOOD), (GOOD, DOWN), False),
        ((DOWN, DOWN), (GOOD, DOWN), False),
    ],
)
def test_a_guest_ends_worse_if_it_does_so_in_both_looks(
    first: tuple[Ended, Ended], second: tuple[Ended, Ended], worse: bool
) -> None:
    one, two = (compare(run(ended=base), run(ended=patched)) for base, patched in (first, second))
    assert looks.join([one, two]).ended_worse is worse


# What holds for any looks.

names = st.sampled_from(["boot", "mm/a", "mm/a:x", "mm/b", "net/c:é"])
runs = st.builds(
    lambda found, ended: run(*found.items(), ended=ended),
    st.dictionaries(names, st.sampled_from(Status), max_size=5),
    st.sampled_from(Ended),
)


@given(runs, runs, runs, runs)
def test_two_looks_claim_what_both_show_and_forget_nothing(base: Run, patched: Run, base2: Run, patched2: Run) -> None:
    first, second = compare(base, patched), compare(base2, patched2)
    found = looks.join([first, second])
    later = {each.name: each.change for each in second.entries}
    again = {looks.program(each.name) for each in second.entries}
    for each in first.entries:
        fleeting = each.change in (Change.GONE, Change.NEW)
        told = each.name in later or (looks.program(each.name) in again and not fleeting)
        seen = {each.change} | ({later.get(each.name, Change.SAME)} if told else set())
        wanted = seen.pop() if len(seen) == 1 else Change.FLAKY
        assert entry(found, each.name).change is wanted
    bad = {each.name for each in second.having(Change.BROKEN)}
    assert bad <= {each.name for each in found.entries}
    assert [each.name for each in found.entries][: len(first.entries)] == [each.name for each in first.entries]


@given(runs, runs)
def test_one_look_is_what_it_is(base: Run, patched: Run) -> None:
    found = compare(base, patched)
    assert looks.join([found]) == found
