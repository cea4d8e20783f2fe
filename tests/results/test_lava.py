"""LAVA's own log of a job is read like what the machine printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_ci.results import lava, logs
from series_ci.results.model import Result

DATE = "2026-01-04T12:00:00.123456"


def record(level: str, message: object) -> str:
    return f"- {json.dumps({'dt': DATE, 'lvl': level, 'msg': message})}\n"


JOB = [
    record("info", "start: 2 boot-action"),
    record("target", "[    0.000000] Linux version 6.12.7 (somebody@example.org)"),
    record("debug", "ok 7 is what LAVA says of itself"),
    record("target", '1..2\r\nok 1 a # \ttab and "quotes"'),
    record("results", {"case": "b", "result": "pass"}),
    record("target", "    # Subtest: deep"),
    record("target", "    not ok 1 c"),
    record("target", "not ok 2 deep"),
    record("feedback", "[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008"),
]


def test_a_job_s_log_has_results_and_complaints(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(JOB))
    came: list[Result] = []
    with logs.opened(str(tmp_path / "log")) as lines:
        (found,) = logs.scan(lines, came.extend)
    assert [f"{each.status} {each.name}" for each in came] == ["PASS a", "FAIL deep:c", "FAIL deep"]
    assert (found.kind, found.title) == ("OOPS", "BUG: kernel NULL pointer dereference, address: *")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("ok 1 a: b, c", "ok 1 a: b, c"),
        ("'[    1.000000] it''s here'", "[    1.000000] it's here"),
        ('"ok 1 \\"a\\" \\u00e4"', 'ok 1 "a" \u00e4'),
        ('"ok 1 \\e[0m"', "ok 1 \\e[0m"),
        ("'", "'"),
    ],
)
def test_records_from_before_json(message: str, text: str) -> None:
    assert lava.console(f"- {{dt: {DATE}, lvl: target, msg: {message}}}\n") == [f"{text}\n"]
    assert lava.console(f"- {{dt: {DATE}, lvl: debug, msg: {message}}}\n") == []


@pytest.mark.parametrize(
    "line", ["- {", "- {}", '- {"lvl": "target"}', "- {a list}", '- {"dt": 1, "lvl": "target", "m']
)
def test_what_only_begins_like_a_record_is_a_line(line: str, tmp_path: Path) -> None:
    assert lava.console(f"{line}\n") is None
    (tmp_path / "log").write_text(f"{line}\n")
    with logs.opened(str(tmp_path / "log")) as lines:
        assert list(lines) == [f"{line}\n"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    said = lava.console(record("target", text))
    assert said is not None
    assert "".join(said) == text.rstrip("\r\n") + "\n"
