"""The static checks of tools/check: which files they are of."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fakes.here import ROOT

NEVER_INVOKED = {"SC2317", "SC2329"}
"""How shellcheck calls a function that is only called indirectly: up to 0.10, and from 0.11 on."""


def shell_scripts() -> list[Path]:
    argv = ["git", "ls-files"]
    names = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    paths = [ROOT / name for name in names if (ROOT / name).is_file()]
    return [path for path in paths if path.suffix == ".sh" or re.match(rb"#!.*\b(?:ba)?sh\n", path.read_bytes())]


def test_every_shell_script_is_checked() -> None:
    text = (ROOT / "tools/check").read_text("utf-8")
    # As bash does, with a pair of braces at most.
    words = [word for line in text.splitlines() if " shellcheck -x " in line for word in line.split()]
    checked = set[Path]()
    for word in words:
        before, brace, rest = word.partition("{")
        inner, _, after = rest.partition("}")
        checked |= {ROOT / f"{before}{each}{after}" for each in (inner.split(",") if brace else [""])}
    assert [path for path in shell_scripts() if path not in checked] == []


def test_a_function_that_is_called_indirectly_is_good_for_every_shellcheck() -> None:
    said = 0
    for path in shell_scripts():
        for codes in re.findall(r"# shellcheck disable=(\S+)", path.read_text("utf-8")):
            if NEVER_INVOKED & set(codes.split(",")):
                said += 1
                assert set(codes.split(",")) >= NEVER_INVOKED, path
    assert said > 0


def aliases(folder: str) -> Iterator[tuple[str, str]]:
    """What is imported under another name below a folder: the module it comes from, and the line."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
                if alias.asname is not None:
                    source = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
                    yield source, f"{path.relative_to(ROOT)}:{node.lineno}: {alias.name} as {alias.asname}"


def test_no_module_goes_by_another_name() -> None:
    """Which module a line is about is read from its name alone."""
    assert [line for _source, line in aliases("ci")] == []
    ours = ("series_ci", "fakes")
    assert [line for each in ("tests", "tools") for source, line in aliases(each) if source.startswith(ours)] == []
