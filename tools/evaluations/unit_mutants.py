"""How many broken lines of what judges results the tests notice: one operator or number changed at a time.

cosmic-ray makes the mutants, each a change of one place in a copy of the checkout; the tests of its room
run there until one fails. One that none notices shows that a test is missing, or that the line may as well
be so, which is for people to see.
"""

from __future__ import annotations

import ast
import difflib
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from series_ci import cli
from series_ci.cli import terminal
from series_ci.errors import ExitStatus, InfrastructureError
from series_ci.host import process

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path("ci/series_ci")
MUTATED = ("results", "guest/status.py")
"""What is mutated, below the program's folder."""

COPIED = ("ci", "tests", "tools", "series", "kselftest")

LONGEST = 300
"""Seconds that the tests of a mutant may take; one that makes them run on is noticed."""

NO_TESTS = (4, 5)
"""Exit statuses of pytest that say nothing about a mutant: wrong usage, or not one test."""


@dataclass(frozen=True)
class Mutant:
    """A module, by its path below the program's folder, and which occurrence of what operator is applied."""

    module: str
    operator: str
    occurrence: int
    line: int

    def text(self, source: str) -> str:
        """The module with that change."""
        # Only tools/eval installs cosmic-ray; the tests of all else here do without it.
        from cosmic_ray import mutating, plugins  # noqa: PLC0415

        return mutating.mutate_code(source, plugins.get_operator(self.operator)(), self.occurrence) or source


@dataclass(frozen=True)
class Verdict:
    """Whether the tests noticed a mutant, and the lines that it took away and put in their place."""

    mutant: Mutant
    noticed: bool
    change: tuple[str, ...]


def modules(root: Path) -> list[str]:
    """The modules that are mutated, below the program's folder."""
    program = root / PROGRAM
    paths = [path for name in MUTATED for path in sorted((program / name).rglob("*.py")) or [program / name]]
    return [str(path.relative_to(program)) for path in paths]


def find(root: Path, name: str) -> Iterator[Mutant]:
    """All mutants of a module, those without an effect among them."""
    from cosmic_ray import ast as parsed  # noqa: PLC0415
    from cosmic_ray import plugins  # noqa: PLC0415

    nodes = list(parsed.ast_nodes(parsed.get_ast_from_path(root / PROGRAM / name)))
    for operator in plugins.operator_names():
        kind = plugins.get_operator(operator)
        if kind.arguments():
            continue
        places = (place for node in nodes for place in kind().mutation_positions(node))
        for occurrence, ((line, _column), _end) in enumerate(places):
            yield Mutant(name, operator, occurrence, line)


def sample(root: Path, most: int, seed: int) -> list[Mutant]:
    """So many mutants that have an effect, each as likely as any other; the same for the same seed and source."""
    found = [mutant for name in modules(root) for mutant in find(root, name)]
    random.Random(seed).shuffle(found)
    chosen: list[Mutant] = []
    for mutant in found:
        if len(chosen) == most:
            break
        if has_effect(mutant, (root / PROGRAM / mutant.module).read_text("utf-8")):
            chosen.append(mutant)
    return sorted(chosen, key=lambda mutant: (mutant.module, mutant.line, mutant.operator, mutant.occurrence))


def has_effect(mutant: Mutant, source: str) -> bool:
    """Whether it is Python, and changes more than annotations, which nothing evaluates."""
    try:
        return _code(mutant.text(source)) != _code(source)
    except SyntaxError:
        # The star before arguments that are given by name is taken for a multiplication.
        return False


