"""Write the results of a run directory in the formats of `series-ci report`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from series_ci.report import b4, evidence, html, kcidb, mail, markdown
from series_ci.report.junit import Failures, junit
from series_ci.report.mail import Sender
from series_ci.rundir import read, sweep_summary
from series_ci.rundir.layout import SENT
from series_ci.rundir.summary import version_json
from series_ci.rundir.sweep_run import AnyRun, SweepRun, place


@dataclass(frozen=True)
class Writer:
    """Who asks for a mail: `here` returns the user and the machine, `say` shows what the user should know of it."""

    here: Callable[[], Sender]
    say: Callable[[str], None]


@dataclass(frozen=True)
class Wishes:
    """The options of single formats; `room` is the most bytes of Markdown, `tested_by` the value of a trailer."""

    writer: Writer
    failures: Failures = Failures.REGRESSIONS
    room: int = markdown.SUMMARY
    tested_by: str = ""


def as_json(run: AnyRun) -> str:
    """Return the JSON document that `test --json` prints."""
    value = sweep_summary.sweep_json(run) if isinstance(run, SweepRun) else version_json(run)
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _json(folder: Path, _wishes: Wishes) -> str:
    return as_json(read.read(folder))


def _junit(folder: Path, wishes: Wishes) -> str:
    return junit(read.read(folder), wishes.failures)


def _markdown(folder: Path, wishes: Wishes) -> str:
    return markdown.markdown(read.read(folder), wishes.room)


def _html(folder: Path, _wishes: Wishes) -> str:
    run = read.read(folder)
    return html.page(run, evidence.gather(folder, run))


def reply_to(folder: Path, writer: Writer, tested_by: str = "") -> str:
    """Return the reply to a version; `writer.say` is called with what its sender should know."""
    run, mails = read.read_version(folder), read.sent_mails(folder)
    if not mails:
        writer.say(
            f"{folder} has no {SENT}: who got the mails is not known, nor the cover letter; test the version again"
        )
    answered = mail.Answered(run, mails or read.mails(folder), read.locked(folder), writer.here())
    return mail.reply(answered, tested_by, writer.say)


def _mail(folder: Path, wishes: Wishes) -> str:
    return reply_to(folder, wishes.writer, wishes.tested_by)


def kcidb_of(folder: Path) -> dict[str, Any]:
    """Return the KCIDB document of a run directory."""
    run = read.read(folder)
    versions = run.runs if isinstance(run, SweepRun) else [run]
    return kcidb.document(run, {each.version: read.mails(folder / place(run, each)) for each in versions})


def _kcidb(folder: Path, _wishes: Wishes) -> str:
    return json.dumps(kcidb_of(folder), indent=2, ensure_ascii=False) + "\n"


def _b4(folder: Path, _wishes: Wishes) -> str:
    return json.dumps(b4.checks(read.read_version(folder)), indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Path, Wishes], str]] = {
    "json": _json,
    "junit": _junit,
    "markdown": _markdown,
    "html": _html,
    "kcidb": _kcidb,
    "mail": _mail,
    "b4": _b4,
}
"""Functions that return a run directory in a format. They raise UsageError for a run that the format cannot show."""
