"""`series-ci report`: each format of a run directory, on standard output or in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes import rundirs
from fakes.here import ROOT
from fakes.outcomes import outcome, request, run
from series_ci.cli import main
from series_ci.errors import ApplyError
from series_ci.pipeline.rows import Row
from series_ci.report.formats import FORMATS
from series_ci.results.model import Result, Status
from series_ci.rundir.run import Stage

GOOD, BAD = Result("mm/a", Status.PASS), Result("mm/a", Status.FAIL, "why", ("bad \ufffe byte",))


@pytest.fixture
def version(tmp_path: Path) -> Path:
    rundirs.version(tmp_path / "v10", outcome(run("base", GOOD), run("v10", BAD)))
    return tmp_path / "v10"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    rows = [
        Row(request(label="v1"), outcome(error=ApplyError("no"), label="v1"), ApplyError("no"), Stage.APPLY),
        Row(request(label="v4"), outcome(run("base", GOOD), run("v4", BAD), label="v4"), None, Stage.DONE),
    ]
    rundirs.sweep(tmp_path / "sweep", rows)
    return tmp_path / "sweep"


@pytest.mark.parametrize("where", ["version", "sweep"])
def test_json_and_junit_are_what_the_run_itself_wrote(
    where: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = request.getfixturevalue(where)
    assert main(["report", str(folder), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((folder / "summary.json").read_text())
    assert main(["report", str(folder), "--format", "junit"]) == 0
    assert capsys.readouterr().out == (folder / "junit.xml").read_text()


def test_all_failures_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rundirs.version(tmp_path / "x", outcome(run("base", BAD), run("v10", BAD)))
    argv = ["report", str(tmp_path / "x"), "--format", "junit"]
    assert main(argv) == 0
    assert 'failures="0"' in capsys.readouterr().out
    assert main([*argv, "--failures", "all"]) == 0
    assert 'failures="1"' in capsys.readouterr().out


def test_a_file(version: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new folder" / "page"
    for form in FORMATS:
        if form in ("json", "junit", "markdown", "html"):
            assert main(["report", str(version), "--format", form, "-o", str(out)]) == 0
            assert out.stat().st_size > 300
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--format", "json", "--failures", "all"], "--format json does not know --failures"),
        (["--format", "junit", "--for", "comment"], "--format junit does not know --for"),
        (["--format", "pdf"], "pdf"),
        ([], "--format"),
    ],
)
def test_usage(version: Path, argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(version), *argv]) == 2
    assert words in capsys.readouterr().err


def test_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in FORMATS:
        assert main(["report", str(tmp_path), "--format", form]) == 2
        assert "no finished run" in capsys.readouterr().err


def test_help_and_readme_name_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--help"]) == 0
    told = capsys.readouterr().out.partition("Options:")[0]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [form for form in FORMATS if f"{form}:" not in told or form not in readme] == []
