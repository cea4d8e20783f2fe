from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.here import ROOT
from series_ci.cli import main

GOOD = "1..1\n# selftests: mm: a\n# ok 1 x\n# ok 2 y # SKIP no swap\nok 1 selftests: mm: a\n"
BAD = "1..4\n# selftests: mm: b\n# not ok 1 \x07z\nnot ok 1 selftests: mm: b # exit=1\n"
OOPS = "[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"good": GOOD, "bad": BAD, "oops": OOPS, "empty": ""}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("files", "status"), [("good", 0), ("empty", 0), ("bad", 1), ("oops", 1), ("good nix", 2), ("nix bad", 2), (".", 2)]
)
def test_exit_status(capsys: pytest.CaptureFixture[str], files: str, status: int) -> None:
    assert main(["parse", *files.split()]) == status
    assert ("error: " in capsys.readouterr().err) == (status == 2)


@pytest.mark.usefixtures("folder")
def test_text_of_one_log(capsys: pytest.CaptureFixture[str]) -> None:
    main(["parse", "good"])
    assert capsys.readouterr().out.splitlines() == [
        "PASS     mm/a:x",
        "SKIP     mm/a:y  # no swap",
        "PASS     mm/a",
        "2 PASS, 1 SKIP; no kernel complaints",
    ]


@pytest.mark.usefixtures("folder")
def test_text_of_more_logs(capsys: pytest.CaptureFixture[str]) -> None:
    (Path.cwd() / "bad").write_text(BAD.replace("\x07", "\N{CYRILLIC SMALL LETTER ZHE}"))
    main(["parse", "bad", "oops"])
    assert capsys.readouterr().out.splitlines() == [
        "bad:",
        "FAIL     mm/b:\N{CYRILLIC SMALL LETTER ZHE}z",
        "FAIL     mm/b  # exit=1",
        "CRASH    #2 to #4  # no result line: the kernel or the test died",
        "oops:",
        "OOPS     BUG: kernel NULL pointer dereference, address: *",
        "2 FAIL, 3 CRASH; 1 kernel complaint",
    ]


@pytest.mark.usefixtures("folder")
def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "--format", "json", "good", "bad", "oops", "nix"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found["results"] if each["file"] == "good"] == ["mm/a:x", "mm/a:y", "mm/a"]
    assert {"file": "good", "name": "mm/a:y", "status": "SKIP", "reason": "no swap"} in found["results"]
    (splat,) = found["splats"]
    assert (splat["file"], splat["kind"], splat["lines"]) == ("oops", "OOPS", [OOPS[15:].strip()])
    assert found["summary"] == {"results": {"PASS": 2, "FAIL": 1, "SKIP": 1, "CRASH": 3}, "splats": 1, "bad": True}
    main(["parse", "--format", "json", "empty"])
    assert json.loads(capsys.readouterr().out)["results"] == []


@pytest.mark.parametrize("argv", [[], ["-"]])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(GOOD.encode()))))  # type: ignore[arg-type]
    assert main(["parse", *argv]) == 0
    assert "PASS     mm/a:x\n" in capsys.readouterr().out


def run(*argv: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "series_ci", "parse", *argv],
        env={**os.environ, "PYTHONPATH": str(ROOT / "ci"), **environment},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(("ci", "coloured"), [("false", True), ("true", False)])
def test_colours_are_for_terminals(folder: Path, ci: str, coloured: bool) -> None:
    master, slave = pty.openpty()
    with run("good", stdout=slave, CI=ci, TERM="xterm") as child:
        child.wait()
        said = os.read(master, 65536)
    os.close(slave)
    os.close(master)
    assert (b"\x1b[32mPASS" in said) == coloured
    assert b"mm/a:x" in said


def test_a_terminal_without_the_letters(folder: Path) -> None:
    with run("-", LC_ALL="POSIX", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0") as child:
        out, _err = child.communicate("1..1\nok 1 \xe4\n".encode())
    assert (child.returncode, out.splitlines()[0]) == (0, b"PASS     ?")
