"""`series-ci kselftest export`: which tree, whose name, where to, and what a mistake is answered with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes import fakelinux, mmtests
from fakes.fakelinux import SELFTESTS
from series_ci.cli import main

NAME = "0001-selftests-mm-add-a-test-for-reclaim-of-exiting-proce.patch"


@pytest.fixture
def work(tmp_path: Path, cache: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that is in no git checkout, and a user whom git knows."""
    (home / ".gitconfig").write_text("[user]\n\tname = Robin Vale\n\temail = robin.vale@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("EMAIL", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return mmtests.repository(tmp_path / "linux", "mm", mmtests.NEW)


def export(*argv: str) -> int:
    return main(["kselftest", "export", *argv])


def test_the_checkout_around_the_working_directory_is_the_tree(
    work: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkout / SELFTESTS
    monkeypatch.chdir(folder)
    refs = fakelinux.git(checkout, "for-each-ref")
    assert export() == 0
    out, err = capsys.readouterr()
    assert out == f"{NAME}\n"
    assert f"{checkout} is Linux 6.12.7" in err
    assert "Robin Vale <robin.vale@example.org>" in err
    assert fakelinux.git(checkout, "status", "--porcelain") == f"?? {SELFTESTS}/{NAME}"
    assert fakelinux.git(checkout, "for-each-ref") == refs
    fakelinux.git(checkout, "am", "-q", str(folder / NAME))
    assert fakelinux.git(checkout, "log", "-1", "--format=%an <%ae>") == "Robin Vale <robin.vale@example.org>"


def test_a_tree_by_its_name(work: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--tree", f"../{checkout.name}@main") == 0
    assert capsys.readouterr().out == f"{NAME}\n"
    assert (work / NAME).read_bytes().startswith(b"From ")


def test_base_patches_come_before_it(work: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / SELFTESTS / "mm/config").write_text(mmtests.CONFIG + "CONFIG_AIO=y\n")
    (work / "aio.patch").write_text(fakelinux.git(checkout, "diff") + "\n")
    fakelinux.git(checkout, "checkout", "-q", ".")
    assert export("--tree", str(checkout), "--base-patch", "aio.patch", "-o", "-") == 0
    out, err = capsys.readouterr()
    assert "1 base patch" in err
    assert "+CONFIG_BLK_CGROUP=y\n" in out
    assert "+CONFIG_AIO=y\n" not in out


@pytest.mark.parametrize(
    ("output", "path"),
    [(".", NAME), ("there", f"there/{NAME}"), ("new/", f"new/{NAME}"), ("deep/er/a.patch", "deep/er/a.patch")],
)
def test_where_it_is_written(
    work: Path, checkout: Path, output: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "there").mkdir()
    assert export("--tree", str(checkout), "-o", output) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert (work / path).read_bytes().startswith(b"From ")


def test_a_file_is_written_over_and_a_link_stays(work: Path, checkout: Path) -> None:
    (work / "old.patch").write_text("of an earlier run")
    (work / "link.patch").symlink_to("old.patch")
    assert export("--tree", str(checkout), "-o", "link.patch") == 0
    assert (work / "link.patch").is_symlink()
    assert (work / "old.patch").read_bytes().startswith(b"From ")


def test_standard_output_is_the_patch_and_nothing_else(work: Path, checkout: Path) -> None:
    argv = [sys.executable, "-m", "series_ci", "kselftest", "export", "--tree", str(checkout), "-o", "-", "-v"]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert done.stdout.startswith(b"From ")
    assert b"\n-- \n" in done.stdout
    assert b"+ git -c user.useConfigOnly=true var GIT_AUTHOR_IDENT" in done.stderr
    subprocess.run(["git", "-C", checkout, "apply", "--check"], input=done.stdout, check=True)
    assert list(work.iterdir()) == []


def test_the_identity_of_the_working_directory_counts(work: Path, checkout: Path) -> None:
    fakelinux.git(work, "init", "-q")
    fakelinux.git(work, "config", "user.email", "robin@work.example")
    assert export("--tree", str(checkout), "-o", "a.patch") == 0
    text = (work / "a.patch").read_text("utf-8")
    assert "\nFrom: Robin Vale <robin@work.example>\n" in text
    assert "\nSigned-off-by: Robin Vale <robin@work.example>\n---\n" in text


# Mistakes: status 2, a next step, and nothing written.


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert export(*argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


def test_no_tree(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys)
    assert "no tree: the working directory is in no git checkout" in err
    assert "hint: --tree SPEC: a git checkout," in err
    assert list(work.iterdir()) == []


def test_a_checkout_that_is_no_kernel(work: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakelinux.git(work, "init", "-q")
    err = refused(capsys)
    assert f"the git checkout {work}, which is not a kernel tree" in err
    assert "hint: --tree SPEC" in err
    assert not cache.exists()


def test_a_named_tree_that_is_no_kernel(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakelinux.git(work, "init", "-q")
    fakelinux.git(work, "commit", "-q", "--allow-empty", "-m", "nothing")
    assert "work: is not a kernel tree" in refused(capsys, "--tree", "../work")


def test_a_tree_that_has_it(work: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--tree", str(checkout), "-o", "first.patch") == 0
    fakelinux.git(checkout, "am", "-q", str(work / "first.patch"))
    capsys.readouterr()
    assert "the tree has exit_skip already" in refused(capsys, "--tree", str(checkout))


def test_a_base_patch_that_is_not_there(work: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys, "--tree", str(checkout), "--base-patch", "none.patch")
    assert "base patch none.patch: No such file" in err


@pytest.mark.parametrize("known", ["", "[user]\n\tname = Robin Vale\n", "[user]\n\temail = robin.vale@example.org\n"])
def test_a_user_whom_git_does_not_know(
    work: Path, home: Path, checkout: Path, known: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".gitconfig").write_text(known)
    err = refused(capsys, "--tree", str(checkout))
    assert "git does not know who you are" in err
    assert "hint: git config --global user.name" in err
    assert list(work.iterdir()) == []


def test_what_is_no_file_is_not_written_over(work: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(work / "pipe")
    err = refused(capsys, "--tree", str(checkout), "-o", "pipe")
    assert "--output pipe: is neither a file nor a folder" in err
    assert "-o - is standard output" in err
    assert (work / "pipe").is_fifo()


def test_a_place_that_cannot_be_written(work: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "file").write_text("in the way")
    assert export("--tree", str(checkout), "-o", "file/0001.patch") == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert "file" in err
    assert "Traceback" not in err
