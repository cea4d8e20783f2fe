"""Where files are: the package's data, the cache, and the run directories."""

from __future__ import annotations

import os
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def share(name: str) -> Path:
    """Return a data folder of the project, `series` or `kselftest`.

    In a checkout it is at the root, beside ci/; in an installed wheel it is under share/, beside the modules.
    """
    installed = PACKAGE / "share" / name
    return installed if installed.is_dir() else PACKAGE.parent.parent / name


def data(room: str, name: str) -> Path:
    """Return a data file of a room: the guest's /init, or a fragment of the kernel's configuration."""
    return PACKAGE / room / "data" / name


def _base(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification says that relative paths are to be ignored.
    return Path(value) if value.startswith("/") else Path.home() / default


def cache() -> Path:
    """Return the folder for all that can be made again: mails, git stores, build folders, ccache."""
    override = os.environ.get("SERIES_CI_CACHE", "")
    return Path(override).absolute() if override else _base("XDG_CACHE_HOME", ".cache") / "series-ci"


def runs() -> Path:
    """Return the folder for run directories that `--out` does not name. Results are not part of the cache."""
    return _base("XDG_STATE_HOME", ".local/state") / "series-ci" / "runs"


def named(text: str) -> str:
    """Return a path, or a text with paths in it, in the form that reports show.

    In CI, paths in the repository are shown relative to its root: the path on a machine that is gone helps nobody.
    """
    if os.environ.get("CI") != "true":
        return text
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        root = os.environ.get(variable, "").rstrip("/")
        if root.startswith("/"):
            text = re.sub(rf"(?<![\w./-]){re.escape(root)}(?:(/)|(?![\w.-]))", lambda end: "" if end[1] else ".", text)
    return text


def series_folders() -> list[Path]:
    """Return the folders that are searched for manifests: series/ of the working directory, then the project's own."""
    own = Path.cwd() / "series"
    shipped = share("series")
    return [own, shipped] if own.is_dir() and own.resolve() != shipped.resolve() else [shipped]
