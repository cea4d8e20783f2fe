"""Fixtures for every test: a cache of its own, a home without settings, and a look at what a test leaves running."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from fakes import fakelinux, lab, workers
from fakes.lab import Lab
from fakes.world import World, fresh
from series_ci.kernel import sources
from series_ci.kernel.base import Base

# A commit is green or red: the same examples each time, and none that is too slow on a busy machine. To look for what
# these do not show: --hypothesis-profile=explore.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=1000)
settings.register_profile("steady", settings.get_profile("explore"), derandomize=True, max_examples=100)
settings.load_profile("steady")

PR_SET_CHILD_SUBREAPER = 36

DYING = 5.0
"""Seconds that a killed process may still be seen."""

# Orphans become our children, so that a grandchild which a test left behind is found, too.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


# Before and after each of thousands of tests: to look at all processes of the machine takes minutes in all.
assert Path(f"/proc/self/task/{os.getpid()}/children").exists(), "this kernel has no CONFIG_PROC_CHILDREN"


def children() -> dict[int, str]:
    """The living processes whose parent we are, with their command lines; the dead ones are left out."""
    found = {}
    for thread in Path("/proc/self/task").iterdir():
        for pid in _read(thread / "children").split():
            # One that is dead, or about to be, has none.
            if command := _read(Path("/proc", pid, "cmdline")).replace("\0", " ").strip():
                found[int(pid)] = command
    return found


def _read(path: Path) -> str:
    """What a file of /proc says; nothing if the thread or process has ended."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


@pytest.fixture(autouse=True)
def _nothing_outlives_a_test() -> Iterator[None]:
    before = children().keys()
    yield
    # On a busy machine one that was killed may need a moment to be dead.
    end = time.monotonic() + DYING
    while (left := {pid: name for pid, name in children().items() if pid not in before}) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "the test left processes behind"


@pytest.fixture(autouse=True)
def _no_wishes_about_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and none of the caller's git or make settings in the environment."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_", "MAKE")):
            monkeypatch.delenv(name)
    return folder


@pytest.fixture
def cache(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that the program uses in this test, away from the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SERIES_CI_CACHE", str(folder))
    return folder


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files in this test; whoever uses it should leave it empty."""
    import tempfile

    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    """A git checkout of the miniature kernel tree."""
    return fakelinux.repository(tmp_path / "linux")


@pytest.fixture
def base(linux: Path, cache: Path) -> Base:
    """That checkout as a base in a store of ours."""
    return sources.resolve(str(linux), print)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A miniature world for all tests of a file: what the first one builds, the others have from the cache."""
    with lab.world(tmp_path_factory.mktemp("world")) as found:
        yield found


@pytest.fixture
def world(shared: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    """The command line in that world (or what a file shares in its place), with a QEMU that nobody has called."""
    return fresh(shared, tmp_path, capsys)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Real kernels come last: who broke something small need not wait minutes to hear of it.

    Of several workers one has them all, one after another, and begins at once, for it is the last to end.
    """
    booting = [item for item in items if item.get_closest_marker("boot")]
    others = [item for item in items if not item.get_closest_marker("boot")]
    worker = getattr(config, "workerinput", None)
    items[:] = [*booting, *others] if worker else [*others, *booting]
    if worker and worker["workerid"] == "gw0":
        Path(worker["booting"]).write_text("".join(f"{item.nodeid}\n" for item in booting), "utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where it names the tests that boot."""
    node.workerinput["booting"] = str(workers.notes())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How `--dist loadfile` hands out tests."""
    return workers.Files(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_unconfigure() -> None:
    """Take away what the workers have named."""
    workers.notes().unlink(missing_ok=True)
