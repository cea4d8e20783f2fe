"""Fixtures for every test: a cache of its own, a home without settings, and a look at what a test leaves running."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fakes import fakelinux
from series_ci.kernel import sources
from series_ci.kernel.source import Base

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


def children() -> dict[int, str]:
    """The living processes whose parent we are, with their command lines; the dead ones are reaped."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if not entry.name.isdecimal() or int(parent) != os.getpid() or state == "Z":
                continue
            if command := (entry / "cmdline").read_text().replace("\0", " ").strip():  # else it is about to be dead
                found[int(entry.name)] = command
        except (OSError, ValueError):
            continue
    return found


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real kernels come last: who broke something small need not wait minutes to hear of it."""
    items.sort(key=lambda item: item.get_closest_marker("boot") is not None)
