"""Each test has one result."""

from __future__ import annotations

from series_ci.results import once
from series_ci.results.model import Result, Status

TESTS = ["mm/a", "mm/b (2)"]


def test_a_second_result_makes_a_crash_of_the_first() -> None:
    results = [Result("mm/a:x", Status.PASS), Result("mm/a", Status.PASS), Result("mm/a (2)", Status.FAIL, "exit=1")]
    _, found = once.results(TESTS, results)
    assert (found.name, found.status) == ("mm/a", Status.CRASH)
    assert found.reason == "its result was reported 2 times: PASS, FAIL"


def test_equal_ones_are_two_all_the_same() -> None:
    (found,) = once.results(TESTS, [Result("mm/a", Status.PASS)] * 9)
    assert found.reason == "its result was reported 9 times: PASS, PASS, PASS, PASS, PASS ..."


def test_results_of_one_guest_that_another_reports_again() -> None:
    found = once.results(TESTS, [Result("mm/a:x", Status.PASS), Result("mm/a:x", Status.PASS)])
    assert [each.status for each in found] == [Status.CRASH]


def test_numbered_names_that_are_no_test_s_are_left_alone() -> None:
    names = ["mm/a:x", "mm/a:x (2)", "mm/b (2)", "other", "other (2)", "mm/a"]
    results = [Result(name, Status.PASS) for name in names]
    assert once.results(TESTS, results) == results
