"""Run directories as the program leaves them, of made-up outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fakes.outcomes import MAIL
from series_ci.guest.record import write_run
from series_ci.host import files
from series_ci.mail import message
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.pipeline.rows import Row, Sweep, sweep_run
from series_ci.pipeline.test import write
from series_ci.report.junit import junit
from series_ci.report.markdown import markdown
from series_ci.rundir import layout, sweep_summary
from series_ci.rundir.run import VersionRun
from series_ci.rundir.sweep_run import SweepRun

NAMES = ("base", "patched", "base-2", "patched-2")


def settle(folder: Path, outcome: Outcome, *, base: Path | None = None) -> Outcome:
    """The outcome as if it had come about in that folder; `base` is where the base was booted, if not there."""
    places = [(base if base and name.startswith("base") else folder) / name for name in NAMES]
    return replace(outcome, request=replace(outcome.request, out=folder), boots=tuple(places[: len(outcome.runs)]))


def version(
    folder: Path,
    outcome: Outcome,
    *,
    base: Path | None = None,
    mails: Sequence[bytes] = (MAIL,),
    sent: Sequence[bytes] = (),
) -> VersionRun:
    """A finished run of one version; what is known of it in memory.

    Without the mails as they were `sent` it is one of an earlier release.
    """
    outcome = settle(folder, outcome, base=base)
    _boots(outcome)
    files.write(folder / "series.mbx", message.join_mbox(mails))
    if sent:
        outcome = replace(outcome, fetched=replace(outcome.fetched, sent=tuple(sent)))
        files.write(folder / "sent.mbx", message.join_mbox(sent))
    write(outcome)
    return version_run(outcome)


def _boots(outcome: Outcome) -> None:
    for place, run in zip(outcome.boots, outcome.runs, strict=True):
        write_run(place / "run.json", run)
        lines = [f"[    {number}.000000] {run.label} says {number}" for number in range(30)]
        lines += [line for each in run.splats for line in each.lines]
        files.write(place / "console.log", "\n".join(lines) + "\n")


def sweep(folder: Path, rows: Sequence[Row]) -> SweepRun:
    """A finished sweep: a folder for each version that has an outcome, and one for the base of all."""
    settled = []
    for row in rows:
        place = folder / row.label
        outcome = row.outcome and settle(place, row.outcome, base=folder)
        if outcome:
            version(place, outcome, base=folder)
        settled.append(replace(row, request=replace(row.request, out=place), outcome=outcome))
    title = "mm/rmap: leave the folios of exiting processes alone"
    words = "series-ci test --all --series demo"
    requests = tuple(each.request for each in settled)
    found = sweep_run(Sweep("demo", title, requests, folder, words, True), settled)
    files.write(folder / "junit.xml", junit(found))
    files.write(folder / "summary.md", markdown(found))
    files.write_json(folder / layout.SUMMARY, sweep_summary.sweep_json(found))
    return found
