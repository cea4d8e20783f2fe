"""Traces decoded by a script in the manner of the kernel's decode_stacktrace.sh, and all that may be missing for it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from series_ci.cli import main
from series_ci.errors import UsageError
from series_ci.host import process
from series_ci.results.model import Splat
from series_ci.results.symbols import SCRIPT, Symbols

DECODER = """\
#!/bin/bash
tee -a asked | while read -r symbol module; do
	case $symbol in
	walk_leaf+*) echo " walk_leaf (mm/walk.c:12 (discriminator 3)) $module" ;;
	walk_mod+*) echo " walk_mod (drivers/walk.c:7) walker" ;;
	*) echo " $symbol $module" ;;
	esac
done
"""
LINES = (
    "BUG: kernel NULL pointer dereference, address: 0000000000000018",
    "RIP: 0010:walk_leaf.isra.0+0x12/0x340",
    "Call Trace:",
    " walk_leaf+0x31/0x90",
    " ? walk_mod+0x1/0x2 [walker e12f]",
    " gone+0x1/0x2",
)


@pytest.fixture
def vmlinux(tmp_path: Path) -> Path:
    (tmp_path / "leaf.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-g", "-o", "vmlinux", "leaf.c"], cwd=tmp_path, check=True)
    script = tmp_path / SCRIPT
    script.parent.mkdir()
    script.write_text(DECODER)
    return tmp_path / "vmlinux"


def splat(*lines: str) -> Splat:
    return Splat("OOPS", lines[0], "ff", lines, "walk_leaf", ("walk_leaf",))


def test_places_are_named_beside_the_lines_as_they_were(vmlinux: Path) -> None:
    said: list[str] = []
    (found,) = Symbols(vmlinux, said.append).decode([splat(*LINES)])
    assert found.lines == LINES
    assert found.decoded == (
        *LINES[:3],
        " walk_leaf (mm/walk.c:12 (discriminator 3))",
        " ? walk_mod (drivers/walk.c:7) [walker e12f]",
        LINES[5],
    )
    assert said == []


def test_each_place_is_asked_for_once(vmlinux: Path) -> None:
    symbols = Symbols(vmlinux, print)
    symbols.decode([splat(*LINES), splat(*LINES)])
    symbols.decode([splat(*LINES)])
    asked = (vmlinux.parent / "asked").read_text().splitlines()
    assert sorted(asked) == sorted(
        ["walk_leaf.isra.0+0x12/0x340", "walk_leaf+0x31/0x90", "walk_mod+0x1/0x2 [walker]", "gone+0x1/0x2"]
    )


@pytest.mark.parametrize(
    "line", ['x"){system("id")}("+0x1/0x2', "a[$(id)]+0x1/0x2", "$(id)+0x1/0x2", "`id`+0x1/0x2", "f+0x1/0x2 [m;id]"]
)
def test_the_script_sees_no_words_that_a_shell_or_awk_would_obey(vmlinux: Path, line: str) -> None:
    Symbols(vmlinux, print).decode([splat(f" {line}")])
    asked = vmlinux.parent / "asked"
    words = asked.read_text() if asked.exists() else ""
    assert not set(words) & set("\"'$`(){};|&<>*?~!\\")


def test_the_tree_of_a_build_folder_is_found(vmlinux: Path, tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    shutil.move(vmlinux, tmp_path / "build" / "vmlinux")
    (tmp_path / "build" / "source").symlink_to(tmp_path)
    (found,) = Symbols(tmp_path / "build" / "vmlinux", print).decode([splat(*LINES)])
    assert "mm/walk.c:12" in found.decoded[3]


def missing(vmlinux: Path) -> list[str]:
    said: list[str] = []
    symbols = Symbols(vmlinux, said.append)
    for _ in range(2):
        assert symbols.decode([splat(*LINES)])[0].decoded == ()
    return said


def test_without_a_script_it_says_so_once(vmlinux: Path) -> None:
    (vmlinux.parent / SCRIPT).unlink()
    (said,) = missing(vmlinux)
    assert said.startswith(f"traces stay as they are: no {SCRIPT}")


def test_without_debug_information_it_says_so_once(vmlinux: Path) -> None:
    subprocess.run(["strip", vmlinux], check=True)
    (said,) = missing(vmlinux)
    assert "no debug information" in said


def test_without_addr2line_it_says_so_once(vmlinux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    which = process.which
    monkeypatch.setattr(process, "which", lambda name: None if name == "addr2line" else which(name))
    assert missing(vmlinux) == ["traces stay as they are: addr2line is missing"]


def test_no_such_vmlinux(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        Symbols(tmp_path / "vmlinux", print)


def test_parse_shows_the_places(vmlinux: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = vmlinux.parent / "log"
    log.write_text("\n".join(LINES))
    assert main(["parse", "--vmlinux", str(vmlinux), str(log)]) == 1
    assert "in walk_leaf  (mm/walk.c:12 (discriminator 3))" in capsys.readouterr().out
    assert main(["parse", "--format", "json", "--vmlinux", str(vmlinux), str(log)]) == 1
    (told,) = json.loads(capsys.readouterr().out)["splats"]
    assert told["lines"][3] == LINES[3]
    assert told["decoded"][3] == " walk_leaf (mm/walk.c:12 (discriminator 3))"
