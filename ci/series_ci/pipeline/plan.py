"""Spread the versions of a series over machines: equal patches go to one machine, the longest job comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from series_ci.errors import Error, UsageError
from series_ci.mail import fetch
from series_ci.mail.archive import Archive
from series_ci.manifest.model import Manifest
from series_ci.progress import Progress, count
from series_ci.rundir import read
from series_ci.rundir.run import VersionRun
from series_ci.rundir.sweep_run import SweepRun

MOST = 256
"""The maximum number of jobs in a matrix of GitHub's."""


@dataclass(frozen=True)
class Shard:
    """The job of one machine: versions with the same patches on the same trees, for one architecture.

    `seconds` is the time that the boots of the newest run took, None if there is no run.
    """

    versions: tuple[str, ...]
    arch: str
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """All shards, the longest first. One that was never run counts as the median of the others.

    `errors` are those of versions whose mails cannot be had. Each such version has a shard of its own, in which its
    test will fail.
    """

    series: str
    shards: tuple[Shard, ...]
    errors: tuple[Error, ...] = ()


def make(
    manifest: Manifest, labels: Sequence[str], archive: Archive, arches: Sequence[str], times: Path, progress: Progress
) -> Plan:
    """Return the plan for these versions of a series. `times` is a folder of earlier run directories.

    Raises UsageError if there are more than MOST shards.
    """
    errors: list[Error] = []
    groups = _alike(manifest, labels, archive, errors, progress)
    took = _took(times, manifest.name)
    shards = [
        Shard(tuple(group), arch, took.get((manifest.version(group[0]).message_id, arch)))
        for arch in arches
        for group in groups
    ]
    if len(shards) > MOST:
        raise UsageError(f"{len(shards)} shards: a matrix has {MOST} jobs at most", hint="plan fewer versions")
    return Plan(manifest.name, longest_first(shards), tuple(errors))


def longest_first(shards: Sequence[Shard]) -> tuple[Shard, ...]:
    """Return the shards, the longest first: a long job that starts last would delay the end of all."""
    known = [each.seconds for each in shards if each.seconds is not None]
    usual = median(known) if known else 0.0
    return tuple(sorted(shards, key=lambda each: usual if each.seconds is None else each.seconds, reverse=True))


def matrix(plan: Plan) -> dict[str, list[dict[str, str]]]:
    """Return the JSON for `strategy.matrix` of a GitHub workflow: a job per shard; its `id` is fit for file names."""
    return {
        "include": [
            {"id": f"{each.versions[0]}-{each.arch}", "versions": " ".join(each.versions), "arch": each.arch}
            for each in plan.shards
        ]
    }


def _alike(
    manifest: Manifest, labels: Sequence[str], archive: Archive, errors: list[Error], progress: Progress
) -> list[list[str]]:
    """Return the labels, grouped by patch-ids and trees, in the given order. Add what cannot be fetched to `errors`."""
    groups: dict[object, list[str]] = {}
    with progress.step("mails") as step:
        for label in labels:
            step.update(label)
            key: object = label
            try:
                fetched = fetch.fetch_version(manifest.message_ids(label), archive, tell=progress.say)
                key = fetched.patch_ids, manifest.trees_for(label)
            except Error as error:
                errors.append(error)
            groups.setdefault(key, []).append(label)
        doubles = len(labels) - len(groups)
        step.note(count(len(labels), "version") + (f", {doubles} with the patches of another" if doubles else ""))
    return list(groups.values())


def _took(folder: Path, series: str) -> Mapping[tuple[str, str], float]:
    """Return the seconds that the boots of the newest run took, by (Message-ID, architecture)."""
    seconds: dict[tuple[str, str], float] = {}
    for path in read.summaries(folder):
        try:
            run = read.read(path.parent)
        except UsageError:  # of an older form, or damaged
            continue
        if isinstance(run, SweepRun) or run.series != series:
            continue
        seconds.setdefault((run.message_id, run.arch), _seconds(run))
    return seconds


def _seconds(run: VersionRun) -> float:
    return sum(boot.run.seconds for boot in (*run.base_boots, *run.boots) if boot.run)
