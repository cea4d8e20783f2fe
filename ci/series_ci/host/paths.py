"""Where things live: what the package brings, the cache, and the run directories."""

from __future__ import annotations

import os
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def share(name: str) -> Path:
    """A data folder that the project brings, `series` or `kselftest`.

    In a checkout it lies at the root, beside ci/; in an installed wheel beside the modules, under share/.
    """
    installed = PACKAGE / "share" / name
    return installed if installed.is_dir() else PACKAGE.parent.parent / name


def data(room: str, name: str) -> Path:
    """A file that belongs to a module of a room: the guest's /init, fragments of the kernel's configuration."""
    return PACKAGE / room / "data" / name


def _base(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification tells to ignore relative paths.
    return Path(value) if value.startswith("/") else Path.home() / default


def cache() -> Path:
    """The folder for all that can be made again: mails, git stores, build folders, ccache."""
    override = os.environ.get("SERIES_CI_CACHE", "")
    return Path(override).absolute() if override else _base("XDG_CACHE_HOME", ".cache") / "series-ci"


def runs() -> Path:
    """The folder for run directories that were not given by `--out`: results are not a cache."""
    return _base("XDG_STATE_HOME", ".local/state") / "series-ci" / "runs"


def named(text: str) -> str:
    """A path, or a text with paths in it, as reports have it.

    In CI what lies in the repository is named from its root: where the machine had it helps nobody, and is gone.
    """
    if os.environ.get("CI") != "true":
        return text
    for variable in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        root = os.environ.get(variable, "").rstrip("/")
        if root.startswith("/"):
            text = re.sub(rf"(?<![\w./-]){re.escape(root)}(?:(/)|(?![\w.-]))", lambda end: "" if end[1] else ".", text)
    return text


def series_folders() -> list[Path]:
    """Where manifests are looked for: the working directory's series/ first, then those that the project brings."""
    own = Path.cwd() / "series"
    brought = share("series")
    return [own, brought] if own.is_dir() and own.resolve() != brought.resolve() else [brought]
