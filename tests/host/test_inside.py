from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from series_ci.host import inside
from series_ci.host.inside import StrangeFileError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one file, two below, and all that is none."""
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "file").write_bytes(b"content")
    (folder / "sub/file").write_bytes(b"below")
    (tmp_path / "outside").write_bytes(b"of the host")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_bytes(b"of the host")
    (folder / "link").symlink_to("file")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "linked").symlink_to(tmp_path / "folder")
    (folder / "dangling").symlink_to(tmp_path / "new")
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    return folder


STRANGE = ["link", "out", "linked/file", "linked", "dangling", "pipe", "zero", "sub", "file/below"]


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize(
    "act",
    [
        inside.read,
        lambda root, name: inside.append(root, name, b"x"),
        lambda root, name: inside.copy(root, name, root / "copy", 100),
        lambda root, name: inside.text(root / name) if "/" not in name else inside.read(root, name),
    ],
)
def test_only_regular_files_are_opened(root: Path, name: str, act: Callable[[Path, str], object]) -> None:
    before = {path: path.read_bytes() for path in root.parent.rglob("*") if path.is_file()}
    with pytest.raises(StrangeFileError, match=name.partition("/")[0]):
        act(root, name)
    assert {path: path.read_bytes() for path in before} == before
    assert not (root.parent / "new").exists()


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_a_file_and_a_folder(root: Path, name: str) -> None:
    assert not inside.is_file(root, name)
    assert inside.is_folder(root, name) == (name == "sub")
    assert inside.is_file(root, "sub/file")


def test_files_are_read_and_what_is_not_there_is_none(root: Path) -> None:
    assert inside.read(root, "file") == b"content"
    assert inside.read(root, "sub/file") == b"below"
    assert inside.read(root, "none") is None
    assert inside.read(root, "none/file") is None
    assert inside.read(root / "none", "file") is None
    with pytest.raises(FileNotFoundError):
        inside.text(root / "none")


def test_a_root_may_be_reached_by_a_link(root: Path) -> None:
    (root.parent / "way").symlink_to(root)
    assert inside.read(root.parent / "way", "sub/file") == b"below"


def test_large_files_are_refused_before_they_are_read(root: Path) -> None:
    os.truncate(root / "file", 1 << 42)  # a hole
    with pytest.raises(StrangeFileError, match="file: has more than 64 MiB, and is not read"):
        inside.read(root, "file")
    with pytest.raises(StrangeFileError, match="file: has more than 1 MiB"):
        inside.copy(root, "file", root / "copy", 1 << 20)
    assert not (root / "copy").exists()


def test_of_a_large_log_both_ends_are_read(root: Path) -> None:
    (root / "log").write_text("".join(f"line {number}\n" for number in range(1000)))
    text = inside.text(root / "log", 100)
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 998\nline 999\n")
    assert "[...]" in text
    assert len(text) < 120
    assert inside.text(root / "log", 100_000) == (root / "log").read_text()
    assert inside.text(root / "log", (root / "log").stat().st_size) == (root / "log").read_text()


@pytest.mark.parametrize("name", ["file", "link", "out", "dangling", "pipe", "zero", "new", "one/two/new"])
def test_what_is_written_takes_the_place_of_a_link(root: Path, name: str) -> None:
    inside.write(root, name, b"mine", 0o755)
    assert (root / name).read_bytes() == b"mine"
    assert (root / name).lstat().st_mode & 0o170777 == 0o100755
    assert (root.parent / "outside").read_bytes() == b"of the host"
    assert not (root.parent / "new").exists()


@pytest.mark.parametrize("name", ["linked/file", "sub", "file/below"])
def test_no_folder_is_gone_through_that_is_a_link(root: Path, name: str) -> None:
    with pytest.raises(StrangeFileError):
        inside.write(root, name, b"mine")
    assert (root.parent / "folder/file").read_bytes() == b"of the host"


def test_a_copy_has_the_mode_of_its_source(root: Path) -> None:
    (root / "file").chmod(0o755)
    inside.copy(root, "file", root / "copy", 100)
    assert (root / "copy").stat().st_mode & 0o777 == 0o755
    inside.append(root, "file", b" and more")
    assert (root / "file").read_bytes() == b"content and more"
