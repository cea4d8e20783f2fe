"""`series-ci report RUN_DIR --format FORMAT`: the results of a finished run in the form that a reader wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from series_ci.cli import declare, tester
from series_ci.cli.declare import option
from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.report import b4, evidence, kcidb, mail, markdown
from series_ci.report.junit import Failures, junit
from series_ci.rundir import read, sweep_summary
from series_ci.rundir.summary import version_json
from series_ci.rundir.sweep_run import AnyRun, SweepRun, place

TAKES = {"junit": {"failures"}, "markdown": {"room"}, "mail": {"tested_by"}}
"""The options that single formats know."""

ROOMS = {"summary": markdown.SUMMARY, "comment": markdown.COMMENT}


@dataclass(frozen=True)
class Given:
    """The options of single formats."""

    failures: str | None = option(
        "--failures",
        type=click.Choice([str(each) for each in Failures]),
        help="junit: what is a failure: what the series broke, or all that is bad with it  [default: regressions]",
    )
    room: str | None = option(
        "--for",
        type=click.Choice(list(ROOMS)),
        help="markdown: for the summary of a job on GitHub, or short enough for a comment  [default: summary]",
    )
    tested_by: str | None = option(
        "--tested-by", metavar="'NAME <ADDRESS>'", help="mail: give that trailer; refused unless everything passed"
    )


def as_json(run: AnyRun) -> str:
    """The JSON document that `test --json` prints."""
    value = sweep_summary.sweep_json(run) if isinstance(run, SweepRun) else version_json(run)
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _json(folder: Path, _given: Given) -> str:
    return as_json(read.read(folder))


def _junit(folder: Path, given: Given) -> str:
    return junit(read.read(folder), Failures(given.failures or Failures.REGRESSIONS))


def _markdown(folder: Path, given: Given) -> str:
    return markdown.markdown(read.read(folder), ROOMS[given.room or "summary"])


def _html(folder: Path, _given: Given) -> str:
    # jinja2 is not needed for anything else.
    from series_ci.report import html  # noqa: PLC0415

    run = read.read(folder)
    return html.page(run, evidence.gather(folder, run))


def reply_to(folder: Path, tested_by: str = "") -> str:
    """The mail that answers the version. What its sender should know is said on standard error."""
    run, mails = read.read_version(folder), read.sent_mails(folder)
    if not mails:
        _say(f"{folder} has no sent.mbx: who got the mails is not known, nor the cover letter; test the version again")
    found = mail.Answered(run, mails or read.mails(folder), read.locked(folder), tester.here())
    return mail.reply(found, tested_by, _say)


def _say(line: str) -> None:
    click.echo(f"note: {line}", err=True)


def _mail(folder: Path, given: Given) -> str:
    return reply_to(folder, given.tested_by or "")


def kcidb_of(folder: Path) -> dict[str, Any]:
    """The KCIDB document."""
    run = read.read(folder)
    versions = run.runs if isinstance(run, SweepRun) else [run]
    return kcidb.document(run, {each.version: read.mails(folder / place(run, each)) for each in versions})


def _kcidb(folder: Path, _given: Given) -> str:
    return json.dumps(kcidb_of(folder), indent=2, ensure_ascii=False) + "\n"


def _b4(folder: Path, _given: Given) -> str:
    return json.dumps(b4.checks(read.read_version(folder)), indent=2) + "\n"


FORMATS: dict[str, Callable[[Path, Given], str]] = {
    "json": _json,
    "junit": _junit,
    "markdown": _markdown,
    "html": _html,
    "kcidb": _kcidb,
    "mail": _mail,
    "b4": _b4,
}


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--format", "form", required=True, type=click.Choice(list(FORMATS)), help="what to write")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="where to  [default: standard output]"
)
@declare.taken(Given, "given")
def report(run_dir: Path, *, form: str, output: Path | None, given: Given) -> int:
    """Write the results in RUN_DIR, of one version or of a sweep, in another format.

    html: one page with everything in it. markdown: for GitHub. junit: a suite per version. json: what test --json
    prints. kcidb: a submission. mail: an answer in the thread, for whoever sends it to read first. b4: what its
    review shows.
    """
    named = declare.chosen(given)
    if unknown := sorted(set(named) - TAKES.get(form, set())):
        raise UsageError(f"--format {form} does not know {', '.join(named[name] for name in unknown)}")
    text = FORMATS[form](run_dir, given)
    if output is None:
        click.echo(text.encode("utf-8", "replace"), nl=False)
    else:
        files.write(output, text.encode("utf-8", "replace"))
    return 0
