"""`series-ci parse`: show the test results and the kernel complaints in any log."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from series_ci.cli import terminal
from series_ci.errors import ExitStatus, UsageError
from series_ci.host import streams
from series_ci.report.parse import JsonReport, LogReport, TextReport
from series_ci.results import logs
from series_ci.results.symbols import Symbols


@click.command()
@click.argument("files", metavar="[FILE|-]...", nargs=-1)
@click.option(
    "--vmlinux",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="the kernel that the logs are of, with debug information: traces are decoded with its tree's script",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def parse(files: tuple[str, ...], form: str, vmlinux: Path | None) -> int:
    """Show the test results (KTAP) and the kernel's complaints in saved logs, or in standard input.

    The log may come from a console, dmesg, syslog, the journal, LAVA or a CI system, also packed (gzip, xz, bzip2). It
    is read once, as a stream: results are printed as soon as their full name is certain, complaints at the end of
    their log. Memory does not grow with the log: equal names are told apart over 50,000 others, a log keeps 1000
    complaints, a result 200 lines of diagnostics, a line 65,536 characters.

    With --vmlinux traces are shown with their places in the source, if addr2line and the tree of it are here.

    Exit status: 0 nothing bad, 1 a failed result or a complaint, 2 no such log.
    """
    names = files or (logs.STDIN,)
    if not files and sys.stdin.isatty():
        click.echo("reading a log from the terminal; Ctrl-D ends it", err=True)
    symbols = Symbols(vmlinux, lambda text: click.echo(text, err=True)) if vmlinux else None
    report = _report(form, heads=len(names) > 1)
    unread = [error for name in names if (error := _read(name, report, symbols))]
    if form == "json" or report.statuses or report.splats or len(unread) < len(names):
        report.end()
    report.out.flush()
    for error in unread:
        terminal.show_error(error)
    if unread:
        return int(ExitStatus.USAGE)
    return int(ExitStatus.REGRESSION if report.bad else ExitStatus.OK)


def _report(form: str, *, heads: bool) -> LogReport:
    if form == "json":
        return JsonReport(sys.stdout)
    console = terminal.console(stderr=False)
    return TextReport(streams.styled(sys.stdout), colour=console.is_terminal and not console.no_color, heads=heads)


def _read(name: str, report: LogReport, symbols: Symbols | None) -> UsageError | None:
    """Add one log to the report. Return the error if it cannot be read, so that the other logs are read, too."""
    try:
        with logs.opened(name) as lines:
            splats = logs.scan(lines, partial(report.add, name))
            report.complain(name, symbols.decode(splats) if symbols else splats)
    except UsageError as error:
        return error
    return None
