"""Which lines of the program no test reaches: the share of each room, and the lines.

The tests run as tools/test runs them, under coverage.py, which also counts what happens in programs
that a test starts, if they are Python and end by themselves.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from figures import Figure, finish
from series_ci import cli
from series_ci.errors import InfrastructureError
from series_ci.host import process

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "ci" / "series_ci"

LEAST = 95.0
"""Percent of all lines that the tests have to reach."""

PYTEST = ("-n", "3", "--dist", "loadfile", "-q", "-m", "not boot")

SETTINGS = """\
[run]
source = {program}
data_file = {folder}/data
parallel = true
patch = subprocess
disable_warnings = no-data-collected, module-not-measured
"""


@dataclass(frozen=True)
class Module:
    """A file, by its path below the program's folder: how many lines can be reached, and which were not."""

    name: str
    lines: int
    missed: tuple[int, ...]

    @property
    def room(self) -> str:
        """The folder that it lies in; of the ground floor, the file itself."""
        return self.name.partition("/")[0]


def run_tests(folder: Path, words: Sequence[str]) -> int:
    """Run pytest with these words under coverage.py, which writes into `folder`; pytest's exit status."""
    settings = folder / "settings"
    settings.write_text(SETTINGS.format(program=PROGRAM, folder=folder), "utf-8")
    argv = [*_coverage("run", folder), "-m", "pytest", *words]
    with process.started(argv, cwd=ROOT, env={"PYTHONPATH": str(ROOT / "ci")}, stdout=2, stderr=None) as child:
        return child.wait()


def read(folder: Path) -> list[Module]:
    """What all processes of that run have reached together. Raises InfrastructureError if nothing was measured."""
    report = folder / "report.json"
    for argv in (_coverage("combine", folder), [*_coverage("json", folder), "-o", str(report)]):
        done = process.run(argv, cwd=ROOT)
        if done.code:
            raise InfrastructureError(f"{process.quote(argv)} failed", details=f"{done.out}{done.err}")
    return modules(json.loads(report.read_text("utf-8"))["files"])


def modules(files: Mapping[str, Any]) -> list[Module]:
    """The files of a report of coverage.py, in its form for programs."""
    found = []
    for name, each in files.items():
        inside = (ROOT / name).relative_to(PROGRAM)
        found.append(Module(str(inside), each["summary"]["num_statements"], tuple(each["missing_lines"])))
    return sorted(found, key=lambda module: module.name)


def figures(found: Sequence[Module]) -> list[Figure]:
    """The percentage of each room, and of all, which has a bar."""
    rooms: defaultdict[str, list[Module]] = defaultdict(list)
    for module in found:
        rooms[module.room].append(module)
    shares = [Figure(room, _share(rooms[room]), None, "%") for room in sorted(rooms)]
    return [*shares, Figure("all", _share(found), LEAST, "%", at_least=True)]


def _share(found: Sequence[Module]) -> float:
    lines = sum(module.lines for module in found)
    # Rounded down: 94.99 % is not 95 %.
    return int(1000 * (lines - sum(len(module.missed) for module in found)) / lines) / 10 if lines else 100.0


def ranges(lines: Sequence[int]) -> str:
    """Line numbers in their order, as `3, 7-9`."""
    return ", ".join(_ranges(lines))


def _ranges(lines: Sequence[int]) -> Iterator[str]:
    # Neighbours have the same distance to their places in the list.
    for _distance, run in groupby(enumerate(lines), lambda pair: pair[1] - pair[0]):
        numbers = [line for _place, line in run]
        yield str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def show(shares: Sequence[Figure], found: Sequence[Module], out: Console) -> None:
    """Print the percentages, and the lines that were not reached."""
    table = Table("room", box=None, pad_edge=False, header_style="bold")
    table.add_column("reached", justify="right")
    table.add_column("at least", justify="right")
    for each in shares:
        colour = "green" if each.good else "red"
        limit = "" if each.bar is None else f"{each.bar:.0f} %"
        table.add_row(each.what, f"[{colour}]{each.measured:.1f} %[/]", limit)
    out.print(table)
    for module in found:
        if module.missed:
            out.print(Text(f"{module.name}: {ranges(module.missed)}"), soft_wrap=True)


def _coverage(verb: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "coverage", verb, f"--rcfile={folder / 'settings'}"]


@click.command()
@click.argument("words", metavar="[-- PYTEST OPTION...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="print the percentages as JSON")
def main(words: Sequence[str], *, as_json: bool) -> int:
    """Measure what the tests reach, by default the fast ones; exit status 1 if that is less than it has to be.

    Other tests, for instance: -- tests/results, or all of them: -- -n 3 --dist loadfile
    """
    with tempfile.TemporaryDirectory() as folder:
        status = run_tests(Path(folder), words or PYTEST)
        found = read(Path(folder))
    good = finish(figures(found), lambda shares, out: show(shares, found, out), as_json=as_json)
    if status:
        raise InfrastructureError(f"the tests ended with status {status}: they may have reached less than they do")
    return good


if __name__ == "__main__":
    sys.exit(cli.run(main))
