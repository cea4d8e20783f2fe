"""What a run must not leave behind: processes, half files, locks of git, the disks of guests."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

from series_ci.host import scratch
from series_ci.kernel import interrupted

MARK = "SERIES_CI_FAULTS"
"""In the environment of all that a run starts, so that what outlives it can be told from the rest of the machine."""

_REST = re.compile(
    rf"\..*{re.escape(scratch.END)}|\..*\.part|tmp_(?:pack|obj)_.*|.*\.lock|rebase-apply"
    rf"|{re.escape(interrupted.MARK)}|swap\.img|initramfs\.cpio"
)
_LOCKS = re.compile(r"run\.lock|series-ci\.lock|\.lock|.*\.tar[.\w]*\.lock")
"""Lock files of ours stay where they are: what counts is who holds them."""
_FOREIGN = ("work", "build", "ccache", "install")
"""Folders of the cache that kernels, tests and ccache are laid out in."""


def rests(cache: Path, out: Path, temporary: Path) -> list[str]:
    """What should not be in a cache, a run directory and a folder for temporary files after a run came to its end."""
    found = [path for path in [*_walk(cache), *out.rglob("*")] if _is_rest(path)]
    # One worktree per store, of the same name; git calls a second one otherwise.
    found += [path for path in cache.glob("trees/*.git/worktrees/*") if path.parents[1].name != f"{path.name}.git"]
    return [str(path) for path in [*found, *temporary.iterdir()]]


def damaged(cache: Path, out: Path) -> list[str]:
    """The JSON files of cache and run directory that are none."""
    return [str(path) for path in [*_walk(cache), *out.rglob("*")] if path.suffix == ".json" and _half(path)]


def _is_rest(path: Path) -> bool:
    return bool(_REST.fullmatch(path.name)) and not _LOCKS.fullmatch(path.name)


def _half(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return True
    return False


def _walk(folder: Path) -> list[Path]:
    """All that is ours below a folder, and the marks in the build folders."""
    found = list(folder.glob(f"build/*/{interrupted.MARK}"))
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _FOREIGN]
        found += [Path(root) / name for name in [*folders, *names]]
    return found


def processes(mark: str) -> tuple[str, ...]:
    """The living processes that carry a mark in their environment: pid and name."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if (each / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "Z":
                continue
            if wanted in (each / "environ").read_bytes().split(b"\0"):
                found.append(f"{each.name} {(each / 'comm').read_text('utf-8', 'replace').strip()}")
    return tuple(found)
