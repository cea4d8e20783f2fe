"""git as a child of ours: it ends with us, holds our locks, and a full disk is called so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import git
import pytest

from fakes.fakeqemu import alive, script
from series_ci.errors import InfrastructureError
from series_ci.host import locks
from series_ci.kernel.repo import Repo

ASKS = """
import sys
from series_ci.kernel.repo import Repo
Repo.init(sys.argv[1]).git.execute(["sh", "-c", "echo $$ > pid.new; mv pid.new pid; exec sleep 1000"])
"""


def test_our_own_death_by_sigkill_ends_git(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ASKS, str(tmp_path)]) as us:
        while not (tmp_path / "pid").exists():
            assert us.poll() is None
        pid = int((tmp_path / "pid").read_text())
        us.kill()
    while alive(pid):
        pass


def test_git_holds_the_locks_that_we_hold(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    with locks.locked(tmp_path / ".lock", pytest.fail):
        said = repo.git.execute(["sh", "-c", "ls -l /proc/$$/fd"])
    assert str(tmp_path / ".lock") in said
    assert str(tmp_path / ".lock") not in repo.git.execute(["sh", "-c", "ls -l /proc/$$/fd"])


@pytest.mark.parametrize("words", ["No space left on device", "Disk quota exceeded"])
def test_a_full_disk_is_infrastructure_and_all_else_is_gits_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    repo = Repo.init(tmp_path / "repo")
    monkeypatch.setattr(git.Git, "GIT_PYTHON_GIT_EXECUTABLE", str(tmp_path / "git"))
    script(tmp_path, "git", f"#!/bin/sh\necho 'error: unable to write file: {words}' >&2\nexit 128\n")
    with pytest.raises(InfrastructureError, match="git cannot write: no space left on device") as caught:
        repo.git.apply("x")
    assert "free some space" in caught.value.hint
    script(tmp_path, "git", "#!/bin/sh\necho 'error: patch failed: mm/rmap.c:1' >&2\nexit 1\n")
    with pytest.raises(git.GitCommandError):
        repo.git.apply("x")
