"""The wheel: it holds every file that a user needs, and the installed program finds them."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from fakes.here import ROOT


def tracked(*folders: str) -> set[str]:
    done = subprocess.run(["git", "-C", ROOT, "ls-files", *folders], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # No isolation: the build backend comes from the development environment, so that no network is needed.
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_what_git_tracks(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    code = {name.removeprefix("ci/") for name in tracked("ci")}
    data = {f"series_ci/share/{name}" for name in tracked("series", "kselftest")}
    assert packed == code | data


def test_the_installed_program_finds_its_series(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, system_site_packages=False)
    site = next(home.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Its dependencies come from the environment of the tests; the package itself must come from the wheel.
    others = [path for path in sys.path if "site-packages" in path]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), *others]),
        "SERIES_CI_CACHE": str(tmp_path / "cache"),
    }
    argv = [home / "bin/python", "-m", "series_ci", "test", "v99", "--series", "demo"]
    done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=tmp_path, check=False)

    assert done.returncode == 2
    assert "v7, v8, v9, v10" in done.stderr
    where = subprocess.run(
        [home / "bin/python", "-c", "import series_ci; print(series_ci.__file__)"],
        capture_output=True,
        text=True,
        env=env,
        check=True,
    )
    assert where.stdout.startswith(str(site))
