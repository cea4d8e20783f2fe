"""Programs from npm that tests hold our output against; `tools/test` puts them into the cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from series_ci.host import paths

MODULES = Path(os.environ.get("SERIES_CI_NPM") or paths.cache() / "npm") / "node_modules"


def node(*packages: str) -> str:
    """The program node, where these packages are there; skips the test where not."""
    found = shutil.which("node")
    if not found:
        pytest.skip("node is not installed")
    for package in packages:
        if not (MODULES / package).exists():
            pytest.skip(f"no {package} in {MODULES}: tools/test puts it there")
    return found


def browser() -> str:
    """A Chromium; skips the test where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if not found:
        pytest.skip("no Chromium is installed")
    return found
