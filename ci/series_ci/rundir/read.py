"""Read run directories: a given one, or the newest with the version of a mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from series_ci.errors import ExitStatus, UsageError
from series_ci.guest.record import RUN_FILE, read_run
from series_ci.host import files
from series_ci.kernel.base import Source
from series_ci.kernel.hazards import Permitted
from series_ci.mail import message
from series_ci.manifest.allow import Allowed
from series_ci.results import coverage
from series_ci.results.compare import Change, SplatEntry, TestChange
from series_ci.results.model import Ended, Splat, Status
from series_ci.rundir import runlock
from series_ci.rundir.layout import SUMMARY, RunDir
from series_ci.rundir.run import SOURCE_KEYS, Boot, Origin, PatchResult, Problem, Retried, SentPatch, Stage, VersionRun
from series_ci.rundir.runlock import Lock
from series_ci.rundir.sweep_run import AnyRun, SweepRow, SweepRun

_WRONG = (KeyError, TypeError, ValueError, AttributeError)


def read(folder: Path) -> AnyRun:
    """Return the run of one version, or the sweep, in a directory. Raises UsageError if it has no finished run."""
    summary = files.read_json(folder / SUMMARY)
    if summary is None:
        raise UsageError(f"{folder}: no finished run", hint="give the run directory of a series-ci test that has ended")
    try:
        if "versions" in summary:
            return _sweep(folder, summary)
        return _version(folder, summary)
    except _WRONG as error:
        raise UsageError(f"{folder / SUMMARY}: is not the summary of a run: {error!r}") from error


def read_version(folder: Path) -> VersionRun:
    """Return the run of one version in a directory. Raises UsageError for a sweep, too."""
    run = read(folder)
    if isinstance(run, SweepRun):
        last = run.rows[-1].label if run.rows else ""
        hint = f"give one of its versions, e.g. {folder / last}"
        raise UsageError(f"{folder}: the run of several versions", hint=hint)
    return run


def mails(folder: Path) -> list[bytes]:
    """Return the patches of a version as b4 wrote them; none if the run directory has no such file."""
    return _mbox(RunDir(folder).mails)


def sent_mails(folder: Path) -> list[bytes]:
    """Return the mails of a version as they were sent, the cover letter first; earlier releases kept none."""
    return _mbox(RunDir(folder).sent)


def _mbox(path: Path) -> list[bytes]:
    return message.split_mbox(path.read_bytes()) if path.is_file() else []


def locked(folder: Path) -> Lock | None:
    """Return the lock of a run; None if it has none, as a version that was not booted."""
    return runlock.read(folder) if RunDir(folder).run_lock.is_file() else None


def of_mail(folders: Sequence[Path], message_id: str, *, cover: bool) -> VersionRun | None:
    """Return the newest finished run of the version that a mail belongs to; None if there is none.

    `cover` says that the mail is a cover letter. Run directories of earlier releases have none: there, the mail that
    the patches answer is taken for it.
    """
    for path in newest_first([each for folder in folders for each in [folder / SUMMARY, *_below(folder)]]):
        summary = files.read_json(path) or {}
        environment = summary.get("environment")
        patches = environment.get("patches") if isinstance(environment, dict) else None
        ids = {summary.get("message_id"), *(each.get("message_id") for each in patches or () if isinstance(each, dict))}
        if message_id in ids or message_id in _covers(path.parent, answered=cover):
            try:
                return read_version(path.parent)
            except UsageError:  # damaged, or of an older form: an older run may do
                continue
    return None


def _covers(folder: Path, *, answered: bool) -> set[str]:
    """Return the Message-ID of the cover letter; if it was not kept, and with `answered`, those that patches answer."""
    if kept := sent_mails(folder):
        cover = message.cover_of(kept)
        return {cover.message_id} if cover else set()
    if not answered:
        return set()
    return {message.header(message.parse(raw), "In-Reply-To").strip("<> ") for raw in mails(folder)}


def summaries(folder: Path) -> Iterator[Path]:
    """Yield the summaries of all finished runs in a folder of run directories, the newest first."""
    return newest_first(_below(folder))


def _below(folder: Path) -> list[Path]:
    return [*folder.glob(f"*/{SUMMARY}"), *folder.glob(f"*/*/{SUMMARY}")]


def newest_first(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield those of the files that exist, the newest first."""
    dated = []
    for path in paths:
        try:
            dated.append((path.stat().st_mtime_ns, path))
        except OSError:  # removed meanwhile
            continue
    return (path for _date, path in sorted(dated, reverse=True))


