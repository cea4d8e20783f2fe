"""Temporary files and folders: what a killed process leaves goes, what is in use and what is not ours stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from series_ci.host import files, scratch

KILLED = """
import sys
from pathlib import Path
from series_ci.host import scratch
where = Path(sys.argv[1])
with scratch.folder("one", where) as folder, scratch.file("two", where):
    (folder / "half").touch()
    print("there", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed(folder: Path) -> subprocess.Popen[bytes]:
    """A process that holds a temporary file and a temporary folder."""
    argv = [sys.executable, "-c", KILLED, str(folder)]
    started = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdout
    assert started.stdout.readline() == b"there\n"
    return started


def test_they_are_there_in_the_block_only(tmp_path: Path) -> None:
    with scratch.folder("one", tmp_path) as folder, scratch.file("two", tmp_path) as (file, _handle):
        assert folder.is_dir()
        assert file.is_file()
        assert all(name.startswith(".") and name.endswith(scratch.END) for name in names(tmp_path))
    assert names(tmp_path) == []


def test_without_a_place_they_are_where_temporary_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch.folder("one") as folder:
        assert folder.parent == tmp_path


def test_what_has_got_another_name_stays(tmp_path: Path) -> None:
    with scratch.folder("one", tmp_path) as folder, scratch.file("two", tmp_path) as (file, _handle):
        folder.rename(tmp_path / "folder")
        file.rename(tmp_path / "file")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("next_one", ["folder", "file", "write", "fresh_folder"])
def test_the_next_one_removes_what_the_killed_have_left_and_nothing_in_use(tmp_path: Path, next_one: str) -> None:
    (tmp_path / ".one.mine").mkdir()
    (tmp_path / f"visible{scratch.END}").touch()
    with killed(tmp_path) as dead:
        dead.send_signal(signal.SIGKILL)
        dead.wait()
    left = set(names(tmp_path))
    assert len(left) == 4
    with killed(tmp_path) as alive:
        # Making its own, it has removed those of the dead one already; so this one has to be left alone.
        used = set(names(tmp_path)) - left
        assert len(used) == 2
        (tmp_path / f".gone.12345678{scratch.END}").mkdir()
        if next_one == "folder":
            with scratch.folder("other", tmp_path):
                pass
        elif next_one == "file":
            with scratch.file("other", tmp_path):
                pass
        elif next_one == "write":
            files.write(tmp_path / "x", "x")
        else:
            with files.fresh_folder(tmp_path / "x"):
                pass
        assert set(names(tmp_path)) - {"x"} == used | {".one.mine", f"visible{scratch.END}"}
        alive.communicate(b"")
    assert set(names(tmp_path)) - {"x"} == {".one.mine", f"visible{scratch.END}"}


def test_one_that_was_taken_away_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = scratch.fcntl.flock
    taken = []

    def flock(handle: int, how: int) -> None:
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].rmdir()
        real(handle, how)

    monkeypatch.setattr(scratch.fcntl, "flock", flock)
    with scratch.folder("one", tmp_path) as folder:
        assert folder.is_dir()
        assert folder != taken[0]


def test_a_file_system_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_handle: int, _how: int) -> None:
        raise OSError("not here")

    monkeypatch.setattr(scratch.fcntl, "flock", flock)
    with scratch.folder("one", tmp_path) as first, scratch.folder("two", tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
