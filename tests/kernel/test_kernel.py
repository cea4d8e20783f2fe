"""Two kernels from one setup: same configuration, built once, and a base that is not the series' fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import fakelinux, lab
from fakes.lab import Lab
from series_ci import arch
from series_ci.errors import BuildError, ExitStatus
from series_ci.host import process
from series_ci.kernel import sources, toolchain
from series_ci.kernel.kernel import BuildSetup, base_failure, make, make_build_setup
from series_ci.kernel.store import Store
from series_ci.progress import Progress

ROW = arch.get("x86_64")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("world")) as found:
        yield found


@pytest.fixture
def build_setup(world: Lab, tmp_path: Path) -> tuple[BuildSetup, str]:
    base = sources.resolve(str(world.linux), lambda _text: None)
    fragment = tmp_path / "mine.config"
    fragment.write_text("CONFIG_KUNIT=y\n# CONFIG_MEMCG is not set\n")
    return make_build_setup(Store(base.store), base.commit, toolchain.toolchain(ROW), ["mm"], [fragment]), base.commit


def test_the_configuration_is_the_guests_then_the_tests_then_the_series(build_setup: tuple[BuildSetup, str]) -> None:
    asked = {each.name: (each.value, each.origin) for each in build_setup[0].options}
    assert asked["VIRTIO_CONSOLE"][0] == "y"
    assert asked["VIRTIO_CONSOLE"][1] == "guest.config"
    assert asked["64BIT"] == ("y", "guest-x86_64.config")
    assert asked["AIO"][1] == "kselftest/mm/config"
    assert asked["KUNIT"] == ("y", "mine.config")
    assert asked["MEMCG"] == ("n", "mine.config")  # the tests ask for it, the series has the last word


def test_what_an_architecture_needs_comes_behind(world: Lab, tmp_path: Path) -> None:
    base = sources.resolve(str(world.linux), lambda _text: None)
    fragment = tmp_path / "mine.config"
    fragment.write_text("CONFIG_ONE=y\nCONFIG_TWO=y\n")
    (tmp_path / "mine.config.x86_64").write_text("# CONFIG_TWO is not set\n")
    (tmp_path / "mine.config.aarch64").write_text("# CONFIG_ONE is not set\n")
    build_setup = make_build_setup(Store(base.store), base.commit, toolchain.toolchain(ROW), ["mm"], [fragment])
    asked = {each.name: (each.value, each.origin) for each in build_setup.options}
    assert asked["ONE"] == ("y", "mine.config")
    assert asked["TWO"] == ("n", "mine.config.x86_64")


def test_another_configuration_has_another_digest_and_folder(build_setup: tuple[BuildSetup, str], world: Lab) -> None:
    one, commit = build_setup
    two = make_build_setup(one.store, commit, toolchain.toolchain(ROW), ["mm"], [])
    again = make_build_setup(one.store, commit, toolchain.toolchain(ROW), ["mm"], [])
    assert one.config_digest != two.config_digest == again.config_digest
    assert one.folder != two.folder == again.folder


def test_a_kernel_is_built_once(world: Lab, build_setup: tuple[BuildSetup, str], tmp_path: Path) -> None:
    first = make(build_setup[0], "base", build_setup[1], tmp_path / "log", Progress())
    second = make(build_setup[0], "v1", build_setup[1], tmp_path / "log2", Progress())
    assert (first.build.cached, second.build.cached) == (False, True)
    assert (first.label, second.label, first.commit) == ("base", "v1", build_setup[1])
    assert first.build.image.read_bytes() == second.build.image.read_bytes()
    assert first.tests.folder == second.tests.folder
    assert (first.tests.folder / "mm/good").is_file()
    assert "bzImage" in (tmp_path / "log/build.log").read_text()
    assert not (tmp_path / "log2").exists()
    assert lab.BASE in process.run([str(first.build.image)]).out


def test_without_tests_none_are_built(world: Lab, tmp_path: Path) -> None:
    base = sources.resolve(str(world.linux), lambda _text: None)
    build_setup = make_build_setup(Store(base.store), base.commit, toolchain.toolchain(ROW), [], [])
    kernel = make(build_setup, "base", base.commit, tmp_path / "log", Progress())
    assert kernel.tests.notbuilt == ()
    assert kernel.tests.cached
    assert "AIO" not in {each.name for each in build_setup.options}


def test_a_kernel_that_does_not_build_leaves_its_log(
    world: Lab, build_setup: tuple[BuildSetup, str], tmp_path: Path
) -> None:
    source = world.linux / "mm/vmscan.c"
    good = source.read_text()
    source.write_text(good.replace("== 0;", "== ;"))
    commit = fakelinux.commit(world.linux)
    with pytest.raises(BuildError, match=r"mm/vmscan\.c:7") as caught:
        make(build_setup[0], "v1", commit, tmp_path / "log", Progress())
    assert "error:" in (tmp_path / "log/build.log").read_text()
    assert str(tmp_path / "log/build.log") in caught.value.hint
    assert caught.value.status is ExitStatus.BUILD


def test_a_base_that_fails_is_infrastructure() -> None:
    error = base_failure(BuildError("does not build: a.c:1", hint="the log", details="a.c:1: error"))
    assert error.status is ExitStatus.INFRASTRUCTURE
    assert (error.message, error.hint, error.details) == (
        "the base itself does not build: a.c:1",
        "the log",
        "a.c:1: error",
    )


def test_sources_that_the_compiler_refused_are_not_compiled_again(world: Lab, tmp_path: Path) -> None:
    linux = fakelinux.repository(
        tmp_path / "linux", {"Kconfig": lab.kconfig(), "mm/rmap.c": "int broken = not_there;\n"}
    )
    base = sources.resolve(str(linux), lambda _text: None)
    build_setup = make_build_setup(Store(base.store), base.commit, toolchain.toolchain(ROW), [], [])
    with pytest.raises(BuildError, match="'not_there' undeclared") as first:
        make(build_setup, "v1", base.commit, tmp_path / "log", Progress())
    Store(base.store).worktree.rename(tmp_path / "away")
    with pytest.raises(BuildError) as second:
        make(build_setup, "v2", base.commit, tmp_path / "log2", Progress())
    assert (second.value.message, second.value.details) == (first.value.message, first.value.details)
    assert str(tmp_path / "log2/build.log") in second.value.hint
    assert "not_there" in (tmp_path / "log2/build.log").read_text("utf-8")
    assert not Store(base.store).worktree.exists()


@pytest.mark.parametrize(
    "text",
    ["#include <linux/not_there.h>\n", "int folio_referenced_not_there(void);\nint x(void) { return folio_gone(); }\n"],
)
def test_what_may_be_this_machines_fault_is_tried_again(world: Lab, tmp_path: Path, text: str) -> None:
    """A header that is missing may be there after the next apt-get install."""
    linux = fakelinux.repository(tmp_path / "linux", {"Kconfig": lab.kconfig(), "mm/rmap.c": text})
    base = sources.resolve(str(linux), lambda _text: None)
    build_setup = make_build_setup(Store(base.store), base.commit, toolchain.toolchain(ROW), [], [])
    with pytest.raises(BuildError):
        make(build_setup, "v1", base.commit, tmp_path / "v1", Progress())
    Store(base.store).worktree.rename(tmp_path / "away")
    with pytest.raises(BuildError):
        make(build_setup, "v2", base.commit, tmp_path / "v2", Progress())
    assert Store(base.store).worktree.is_dir()  # it was laid out again, to be built
