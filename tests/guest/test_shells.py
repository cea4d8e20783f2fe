"""The guest's two shells, the host's own and those of another architecture, from a faked apt and from the real one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from series_ci import arch
from series_ci.errors import InfrastructureError
from series_ci.guest import shells
from series_ci.host import process

HERE = arch.get(arch.host())
ELSEWHERE = replace(HERE, name="vax", debian="vax", cross="vax-linux-gnu-")

# Packages are folders here, and what says vax is a program for it.
APT = """#!/bin/sh
echo "$*" >>"$LOG"
[ -z "$BROKEN" ] || { echo "E: no network" >&2; exit 100; }
case "$*" in
*download*) for name in busybox-static bash-static; do echo vax >${name}_1_vax.deb; done ;;
esac
"""
DPKG_DEB = """#!/bin/sh
mkdir -p "$3/bin"
for name in busybox bash-static; do cp "$2" "$3/bin/$name"; done
"""
OBJDUMP = """#!/bin/sh
grep -q vax "$2"
"""


@pytest.fixture
def apt(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of a faked apt, which is on PATH with its companions."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("apt-get", APT), ("dpkg-deb", DPKG_DEB), ("vax-linux-gnu-objdump", OBJDUMP)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def test_the_hosts_own_are_the_installed_ones() -> None:
    busybox, bash = shells.shells(HERE)
    assert str(busybox) == process.which("busybox")
    assert bash.name in ("bash", "bash-static")


def test_those_of_another_architecture_are_fetched_once(apt: Path) -> None:
    busybox, bash = shells.shells(ELSEWHERE)
    assert (busybox.name, bash.name) == ("busybox", "bash")
    assert busybox.read_text() == bash.read_text() == "vax\n"
    asked = apt.read_text().splitlines()
    assert [line.split()[-2:] for line in asked] == [["update", "-q"], ["busybox-static", "bash-static"]]
    assert all("APT::Architecture=vax" in line for line in asked)
    assert shells.shells(ELSEWHERE) == (busybox, bash)
    assert apt.read_text().splitlines() == asked


def test_one_that_is_damaged_is_fetched_again(apt: Path) -> None:
    busybox, _bash = shells.shells(ELSEWHERE)
    busybox.write_text("")
    shells.shells(ELSEWHERE)
    assert busybox.read_text() == "vax\n"


def test_those_that_a_person_put_there_are_taken(apt: Path, cache: Path) -> None:
    folder = cache / "userland/vax"
    folder.mkdir(parents=True)
    for name in ("busybox", "bash"):
        (folder / name).write_text("vax by hand\n")
    assert shells.shells(ELSEWHERE)[0].read_text() == "vax by hand\n"
    assert not apt.exists()


def test_without_a_network_the_error_says_why_and_what_to_do(
    apt: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(InfrastructureError, match="no static busybox and bash for vax: E: no network") as caught:
        shells.shells(ELSEWHERE)
    assert str(cache / "userland/vax") in caught.value.hint
    assert not (cache / "userland/vax").exists()


def test_programs_of_another_machine_are_refused(apt: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path(os.environ["PATH"].partition(":")[0]) / "vax-linux-gnu-objdump").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(InfrastructureError, match="busybox: is no program for vax"):
        shells.shells(ELSEWHERE)


@pytest.mark.parametrize("name", [name for name in arch.ARCHES if name != arch.host()])
def test_debians_own(name: str, cache: Path) -> None:
    """The real ones, where apt and the architecture's binutils are there."""
    row = arch.get(name)
    if not process.which("apt-get") or not process.which(f"{row.cross}objdump"):
        pytest.skip(f"needs apt and the binutils of {name}")
    for path in shells.shells(row):
        said = subprocess.run(["readelf", "-hlW", path], capture_output=True, text=True, check=True).stdout
        assert "interpreter" not in said  # static: the guest need not have a C library
