"""Complaints of the kernel that a manifest allows, from the manifest to the results."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import rundirs
from fakes.outcomes import outcome, run
from series_ci.cli import request
from series_ci.errors import ExitStatus, UsageError
from series_ci.manifest import allow, model
from series_ci.manifest.allow import Allowed
from series_ci.pipeline.outcome import status, version_run
from series_ci.post import posting
from series_ci.report.html import Evidence, page
from series_ci.report.junit import junit
from series_ci.results.compare import Change, compare
from series_ci.results.looks import join
from series_ci.results.model import Result, Splat, Status
from series_ci.rundir import read
from series_ci.rundir.summary import version_json

GOOD = Result("mm/a", Status.PASS)
LEAF = Splat("WARNING", "WARNING at mm/walk.c:12 walk_leaf", "0123456789abcdef", ("the lines",))
OTHER = Splat("BUG", "BUG: another", "fedcba9876543210", ("the lines",))
ENTRY = {"reason": "the tree has it too", "link": "https://lore.example.org/all/1/", "expires": date(2026, 12, 31)}
BY_PATTERN = Allowed.model_validate({**ENTRY, "pattern": r"^WARNING .*walk\.c:\d+ walk_leaf$"})
BY_FINGERPRINT = Allowed.model_validate({**ENTRY, "fingerprint": "0123456789abcdef"})

MANIFEST = """\
name: demo
title: a demonstration
archive: https://lore.example.org/all/
versions:
  v1: {message-id: 1@example.org}
trees:
  - spec: https://example.org/linux.tar.xz
allow:
"""


@pytest.mark.parametrize("entry", [BY_PATTERN, BY_FINGERPRINT])
def test_an_entry_is_of_one_complaint(entry: Allowed) -> None:
    assert allow.find([entry], LEAF.kind, LEAF.title, LEAF.fingerprint) is entry
    assert allow.find([entry], OTHER.kind, OTHER.title, OTHER.fingerprint) is None


def test_an_allowed_complaint_is_no_regression_and_is_told() -> None:
    found = compare(run("base", GOOD), run("v10", GOOD, splats=(LEAF,)), [BY_PATTERN])
    assert [(each.change, each.allowed) for each in found.splats] == [(Change.ALLOWED, BY_PATTERN)]
    assert (found.status, found.new_splats) == (ExitStatus.OK, [])
    assert found.allowed_splats == [(LEAF, BY_PATTERN)]


def test_another_complaint_beside_it_is_a_regression() -> None:
    found = compare(run("base", GOOD), run("v10", GOOD, splats=(LEAF, OTHER)), [BY_PATTERN])
    assert found.new_splats == [OTHER]
    assert found.status is ExitStatus.REGRESSION


def test_what_the_base_has_needs_no_allowance() -> None:
    base, patched = run("base", GOOD, splats=(LEAF,)), run("v10", GOOD, splats=(LEAF,))
    assert [each.change for each in compare(base, patched, [BY_PATTERN]).splats] == [Change.SAME]
    first = compare(run("base", GOOD), patched, [BY_PATTERN])
    again = join([first, compare(base, run("v10", GOOD), [BY_PATTERN])])
    assert [(each.change, each.allowed) for each in again.splats] == [(Change.SAME, None)]


@given(st.dates(), st.dates())
def test_an_entry_is_good_up_to_its_last_day(expires: date, today: date) -> None:
    entry = BY_PATTERN.model_copy(update={"expires": expires})
    if expires >= today:
        allow.refuse_expired([entry], today)
    else:
        with pytest.raises(UsageError) as caught:
            allow.refuse_expired([entry], today)
        assert entry.reason in caught.value.message
        assert caught.value.status is ExitStatus.USAGE


def test_an_expired_entry_stops_the_test_of_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "demo.yaml"
    path.write_text(
        f"{MANIFEST}  - {{pattern: walk_leaf, reason: known, link: 'https://example.org/1', expires: 2026-01-31}}\n"
    )
    read = model.load(path)

    class Day(date):
        @classmethod
        def today(cls) -> Day:
            return cls(2026, 2, 1)

    monkeypatch.setattr(request, "date", Day)
    with pytest.raises(UsageError, match="expired entries of allow: walk_leaf: known"):
        request._allowed(read)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{reason: r, link: 'https://e.org/', expires: 2026-12-31}", "either a pattern or a fingerprint"),
        (
            "{pattern: a, fingerprint: 0123456789abcdef, reason: r, link: 'https://e.org/', expires: 2026-12-31}",
            "either a pattern or a fingerprint",
        ),
        ("{pattern: '(', reason: r, link: 'https://e.org/', expires: 2026-12-31}", "a regular expression"),
        ("{fingerprint: abc, reason: r, link: 'https://e.org/', expires: 2026-12-31}", "16 hexadecimal digits"),
        ("{pattern: a, link: 'https://e.org/', expires: 2026-12-31}", "found no such key, expected why it may come"),
        ("{pattern: a, reason: r, expires: 2026-12-31}", "found no such key, expected where it was reported"),
        ("{pattern: a, reason: r, link: 'https://e.org/'}", "found no such key, expected the last day"),
        ("{pattern: a, reason: r, link: a bug, expires: 2026-12-31}", "the URL of a report or a fix"),
        ("{pattern: a, reason: r, link: 'https://e.org/', expires: soon}", "a day, such as 2026-12-31"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_in_its_place(tmp_path: Path, entry: str, expected: str) -> None:
    path = tmp_path / "demo.yaml"
    path.write_text(f"{MANIFEST}  - {entry}\n")
    with pytest.raises(UsageError) as caught:
        model.load(path)
    assert f"{path}:9: allow[0]" in caught.value.message
    assert expected in caught.value.message


def test_results_name_the_reason() -> None:
    compared = compare(run("base", GOOD), run("v10", GOOD, splats=(LEAF,)), [BY_PATTERN])
    found = replace(outcome(run("base", GOOD), run("v10", GOOD, splats=(LEAF,))), comparison=compared)
    assert status(found) is ExitStatus.OK
    version = version_run(found)
    (told,) = json.loads(json.dumps(version_json(version)))["splats"]
    assert told["change"] == "ALLOWED"
    assert told["allowed"] == {**ENTRY, "pattern": BY_PATTERN.pattern, "expires": "2026-12-31"}
    xml = junit(version)
    assert "kernel: WARNING at mm/walk.c:12 walk_leaf" in xml
    assert "the tree has it too" in xml
    assert 'failures="0"' in xml
    posted = posting.of(version, ())
    assert "allowed until 2026-12-31" in posted.summary
    assert "new kernel complaint" not in posted.title


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    compared = compare(run("base", GOOD), run("v10", GOOD, splats=(LEAF,)), [BY_PATTERN])
    found = replace(outcome(run("base", GOOD), run("v10", GOOD, splats=(LEAF,))), comparison=compared)
    told = rundirs.version(tmp_path, found)
    assert read.read(tmp_path) == told
    assert "the tree has it too" in page(told, Evidence({}, {}))
