"""How much of what a guest says is kept, and that nothing goes without a word."""

from __future__ import annotations

import pytest

from series_ci.results import quota
from series_ci.results.model import Result, Status
from series_ci.results.quota import Quota


def taken(names: list[str], tests: list[str], *, log: tuple[str, ...] = ()) -> list[Result]:
    limits = Quota(tests)
    found = [limits.take(Result(name, Status.PASS, log=log)) for name in names]
    return [*filter(None, found), *limits.dropped()]


def test_what_a_program_has_too_many_of_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "PROGRAM", 3)
    results = taken([*(f"mm/a:{n}" for n in range(5)), "mm/a", "mm/b:x", "mm/b"], ["mm/a", "mm/b"])
    assert [each.name for each in results] == ["mm/a:0", "mm/a:1", "mm/a:2", "mm/a", "mm/b:x", "mm/b", "mm/a:left out"]
    assert results[-1].status is Status.ERROR
    assert results[-1].reason.startswith("2 more results are not kept")


def test_programs_that_nobody_asked_for_share_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "PROGRAM", 3)
    results = taken([f"x/{n}" for n in range(9)], ["mm/a"])
    assert [each.name for each in results] == ["x/0", "x/1", "x/2", "boot:left out"]


def test_a_run_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "RUN", 4)
    tests = ["mm/a", "mm/b", "mm/c"]
    results = taken([f"{test}:{n}" for test in tests for n in range(3)] + tests, tests)
    assert [each.name for each in results if each.status is Status.ERROR] == ["mm/b:left out", "mm/c:left out"]
    assert {each.name for each in results} >= set(tests)
    assert len(results) == 4 + 3 + 2


def test_logs_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "LOGS", 25)
    results = taken(["mm/a:1", "mm/a:2", "mm/a:3", "mm/a"], ["mm/a"], log=("x" * 10,))
    assert [each.log[0][:3] for each in results] == ["xxx", "xxx", "...", "..."]
    assert "left out" in results[-1].log[0]
