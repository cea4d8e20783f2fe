"""What earlier runs found out about a version: the newest run directory that tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from series_ci.host import files
from series_ci.rundir import read


@dataclass(frozen=True)
class EarlierRun:
    """One finished run of one version.

    `base` is the commit it was compared with; `statuses` the tests' results with the series, by name: "-" for a result
    that only the base has, and flaky ones are marked so. `splats` are the titles of the kernel's new complaints;
    `error` says why it was not booted, if it was not.
    """

    folder: Path
    base: str
    verdict: str
    error: str
    statuses: Mapping[str, str]
    splats: tuple[str, ...]


@dataclass(frozen=True)
class ResultChanges:
    """Two runs side by side: (test, status of the old, status of the new) where they differ.

    The numbers are those of the tests that are the same in both runs, or are in one of them only.
    """

    changed: tuple[tuple[str, str, str], ...]
    same: int
    only_old: int
    only_new: int


def newest(folder: Path, series: str, message_id: str, base: str | None) -> EarlierRun | None:
    """The newest run of that version of the series, on that base commit if one is given.

    `folder` holds run directories: of one version, or of several with a folder for each.
    """
    for path in read.summaries(folder):
        found = files.read_json(path) or {}
        environment = found.get("environment")
        if (found.get("series"), found.get("message_id")) != (series, message_id) or not isinstance(environment, dict):
            continue
        commit = str(environment.get("base_commit"))
        if base in (None, commit):
            return _tested(path.parent, commit, found)
    return None


def _tested(folder: Path, base: str, found: Mapping[str, Any]) -> EarlierRun:
    statuses = {
        str(row.get("name")): str(row.get("patched") or "-") + (" (flaky)" if row.get("change") == "FLAKY" else "")
        for row in found.get("changes") or ()
    }
    splats = tuple(str(each.get("title")) for each in found.get("splats") or () if each.get("change") == "NEW")
    error = found.get("error") or {}
    return EarlierRun(folder, base, str(found.get("verdict")), str(error.get("message", "")), statuses, splats)


def compare(old: EarlierRun, new: EarlierRun) -> ResultChanges:
    """What changed in the results from one version to another; a new complaint of the kernel counts as a test."""
    complaints = dict.fromkeys((*old.splats, *new.splats))
    before, after = (
        {**each.statuses, **{f"kernel: {title}": "seen" if title in each.splats else "-" for title in complaints}}
        for each in (old, new)
    )
    both = [name for name in before if name in after]
    changed = tuple((name, before[name], after[name]) for name in both if before[name] != after[name])
    return ResultChanges(changed, len(both) - len(changed), len(before) - len(both), len(after) - len(both))
