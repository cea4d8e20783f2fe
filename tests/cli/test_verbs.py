"""The list of verbs: each is there, in one line, and none is imported before it is called."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from series_ci.cli import cli, main
from series_ci.cli.verbs import GROUPS

NAMES = [name for verbs in GROUPS.values() for name in verbs]
HEAVY = ("rich", "pydantic", "requests", "git", "yaml", "numpy", "scipy", "jinja2", "series_ci.cli.test")


OTHERS = {"__init__", "declare", "options", "repeat", "request", "terminal", "tester", "verbs", "verdict"}
"""Modules of the command line that are no verb."""


@pytest.mark.parametrize("name", NAMES)
def test_a_verb_is_the_command_of_its_module(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_every_module_with_a_command_is_listed() -> None:
    folder = Path(str(import_module("series_ci.cli").__file__)).parent
    stems = {path.stem for path in folder.glob("*.py")} - OTHERS
    assert stems == {name.replace("-", "_") for name in NAMES}


def test_help_has_a_whole_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 80
    for task, verbs in GROUPS.items():
        assert f"{task}:" in lines
        for name, text in verbs.items():
            assert any(line.split(maxsplit=1) == [name, text] for line in lines), name


def test_a_verb_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tset"]) == 2
    assert "No such command 'tset'" in capsys.readouterr().err


def loaded(*argv: str, **environment: str) -> tuple[str, set[str]]:
    """What the program prints, and which of the heavy modules it had loaded in the end."""
    code = (
        "import sys; from series_ci.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout, set(done.stderr.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing(option: str) -> None:
    said, modules = loaded(option)
    assert said
    assert modules == set()


def test_completion_of_a_verb_loads_nothing() -> None:
    asked = {"COMP_WORDS": "series-ci ver", "COMP_CWORD": "1", "_SERIES_CI_COMPLETE": "bash_complete"}
    code = (
        "import sys; from series_ci.cli import cli\n"
        "try: cli.main(prog_name='series-ci')\nexcept SystemExit: pass\n"
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **asked}
    )
    *names, last = done.stdout.splitlines()
    assert sorted(names) == ["plain,verify", "plain,versions"]
    assert last == "LOADED"


def test_only_what_measures_loads_numpy() -> None:
    others = [name.replace("-", "_") for name in NAMES if name not in ("bench", "reproduce")]
    code = (
        "import sys; from importlib import import_module\n"
        f"for name in {others!r}: import_module(f'series_ci.cli.{{name}}')\n"
        "print(*[name for name in ('numpy', 'scipy', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("verb", "without"), [("parse", ("pydantic", "yaml", "git")), ("versions", ("git", "requests"))]
)
def test_what_only_reads_loads_no_more_than_it_needs(verb: str, without: tuple[str, ...]) -> None:
    """Each of these takes as long to load as the verb may take for all that it does: see tools/eval startup."""
    code = f"import sys; import series_ci.cli.{verb}\nprint(*[name for name in {without!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def imported(path: Path) -> set[str]:
    """The modules of the command line that one of them imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "series_ci.cli":
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("series_ci.cli."):
            found.add(str(node.module).rpartition(".")[2])
    return found


def test_no_verb_imports_another() -> None:
    folder = Path(str(import_module("series_ci.cli").__file__)).parent
    assert {path.stem: names for path in folder.glob("*.py") if (names := imported(path) - OTHERS)} == {}
