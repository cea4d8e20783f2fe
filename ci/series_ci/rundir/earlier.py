"""Find the newest run of a version, and compare the results of two such runs."""

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

    `base` is the commit of its base; `statuses` are the tests' results with the series, by name: "-" for a result that
    only the base has, and with "(flaky)" behind it for a flaky one. `splats` are the titles of new kernel complaints;
    `error` says why the version was not booted, "" if it was.
    """

    folder: Path
    base: str
    verdict: str
    error: str
    statuses: Mapping[str, str]
    splats: tuple[str, ...]


@dataclass(frozen=True)
class ResultChanges:
    """How the results of two runs differ: `changed` has (test, old status, new status).

    `same`, `only_old` and `only_new` count the tests that are equal in both runs, and those in one of them only.
    """

    changed: tuple[tuple[str, str, str], ...]
    same: int
    only_old: int
    only_new: int


def newest(folder: Path, series: str, message_id: str, base: str | None) -> EarlierRun | None:
    """Return the newest finished run of a version, on the commit `base` if one is given; None if there is none.

    `folder` is the folder of all run directories.
    """
    for path in read.summaries(folder):
        summary = files.read_json(path) or {}
        environment = summary.get("environment")
        if (summary.get("series"), summary.get("message_id")) != (series, message_id) or not isinstance(
            environment, dict
        ):
            continue
        commit = str(environment.get("base_commit"))
        if base in (None, commit):
            return _tested(path.parent, commit, summary)
    return None


def _tested(folder: Path, base: str, summary: Mapping[str, Any]) -> EarlierRun:
    statuses = {
        str(row.get("name")): str(row.get("patched") or "-") + (" (flaky)" if row.get("change") == "FLAKY" else "")
        for row in summary.get("changes") or ()
    }
    splats = tuple(str(each.get("title")) for each in summary.get("splats") or () if each.get("change") == "NEW")
    error = summary.get("error") or {}
    return EarlierRun(folder, base, str(summary.get("verdict")), str(error.get("message", "")), statuses, splats)


def compare(old: EarlierRun, new: EarlierRun) -> ResultChanges:
    """Compare the results of two runs; a new kernel complaint counts as a test with the statuses `seen` and `-`."""
    complaints = dict.fromkeys((*old.splats, *new.splats))
    before, after = (
        {**each.statuses, **{f"kernel: {title}": "seen" if title in each.splats else "-" for title in complaints}}
        for each in (old, new)
    )
    both = [name for name in before if name in after]
    changed = tuple((name, before[name], after[name]) for name in both if before[name] != after[name])
    return ResultChanges(changed, len(both) - len(changed), len(before) - len(both), len(after) - len(both))
