"""Verify a run directory that was made elsewhere: is every file in it what a run would have written?

A kernel series is a stranger's code, and on the machine that built and booted it it may have written anything. So no
link is followed, no unknown file is accepted, and the verdict has to follow from the records of the boots. Whether
such a record is true cannot be verified: it is the word of the machine on which the boot ran.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from series_ci.errors import (
    AlreadyAppliedError,
    ApplyError,
    BuildError,
    ExitStatus,
    NothingToTestError,
    NotTestedError,
    UsageError,
)
from series_ci.guest.record import RUN_FILE
from series_ci.manifest.fields import LABEL
from series_ci.results import coverage, looks
from series_ci.results.compare import Comparison
from series_ci.results.model import Run
from series_ci.rundir import layout, read, runlock, sweep_summary, verify_mails
from series_ci.rundir.run import Boot, Stage, VersionRun, retried
from series_ci.rundir.summary import compared_status, compared_verdict, version_json
from series_ci.rundir.sweep_run import AnyRun, SweepRow, SweepRun
from series_ci.rundir.verify_files import (
    BOOTS_OF_SWEEP,
    BOOTS_OF_VERSION,
    LIMITS,
    OF_SWEEP,
    OF_VERSION,
    SizeLimits,
    look_at_files,
    require_regular,
    wrong,
)

_WITH_ERROR = {
    (each.status, each.verdict)
    for each in (ApplyError, BuildError, NotTestedError, NothingToTestError, AlreadyAppliedError)
}
"""The (status, verdict) pairs of versions that were not booted."""


def read_verified(folder: Path, limits: SizeLimits = LIMITS) -> AnyRun:
    """Verify and read a run directory from elsewhere. Raises UsageError for the first thing that is wrong."""
    summary = _summary(folder, limits)
    sweep = isinstance(summary.get("versions"), list)
    look_at_files(folder, OF_SWEEP if sweep else OF_VERSION, limits)
    for row in summary["versions"] if sweep else ():
        _look_at_row(folder, row)
    run = read.read(folder)
    if isinstance(run, SweepRun):
        for row in run.rows:
            _verify_row(folder, row, run)
        _same(folder / layout.SUMMARY, sweep_summary.sweep_json(run), summary)
    else:
        _same(folder / layout.SUMMARY, version_json(run), summary)
        _verify_version(folder, run, BOOTS_OF_VERSION)
    return run


def verify_version(folder: Path, limits: SizeLimits = LIMITS) -> None:
    """Verify the folder of one version; if it is part of a sweep, the whole sweep. Raises UsageError as above."""
    above = folder.resolve().parent
    if (above / layout.SUMMARY).is_file():
        run = read_verified(above, limits)
        if not isinstance(run, SweepRun) or folder.resolve().name not in [row.label for row in run.rows if row.run]:
            raise wrong(folder, f"is no version of the sweep in {above}")
    else:
        read_verified(folder, limits)


def _summary(folder: Path, limits: SizeLimits) -> Mapping[str, Any]:
    """Return the top summary as JSON. Raises UsageError if there is none."""
    path = folder / layout.SUMMARY
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    if not os.path.lexists(path):
        hint = f"its run was interrupted, or it is none; a finished one has a {layout.SUMMARY}"
        raise UsageError(f"{folder}: no finished run", hint=hint)
    require_regular(path, path.lstat(), limits.record)
    return _object(path)


def _object(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise wrong(path, f"is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise wrong(path, "is no JSON object")
    return value


def _look_at_row(folder: Path, row: object) -> None:
    """Verify that a row of a sweep names only files of this directory, before they are read."""
    label, summary = (row.get("version"), row.get("summary")) if isinstance(row, dict) else (None, None)
    if not isinstance(label, str) or not re.fullmatch(LABEL, label):
        raise wrong(folder / layout.SUMMARY, f"has a version named {label!r}")
    if summary is not None and summary != f"{label}/{layout.SUMMARY}":
        raise wrong(folder / layout.SUMMARY, f"names {summary!r} as the summary of {label}")
    if summary is not None:
        _boot_names(folder / label, BOOTS_OF_SWEEP)


def _boot_names(folder: Path, known: re.Pattern[str]) -> None:
    path = folder / layout.SUMMARY
    boots = _object(path).get("boots")
    names = [name for each in boots.values() for name in each] if isinstance(boots, dict) else [None]
    if bad := [name for name in names if not isinstance(name, str) or not known.fullmatch(name)]:
        raise wrong(path, f"names {bad[0]!r} as the folder of a boot")


def _same(path: Path, made: object, found: object) -> None:
    """Raise UsageError if a summary is not what a run with these results writes: unknown keys, other types or cells."""
    if json.dumps(made) != json.dumps(found):
        raise wrong(path, f"is not what a run writes{_where(made, found)}")


def _where(made: object, found: object, at: str = "") -> str:
    """Return the first place at which two JSON values differ, for a message."""
    if isinstance(made, dict) and isinstance(found, dict) and list(made) == list(found):
        pairs = [(f".{key}", made[key], found[key]) for key in made]
    elif isinstance(made, list) and isinstance(found, list) and len(made) == len(found):
        pairs = [(f"[{number}]", *pair) for number, pair in enumerate(zip(made, found, strict=True))]
    else:
        return f" (at {at[1:]})" if at else ""
    return next((_where(one, other, at + key) for key, one, other in pairs if json.dumps(one) != json.dumps(other)), "")


def _verify_row(folder: Path, row: SweepRow, sweep: SweepRun) -> None:
    path = folder / layout.SUMMARY
    run = row.run
    if run is None:
        nothing = (row.error is None) == (row.status is ExitStatus.OK) and row.stage is not Stage.DONE
        if not nothing or row.status is ExitStatus.REGRESSION:
            raise wrong(path, f"has status {int(row.status)} for {row.label}, of which it knows nothing")
        return
    from_run = (run.series, run.version, run.message_id, run.status, run.origin.tree, run.error)
    if from_run != (sweep.series, row.label, row.message_id, row.status, row.base, row.error):
        raise wrong(path, f"does not say of {row.label} what {row.label}/{layout.SUMMARY} says")
    if row.stage is not run.stage:
        raise wrong(path, f"has {row.label} end at stage {row.stage}")
    _same(folder / row.label / layout.SUMMARY, version_json(run), _object(folder / row.label / layout.SUMMARY))
    _verify_version(folder / row.label, run, BOOTS_OF_SWEEP)


def _verify_version(folder: Path, run: VersionRun, names: re.Pattern[str]) -> None:
    path = folder / layout.SUMMARY
    _boot_names(folder, names)
    if not re.fullmatch(LABEL, run.version):
        raise wrong(path, f"has a version named {run.version!r}")
    measured = [run.coverage, *(step.coverage for step in run.steps)]
    for each in (file for found in measured if found for file in found.files):
        if each.kind is not coverage.kind(each.name):
            raise wrong(path, f"has {each.name!r} for {each.kind}")
    if fault := verify_mails.fault(folder, run):
        raise wrong(*fault)
    _verify_lock(folder / layout.RUN_LOCK, run)
    if run.error is not None:
        if (run.status, run.verdict) not in _WITH_ERROR or run.entries or run.splats:
            raise wrong(path, f"has the verdict {run.verdict!r} with status {int(run.status)} and an error")
        known = run.coverage is not None and not run.coverage.tested
        if known != (run.verdict == NotTestedError.verdict) or (run.coverage is not None) != known:
            raise wrong(path, f"does not say what was compiled as a run with the verdict {run.verdict!r} does")
        return
    pairs = list(zip(run.base_boots, run.boots, strict=False))
    if len(run.base_boots) != len(run.boots) or not 1 <= len(pairs) <= looks.MOST:
        raise wrong(path, f"names {len(run.base_boots)} boots of the base and {len(run.boots)} with the series")
    # Whatever the record says was allowed is accepted: all formats show it, with its reason.
    allowed = [why for _splat, why in run.allowed_splats]
    compared = looks.verdict([_runs(folder, *pair) for pair in pairs], allowed)
    _verify_coverage(path, run)
    _verify_verdict(path, run, compared)


def _verify_coverage(path: Path, run: VersionRun) -> None:
    """Verify that the series is in its kernel, and that the kernels are as different as their digests say."""
    if run.coverage is None or not run.coverage.tested:
        raise wrong(path, f"has the verdict {run.verdict!r} for code that is not in its kernel")
    images = {each.run.environment.get("image") for each in (run.base_boots[0], run.boots[0]) if each.run}
    if run.coverage.same_kernel != (len(images) == 1):
        raise wrong(path, "does not say of the kernels what the records of the boots say")


def _verify_lock(path: Path, run: VersionRun) -> None:
    """Verify the lock of a run, if it has one: the first releases wrote none."""
    if not path.exists():
        return
    lock = runlock.read(path)
    changes = {entry.name: entry.change.value for entry in run.entries}
    if lock.mails.message_ids[-1] != run.message_id or lock.tested is None or lock.tested.changes != changes:
        raise wrong(path, "is the lock of another run")
    if not verify_mails.fits(lock.mails.cover, path.parent):
        raise wrong(path, f"names another cover letter than {layout.SENT} holds")


def _runs(folder: Path, base: Boot, patched: Boot) -> tuple[Run, Run]:
    for boot in (base, patched):
        if boot.run is None:
            raise wrong(folder / boot.folder / RUN_FILE, "is missing, and the summary names it")
    assert base.run is not None
    assert patched.run is not None
    return base.run, patched.run


def _verify_verdict(path: Path, run: VersionRun, comparison: Comparison) -> None:
    """Verify that the verdict is the one that follows from the records of the boots."""
    broken = sum(step.error is not None for step in run.steps)
    expected: dict[str, tuple[object, object]] = {
        "changes": (comparison.entries, run.entries),
        "splats": (comparison.splats, run.splats),
        "verdict": (compared_verdict(comparison, broken), run.verdict),
        "status": (compared_status(comparison, broken), run.status),
        "retried": (retried(run.base_boots, run.boots), run.retried),
    }
    if base := run.base_boots[0].run:
        expected["environment"] = (base.environment, run.environment)
    if patched := run.boots[0].run:
        expected["patched_commit"] = (patched.commit, run.origin.patched)
    for what, (made, said) in expected.items():
        if made != said:
            raise wrong(path, f"has other {what} than the records of the boots give")
