"""A series patch by patch: does the kernel build after each of them, and which warnings are new."""

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
"""(file, text) without the line, which moves with every edit above it -> how often."""


@dataclass(frozen=True)
class PatchBuild:
    """The build after one patch: `name` is `2/5 title`; without an `error` it went well.

    `warnings` (`file: warning: text`, W=1) are those about the files of the series that the patch before did not have.
    `coverage` says what of the patch is in its kernel, None where it or the patch before it does not build.
    """

    name: str
    commit: str
    error: BuildError | None
    warnings: tuple[str, ...]
    coverage: Coverage | None = None


def build_each(
    shop: BuildSetup,
    base: Kernel,
    tip: str,
    mails: Sequence[Patch],
    progress: Progress,
    log_folder: Callable[[int], Path],
) -> tuple[PatchBuild, ...]:
    """Build the kernel after each patch on a base.

    `log_folder` gives the folder for the logs of a patch, by its number in the series.
    """
    commits = shop.store.between(base.commit, tip)
    # Not only what differs in the end: one patch may mend what another one did.
    pairs = pairwise([base.commit, *commits])
    touched = sorted({name for before, after in pairs for name in shop.store.changed(before, after)})
    # Selftests are for booting, and only the last kernel is booted.
    alone = replace(shop, collections=())
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
        covered = compiled.measure(shop, before, after) if before and after else None
        before = after
        with progress.step(f"warnings {label}") as step:
            now = _warnings(alone, commit, touched)
            new = tuple(f"{name}: {text}" for name, text in (now - known).elements())
            step.note(count(len(new), "new warning") if new else "none new")
        known = now
        steps.append(PatchBuild(f"{label} {patch.subject.title}", commit, error, new, covered))
    return tuple(steps)


def _warnings(shop: BuildSetup, commit: str, touched: Sequence[str]) -> Warnings:
    """The warnings about these files at a commit; kept by content, for the next run."""
    # What make would take for an option or a variable is no target of it.
    named = [name for name in touched if _TARGET.fullmatch(name)]
    present = [name for name in named if shop.store.text(commit, name) is not None]
    if not present:
        return Counter()
    key = files.digest(cache.key(shop.store.tree_id(commit), shop.tools, shop.options), *present)[:24]
    record = paths.cache() / "warnings" / f"{key}.json"
    kept = files.read_json(record)
    if kept is None:
        shop.store.check_out(commit)
        log = record.with_suffix(".log")
        with files.disk_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.unlink(missing_ok=True)
        source = shop.store.worktree
        said = build.warnings(source, shop.tools, shop.options, folder=shop.folder, names=present, log=log)
        kept = {"warnings": said}
        files.write_json(record, kept)
    return Counter((name, text) for name, text in kept["warnings"] if name in touched)
