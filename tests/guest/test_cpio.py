from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from series_ci.guest import cpio
from series_ci.guest.cpio import Entry
from series_ci.host.process import run


def test_folders_above_a_name_come_before_it_and_once() -> None:
    entries = cpio.with_parents(
        [cpio.program("usr/bin/a", b""), cpio.program("usr/bin/b", b""), cpio.link("lib", "usr/lib")]
    )
    assert [each.name for each in entries] == ["lib", "usr", "usr/bin", "usr/bin/a", "usr/bin/b"]
    assert entries[1] == cpio.folder("usr")


def test_folder_that_was_given_keeps_its_permissions() -> None:
    private = Entry("root", stat.S_IFDIR | 0o700)
    assert private in cpio.with_parents([cpio.program("root/x", b""), private])
    assert private in cpio.with_parents([private, cpio.program("root/x", b"")])


def test_same_entries_give_the_same_bytes() -> None:
    entries = cpio.with_parents([cpio.program("init", b"#!/bin/sh\n"), cpio.console()])
    assert cpio.archive(entries) == cpio.archive(entries)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5])
def test_records_are_aligned_to_four_bytes(size: int) -> None:
    raw = cpio.archive([cpio.program("name", b"x" * size)])
    assert len(raw) % 4 == 0
    assert raw.index(b"070701", 6) % 4 == 0  # the trailer's head


def test_device_node_has_its_numbers() -> None:
    raw = cpio.archive([cpio.console()])
    fields = [int(raw[6 + 8 * number : 14 + 8 * number], 16) for number in range(13)]
    assert stat.S_ISCHR(fields[1])
    assert fields[9:11] == [5, 1]


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_cpio_unpacks_what_was_packed(tmp_path: Path) -> None:
    given = [
        cpio.program("init", b"#!/bin/sh\nexit 0\n"),
        cpio.program("bin/odd length", b"x" * 4097),
        Entry("etc/empty", stat.S_IFREG | 0o600),
        cpio.link("bin/sh", "odd length"),
        cpio.link("étc", "etc"),
        cpio.folder("proc"),
    ]
    archive = cpio.archive(cpio.with_parents(given))
    done = run(["cpio", "-idm", "--no-absolute-filenames"], cwd=tmp_path, stdin=archive)
    assert done.code == 0, done.err
    found = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*")}
    assert sorted(found) == sorted(each.name for each in cpio.with_parents(given))
    for entry in given:
        path = found[entry.name]
        assert path.lstat().st_mode == entry.mode
        assert path.lstat().st_mtime == 0 or stat.S_ISDIR(entry.mode) or path.is_symlink()
        if stat.S_ISLNK(entry.mode):
            assert str(path.readlink()) == entry.data.decode()
        elif stat.S_ISREG(entry.mode):
            assert path.read_bytes() == entry.data
