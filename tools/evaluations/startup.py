"""How fast the program starts: CPU time of what answers at once, beside python's own start and git's.

Each command is run several times in turn with the others; the least CPU time (user and
system, of the process and its children) counts, for nothing makes a start faster than it is.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from figures import Figure, finish
from series_ci.host import process

PROGRAM = str(Path(sys.executable).with_name("series-ci"))

COMPLETE = {"COMP_WORDS": "series-ci ver", "COMP_CWORD": "1", "_SERIES_CI_COMPLETE": "bash_complete"}

Start = tuple[str, Sequence[str], dict[str, str], float | None]
"""What it is, the command, variables of its environment, and the CPU seconds that it may take."""


def starts(empty: Path) -> list[Start]:
    """All that is measured; `empty` is a log without a line."""
    return [
        ("python -c pass", [sys.executable, "-c", "pass"], {}, None),
        ("git --version", ["git", "--version"], {}, None),
        ("series-ci --version", [PROGRAM, "--version"], {}, 0.15),
        ("series-ci --help", [PROGRAM, "--help"], {}, 0.15),
        ("completion of a verb", [PROGRAM], COMPLETE, 0.15),
        ("series-ci parse, an empty file", [PROGRAM, "parse", str(empty)], {}, 0.2),
        ("series-ci versions, cached", [PROGRAM, "versions", "--series", "demo"], {}, 0.35),
    ]


def measure(found: Sequence[Start], rounds: int) -> list[Figure]:
    """The least CPU seconds of each command in so many rounds."""
    least: dict[str, float] = {}
    for _round in range(rounds):
        for what, argv, variables, _most in found:
            least[what] = min(least.get(what, float("inf")), _seconds(argv, variables))
    return [Figure(what, round(least[what], 3), most, "s") for what, _argv, _variables, most in found]


def _seconds(argv: Sequence[str], variables: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.run(argv, env={**os.environ, **variables})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def show(figures: Iterable[Figure], out: Console) -> None:
    """Print a line for each command."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("start", "CPU time", "at most"):
        table.add_column(heading, justify="left" if heading == "start" else "right")
    for each in figures:
        colour = "green" if each.good else "red"
        limit = "" if each.bar is None else f"{each.bar:.2f} s"
        table.add_row(each.what, f"[{colour}]{each.measured:.3f} s[/]", limit)
    out.print(table)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="how often each is run")
@click.option("--json", "as_json", is_flag=True, help="print the figures as JSON")
def main(rounds: int, *, as_json: bool) -> None:
    """Measure what a start costs; exit status 1 if one takes more than it may."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.log"
        empty.write_bytes(b"")
        sys.exit(finish(measure(starts(empty), rounds), show, as_json=as_json))


if __name__ == "__main__":
    main()
