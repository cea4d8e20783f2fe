"""Does exit_skip see each condition of the feature that it tests? Kernels without one of them, and what catches each.

Build folder, cache, locks, guest and machine are those of `series-ci test` with the series
exit-skip: they come from the same functions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exit_skip_mutants import FILE, MUTANTS, Mutant
from series_ci import cli
from series_ci.cli import options, terminal
from series_ci.cli.options import Options
from series_ci.cli.request import make_request
from series_ci.errors import BuildError, ExitStatus, InfrastructureError
from series_ci.guest.boot import boot_kernel
from series_ci.host import locks, paths, requirements
from series_ci.kernel import apply
from series_ci.kernel.base import Base
from series_ci.kernel.kernel import BuildSetup, Kernel, make
from series_ci.kernel.store import Store
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.progress import Progress
from series_ci.results import compare
from series_ci.results.compare import LOST
from series_ci.results.model import BOOT_RESULT, Ended, Run, Status
from series_ci.rundir import layout

SERIES = str(paths.share("series") / "exit-skip.yaml")
VERSION = "v10"  # the one that was merged: what the mutants are made of
PROGRAM = "mm/exit_skip"

GOOD = frozenset({Status.PASS, Status.SKIP, Status.XFAIL})
FEW = 3
"""As many cases are named in the table; the others are counted."""

LOG_WIDTH = 132
"""Columns of the table where there is no terminal to ask."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the cases that gave other results than on the unmutated kernel, or what else it did."""

    mutant: Mutant
    run: Run
    caught: tuple[str, ...]

    @property
    def expected(self) -> bool:
        """Whether it was caught, or is said to be uncatchable and was not."""
        return bool(self.caught) != bool(self.mutant.uncatchable)


def request(spec: str, accel: str, tool: str = "mutants", arch: str | None = None) -> Request:
    """What `series-ci test` would be asked for, to test the feature on this tree with exit_skip alone.

    `tool` is who asks: its name comes first in that of the run directory. `arch` is the guest's, by default the host's.
    """
    options = Options(series=SERIES, tree=spec, test=(PROGRAM,), accel=accel, arch=arch)
    made = make_request(VERSION, options)
    return replace(made, out=layout.stamped(f"{tool}-{made.series}", made.label))


def run(asked: Request, mutants: Sequence[Mutant], progress: Progress) -> list[Verdict]:
    """Boot the unmutated kernel, then each mutant."""
    requirements.require(asked.arch, asked.toolchain)
    base, _refused = stages.find_base(asked, progress)
    store = Store(base.store)
    with locks.locked(store.lock, progress.say):
        # All edits before the first build: a tree that they do not fit is known within a second.
        source = store.text(base.commit, FILE) or ""
        texts = [mutant.apply(source, base.spec) for mutant in mutants]
        build_setup, kernel = stages.make_base(asked, base, progress)
    boot_setup = stages.make_boot_setup(asked, build_setup, [kernel], progress)
    control = boot_kernel(boot_setup, kernel, asked.out / "base", progress, "boot base")
    require_good(control, asked)
    if skipped := [result.name for result in control.results if result.status is Status.SKIP]:
        progress.say(f"skipped, so no mutant is caught by them: {', '.join(skipped)}")
    # No mutant changes a header: one build of the tests serves all, even if somebody edits exit_skip in the meantime.
    alone = replace(build_setup, collections=())
    verdicts = []
    for mutant, text in zip(mutants, texts, strict=True):
        made = replace(_make(asked, alone, base, mutant, text, progress), tests=kernel.tests)
        ran = boot_kernel(boot_setup, made, asked.out / mutant.name, progress, f"boot {mutant.name}")
        verdicts.append(Verdict(mutant, ran, caught_by(control, ran)))
        # Should a later one not build, then this was not for nothing.
        progress.say(f"{mutant.name}: {shortened(verdicts[-1].caught, all_names=False) or 'not caught'}")
    return verdicts


def _make(asked: Request, build_setup: BuildSetup, base: Base, mutant: Mutant, text: str, progress: Progress) -> Kernel:
    with locks.locked(build_setup.store.lock, progress.say):
        commit, _cached = apply.with_text(base, FILE, text, f"Mutant {mutant.name}: {mutant.change}")
        try:
            return make(build_setup, mutant.name, commit, asked.out / mutant.name, progress)
        except BuildError as error:
            message = f"mutant {mutant.name} {error.message}"
            raise InfrastructureError(message, hint=error.hint, details=error.details) from error


def require_good(control: Run, asked: Request) -> None:
    """Raise an error if a case does not pass on the unmutated kernel, for then it cannot catch anything."""
    ours = [result for result in control.results if result.name.startswith(f"{PROGRAM}:")]
    bad = [
        f"{result.name}: {result.status}  {result.reason}".rstrip()
        for result in control.results
        if result.name in (BOOT_RESULT, PROGRAM) or result in ours
        if result.status not in GOOD
    ]
    if bad or not any(result.status is Status.PASS for result in ours):
        raise InfrastructureError(
            f"{PROGRAM} does not pass on the unmutated kernel, so it can tell nothing about the mutants",
            hint=f"see {asked.out / 'base'}",
            details="\n".join(bad or ["no case passed"]),
        )


