"""What a kernel was made of, as kbuild's dependency lists tell it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from series_ci.host.inside import StrangeFileError
from series_ci.kernel import inputs

SOURCE = Path("/src/linux")


def listed(folder: Path, target: str, *names: str, made: bool = True) -> None:
    """The list that kbuild leaves for a target, and the target."""
    path = folder / target
    path.parent.mkdir(parents=True, exist_ok=True)
    deps = "".join(f"  {SOURCE}/{name} \\\n" for name in names[1:])
    path.with_name(f".{path.name}.cmd").write_text(
        f"savedcmd_{target} := ccache gcc -Wp,-MMD,x.d -I{SOURCE}/include -I./include/generated -c -o {target} "
        f"{SOURCE}/{names[0]}\n\nsource_{target} := {SOURCE}/{names[0]}\n\ndeps_{target} := \\\n"
        f"    $(wildcard include/config/SMP) \\\n{deps}  include/generated/autoconf.h \\\n\n"
    )
    if made:
        path.write_bytes(b"")


def archive(folder: Path, name: str, *objects: str) -> None:
    subprocess.run(["ar", "cDPrsT", name, *objects], cwd=folder, check=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    listed(tmp_path, "mm/rmap.o", "mm/rmap.c", "include/linux/mm.h", "mm/internal.h")
    listed(tmp_path, "lib/string.o", "lib/string.c")
    archive(tmp_path, "vmlinux.a", "mm/rmap.o")
    archive(tmp_path, "lib/lib.a", "lib/string.o")
    return tmp_path


def test_sources_and_headers_of_the_objects_in_the_archives(folder: Path) -> None:
    assert inputs.read(folder, SOURCE) >= {"mm/rmap.c", "include/linux/mm.h", "mm/internal.h", "lib/string.c"}
    assert not {each for each in inputs.read(folder, SOURCE) if "generated" in each}


def test_the_object_of_another_version_does_not_count(folder: Path) -> None:
    listed(folder, "mm/left_over.o", "mm/left_over.c", "include/linux/left_over.h")
    assert not {each for each in inputs.read(folder, SOURCE) if "left_over" in each}


def test_a_list_without_its_target_does_not_count(folder: Path) -> None:
    listed(folder, "arch/x86/boot/gone.o", "arch/x86/boot/gone.c", made=False)
    assert "arch/x86/boot/gone.c" not in inputs.read(folder, SOURCE)


def test_what_is_linked_beside_the_archive_counts(folder: Path) -> None:
    listed(folder, "init/main.o", "init/main.c")
    archive(folder, "vmlinux.a", "init/main.o")
    listed(folder, "init/version-timestamp.o", "init/version-timestamp.c")
    listed(folder, "arch/x86/entry/vdso/vclock.o", "arch/x86/entry/vdso/vclock.c")
    listed(folder, "arch/x86/entry/vdso/vdso64.so", "arch/x86/entry/vdso/vdso.lds")
    with (folder / "arch/x86/entry/vdso/.vdso64.so.cmd").open("a") as out:
        out.write("ld -o arch/x86/entry/vdso/vdso64.so arch/x86/entry/vdso/vclock.o -T x.lds\n")
    listed(folder, "tools/objtool/check.o", "tools/objtool/check.c")
    listed(folder, "mm/via.o", "mm/../mm/via.c")
    archive(folder, "vmlinux.a", "init/main.o", "mm/via.o")
    listed(folder, "arch/x86/include/generated/asm/syscalls_64.h", "arch/x86/entry/syscalls/syscall_64.tbl")
    found = inputs.read(folder, SOURCE)
    assert found >= {"init/version-timestamp.c", "arch/x86/entry/vdso/vclock.c", "tools/objtool/check.c", "mm/via.c"}
    assert "arch/x86/entry/syscalls/syscall_64.tbl" in found


def test_a_kernel_without_an_archive_of_all_is_taken_by_its_lists(tmp_path: Path) -> None:
    listed(tmp_path, "mm/rmap.o", "mm/rmap.c")
    assert "mm/rmap.c" in inputs.read(tmp_path, SOURCE)


def test_no_link_or_pipe_is_followed_and_no_selftest_read(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    listed(elsewhere, "x.o", "mm/linked.c")
    (folder / "mm/.linked.o.cmd").symlink_to(elsewhere / ".x.o.cmd")
    (folder / "arch").mkdir()
    (folder / "arch/linked.o").write_bytes(b"")
    (folder / "arch/.linked.o.cmd").symlink_to(elsewhere / ".x.o.cmd")
    os.mkfifo(folder / "arch/.pipe.o.cmd")
    listed(folder, "kselftest/mm/x.o", "tools/testing/selftests/mm/x.c")
    found = inputs.read(folder, SOURCE)
    assert not {each for each in found if "linked" in each or "selftests" in each}


def test_what_has_no_end_or_leads_elsewhere_is_not_read(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "mm/lib.a")
    (folder / "init").mkdir()
    (folder / "init/lib.a").symlink_to("/dev/zero")
    whole = inputs.read(folder, SOURCE)
    assert "lib/string.c" in whole
    os.truncate(folder / "mm/.rmap.o.cmd", 1 << 42)
    with pytest.raises(StrangeFileError, match=r"\.rmap\.o\.cmd: has more than 4 MiB"):
        inputs.read(folder, SOURCE)


def test_the_file_behind_a_link_counts_and_so_does_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "tree"
    for name in ("lib/impl.c", "lib/headers/one.h"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    for name, target in {
        "mm/first.c": "second.c",
        "mm/second.c": "../lib/impl.c",
        "include/sub": "../lib/headers",
        "include/out": str(tmp_path),
        "include/loop": "loop",
    }.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).symlink_to(target)
    monkeypatch.setitem(globals(), "SOURCE", tree)
    folder = tmp_path / "build"
    listed(folder, "mm/first.o", "mm/first.c", "include/sub/one.h", "include/out/x.h", "include/loop/x.h")
    assert inputs.read(folder, tree) == {
        *("mm/first.c", "lib/impl.c"),
        *("include/sub/one.h", "include/sub", "lib/headers/one.h"),
        *("include/out", "include/out/x.h", "include/loop", "include/loop/x.h"),
    }
