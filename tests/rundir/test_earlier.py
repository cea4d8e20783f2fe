from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from series_ci.rundir import earlier

BASE = "b" * 40


def run(folder: Path, date: int, **more: Any) -> Path:
    """A summary.json as a finished run leaves it."""
    folder.mkdir(parents=True)
    found = {
        "series": "mini",
        "version": "v1",
        "message_id": "v1@example.org",
        "verdict": "no regression",
        "changes": [],
        "splats": [],
        "error": None,
        "environment": {"base_commit": BASE},
        **more,
    }
    path = folder / "summary.json"
    path.write_text(json.dumps(found))
    os.utime(path, (date, date))
    return folder


def row(name: str, patched: str | None, change: str = "SAME") -> dict[str, Any]:
    return {"name": name, "base": "PASS", "patched": patched, "change": change}


class TestNewest:
    def test_the_newest_one_wins_also_inside_a_sweep(self, tmp_path: Path) -> None:
        run(tmp_path / "mini-v1-b", 100)
        wanted = run(tmp_path / "mini-sweep" / "v1", 300)
        run(tmp_path / "mini-v1-a", 200)
        found = earlier.newest(tmp_path, "mini", "v1@example.org", BASE)
        assert found is not None
        assert (found.folder, found.base, found.verdict, found.error) == (wanted, BASE, "no regression", "")

    @pytest.mark.parametrize(
        "other",
        [
            {"series": "maxi"},
            {"message_id": "v2@example.org"},
            {"environment": {"base_commit": "c" * 40}},
            {"environment": None},
        ],
    )
    def test_runs_of_something_else_do_not_count(self, tmp_path: Path, other: dict[str, Any]) -> None:
        wanted = run(tmp_path / "old", 100)
        run(tmp_path / "new", 200, **other)
        found = earlier.newest(tmp_path, "mini", "v1@example.org", BASE)
        assert found is not None
        assert found.folder == wanted

    def test_any_base_will_do_when_none_is_given(self, tmp_path: Path) -> None:
        wanted = run(tmp_path / "new", 200, environment={"base_commit": "c" * 40})
        found = earlier.newest(tmp_path, "mini", "v1@example.org", None)
        assert found is not None
        assert (found.folder, found.base) == (wanted, "c" * 40)

    def test_a_run_that_did_not_finish_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "unfinished").mkdir()
        (tmp_path / "damaged").mkdir()
        (tmp_path / "damaged/summary.json").write_text("{")
        assert earlier.newest(tmp_path, "mini", "v1@example.org", BASE) is None
        assert earlier.newest(tmp_path / "none", "mini", "v1@example.org", BASE) is None

    def test_what_it_says(self, tmp_path: Path) -> None:
        changes = [row("mm/a", "PASS"), row("mm/b", None, "GONE"), row("mm/c", "FAIL", "FLAKY")]
        splats = [{"title": "WARNING at x", "change": "NEW"}, {"title": "BUG at y", "change": "SAME"}]
        error = {"message": "does not build", "details": "", "hint": ""}
        run(tmp_path / "x", 100, changes=changes, splats=splats, error=error)
        found = earlier.newest(tmp_path, "mini", "v1@example.org", BASE)
        assert found is not None
        assert found.statuses == {"mm/a": "PASS", "mm/b": "-", "mm/c": "FAIL (flaky)"}
        assert (found.splats, found.error) == (("WARNING at x",), "does not build")


def test_what_changed_between_two_runs() -> None:
    def of(statuses: dict[str, str], *splats: str) -> earlier.EarlierRun:
        return earlier.EarlierRun(Path(), BASE, "", "", statuses, splats)

    old = of({"a": "PASS", "b": "FAIL", "c": "PASS", "only old": "PASS"}, "WARNING at x", "BUG at both")
    new = of({"c": "-", "b": "PASS", "a": "PASS", "new 1": "PASS", "new 2": "FAIL"}, "BUG at both", "Oops at z")
    assert earlier.compare(old, new) == earlier.ResultChanges(
        changed=(
            ("b", "FAIL", "PASS"),
            ("c", "PASS", "-"),
            ("kernel: WARNING at x", "seen", "-"),
            ("kernel: Oops at z", "-", "seen"),
        ),
        same=2,
        only_old=1,
        only_new=2,
    )
