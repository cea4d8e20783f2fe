"""`series-ci boot IMAGE -- COMMAND`: boot an existing kernel image and run one command in it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from series_ci.cli import options, terminal
from series_ci.cli.declare import option, taken
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import machine
from series_ci.errors import ExitStatus, UsageError
from series_ci.guest.record import run_json
from series_ci.manifest.model import MachineSize
from series_ci.pipeline import shell
from series_ci.pipeline.shell import Given
from series_ci.results import notes
from series_ci.results.model import BOOT_RESULT, Run
from series_ci.rundir import layout


@dataclass(frozen=True)
class How:
    """The options of the guest and of the command that runs in it."""

    folders: tuple[Path, ...] = option(
        "--with",
        metavar="DIR",
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="have this folder in the guest, with the libraries that its programs need (repeatable; the command starts "
        "in the first one)",
    )
    append: str = option("--append", metavar="WORDS", default="", help="more arguments for the kernel")
    timeout: int = option(
        "--timeout",
        type=click.IntRange(1),
        default=600,
        show_default=True,
        help="seconds the command may take",
    )


@click.command()
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("command", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@taken(How, "how")
@options.asked("arch", "accel", "size")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="keep the guest's logs here")
@click.option("--json", "as_json", is_flag=True, help="print the run as JSON, not what the command printed")
@options.progress
def boot(
    *,
    image: Path,
    command: tuple[str, ...],
    how: How,
    asked: Options,
    out: Path | None,
    as_json: bool,
    shown: Shown,
) -> int:
    """Boot the kernel IMAGE, run COMMAND in it as root, and print what that printed.

    The kernel needs an initramfs, a serial console and virtio-serial. Without COMMAND it only has to come up.
    Exit status: 0 the command ended with 0, the kernel without a complaint; 1 anything else; 5 QEMU was lost.
    """
    if len({folder.resolve().name for folder in how.folders}) < len(how.folders):
        raise UsageError("--with: two folders of the same name", hint="they are /kselftest/NAME in the guest")
    given = Given(
        image=image.resolve(),
        machine=machine(asked, MachineSize()),
        accel=asked.accel,
        folders=tuple(folder.resolve() for folder in how.folders),
        words=command,
        timeout=how.timeout,
        out=out.resolve() if out else layout.stamped("boot", image.name),
        append=tuple(how.append.split()),
    )
    run = shell.boot(given, shown.progress())
    if as_json:
        click.echo(json.dumps(run_json(run), indent=2, ensure_ascii=False))
    else:
        for line in shell.said(given.out):
            sys.stdout.write(line)
    why = shell.failed(run, command)
    _tell(run, why, given.out, terminal.console(stderr=True))
    return int(ExitStatus.REGRESSION if why else ExitStatus.OK)


def _tell(run: Run, why: str, out: Path, console: Console) -> None:
    """Print notes, the end of a bad boot's log, kernel complaints, `why` the run is not good, and its folder.

    This goes to standard error, since standard output has the output of the command.
    """
    for result in run.results:
        for note in notes.new(None, result):
            console.print(Text(f"{result.name}: {note}"))
        if result.name == BOOT_RESULT and result.log:
            console.print(Text("\n".join(result.log), "dim"))
    for splat in run.splats:
        console.print(Text("\n".join(splat.lines), "dim"))
    if why:
        console.print(Text(f"error: {why}", "bold red"))
    console.print(Text(f"results:  {out}"))