def _code(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    return ast.dump(tree)


def tests(root: Path, module: str) -> list[str]:
    """The tests of a module: the file of its name if there is one, and what else may notice, the nearest first."""
    path = Path("tests") / module
    own = path.with_name(f"test_{path.name}")
    rooms = [folder for folder in path.parents if folder.name not in ("", "tests", "guest")]
    return [str(each) for each in (own, *rooms) if (root / each).exists()]


def copied(folder: Path) -> Path:
    """A copy of the checkout in `folder`, with the files' times."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", folder)
    return folder


def passes(checkout: Path, what: str, *, compiled: bool = False) -> bool:
    """Whether the tests in `what` pass there; the first that does not ends it. `compiled` keeps all byte code."""
    # A module that is changed within a second to another of the same length would pass for the byte code of the first.
    env = {"PYTHONPATH": str(checkout / "ci"), "PYTHONDONTWRITEBYTECODE": "" if compiled else "1"}
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-m",
        "not boot",
        what,
    ]
    done = process.run(["timeout", "--kill-after=5", str(LONGEST), *argv], cwd=checkout, env=env)
    if done.code in NO_TESTS:
        raise InfrastructureError(f"{process.quote(argv)}: no tests", details=done.out)
    return done.code == 0


def require_good(checkout: Path, mutants: Sequence[Mutant]) -> None:
    """Raise an error if a test fails without a mutant, for then it cannot tell anything."""
    for what in sorted({tests(checkout, mutant.module)[-1] for mutant in mutants}):
        if not passes(checkout, what, compiled=True):
            raise InfrastructureError(f"{what}: not all tests pass as it is", hint=f"tools/test {what}")


def attempt(checkout: Path, mutant: Mutant) -> Verdict:
    """Run the tests on a mutant in this copy of the checkout, which is as it was afterwards."""
    path = checkout / PROGRAM / mutant.module
    source = path.read_text("utf-8")
    mutated = mutant.text(source)
    path.write_text(mutated, "utf-8")
    # Byte code is told from older one by the second and the length of its source, which may be those of both.
    for byte_code in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        byte_code.unlink()
    try:
        noticed = not all(passes(checkout, what) for what in tests(checkout, mutant.module))
    finally:
        shutil.copy2(ROOT / PROGRAM / mutant.module, path)
    return Verdict(mutant, noticed, _change(source, mutated))


def _change(source: str, mutated: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(source.splitlines(), mutated.splitlines(), n=0, lineterm="")
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))


def show(verdicts: Sequence[Verdict], out: Console) -> None:
    """Print how many of each module's mutants were noticed, and each that was not."""
    tried = Counter(each.mutant.module for each in verdicts)
    noticed = Counter(each.mutant.module for each in verdicts if each.noticed)
    table = Table("module", box=None, pad_edge=False, header_style="bold")
    for heading in ("mutants", "noticed", "share"):
        table.add_column(heading, justify="right")
    for module in sorted(tried):
        table.add_row(module, str(tried[module]), str(noticed[module]), f"{noticed[module] / tried[module]:.0%}")
    table.add_row("all", str(len(verdicts)), str(noticed.total()), f"{noticed.total() / max(1, len(verdicts)):.0%}")
    out.print(table)
    for each in verdicts:
        if not each.noticed:
            out.print(Text(f"\n{each.mutant.module}:{each.mutant.line}: not noticed  ({each.mutant.operator})"))
            out.print(Text("\n".join(each.change)), soft_wrap=True)


@click.command()
@click.option("--most", type=click.IntRange(1), default=60, show_default=True, help="how many mutants are tried")
@click.option("--seed", type=int, default=1, show_default=True, help="which ones: another number, another sample")
@click.option("--json", "as_json", is_flag=True, help="print the verdicts as JSON")
def main(*, most: int, seed: int, as_json: bool) -> int:
    """Break lines of what judges results, one at a time, and run the tests of that room on each.

    Exit status: 0 all were noticed, 1 some were not.
    """
    with tempfile.TemporaryDirectory() as folder:
        checkout = copied(Path(folder))
        chosen = sample(checkout, most, seed)
        require_good(checkout, chosen)
        verdicts = []
        for number, mutant in enumerate(chosen, 1):
            verdicts.append(attempt(checkout, mutant))
            word = "noticed" if verdicts[-1].noticed else "not noticed"
            click.echo(f"{number} of {len(chosen)}: {mutant.module}:{mutant.line}: {word}", err=True)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in verdicts], indent=2))
    else:
        show(verdicts, terminal.console(stderr=False))
    return int(ExitStatus.OK if all(each.noticed for each in verdicts) else ExitStatus.REGRESSION)


if __name__ == "__main__":
    sys.exit(cli.run(main))
