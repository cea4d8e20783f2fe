"""The evaluation of what the tests reach: what it reads of coverage.py's report, and the bar."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

import coverage_of_tests
from coverage_of_tests import Module
from fakes.here import CI, ROOT

REPORT = {
    "ci/series_ci/kernel/repo.py": {"summary": {"num_statements": 60}, "missing_lines": [7, 8, 9, 12]},
    str(CI / "series_ci/arch.py"): {"summary": {"num_statements": 40}, "missing_lines": []},
}


def test_rooms_have_no_bar_and_all_together_have_one() -> None:
    rooms = coverage_of_tests.figures(coverage_of_tests.modules(REPORT))
    assert [(each.what, each.measured, each.good) for each in rooms] == [
        ("arch.py", 100.0, True),
        ("kernel", 93.3, True),
        ("all", 96.0, True),
    ]


@pytest.mark.parametrize(("missed", "good"), [(50, True), (51, False)])
def test_the_bar_is_not_met_by_rounding(missed: int, good: bool) -> None:
    found = [Module("kernel/repo.py", 1001, tuple(range(missed)))]
    assert coverage_of_tests.figures(found)[-1].good is good


def test_the_lines_that_were_not_reached_are_named() -> None:
    out = io.StringIO()
    found = coverage_of_tests.modules(REPORT)
    coverage_of_tests.show(coverage_of_tests.figures(found), found, Console(file=out, width=40))
    assert "kernel/repo.py: 7-9, 12\n" in out.getvalue()
    assert "arch.py: " not in out.getvalue()


def test_its_name_stands_in_the_way_of_no_package() -> None:
    assert not (ROOT / "tools/evaluations/coverage.py").exists()
