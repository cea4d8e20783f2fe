from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import fakelinux
from series_ci import arch
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import paths, process
from series_ci.host.inside import StrangeFileError
from series_ci.kernel import selftests, sources, toolchain
from series_ci.kernel.base import Base
from series_ci.kernel.selftests import SELFTESTS, Installed
from series_ci.kernel.store import Store
from series_ci.kernel.toolchain import Toolchain
from series_ci.results.model import Result, Status

ARCH = replace(arch.ARCHES["x86_64"], name=arch.host())

CASE = '#include <stdio.h>\n#include "more.h"\nint main(void)\n{\n\tprintf("ok 1 %s\\n", MORE);\n\treturn 0;\n}\n'


@pytest.fixture
def tools(cache: Path) -> Toolchain:
    return toolchain.toolchain(ARCH)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own tests in this test: one program for mm, and a collection that no tree has."""
    folder = tmp_path / "kselftest"
    for name, text in {
        "mm/Makefile": "CFLAGS += -Wall\n\nTEST_GEN_PROGS := case\nTEST_PROGS := case.sh\n\ninclude ../lib.mk\n",
        "mm/case.c": CASE,
        "mm/more.h": '#define MORE "from us"\n',
        "mm/case.sh": "#!/bin/sh\n./case\n",
        "mm/config": "CONFIG_SWAP=y\nCONFIG_PROC_FS=y\n",
        "mm/settings": "timeout=180\n",
        "newcoll/Makefile": "TEST_GEN_PROGS := only\n\ninclude ../lib.mk\n",
        "newcoll/only.c": "int main(void) { return 0; }\n",
        "newcoll/settings": "timeout=7\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    real = paths.share
    monkeypatch.setattr(paths, "share", lambda name: folder if name == "kselftest" else real(name))
    return folder


def install(base: Base, tools: Toolchain, folder: Path, *collections: str, key: str = "key") -> Installed:
    store = Store(base.store)
    store.check_out(base.commit)
    folder.mkdir(parents=True, exist_ok=True)
    return selftests.install(
        store.worktree,
        folder,
        collections,
        tools,
        cache_key=key,
        tell=lambda _text: None,
        failed_log=folder / "failed.log",
    )


def test_what_is_for_readers_is_no_part_of_a_collection(ours: Path) -> None:
    before = selftests.own("mm")
    for name in ("README.md", "export.txt"):
        (ours / "mm" / name).write_text("Words.\n")
    assert selftests.own("mm") == before
    assert [path.name for path in before] == ["Makefile", "case.c", "case.sh", "config", "more.h", "settings"]


def test_programs_are_those_that_are_compiled() -> None:
    makefile = "TEST_GEN_PROGS := one \\\n\ttwo\nTEST_GEN_FILES += three\nTEST_PROGS := four.sh\nTEST_FILES := five\n"
    assert selftests.programs(makefile) == ["one", "two", "three"]


class TestOverlay:
    def test_makefile_of_the_tree_keeps_its_content(self, linux: Path, ours: Path) -> None:
        selftests.lay_over(linux, "mm")
        text = (linux / SELFTESTS / "mm/Makefile").read_text()
        added = "TEST_GEN_PROGS += case\nTEST_PROGS += case.sh\n"
        assert text == fakelinux.MM_MAKEFILE.replace("include", added + "include")

    def test_rules_for_programs_come_behind_the_include(self, linux: Path, ours: Path) -> None:
        rules = "\n$(OUTPUT)/case: \\\n\tmore.c\n"
        (ours / "mm/Makefile").write_text(f"CFLAGS += -O2\n\nTEST_GEN_PROGS := case\n\ninclude ../lib.mk\n{rules}")
        selftests.lay_over(linux, "mm")
        text = (linux / SELFTESTS / "mm/Makefile").read_text()
        assert text == fakelinux.MM_MAKEFILE.replace("include", "TEST_GEN_PROGS += case\ninclude") + rules

    def test_programs_come_and_settings_stay(self, linux: Path, ours: Path) -> None:
        selftests.lay_over(linux, "mm")
        folder = linux / SELFTESTS / "mm"
        assert (folder / "case.c").read_text() == CASE
        assert (folder / "more.h").exists()
        assert (folder / "case.sh").exists()
        assert (folder / "good.c").read_text() == fakelinux.GOOD_C
        assert (folder / "settings").read_text() == "timeout=90\n"
        assert (folder / "config").read_text() == fakelinux.FILES[f"{SELFTESTS}/mm/config"]

    def test_new_collection_comes_whole(self, linux: Path, ours: Path) -> None:
        selftests.lay_over(linux, "newcoll")
        names = sorted(path.name for path in (linux / SELFTESTS / "newcoll").iterdir())
        assert names == ["Makefile", "only.c", "settings"]

    def test_lists_of_several_lines_and_odd_characters(self, linux: Path, ours: Path) -> None:
        (ours / "mm/Makefile").write_text(
            "TEST_GEN_PROGS = case \\\n\tother\nTEST_FILES := a\\1b\n\ninclude ../lib.mk\n"
        )
        selftests.lay_over(linux, "mm")
        lines = (linux / SELFTESTS / "mm/Makefile").read_text().splitlines()
        added = lines[lines.index("TEST_GEN_PROGS := good broken") + 2 : -1]
        assert [line.split() for line in added] == [
            ["TEST_GEN_PROGS", "+=", "case", "other"],
            ["TEST_FILES", "+=", r"a\1b"],
        ]
        assert lines[-1] == "include ../lib.mk"

    def test_collection_that_nobody_has(self, linux: Path, ours: Path) -> None:
        with pytest.raises(
            UsageError, match=f"the tree has no selftests {SELFTESTS}/none, and the project brings none"
        ):
            selftests.lay_over(linux, "none")

    def test_makefile_without_lib_mk_is_an_error(self, linux: Path, ours: Path) -> None:
        (linux / SELFTESTS / "mm/Makefile").write_text("all:\n")
        with pytest.raises(InfrastructureError, match=r"mm/Makefile: no line 'include ../lib.mk'"):
            selftests.lay_over(linux, "mm")

    @pytest.mark.parametrize("name", ["mm/case.c", "mm/Makefile", "mm", "."])
    def test_no_link_of_a_tree_is_written_through(self, linux: Path, ours: Path, tmp_path: Path, name: str) -> None:
        path = linux / SELFTESTS / name
        outside = tmp_path / "outside"
        if path.is_dir():
            shutil.copytree(path, outside)
            shutil.rmtree(path)
        else:
            outside.write_text("of the host\ninclude ../lib.mk\n")
            path.unlink(missing_ok=True)
        path.symlink_to(outside)
        before = {each: each.read_bytes() for each in [outside, *outside.rglob("*")] if each.is_file()}
        if name == "mm/case.c":  # a file of ours takes its place
            selftests.lay_over(linux, "mm")
            assert path.read_text() == CASE
        else:
            with pytest.raises(StrangeFileError, match="is a link or no regular file, or lies behind one"):
                selftests.lay_over(linux, "mm")
        assert {each: each.read_bytes() for each in [outside, *outside.rglob("*")] if each.is_file()} == before

    def test_options_are_not_read_through_a_link(self, linux: Path, base: Base, ours: Path, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("CONFIG_OF_THE_HOST=y\n")
        for name in ("config", "settings"):
            (linux / SELFTESTS / "mm" / name).unlink()
            (linux / SELFTESTS / "mm" / name).symlink_to(tmp_path / "outside")
        commit = fakelinux.commit(linux)
        store = Store(base.store)
        origins = [origin for origin, _text in selftests.config_fragments(store, commit, ["mm"], "x86_64")]
        assert origins == ["kselftest/mm/config"]
        assert selftests.timeout(store, commit, "mm", "good") == 180

    def test_headers_of_any_name_count_for_the_key(self, linux: Path, base: Base, ours: Path, tools: Toolchain) -> None:
        keys = set()
        for text in ("one", "two"):
            (linux / "mm/ü.h").write_text(text)
            keys.add(selftests.key(Store(base.store), fakelinux.commit(linux), ["mm"], tools))
        assert len(keys) == 2

    def test_collection_without_ours_stays_as_it_is(self, linux: Path, ours: Path) -> None:
        for path in (ours / "mm").iterdir():
            path.unlink()
        selftests.lay_over(linux, "mm")
        assert (linux / SELFTESTS / "mm/Makefile").read_text() == fakelinux.MM_MAKEFILE


class TestInstall:
    def test_programs_of_both_are_installed_and_run(
        self, base: Base, tools: Toolchain, ours: Path, tmp_path: Path
    ) -> None:
        installed = install(base, tools, tmp_path / "build", "mm", "newcoll")
        assert process.run([str(installed.folder / "mm/case")]).out == "ok 1 from us\n"
        assert process.run([str(installed.folder / "mm/good")]).out.endswith("ok 1 advice_7\n")
        assert (installed.folder / "newcoll/only").exists()
        assert not installed.cached

    def test_what_does_not_compile_is_a_result_with_its_reason(
        self, base: Base, tools: Toolchain, ours: Path, tmp_path: Path
    ) -> None:
        said: list[str] = []
        store = Store(base.store)
        store.check_out(base.commit)
        (tmp_path / "build").mkdir()
        installed = selftests.install(
            store.worktree,
            tmp_path / "build",
            ["mm"],
            tools,
            cache_key="key",
            tell=said.append,
            failed_log=tmp_path / "failed.log",
        )
        assert not (tmp_path / "failed.log").exists()
        (result,) = installed.notbuilt
        assert (result.name, result.status) == ("mm/broken", Status.NOTBUILT)
        assert result.reason.startswith("broken.c:5:")
        assert "'KSFT_NOT_DECLARED' undeclared" in result.reason
        assert not (installed.folder / "mm/broken").exists()
        assert said == ["1 program of the tree did not compile"]

    def test_linker_errors_are_reasons_too(self, linux: Path, tools: Toolchain, ours: Path, tmp_path: Path) -> None:
        (linux / SELFTESTS / "mm/broken.c").write_text("int main(void) { return absent(); }\nint absent(void);\n")
        fakelinux.commit(linux)
        (result,) = install(sources.resolve(str(linux), print), tools, tmp_path / "build", "mm").notbuilt
        assert "undefined reference to `absent'" in result.reason

    def test_what_found_no_space_is_not_kept_as_what_does_not_compile(
        self, linux: Path, tools: Toolchain, ours: Path, tmp_path: Path
    ) -> None:
        (linux / SELFTESTS / "mm/broken.c").write_text('#error "No space left on device"\n')
        fakelinux.commit(linux)
        with pytest.raises(InfrastructureError, match="no space left on device"):
            install(sources.resolve(str(linux), print), tools, tmp_path / "build", "mm")
        assert selftests.lookup("key") is None

    def test_the_log_of_what_cannot_be_installed_is_kept(
        self, linux: Path, tools: Toolchain, ours: Path, tmp_path: Path
    ) -> None:
        makefile = linux / SELFTESTS / "Makefile"
        makefile.write_text("install:\n\techo nothing to be had here; false\n")
        fakelinux.commit(linux)
        with pytest.raises(InfrastructureError, match="the selftests of mm could not be installed") as caught:
            install(sources.resolve(str(linux), print), tools, tmp_path / "build", "mm")
        assert caught.value.hint == f"the whole log: {tmp_path / 'build/failed.log'}"
        assert "nothing to be had here" in (tmp_path / "build/failed.log").read_text()

    def test_cache_behind_a_symbolic_link(
        self, linux: Path, tools: Toolchain, ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        monkeypatch.setenv("SERIES_CI_CACHE", str(tmp_path / "link"))
        base = sources.resolve(str(linux), print)
        installed = install(base, tools, tmp_path / "link/build", "mm")
        assert [each.name for each in installed.notbuilt] == ["mm/broken"]

    def test_second_time_from_the_cache(self, base: Base, tools: Toolchain, ours: Path, tmp_path: Path) -> None:
        made = install(base, tools, tmp_path / "build", "mm")
        found = selftests.lookup("key")
        assert found == replace(made, cached=True)
        assert found.notbuilt == (Result("mm/broken", Status.NOTBUILT, made.notbuilt[0].reason),)
        assert selftests.lookup("other") is None

    @pytest.mark.parametrize("damage", ["record", "content", "install"])
    def test_damaged_entry_is_not_used(
        self, base: Base, tools: Toolchain, ours: Path, tmp_path: Path, damage: str
    ) -> None:
        made = install(base, tools, tmp_path / "build", "mm")
        if damage == "install":
            made.folder.rename(tmp_path / "away")
        else:
            (made.folder.parent / "selftests.json").write_text('{"other": 1}' if damage == "content" else "{")
        assert selftests.lookup("key") is None

    def test_objects_of_another_tree_are_not_trusted(
        self, linux: Path, tools: Toolchain, ours: Path, tmp_path: Path
    ) -> None:
        install(sources.resolve(str(linux), print), tools, tmp_path / "build", "mm")
        (linux / "include/uapi/linux/mman.h").write_text("#define MADV_MINI 8\n")
        fakelinux.commit(linux)
        installed = install(sources.resolve(str(linux), print), tools, tmp_path / "build", "mm", key="other")
        assert process.run([str(installed.folder / "mm/good")]).out.endswith("ok 1 advice_8\n")

    def test_headers_that_fail(self, linux: Path, cache: Path, tools: Toolchain, ours: Path, tmp_path: Path) -> None:
        (linux / "include/uapi/linux/mman.h").unlink()
        fakelinux.commit(linux)
        with pytest.raises(InfrastructureError, match="make headers failed") as caught:
            install(sources.resolve(str(linux), print), tools, tmp_path / "build", "mm")
        assert "No such file" in caught.value.details
        assert list((cache / "selftests").iterdir()) == []

    def test_collection_that_cannot_be_installed(
        self, linux: Path, tools: Toolchain, ours: Path, tmp_path: Path
    ) -> None:
        (linux / SELFTESTS / "lib.mk").write_text("$(error no such luck)\n")
        fakelinux.commit(linux)
        with pytest.raises(InfrastructureError, match="the selftests of mm could not be installed") as caught:
            install(sources.resolve(str(linux), print), tools, tmp_path / "build", "mm")
        assert "no such luck" in caught.value.details


class TestKey:
    def key(self, linux: Path, tools: Toolchain, *collections: str) -> str:
        base = sources.resolve(str(linux), print)
        return selftests.key(Store(base.store), base.commit, collections or ("mm",), tools)

    @pytest.mark.parametrize(
        "name",
        [
            "include/linux/mm.h",
            "include/uapi/linux/mman.h",
            "Makefile",
            "scripts/olddefconfig.awk",
            f"{SELFTESTS}/mm/good.c",
            "arch/x86/entry/syscalls/syscall_64.tbl",
            "include/uapi/asm-generic/Kbuild",
        ],
    )
    def test_changes_with_what_a_user_space_program_could_include(
        self, linux: Path, tools: Toolchain, ours: Path, name: str
    ) -> None:
        before = self.key(linux, tools)
        path = linux / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as out:
            out.write("\n")
        fakelinux.commit(linux)
        assert self.key(linux, tools) != before

    @pytest.mark.parametrize("name", ["mm/rmap.c", "Kconfig", "mm/new.c"])
    def test_stays_when_only_the_kernel_changes(self, linux: Path, tools: Toolchain, ours: Path, name: str) -> None:
        before = self.key(linux, tools)
        with (linux / name).open("a") as out:
            out.write("\n")
        fakelinux.commit(linux)
        assert self.key(linux, tools) == before

    def test_changes_with_our_tests_the_collections_and_the_compiler(
        self, linux: Path, tools: Toolchain, ours: Path
    ) -> None:
        before = self.key(linux, tools)
        assert self.key(linux, tools) == before
        assert self.key(linux, tools, "mm", "newcoll") != before
        assert self.key(linux, replace(tools, version="gcc 99")) != before
        (ours / "newcoll/only.c").write_text("int main(void) { return 1; }\n")
        assert self.key(linux, tools) == before
        (ours / "mm/case.c").write_text(CASE + "\n")
        assert self.key(linux, tools) != before


def test_config_fragments_of_the_tree_then_ours(base: Base, ours: Path) -> None:
    fragments = selftests.config_fragments(Store(base.store), base.commit, ["mm", "newcoll"], "x86_64")
    assert fragments == [
        (f"{SELFTESTS}/mm/config", "CONFIG_SWAP=y\nCONFIG_MEMCG=y\n"),
        ("kselftest/mm/config", "CONFIG_SWAP=y\nCONFIG_PROC_FS=y\n"),
    ]


@pytest.mark.parametrize(
    ("collection", "program", "seconds"),
    [
        ("mm", "theirs", 90),
        ("mm", "case", 180),  # ours, among theirs
        ("newcoll", "only", 7),
        ("newcoll", "run.sh", 7),
        ("none", "theirs", 45),
    ],
)
def test_timeout(base: Base, ours: Path, collection: str, program: str, seconds: int) -> None:
    assert selftests.timeout(Store(base.store), base.commit, collection, program) == seconds


def test_our_timeout_counts_where_the_tree_has_none(linux: Path, ours: Path, cache: Path) -> None:
    (linux / SELFTESTS / "mm/settings").unlink()
    fakelinux.commit(linux)
    base = sources.resolve(str(linux), print)
    assert selftests.timeout(Store(base.store), base.commit, "mm", "theirs") == 180


def test_the_projects_own_tests_fit_into_a_tree(linux: Path) -> None:
    """With the real folder: every source is laid into the tree, as a program or as a part of one."""
    selftests.lay_over(linux, "mm")
    words = (linux / SELFTESTS / "mm/Makefile").read_text().split()
    for path in selftests.own("mm"):
        if path.suffix == ".c":
            assert path.stem in words or path.name in words
            assert (linux / SELFTESTS / "mm" / path.name).read_bytes() == path.read_bytes()
