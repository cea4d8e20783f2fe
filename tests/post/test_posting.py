from __future__ import annotations

from pathlib import Path

import pytest

from fakes import posted
from series_ci.errors import UsageError
from series_ci.post import posting
from series_ci.post.annotations import Annotation, remarks
from series_ci.post.posting import CheckState
from series_ci.report.markdown import COMMENT
from series_ci.rundir.read import read_version


def read(tmp_path: Path, found: dict[str, object]) -> posting.Publication:
    return posting.read(posted.folder(tmp_path / "run", found))


class TestState:
    def test_nothing_changed(self, tmp_path: Path) -> None:
        found = read(tmp_path, posted.summary())
        assert found.state is CheckState.SUCCESS
        assert found.title == "demo v10: no regression, 1 SAME"
        assert found.annotations == ()
        assert found.context == "series-ci/x86_64"

    def test_flaky_is_a_warning(self, tmp_path: Path) -> None:
        found = read(tmp_path, posted.summary(changes=[posted.change("a/b:c", "PASS", "FAIL", "FLAKY")]))
        assert found.state is CheckState.WARNING
        assert "1 FLAKY" in found.title
        assert "| `a/b:c` | PASS | FAIL | FLAKY |" in found.summary

    def test_regression(self, tmp_path: Path) -> None:
        found = read(tmp_path, posted.broken(2))
        assert found.state is CheckState.FAILURE
        assert found.title == "demo v10: regression, 2 BROKEN, 1 new kernel complaint"


def test_steps(tmp_path: Path) -> None:
    steps = [
        {"patch": "1/2", "commit": "a", "error": None, "new_warnings": ["mm/rmap.c: warning: unused variable 'x'"]},
        {"patch": "2/2", "commit": "b", "error": "does not build: mm/rmap.c:9:2: error: no", "new_warnings": []},
    ]
    found = read(tmp_path, posted.summary(steps=steps, status=4))
    assert [(each.state, each.description) for each in found.steps] == [
        (CheckState.WARNING, "1 new warning"),
        (CheckState.FAILURE, "does not build: mm/rmap.c:9:2: error: no"),
    ]
    assert found.annotations == (
        Annotation("mm/rmap.c", 1, "warning", "new warning after patch 1/2", "warning: unused variable 'x'"),
        Annotation("mm/rmap.c", 9, "failure", "does not build after patch 2/2", "error: no"),
    )


def test_same_results_have_the_same_identity(tmp_path: Path) -> None:
    first = read(tmp_path, posted.broken())
    elsewhere = read(tmp_path / "b", {**posted.broken(), "run_dir": "/elsewhere"})
    assert first.identity == elsewhere.identity
    assert first.identity != read(tmp_path / "c", posted.broken(2)).identity


@pytest.mark.parametrize(
    ("found", "why"),
    [({"versions": [{"version": "v9"}]}, "is not the summary"), ({"series": "demo"}, "is not the summary")],
)
def test_what_is_no_run(tmp_path: Path, found: dict[str, object], why: str) -> None:
    (tmp_path / "summary.json").write_text(posting.files.json.dumps(found))
    with pytest.raises(UsageError, match=why):
        posting.read(tmp_path)


def test_run_that_has_not_ended(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished run"):
        posting.read(tmp_path)


class TestPlaces:
    def test_compiler_errors(self, tmp_path: Path) -> None:
        error = {
            "message": "does not build: mm/rmap.c:840:3: error: implicit declaration of 'f'",
            "details": "mm/rmap.c:840:3: error: implicit declaration of 'f'\n  840 | f();\n"
            "./include/linux/mm.h:7:1: warning: odd\n../out/x.c:1: error: not of the tree\n",
            "hint": "",
        }
        found = read(tmp_path, posted.summary(error=error, verdict="does not build", status=4, changes=[]))
        assert found.annotations == (
            Annotation("mm/rmap.c", 840, "failure", "does not build", "error: implicit declaration of 'f'"),
            Annotation("include/linux/mm.h", 7, "warning", "does not build", "warning: odd"),
        )

    def test_rejected_hunks_of_changed_files(self, tmp_path: Path) -> None:
        error = {"message": "[1/2] x does not apply: hunks at mm/rmap.c:12, mm/other.c:3", "details": "d", "hint": ""}
        found = read(tmp_path, posted.summary(error=error, verdict="does not apply", status=3, changes=[]))
        assert [(each.path, each.line, each.details) for each in found.annotations] == [("mm/rmap.c", 12, "d")]

    def test_complaint_is_at_a_changed_file_if_its_trace_names_one(self, tmp_path: Path) -> None:
        places_of = [each for each in read(tmp_path, posted.broken()).annotations if "complaint" in each.title]
        assert [(each.path, each.line) for each in places_of] == [("mm/rmap.c", 840)]
        undecoded = {**posted.SPLAT, "lines": posted.SPLAT["lines"][:1]}
        where = posted.folder(tmp_path / "undecoded", posted.summary(splats=[undecoded]))
        found = remarks(read_version(where), ["mm/rmap.c"])
        assert [(each.path, each.line) for each in found] == [("mm/page_alloc.c", 12)]

    def test_failed_test_is_at_its_own_line(self, tmp_path: Path) -> None:
        found = read(tmp_path, posted.broken()).annotations[-1]
        assert (found.path, found.line) == ("tools/testing/selftests/mm/exit_skip.c", 683)
        assert found.message == "PASS -> FAIL"
        assert "not reclaimed" in found.details


def test_the_summary_is_short_enough_for_a_comment_and_the_page_is_whole(tmp_path: Path) -> None:
    found = read(tmp_path, posted.broken(2000))
    assert len(found.summary.encode()) <= COMMENT
    assert " rows more)" in found.summary
    assert " rows more)" not in found.page
    assert found.page.count("| BROKEN |") == 2000
