from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import fakelinux
from series_ci import arch
from series_ci.errors import BuildError, InfrastructureError, UsageError
from series_ci.host import files, paths, process
from series_ci.kernel import build, cache, kconfig, toolchain
from series_ci.kernel.cache import Build
from series_ci.kernel.toolchain import Toolchain

# The miniature kernel builds on any machine.
ARCH = replace(arch.ARCHES["x86_64"], name=arch.host())


@pytest.fixture
def tools(cache: Path) -> Toolchain:
    return toolchain.toolchain(ARCH)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return fakelinux.write(tmp_path / "linux")


def options(text: str = "CONFIG_SWAP=y\n", origin: str = "mm/config") -> list[kconfig.Asked]:
    return kconfig.merge([(origin, text)])


class Maker:
    """Builds the tree with everything that a test does not care about filled in."""

    def __init__(self, tree: Path, tools: Toolchain, folder: Path) -> None:
        self.tree, self.tools, self.folder = tree, tools, folder
        self.log = folder / "build.log"
        self.build_folder = folder / "build"
        self.said: list[str] = []

    def __call__(self, key: str = "key", text: str = "CONFIG_SWAP=y\n") -> Build:
        return build.make_kernel(
            self.tree,
            self.tools,
            options(text),
            folder=self.build_folder,
            key=key,
            log=self.log,
            progress=self.said.append,
        )


@pytest.fixture
def make(tree: Path, tools: Toolchain, tmp_path: Path) -> Maker:
    (tmp_path / "out").mkdir()
    return Maker(tree, tools, tmp_path / "out")


