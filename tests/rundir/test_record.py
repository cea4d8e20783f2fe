"""Runs survive the way to a file and back; comparisons become plain JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from series_ci.errors import UsageError
from series_ci.guest.record import read_run, write_run
from series_ci.results.compare import Change, compare
from series_ci.results.model import Ended, Result, Run, Splat, Status
from series_ci.rundir import summary

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
lines = st.lists(text, max_size=3).map(tuple)
seconds = st.floats(0, 1e6, allow_nan=False)
runs = st.builds(
    Run,
    label=text,
    commit=text,
    ended=st.sampled_from(Ended),
    seconds=seconds,
    boot_seconds=st.none() | seconds,
    results=st.lists(st.builds(Result, text, st.sampled_from(Status), text, lines), max_size=3).map(tuple),
    splats=st.lists(st.builds(Splat, text, text, text, lines), max_size=2).map(tuple),
    environment=st.dictionaries(text, text, max_size=3),
)


@settings(max_examples=40)
@given(runs)
def test_a_run_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    path = tmp_path_factory.mktemp("run") / "run.json"
    write_run(path, run)
    assert read_run(path) == run
    assert json.loads(path.read_text("utf-8"))["ended"] == run.ended.value


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"label": "base"}', b"\xff\xfe", b'{"label": "x", "ended": "LATER"}']
)
def test_what_is_no_record_of_a_run_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"other\.json: is not the record of a run"):
        read_run(path)


def test_a_record_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.json"):
        read_run(tmp_path / "gone.json")


def run(results: tuple[Result, ...], splats: tuple[Splat, ...] = ()) -> Run:
    return Run("v1", "c", Ended.POWEROFF, 1.0, 0.5, results, splats)


def test_changes_as_json() -> None:
    base = run((Result("a", Status.PASS), Result("b", Status.PASS)))
    patched = run(
        (Result("a", Status.FAIL, "it says why", notes=("left running: sleep",)), Result("c", Status.SKIP, "no swap"))
    )
    rows = summary.changes(compare(base, patched).entries)
    assert json.loads(json.dumps(rows)) == [
        {"name": "a", "base": "PASS", "patched": "FAIL", "change": "BROKEN", "reason": "it says why"}
        | {"notes": ["left running: sleep"]},
        {"name": "b", "base": "PASS", "patched": None, "change": "GONE"},
        {"name": "c", "base": None, "patched": "SKIP", "change": "NEW", "reason": "no swap"},
    ]


def test_complaints_as_json() -> None:
    rows = summary.splats(
        compare(
            run(()), run((), (Splat("BUG", "BUG: bad page", "ab12", ("one", "two"), "free_it", ("free_it",), "mm/a"),))
        ).splats
    )
    assert json.loads(json.dumps(rows)) == [
        {
            "kind": "BUG",
            "title": "BUG: bad page",
            "fingerprint": "ab12",
            "function": "free_it",
            "trace": ["free_it"],
            "test": "mm/a",
            "change": Change.NEW.value,
            "lines": ["one", "two"],
        }
    ]
