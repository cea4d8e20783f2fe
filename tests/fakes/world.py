"""The command line in a miniature world, and what a run leaves behind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from fakes.lab import Lab
from series_ci.cli import main

INNER = ["TAP version 13", "1..1", "{} 1 exiting"]
FAILS: dict[str, Any] = {
    "verdicts": {"mm/good": "not ok # exit=1"},
    "inner": {"mm/good": [*INNER[:2], INNER[2].format("not ok")]},
}
PASSES: dict[str, Any] = {"inner": {"mm/good": [*INNER[:2], INNER[2].format("ok")]}}
"""Rules of the fake QEMU: mm/good and its only result fail, or pass."""


@dataclass
class Ran:
    """What a run left behind."""

    status: int
    out: Path
    stdout: str
    stderr: str

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "summary.json").read_text("utf-8"))
        return found

    @property
    def changes(self) -> dict[str, tuple[str | None, str | None, str]]:
        return {each["name"]: (each["base"], each["patched"], each["change"]) for each in self.summary["changes"]}

    @property
    def junit(self) -> tuple[int, int]:
        parsed = JUnitXml.fromfile(str(self.out / "junit.xml"))
        return parsed.failures, parsed.errors


class World:
    """Runs the command line in the shared world, each time into a folder of its own."""

    def __init__(self, found: Lab, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.lab = found
        self.folder = folder
        self.capsys = capsys
        self.runs = 0

    def run(self, version: str, *more: str) -> Ran:
        """`series-ci test VERSION`."""
        return self.test(version, *more)

    def test(self, *words: str, out: Path | None = None) -> Ran:
        """`series-ci test WORDS`, into `out` or a folder of its own."""
        return self.main("test", *words, out=out)

    def main(self, verb: str, *words: str, out: Path | None = None) -> Ran:
        """The command line, with the miniature series."""
        self.runs += 1
        out = out or self.folder / f"out{self.runs}"
        self.capsys.readouterr()
        argv = [verb, *words, "--series", str(self.lab.manifest), "--accel", "tcg", "--out", str(out)]
        status = main(argv)
        said = self.capsys.readouterr()
        return Ran(status, out, said.out, said.err)


def notes(ran: Ran) -> dict[str, str]:
    """The notes of each step."""
    return {m[1].strip(): m[2] for m in re.finditer(r"^[✓✗] (.{16,}?) +[\d.]+ s(.*)$", ran.stderr, re.MULTILINE)}


def fresh(found: Lab, folder: Path, capsys: pytest.CaptureFixture[str]) -> World:
    """A world that others have used, with a well-behaved QEMU that nobody has called."""
    found.qemu.plan()
    Path(f"{found.qemu.file}.log").unlink(missing_ok=True)
    return World(found, folder, capsys)
