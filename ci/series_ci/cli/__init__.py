"""The command line: one module per verb. This module turns errors into messages and exit statuses."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from series_ci import __version__
from series_ci.cli.verbs import Verbs
from series_ci.errors import Error, ExitStatus
from series_ci.host import files, locks, paths, process, streams


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="series-ci")
def cli() -> None:
    """Test a version of a kernel patch series: fetch, apply, build, boot, compare with the base.

    Exit status: 0 no regression, 1 regression, 2 usage or manifest, 3 does not apply, 4 does not build,
    5 infrastructure (network, b4, QEMU, KVM), 6 nothing was tested (none of the series is in the kernel),
    130 interrupted.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run series-ci with these arguments, by default those of the process. Return the exit status."""
    return run(cli, argv)


def run(command: click.Command, argv: Sequence[str] | None = None) -> int:
    """Run a command, print the message of an error that it raises, and return the exit status."""
    process.forward_termination()
    locks.keep_from_children()
    with streams.opened():
        return _run(command, argv)


def _run(command: click.Command, argv: Sequence[str] | None) -> int:
    try:
        return int(command.main(args=None if argv is None else list(argv), standalone_mode=False) or 0)
    except (KeyboardInterrupt, click.Abort):
        print("interrupted; everything started was ended, and a rerun goes on from what is cached", file=sys.stderr)
        return int(ExitStatus.INTERRUPTED)
    except (BrokenPipeError, SystemExit):
        # The reader of our output has closed it. click and rich would exit with 1, which means a regression here.
        return int(ExitStatus.INFRASTRUCTURE)
    except Exception as error:
        return _report(error)
    finally:
        process.end_children()


def _report(error: Exception) -> int:
    """Print an error and return its exit status."""
    if isinstance(error, click.ClickException):
        error.show()
        return int(ExitStatus.USAGE)
    if isinstance(error, OSError) and error.errno in files.DISK:
        # A full or read-only disk, in a place that does not handle it.
        error = files.disk_error(error, "the run directory or the cache")
    if isinstance(error, Error):
        # Imported here, since rich takes longer to load than --help takes to answer.
        from series_ci.cli import terminal  # noqa: PLC0415

        terminal.show_error(error)
        return int(error.status)
    return _bug()


def _bug() -> int:
    """Print a short message for the exception at hand, a bug, and return its exit status.

    Traceback, versions and command line go to the file bug.txt in the cache; to standard error if that fails.
    """
    report = paths.cache() / "bug.txt"
    text = f"series-ci {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    text += f"argv: {process.quote(sys.argv)}\n\n{traceback.format_exc()}"
    print(f"error: a bug in series-ci: {traceback.format_exc().strip().splitlines()[-1]}", file=sys.stderr)
    try:
        files.write(report, text)
        print(f"hint: please report it with {Path(report)}", file=sys.stderr)
    except Error:
        print(text, file=sys.stderr)
    return int(ExitStatus.INFRASTRUCTURE)