class TestToolchain:
    def test_of_this_machine(self, tools: Toolchain) -> None:
        assert "gcc" in tools.version
        assert not [each for each in tools.variables if each.startswith("CROSS_COMPILE")]
        assert "ARCH=x86_64" in tools.variables

    def test_of_another_machine(self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compiler = tmp_path / "other-linux-gnu-gcc"
        compiler.write_text("#!/bin/sh\necho 'other-linux-gnu-gcc 1.0'\necho more\n")
        compiler.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        tools = toolchain.toolchain(replace(ARCH, name="other", cross="other-linux-gnu-"))
        assert tools.version == "other-linux-gnu-gcc 1.0"
        assert "CROSS_COMPILE=other-linux-gnu-" in tools.variables
        assert any(each.startswith("CC=") and each.endswith("other-linux-gnu-gcc") for each in tools.variables)
        assert "LLVM=1" not in tools.variables

    def test_llvm(self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The selftests make CC themselves then, from CROSS_COMPILE: it has to say what clang compiles for."""
        compiler = tmp_path / "clang"
        compiler.write_text("#!/bin/sh\necho 'clang version 1.0'\n")
        compiler.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        tools = toolchain.toolchain(replace(ARCH, name="other", cross="other-linux-gnu-"), "llvm")
        assert tools.version == "clang version 1.0"
        assert {"LLVM=1", "CROSS_COMPILE=other-linux-gnu-"} <= set(tools.variables)
        assert any(each.startswith("CC=") and each.endswith("clang") for each in tools.variables)
        assert [each for each in tools.variables if not each.startswith("CC=")] == list(tools.selftest_variables)

    def test_the_selftests_are_built_without_ccache(self, cache: Path) -> None:
        tools = Toolchain(ARCH, ("ARCH=x", "CC=ccache gcc"), "gcc 12", ccache=True)
        assert tools.selftest_variables == ("ARCH=x", "CC=gcc")

    def test_compiler_that_does_not_run(self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compiler = tmp_path / "gcc"
        compiler.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
        compiler.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(InfrastructureError, match="gcc does not run: broken"):
            toolchain.toolchain(ARCH)

    @pytest.mark.parametrize("there", [True, False])
    def test_ccache_is_used_where_there_is_one(self, cache: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
        monkeypatch.setattr(process, "which", lambda name: "/usr/bin/ccache" if there and name == "ccache" else None)
        tools = toolchain.toolchain(ARCH)
        assert tools.ccache is there
        assert ("CC=ccache gcc" in tools.variables) is there

    def test_nothing_of_the_host_goes_into_the_version_string(self, tools: Toolchain) -> None:
        for name in ("KBUILD_BUILD_TIMESTAMP", "KBUILD_BUILD_USER", "KBUILD_BUILD_HOST", "KBUILD_BUILD_VERSION"):
            assert [each for each in tools.variables if each.startswith(f"{name}=")], name
        assert "LOCALVERSION=" in tools.variables


class TestKeys:
    def test_folder_is_one_per_store_architecture_compiler_and_configuration(
        self, tools: Toolchain, cache: Path
    ) -> None:
        store = Path("/store")
        others = {
            build.folder_for(store, tools, options()),
            build.folder_for(Path("/other"), tools, options()),
            build.folder_for(store, replace(tools, version="gcc 99"), options()),
            build.folder_for(store, replace(tools, arch=replace(ARCH, name="other")), options()),
            build.folder_for(store, tools, options("CONFIG_SWAP=m\n")),
        }
        assert len(others) == 5
        assert build.folder_for(store, tools, options(origin="elsewhere")) in others
        assert all(each.parent == cache / "build" for each in others)

    def test_build_key_covers_all_that_a_kernel_depends_on(self, tools: Toolchain) -> None:
        keys = {
            cache.key("tree", tools, options()),
            cache.key("other", tools, options()),
            cache.key("tree", replace(tools, version="gcc 99"), options()),
            cache.key("tree", replace(tools, variables=("CC=other",)), options()),
            cache.key("tree", replace(tools, arch=replace(ARCH, name="other")), options()),
            cache.key("tree", tools, options("CONFIG_SWAP=m\n")),
        }
        assert len(keys) == 6
        assert cache.key("tree", tools, options(origin="elsewhere")) in keys


class TestSuccess:
    def test_image_config_and_log_are_kept(self, make: Maker, cache: Path) -> None:
        made = make()
        assert process.run([str(made.image)]).out == "Linux version 6.12.7\nexiting: swapped\n"
        assert kconfig.parse(made.config.read_text())["SWAP"] == "y"
        assert "  CC      mm/rmap.o" in made.log.read_text()
        assert made.log.read_text() == make.log.read_text()
        assert (made.objects, made.cached) == (3, False)
        assert make.said[-1].startswith("3 objects, ")
        assert made.image.parent == cache / "builds/key"

    def test_second_time_from_the_cache(self, make: Maker) -> None:
        made = make()
        found = cache.lookup("key")
        assert found == replace(made, cached=True, objects=0)
        assert cache.lookup("other") is None

    @pytest.mark.parametrize(
        ("name", "damage"),
        [
            *(("image", damage) for damage in ("removed", "cut", "changed")),
            *(("build.json", damage) for damage in ("removed", "cut", "changed")),
            ("config", "removed"),
        ],
    )
    def test_damaged_entry_is_made_again(self, make: Maker, name: str, damage: str) -> None:
        path = make().image.parent / name
        whole = path.read_bytes()
        if damage == "removed":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(whole[: len(whole) // 2])
        else:
            path.write_bytes(b'{"other": 1}' if name == "build.json" else whole[:-1] + bytes([whole[-1] ^ 1]))
        assert cache.lookup("key") is None
        make()
        assert cache.lookup("key") is not None
        assert (path.read_bytes() == whole) or name == "build.json"

    def test_next_build_in_the_folder_compiles_only_what_changed(self, make: Maker) -> None:
        make()
        path = make.tree / "mm/rmap.c"
        path.write_text(path.read_text().replace("referenced++", "referenced += 2"))
        os.utime(path, ns=(later := (make.build_folder / "mm/rmap.o").stat().st_mtime_ns + 1_000_000, later))
        assert make("other").objects == 1

    def test_temporary_files_of_the_kernels_scripts_do_not_stay(self, make: Maker, scratch: Path) -> None:
        make()
        assert not list(scratch.iterdir())

    def test_changed_options_reach_the_config(self, make: Maker) -> None:
        make()
        made = make("other", "CONFIG_MEMCG=y\n# CONFIG_SWAP is not set\n")
        assert kconfig.parse(made.config.read_text()) == {"MEMCG": "y", "SWAP": "n", "MODULES": "n"}

    def test_settings_of_the_callers_make_do_not_reach_ours(self, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in (
            ("MAKEFLAGS", "n"),
            ("CROSS_COMPILE", "nonexistent-"),
            ("LLVM", "1"),
            ("KCFLAGS", "-Dint=void"),
        ):
            monkeypatch.setenv(name, value)
        assert make().objects == 3
        assert toolchain.environment().keys() >= {"MAKEFLAGS", "CROSS_COMPILE", "LLVM", "KCFLAGS"}


class TestStrangeFiles:
    """What make leaves is taken for a kernel only where it is a file."""

    @pytest.mark.parametrize("name", ["arch/x86/boot/bzImage", ".config"])
    @pytest.mark.parametrize("kind", ["link", "pipe", "folder", "hole", "gone"])
    def test_are_refused_and_do_not_stay(self, make: Maker, tmp_path: Path, name: str, kind: str) -> None:
        (tmp_path / "outside").write_text("of the host")
        command = {
            "link": f"ln -s {tmp_path}/outside",
            "pipe": "mkfifo",
            "folder": "mkdir",
            "hole": "truncate -s 4T",
            "gone": "true",
        }[kind]
        path = make.tree / "Makefile"
        whole, ready = path.read_text(), "\t@echo 'Kernel: $(image) is ready  (#1)'\n"
        path.write_text(whole.replace(ready, f"{ready}\t@rm $(out)/{name}; {command} $(out)/{name}\n"))
        with pytest.raises(BuildError, match=rf"^does not build: .*{name}: (is |has more than |lies )"):
            make()
        assert cache.lookup("key") is None
        assert cache.lookup_failure("key", make.log) is None
        path.write_text(whole)
        assert make("other").objects == 3
        assert (tmp_path / "outside").read_text() == "of the host"

    def test_a_failure_that_an_older_version_kept_is_looked_at_again(self, make: Maker) -> None:
        path = make.tree / "mm/rmap.c"
        path.write_text("broken\n")
        with pytest.raises(BuildError):
            make()
        assert cache.lookup_failure("key", make.log)
        record = paths.cache() / "builds/key/failed.json"
        record.write_text(record.read_text().replace('"compared": true', '"compared": false'))
        assert cache.lookup_failure("key", make.log) is None


class TestFailure:
    @pytest.mark.parametrize("variable", ["LC_ALL", "LC_CTYPE", "LANG"])
    def test_compiler_error_is_shown_in_plain_english_with_its_place_in_the_tree(
        self, variable: str, make: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(variable, "C.UTF-8")
        path = make.tree / "mm/rmap.c"
        path.write_text(path.read_text().replace("int referenced = 0;", "int referenced = not_there;"))
        line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "not_there" in text)
        with pytest.raises(BuildError) as caught:
            make()
        error = caught.value
        assert error.message.startswith(f"does not build: mm/rmap.c:{line}:")
        assert "'not_there' undeclared" in error.message
        assert "int referenced = not_there;" in error.details
        assert f"{make.tree}/" not in error.details
        assert str(make.log) in error.hint
        assert "not_there" in make.log.read_text()
        assert cache.lookup("key") is None

    def test_missing_header_is_a_compiler_error_too(self, make: Maker) -> None:
        path = make.tree / "mm/rmap.c"
        path.write_text("#include <linux/not_there.h>\n" + path.read_text())
        with pytest.raises(BuildError, match=r"does not build: mm/rmap.c:1:\d+: fatal error: linux/not_there.h"):
            make()

    def test_linker_error(self, make: Maker) -> None:
        path = make.tree / "mm/rmap.c"
        path.write_text(path.read_text().replace("int folio_referenced(", "int folio_renamed("))
        with pytest.raises(BuildError, match=r"does not build: .*undefined reference to `folio_referenced'"):
            make()

    def test_make_error(self, make: Maker) -> None:
        (make.tree / "mm/rmap.c").unlink()
        with pytest.raises(BuildError, match=r"does not build: make.*No rule to make target"):
            make()

    def test_folder_is_usable_afterwards(self, make: Maker) -> None:
        path = make.tree / "mm/rmap.c"
        path.write_text("broken")
        with pytest.raises(BuildError):
            make()
        path.write_text(fakelinux.RMAP_C)
        assert not make().cached

    def test_lost_option_is_named_with_the_fragment_that_asked(self, make: Maker) -> None:
        with pytest.raises(UsageError, match="lost 2 of the options asked for") as caught:
            make(text="CONFIG_SWAP=y\nCONFIG_NOT_IN_THIS_TREE=y\nCONFIG_NEITHER=m\n")
        assert caught.value.details.splitlines() == [
            "CONFIG_NEITHER=m (asked for by mm/config) became n (a dependency is missing)",
            "CONFIG_NOT_IN_THIS_TREE=y (asked for by mm/config) became n (a dependency is missing)",
        ]
        assert "config fragment" in caught.value.hint

    def test_lost_option_is_lost_the_second_time_too(self, make: Maker) -> None:
        for _time in range(2):
            with pytest.raises(UsageError, match=r"CONFIG|lost 1"):
                make(text="CONFIG_NOT_IN_THIS_TREE=y\n")
        # ... and found when the tree learns of it
        with (make.tree / "Kconfig").open("a") as out:
            out.write("config NOT_IN_THIS_TREE\n")
        assert kconfig.parse(make(text="CONFIG_NOT_IN_THIS_TREE=y\n").config.read_text())["NOT_IN_THIS_TREE"] == "y"

    def test_configuration_that_fails(self, make: Maker) -> None:
        (make.tree / "scripts/olddefconfig.awk").write_text("syntax error {")
        with pytest.raises(BuildError, match="make olddefconfig failed") as caught:
            make()
        assert "olddefconfig] Error" in caught.value.details

    def test_full_disk_is_nobodys_regression(self, make: Maker) -> None:
        (make.tree / "mm/rmap.c").write_text('#error "No space left on device"\n')
        with pytest.raises(InfrastructureError, match="no space left on device") as caught:
            make()
        assert "free some space" in caught.value.hint

    def test_so_it_is_while_the_kernel_is_configured(self, make: Maker) -> None:
        awk = 'BEGIN { print "No space left on device" > "/dev/stderr"; exit 1 }'
        (make.tree / "scripts/olddefconfig.awk").write_text(awk)
        with pytest.raises(InfrastructureError, match="no space left on device"):
            make()

    def test_what_was_written_to_a_full_disk_is_not_trusted(self, make: Maker) -> None:
        make()
        good = (make.tree / "mm/vmscan.c").read_text()
        (make.tree / "mm/vmscan.c").write_text('#error "No space left on device"\n')
        (make.tree / "mm/rmap.c").touch()
        with pytest.raises(InfrastructureError):
            make("full")
        half = make.build_folder / "mm/rmap.o"
        half.write_bytes(b"half")
        (make.tree / "mm/vmscan.c").write_text(good)
        assert make("after").objects >= 1


class TestKilledBuild:
    def test_half_an_object_of_a_killed_build_is_compiled_again(self, make: Maker) -> None:
        make()
        mark = make.build_folder / ".series-ci-building"
        mark.touch()
        half = make.build_folder / "mm/rmap.o"
        half.write_bytes(half.read_bytes()[:100])  # newer than its source: make would trust it
        made = make("after")
        assert made.objects >= 1
        assert not mark.exists()

    def test_without_the_mark_half_an_object_would_be_trusted(self, make: Maker) -> None:
        """What the guard is for; if this ever passes without it, it can go."""
        make()
        half = make.build_folder / "mm/rmap.o"
        half.write_bytes(half.read_bytes()[:100])
        with pytest.raises(BuildError):
            make("after")


def test_paths_of_the_tree_are_shown_relative(tmp_path: Path) -> None:
    assert build.relative(f"{tmp_path}/mm/rmap.c:1: error", tmp_path) == "mm/rmap.c:1: error"
    assert build.relative("../mm/rmap.c:1: error", tmp_path) == "mm/rmap.c:1: error"


def test_log_that_cannot_be_written_is_named(make: Maker, tmp_path: Path) -> None:
    make.log = tmp_path / "gone/build.log"
    with pytest.raises(InfrastructureError, match=r"gone/build.log: No such file"):
        make()


def test_digest_of_the_image_is_what_the_record_says(make: Maker) -> None:
    made = make()
    record = files.read_json(made.image.parent / "build.json")
    assert record
    assert record["image_digest"] == files.digest(made.image.read_bytes())
