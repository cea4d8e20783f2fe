from __future__ import annotations

from pathlib import Path

import pytest

from fakes.here import ROOT
from series_ci.host import paths


@pytest.fixture(autouse=True)
def _plain(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERIES_CI_CACHE", raising=False)


def test_cache_follows_the_variable_then_xdg_then_home(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths.cache() == home / ".cache/series-ci"
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/xdg")
    assert paths.cache() == Path("/var/xdg/series-ci")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERIES_CI_CACHE", "mine")
    assert paths.cache() == tmp_path / "mine"


def test_relative_xdg_folders_are_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert paths.cache() == home / ".cache/series-ci"
    assert paths.runs() == home / ".local/state/series-ci/runs"


def test_runs_are_state_and_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERIES_CI_CACHE", "/cache")
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert paths.runs() == Path("/var/state/series-ci/runs")


@pytest.mark.parametrize("name", ["series", "kselftest"])
def test_brought_folders_lie_at_the_root_of_a_checkout(name: str) -> None:
    assert paths.share(name) == ROOT / name
    assert any(paths.share(name).iterdir())


def test_brought_folders_of_a_wheel_lie_beside_the_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "site/series_ci")
    (tmp_path / "site/series_ci/share/series").mkdir(parents=True)
    assert paths.share("series") == tmp_path / "site/series_ci/share/series"


def test_data_of_modules_is_there() -> None:
    assert paths.data("kernel", "guest.config").is_file()


def test_own_series_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.series_folders() == [paths.share("series")]
    (tmp_path / "series").mkdir()
    assert paths.series_folders() == [tmp_path / "series", paths.share("series")]


def test_the_projects_own_folder_is_not_listed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(paths.share("series").parent)
    assert paths.series_folders() == [paths.share("series")]


@pytest.mark.parametrize("variable", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
def test_in_ci_what_lies_in_the_repository_is_named_from_its_root(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    text = "/srv/r/r/series/mini.yaml: not in /srv/r/r, /srv/r/r2, /a/srv/r/r/x"
    monkeypatch.setenv(variable, "/srv/r/r/")
    monkeypatch.delenv("CI", raising=False)
    assert paths.named(text) == text
    monkeypatch.setenv("CI", "true")
    assert paths.named(text) == "series/mini.yaml: not in ., /srv/r/r2, /a/srv/r/r/x"
    monkeypatch.setenv(variable, "relative")
    assert paths.named(text) == text
