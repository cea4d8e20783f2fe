"""The programs below tools/ on the miniature world: what they measure is the series `mini` there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

import mutants
from fakes.lab import Lab
from series_ci import cli

Program = Callable[..., tuple[int, str, str]]
"""Runs one of them with more arguments: exit status, standard output, standard error."""


def measure_mini(world: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put v1 of the series `mini` and its one test in the place of exit-skip; QEMU's log of calls is empty again."""
    monkeypatch.setattr(mutants, "SERIES", str(world.manifest))
    monkeypatch.setattr(mutants, "VERSION", "v1")
    monkeypatch.setattr(mutants, "PROGRAM", "mm/good")
    Path(f"{world.qemu.file}.log").unlink(missing_ok=True)


def program(main: click.Command, world: Lab, capsys: pytest.CaptureFixture[str]) -> Program:
    """`main` on the miniature's tree."""

    def run(*argv: str) -> tuple[int, str, str]:
        status = cli.run(main, ["--tree", str(world.linux), "--accel", "tcg", *argv])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