def _version(folder: Path, summary: Mapping[str, Any]) -> VersionRun:
    base_boots, with_series = (_boots(folder, summary["boots"][kernel]) for kernel in ("base", "patched"))
    logs = _logs(base_boots, with_series)
    environment: Mapping[str, Any] = summary["environment"]
    return VersionRun(
        series=str(summary["series"]),
        version=str(summary["version"]),
        title=str(summary["title"]),
        message_id=str(summary["message_id"]),
        verdict=str(summary["verdict"]),
        status=ExitStatus(summary["status"]),
        entries=tuple(_entry(row, logs) for row in summary["changes"]),
        splats=tuple(_splat(row) for row in summary["splats"]),
        steps=tuple(
            PatchResult(
                str(row["patch"]),
                str(row["commit"]),
                row["error"],
                tuple(row["new_warnings"]),
                coverage.from_json(row.get("coverage")),
            )
            for row in summary["steps"]
        ),
        error=_problem(summary["error"]),
        folder=str(summary["run_dir"]),
        environment={key: value for key, value in environment.items() if isinstance(value, str) and key not in _ORIGIN},
        origin=_origin(environment),
        repeat=str(summary["repeat"]),
        base_boots=base_boots,
        boots=with_series,
        coverage=coverage.from_json(summary.get("coverage")),
        permitted=tuple(
            Permitted(**{key: str(row[key]) for key in _PERMITTED}) for row in summary.get("permitted", ())
        ),
        retried=tuple(
            Retried(str(row["kernel"]), str(row["folder"]), Ended(row["ended"]), str(row["why"]))
            for row in summary.get("retried", ())
        ),
    )


_PERMITTED = ("kind", "path", "patch", "why", "reason")
_ORIGIN = {"archive", "tree", "base_commit", "patched_commit", *SOURCE_KEYS}


def _origin(environment: Mapping[str, Any]) -> Origin:
    return Origin(
        archive=str(environment["archive"]),
        tree=str(environment["tree"]),
        refused=tuple(environment["trees_not_used"]),
        base=str(environment["base_commit"]),
        patched=environment["patched_commit"],
        patches=tuple(
            SentPatch(str(each["message_id"]), str(each["patch_id"]), str(each["subject"]))
            for each in environment["patches"]
        ),
        base_patches=tuple(environment["base_patches"]),
        source=Source(*(str(environment.get(key, "")) for key in SOURCE_KEYS)),
    )


def _problem(row: Mapping[str, Any] | None) -> Problem | None:
    return Problem(str(row["message"]), str(row["details"]), str(row["hint"])) if row else None


def _boots(folder: Path, names: list[str]) -> tuple[Boot, ...]:
    """Return the boots of one kernel. A missing record (of a copy, say) is no error: the summary has the verdict."""
    boots = []
    for name in names:
        path = folder / name / RUN_FILE
        boots.append(Boot(str(name), read_run(path) if path.exists() else None))
    return tuple(boots)


_Shown = tuple[str, Status | None, Status | None]
"""A result in one look: its name, its status on the base, and with the series."""


def _logs(base: Sequence[Boot], patched: Sequence[Boot]) -> dict[_Shown, tuple[str, ...]]:
    """Return the log of each result, from the first look that had it: with the series, or else on the base."""
    logs: dict[_Shown, tuple[str, ...]] = {}
    for before, after in zip(base, patched, strict=False):
        old, new = ({each.name: each for each in boot.run.results} if boot.run else {} for boot in (before, after))
        for name, each in {**old, **new}.items():
            old_state, new_state = (found[name].status if name in found else None for found in (old, new))
            logs.setdefault((name, old_state, new_state), each.log)
    return logs


def _entry(row: Mapping[str, Any], logs: Mapping[_Shown, tuple[str, ...]]) -> TestChange:
    name = str(row["name"])
    base, patched = (Status(row[kernel]) if row[kernel] else None for kernel in ("base", "patched"))
    return TestChange(
        name=name,
        base=base,
        patched=patched,
        change=Change(row["change"]),
        reason=str(row.get("reason", "")),
        log=logs.get((name, base, patched), ()),
        notes=tuple(row.get("notes", ())),
        seconds=row.get("seconds"),
    )


def _splat(row: Mapping[str, Any]) -> SplatEntry:
    splat = Splat(
        kind=str(row["kind"]),
        title=str(row["title"]),
        fingerprint=str(row["fingerprint"]),
        lines=tuple(row["lines"]),
        function=str(row["function"]),
        trace=tuple(row["trace"]),
        test=str(row["test"]),
        decoded=tuple(row.get("decoded", ())),
    )
    allowed = Allowed.model_validate(row["allowed"]) if "allowed" in row else None
    return SplatEntry(splat, Change(row["change"]), allowed)


def _sweep(folder: Path, summary: Mapping[str, Any]) -> SweepRun:
    return SweepRun(
        series=str(summary["series"]),
        title=str(summary["title"]),
        rows=tuple(_row(folder, row) for row in summary["versions"]),
        folder=str(summary["run_dir"]),
        repeat=str(summary["repeat"]),
    )


def _row(folder: Path, row: Mapping[str, Any]) -> SweepRow:
    """Read one row of a sweep; the run of its version is in a folder of its own."""
    run = None
    if row["summary"]:
        path = folder / row["summary"]
        version = files.read_json(path)
        if version is None:
            raise UsageError(f"{path}: is missing or damaged, and the sweep's {SUMMARY} names it")
        run = _version(path.parent, version)
    return SweepRow(
        label=str(row["version"]),
        message_id=str(row["message_id"]),
        stage=Stage(row["stage"]),
        status=ExitStatus(row["status"]),
        base=str(row["base"]),
        same_as=str(row["same_as"] or ""),
        error=_problem(row["error"]),
        run=run,
    )
