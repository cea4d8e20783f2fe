from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from series_ci.errors import InfrastructureError
from series_ci.host import files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestWrite:
    def test_makes_folders_and_replaces_content(self, tmp_path: Path) -> None:
        path = tmp_path / "a/b/file"
        files.write(path, "old")
        files.write(path, b"n\xffw")
        assert path.read_bytes() == b"n\xffw"
        assert path.stat().st_mode & 0o777 == 0o644
        assert names(path.parent) == ["file"]

    def test_a_reader_keeps_the_old_content(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        files.write(path, "old")
        with path.open() as reader:
            files.write(path, "new")
            assert reader.read() == "old"
        assert path.read_text() == "new"

    @pytest.mark.parametrize("step", ["chmod", "rename"])
    @pytest.mark.parametrize("raised", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    def test_failure_leaves_the_old_content_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, raised: BaseException
    ) -> None:
        path = tmp_path / "file"
        files.write(path, "old")

        def fail(*_arguments: object) -> None:
            raise raised

        monkeypatch.setattr(Path, step, fail)
        with pytest.raises((InfrastructureError, KeyboardInterrupt)):
            files.write(path, "new")
        monkeypatch.undo()
        assert path.read_text() == "old"
        assert names(tmp_path) == ["file"]

    def test_json_comes_back(self, tmp_path: Path) -> None:
        files.write_json(tmp_path / "x.json", {"name": "Välé", "list": [1, None]})
        assert files.read_json(tmp_path / "x.json") == {"name": "Välé", "list": [1, None]}
        assert "Välé" in (tmp_path / "x.json").read_text("utf-8")

    @pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"[1]", b"null"])
    def test_json_that_is_missing_or_damaged_is_none(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "x.json"
        if content is not None:
            path.write_bytes(content)
        assert files.read_json(path) is None


class TestDigest:
    def test_a_moved_boundary_changes_it(self) -> None:
        assert files.digest("ab", "c") != files.digest("a", "bc") != files.digest("abc")
        assert files.digest("a", b"b") == files.digest(b"a", "b")

    def test_of_files_covers_names_and_contents_but_not_folders(self, tmp_path: Path) -> None:
        for name, text in (("a/x", "1"), ("b/x", "1"), ("c/y", "1"), ("d/x", "2")):
            files.write(tmp_path / name, text)
        assert files.digest_files([tmp_path / "a/x"]) == files.digest_files([tmp_path / "b/x"])
        assert files.digest_files([tmp_path / "a/x"]) != files.digest_files([tmp_path / "c/y"])
        assert files.digest_files([tmp_path / "a/x"]) != files.digest_files([tmp_path / "d/x"])


class TestFreshFolder:
    def test_appears_when_the_block_ends(self, tmp_path: Path) -> None:
        path = tmp_path / "deep/made"
        with files.fresh_folder(path) as making:
            (making / "file").write_text("content")
            assert not path.exists()
        assert names(path) == ["file"]
        assert names(path.parent) == ["made"]
        assert path.stat().st_mode & 0o777 == 0o755

    def test_replaces_an_older_one_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "made"
        files.write(path / "old", "x")
        with files.fresh_folder(path) as making:
            (making / "new").touch()
        assert names(path) == ["new"]

    @pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
    def test_failure_leaves_the_older_one_and_nothing_else(self, tmp_path: Path, raised: type[BaseException]) -> None:
        path = tmp_path / "made"
        files.write(path / "old", "x")
        with pytest.raises(raised), files.fresh_folder(path) as making:
            (making / "new").touch()
            raise raised
        assert names(tmp_path) == ["made"]
        assert names(path) == ["old"]

    def test_first_maker_wins_when_asked_to(self, tmp_path: Path) -> None:
        path = tmp_path / "made"
        with files.fresh_folder(path, replace=False) as making:
            (making / "late").touch()
            files.write(path / "first", "x")  # somebody else, in the meantime
        assert names(path) == ["first"]
        assert names(tmp_path) == ["made"]


@pytest.mark.parametrize(
    "said",
    [
        "cc1: No space left on device",
        "a.tar: no space left on device",
        "write: Disk quota exceeded",
        "fatal: sha1 file '/tmp_pack_1' write error. Out of diskspace",
    ],
)
def test_a_program_says_that_the_disk_is_full(said: str) -> None:
    assert files.is_full(said)
    assert not files.is_full(said.replace("spac", "sky ").replace("quota", "quiz"))


class TestDiskErrors:
    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    def test_full_disk_names_the_file_and_what_to_do(self) -> None:
        with (
            pytest.raises(InfrastructureError, match=r"^results/run.json: No space left on device$") as caught,
            files.disk_errors(Path("results/run.json")),
            Path("/dev/full").open("wb") as out,
        ):
            out.write(b"x")
            out.flush()
        assert "SERIES_CI_CACHE" in caught.value.hint
        assert "free some space" in caught.value.hint

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
    def test_forbidden_folder_is_named_with_both_ways_out(self, number: int) -> None:
        match = f"^/srv/out: {os.strerror(number)}$"
        with pytest.raises(InfrastructureError, match=match) as caught, files.disk_errors(Path("elsewhere")):
            raise OSError(number, os.strerror(number), "/srv/out")
        assert "--out DIR" in caught.value.hint
        assert "SERIES_CI_CACHE=DIR" in caught.value.hint

    def test_other_error_has_no_hint(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InfrastructureError, match=r"Not a directory|File exists") as caught:
            files.write(tmp_path / "file/below", "x")
        assert caught.value.hint == ""

    def test_other_exceptions_pass(self) -> None:
        with pytest.raises(ValueError, match="mine"), files.disk_errors(Path("x")):
            raise ValueError("mine")
