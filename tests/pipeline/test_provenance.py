"""What a tree is called where others have it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import fakelinux
from series_ci.kernel import sources
from series_ci.kernel.base import Base, Source
from series_ci.pipeline import provenance

pytestmark = pytest.mark.usefixtures("cache")


def of(spec: str) -> Source:
    return provenance.source_of(sources.resolve(spec, lambda _line: None), "6.12.7")


def test_a_checkout_is_known_by_commit_tag_and_origin(linux: Path) -> None:
    commit = fakelinux.git(linux, "rev-parse", "HEAD").strip()
    assert of(str(linux)) == Source("6.12.7", commit, "v6.12.7")
    fakelinux.git(linux, "remote", "add", "origin", "https://git.example.org/linux.git")
    fakelinux.git(linux, "commit", "-q", "--allow-empty", "-m", "mine")
    found = of(f"{linux}@HEAD")
    assert found.describe == f"v6.12.7-1-g{found.commit[:12]}"
    assert found.url == "https://git.example.org/linux.git"
    assert of(f"{linux}@v6.12.7").commit == commit


@pytest.mark.parametrize("url", ["https://tess:secret@git.example.org/linux.git", "/srv/linux.git", "tess@host:linux"])
def test_an_origin_that_is_nobodys_business(linux: Path, url: str) -> None:
    fakelinux.git(linux, "remote", "add", "origin", url)
    assert of(str(linux)).url == ""


def test_a_git_url_is_known_by_its_ref(linux: Path) -> None:
    commit = fakelinux.git(linux, "rev-parse", "HEAD").strip()
    assert of(f"git+file://{linux}@v6.12.7") == Source("6.12.7", commit, "v6.12.7")
    assert of(f"git+file://{linux}@{commit}") == Source("6.12.7", commit)
    base = Base("git+https://git.example.org/linux.git@v6.12", Path("x"), commit, cached=True)
    assert provenance.source_of(base, "6.12").url == "https://git.example.org/linux.git"


@pytest.mark.parametrize("spec", ["debian:linux-source-6.12", "https://cdn.example.org/l.tar.xz", "/usr/src/l.tar.xz"])
def test_an_imported_tree_has_a_version_only(spec: str) -> None:
    """The commit of an import is on this machine alone."""
    assert provenance.source_of(Base(spec, Path("x"), "ab" * 20, cached=True), "6.12") == Source("6.12")


def test_a_shallow_checkout_without_tags(linux: Path) -> None:
    fakelinux.git(linux, "tag", "-d", "v6.12.7")
    assert of(str(linux)).describe == ""
