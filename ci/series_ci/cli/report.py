"""`series-ci report RUN_DIR --format FORMAT`: write the results of a finished run in another format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from series_ci.cli import declare, tester
from series_ci.cli.declare import option
from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.report import markdown
from series_ci.report.formats import FORMATS, Wishes
from series_ci.report.junit import Failures

TAKES = {"junit": {"failures"}, "markdown": {"room"}, "mail": {"tested_by"}}
"""The options that each format takes; a format that is not listed takes none."""

ROOMS = {"summary": markdown.SUMMARY, "comment": markdown.COMMENT}


@dataclass(frozen=True)
class Given:
    """The options that only some formats take."""

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
    chosen_options = declare.chosen(given)
    if unknown := sorted(set(chosen_options) - TAKES.get(form, set())):
        raise UsageError(f"--format {form} does not know {', '.join(chosen_options[name] for name in unknown)}")
    wishes = Wishes(
        tester.WRITER,
        Failures(given.failures or Failures.REGRESSIONS),
        ROOMS[given.room or "summary"],
        given.tested_by or "",
    )
    text = FORMATS[form](run_dir, wishes)
    if output is None:
        click.echo(text.encode("utf-8", "replace"), nl=False)
    else:
        files.write(output, text.encode("utf-8", "replace"))
    return 0
