"""Build the kernel after each patch of a series, and find the warnings that each patch adds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from series_ci.errors import BuildError
from series_ci.host import files, paths
from series_ci.kernel import build, cache, compiled, kernel
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.mail.message import Patch
from series_ci.progress import Progress, count
from series_ci.results.coverage import Coverage

_TARGET = re.compile(r"\w[\w./+-]*\.c", re.ASCII)

Warnings = Counter[tuple[str, str]]
"""(file, text) -> how often. Without the number of the line, which changes with every edit above it."""


@dataclass(frozen=True)
class PatchBuild:
    """The build after one patch: `name` is `2/5 title`; `error` is None if it succeeded.

    `warnings` (`file: warning: text`, W=1) are those in files of the series that the build before did not have.
    `coverage` says what of the patch is in its kernel; None if this build or the one before it failed.
    """

    name: str
    commit: str
    error: BuildError | None
    warnings: tuple[str, ...]
    coverage: Coverage | None = None


def build_each(
    build_setup: BuildSetup,
    base: Kernel,
    tip: str,
    mails: Sequence[Patch],
    progress: Progress,
    log_folder: Callable[[int], Path],
) -> tuple[PatchBuild, ...]:
    """Build the kernel after each patch on a base.

    `log_folder` gives the folder for the logs of a patch, by its number in the series.
    """
    commits = build_setup.store.between(base.commit, tip)
    # Of each patch: a file that one patch changes and another restores does not differ in the end.
    pairs = pairwise([base.commit, *commits])
    touched = sorted({name for before, after in pairs for name in build_setup.store.changed(before, after)})
    # Only the last kernel is booted, so no others need selftests.
    alone = replace(build_setup, collections=())
    known = _warnings(alone, base.commit, touched)
    before: Kernel | None = base
    steps = []
    for number, (commit, patch) in enumerate(zip(commits, mails, strict=True), 1):
        label = f"{number}/{len(mails)}"
        error, after = None, None
        try:
            after = kernel.make(alone, label, commit, log_folder(number), progress)
        except BuildError as failed:
            error = failed
        covered = compiled.measure(build_setup, before, after) if before and after else None
        before = after
        with progress.step(f"warnings {label}") as step:
            now = _warnings(alone, commit, touched)
            new = tuple(f"{name}: {text}" for name, text in (now - known).elements())
            step.note(count(len(new), "new warning") if new else "none new")
        known = now
        steps.append(PatchBuild(f"{label} {patch.subject.title}", commit, error, new, covered))
    return tuple(steps)


def _warnings(build_setup: BuildSetup, commit: str, touched: Sequence[str]) -> Warnings:
    """Return the warnings in these files at a commit, from the cache if they are there."""
    # make would take other names for options or variables.
    named = [name for name in touched if _TARGET.fullmatch(name)]
    present = [name for name in named if build_setup.store.text(commit, name) is not None]
    if not present:
        return Counter()
    kernel_key = cache.key(build_setup.store.tree_id(commit), build_setup.tools, build_setup.options)
    key = files.digest(kernel_key, *present)[:24]
    record = paths.cache() / "warnings" / f"{key}.json"
    kept = files.read_json(record)
    if kept is None:
        build_setup.store.check_out(commit)
        log = record.with_suffix(".log")
        with files.disk_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.unlink(missing_ok=True)
        source = build_setup.store.worktree
        warnings = build.warnings(
            source, build_setup.tools, build_setup.options, folder=build_setup.folder, names=present, log=log
        )
        kept = {"warnings": warnings}
        files.write_json(record, kept)
    return Counter((name, text) for name, text in kept["warnings"] if name in touched)
