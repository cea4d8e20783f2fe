"""A folder that make was killed in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from series_ci.errors import InfrastructureError
from series_ci.host.process import KILL_GRACE
from series_ci.kernel.interrupted import MARK, being_built

KILLED = """
import sys
from pathlib import Path
from series_ci.kernel.interrupted import being_built
folder = Path(sys.argv[1])
with being_built(folder):
    (folder / "half.o").write_text("half")
    print("working", flush=True)
    sys.stdin.read()
"""


def test_after_a_kill_what_was_being_written_goes_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "old.o").write_text("whole")
    os.utime(tmp_path / "old.o", (1, 1))
    argv = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout
        assert killed.stdout.readline() == b"working\n"
        killed.send_signal(signal.SIGKILL)
    assert (tmp_path / "half.o").exists()
    with being_built(tmp_path):
        assert not (tmp_path / "half.o").exists()
        assert (tmp_path / "old.o").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["old.o"]


def test_after_an_ordinary_end_everything_stays(tmp_path: Path) -> None:
    with being_built(tmp_path):
        (tmp_path / "new.o").touch()
    with pytest.raises(ValueError, match="x"), being_built(tmp_path):
        raise ValueError("x")
    with being_built(tmp_path):
        assert (tmp_path / "new.o").exists()


@pytest.mark.parametrize("error", [InfrastructureError("no space left on device"), OSError(28, "full")])
def test_after_an_error_around_the_build_what_was_written_goes(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), being_built(tmp_path):
        (tmp_path / "half.o").touch()
        raise error
    with being_built(tmp_path):
        assert not (tmp_path / "half.o").exists()


def test_after_an_interruption_only_the_youngest_files_go(tmp_path: Path) -> None:
    (tmp_path / "early.o").touch()
    with pytest.raises(KeyboardInterrupt), being_built(tmp_path):
        (tmp_path / "late.o").touch()
        raise KeyboardInterrupt
    long_ago = (tmp_path / MARK).stat().st_mtime - KILL_GRACE
    os.utime(tmp_path / "early.o", (long_ago, long_ago))
    with being_built(tmp_path):
        assert (tmp_path / "early.o").exists()
        assert not (tmp_path / "late.o").exists()