def caught_by(control: Run, mutated: Run) -> tuple[str, ...]:
    """What gives the mutant away: a lost guest and new complaints of the kernel, as in `series-ci test`, and cases.

    A case counts if it gave a result, and another one than on the unmutated kernel. One that skips has not looked.
    """
    found = compare.compare(control, mutated)
    why = "".join(result.reason for result in mutated.results if result.name == BOOT_RESULT)
    guest = [] if mutated.ended is Ended.POWEROFF else [f"guest {mutated.ended}: {why}"]
    kernel = [f"kernel complaint: {splat.title}" for splat in found.new_splats]
    differ = {
        entry.name: entry.patched
        for entry in found.entries
        if entry.patched not in (None, entry.base) and Status.SKIP not in (entry.base, entry.patched)
    }
    cases = [name.removeprefix(f"{PROGRAM}:") for name in differ if name.startswith(f"{PROGRAM}:")]
    # It fails when a case does, and is lost with its guest; if it is lost alone, something happened to it itself.
    whole = [f"{name}: {status}" for name, status in differ.items() if name == PROGRAM and status in LOST]
    return tuple([*guest, *kernel, *cases] or whole)


def shortened(caught: Sequence[str], *, all_names: bool) -> str:
    """The first few, and how many more."""
    few = caught if all_names else caught[:FEW]
    more = len(caught) - len(few)
    return ", ".join(few) + (f" and {more} more" if more else "")


def outcome(verdict: Verdict, *, all_names: bool) -> str:
    """The last column of the table."""
    names, reason = shortened(verdict.caught, all_names=all_names), verdict.mutant.uncatchable
    if names:
        return f"CAUGHT by {names}, though this is said: {reason}" if reason else names
    return f"not caught: {reason}" if reason else "SURVIVED: nothing caught it"


def show(verdicts: Sequence[Verdict], out: Console, *, all_names: bool) -> None:
    """Print the table and what it comes to."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    rows.add_column("mutant", no_wrap=True)
    rows.add_column("what is changed", min_width=24)
    rows.add_column("caught by", overflow="fold", ratio=1)
    rows.width = out.width if out.is_terminal else LOG_WIDTH
    for verdict in verdicts:
        style = "bold red" if not verdict.expected else "green" if verdict.caught else "dim"
        text = outcome(verdict, all_names=all_names)
        rows.add_row(verdict.mutant.name, Text(verdict.mutant.change), Text(text, style))
    out.print(rows, crop=False)
    caught = sum(bool(verdict.caught) for verdict in verdicts)
    wrong = [verdict.mutant.name for verdict in verdicts if not verdict.expected]
    said = f"otherwise than expected: {', '.join(wrong)}" if wrong else "the others for the reason given"
    said = f"; {said}" if wrong or caught < len(verdicts) else ""
    colour = "red" if wrong else "green"
    out.print(Text(f"{caught} of {len(verdicts)} mutants caught{said}", f"bold {colour}"))


def as_json(verdicts: Sequence[Verdict], asked: Request) -> dict[str, Any]:
    """The same as one JSON object."""
    return {
        "tree": asked.trees[0].spec,
        "test": PROGRAM,
        "status": int(status(verdicts)),
        "run_dir": str(asked.out),
        "mutants": [
            {
                "name": verdict.mutant.name,
                "change": verdict.mutant.change,
                "caught_by": list(verdict.caught),
                "uncatchable": verdict.mutant.uncatchable or None,
                "expected": verdict.expected,
                "commit": verdict.run.commit,
            }
            for verdict in verdicts
        ],
    }


def status(verdicts: Sequence[Verdict]) -> ExitStatus:
    """REGRESSION (1) if one survived that should not, or a reason why one cannot be caught is wrong."""
    return ExitStatus.OK if all(verdict.expected for verdict in verdicts) else ExitStatus.REGRESSION


@click.command("mutants", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--tree", "spec", metavar="SPEC", default="debian:linux-source-6.12", show_default=True, help="the kernel"
)
@click.option(
    "--only",
    metavar="NAME",
    multiple=True,
    type=click.Choice([each.name for each in MUTANTS]),
    help="this mutant alone",
)
@click.option("--list", "list_them", is_flag=True, help="name the mutants, and build nothing")
@click.option("--json", "json_wanted", is_flag=True, help="print the outcome as JSON")
@click.option("-v", "--verbose", is_flag=True, help="name every case that catches a mutant")
@options.accel
def main(*, spec: str, only: tuple[str, ...], list_them: bool, json_wanted: bool, verbose: bool, accel: str) -> int:
    """Boot kernels that lack one condition of the exit skip at a time; show which case of exit_skip catches each.

    Exit status: 0 each was caught, or not for the reason given; 1 one survived, or a reason is wrong; 2 usage, or a
    tree without the feature; 5 infrastructure, an unmutated kernel that fails, a mutant that does not build.
    """
    mutants = [each for each in MUTANTS if not only or each.name in only]
    if list_them:
        for each in mutants:
            click.echo(f"{each.name:<18}{each.change}" + (f"; not to be caught: {each.uncatchable}" if verbose else ""))
        return int(ExitStatus.OK)
    asked = request(spec, accel)
    verdicts = run(asked, mutants, terminal.Terminal())
    if json_wanted:
        click.echo(json.dumps(as_json(verdicts, asked), indent=2, ensure_ascii=False))
    else:
        show(verdicts, terminal.console(stderr=False), all_names=verbose)
        click.echo(f"results:  {asked.out}")
    return int(status(verdicts))


if __name__ == "__main__":
    sys.exit(cli.run(main))
