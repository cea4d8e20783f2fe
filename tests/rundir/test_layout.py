"""The folder of a sweep: unfinished, finished, in use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fakes.here import CI
from series_ci.errors import UsageError
from series_ci.rundir import layout

HOLD = """\
import sys
from pathlib import Path
from series_ci.rundir import layout
with layout.opened(Path(sys.argv[1]), "the words"):
    Path(sys.argv[1], "base").mkdir()
    print("open", flush=True)
    sys.stdin.read()
"""


def test_an_interrupted_sweep_is_found_by_its_words(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with layout.opened(folder, "the words") as goes_on:
        assert not goes_on
        assert layout.unfinished(folder) is None  # it is under way
        (folder / "base").mkdir()
    assert layout.unfinished(folder) == "the words"
    with layout.opened(folder, "the words") as goes_on:
        assert goes_on
    (folder / "summary.json").write_text("{}")
    assert layout.unfinished(folder) is None


def test_a_sweep_that_came_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no mails"), layout.opened(tmp_path / "run", "the words"):
        raise UsageError("no mails")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", "{", '{"repeat": 3}'])
def test_a_folder_of_something_else_is_no_sweep(tmp_path: Path, content: str) -> None:
    assert layout.unfinished(tmp_path / "none") is None
    (tmp_path / "sweep.json").write_text(content)
    assert layout.unfinished(tmp_path) is None


def test_two_sweeps_never_share_a_folder_and_a_killed_one_leaves_it_free(tmp_path: Path) -> None:
    ci = str(CI)
    argv = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    other = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": ci})
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        assert layout.unfinished(tmp_path / "run") is None
        with pytest.raises(UsageError, match=f"process {other.pid}"), layout.opened(tmp_path / "run", "the words"):
            pytest.fail("opened a folder that another process uses")
        other.kill()
    assert layout.unfinished(tmp_path / "run") == "the words"


def test_files_keep_their_names(tmp_path):
    run_dir = layout.RunDir(tmp_path)
    assert [path.name for path in (run_dir.mails, run_dir.sent, run_dir.junit, run_dir.run_lock, run_dir.summary)] == [
        *("series.mbx", "sent.mbx", "junit.xml", "run.lock", "summary.json")
    ]
    assert [path.name for path in (run_dir.base, run_dir.patched(), run_dir.patched(3), run_dir.patch(12))] == [
        *("base", "patched", "patched-3", "patch-12")
    ]
    assert [layout.numbered_base(number) for number in (1, 2)] == ["base", "base.2"]


def test_what_an_interrupted_run_leaves_is_told_from_what_others_put_there(tmp_path):
    run_dir = layout.RunDir(tmp_path)
    assert run_dir.holds_interrupted()
    for name in ("series.mbx", "sent.mbx", "junit.xml", "base-2", "patched", "patch-3"):
        (tmp_path / name).touch()
    assert run_dir.holds_interrupted()
    (tmp_path / "seriesXmbx").touch()
    assert not run_dir.holds_interrupted()
