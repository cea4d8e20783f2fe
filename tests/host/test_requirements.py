from __future__ import annotations

from dataclasses import replace

import pytest

from series_ci.arch import ARCHES, host
from series_ci.errors import InfrastructureError
from series_ci.host import process, requirements

ARCH = ARCHES["x86_64"]
HERE = replace(ARCH, name=host())
ELSEWHERE = replace(ARCH, name="other", cross="other-linux-gnu-", qemu="qemu-system-other", qemu_package="qemu-other")


def have(monkeypatch: pytest.MonkeyPatch, *absent: str) -> None:
    monkeypatch.setattr(requirements, "_compiles", lambda header, _compiler: header not in absent)
    monkeypatch.setattr(process, "which", lambda program: None if program in absent else f"/usr/bin/{program}")


def test_nothing_missing_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    requirements.require(HERE)
    requirements.require(ELSEWHERE)


def test_error_names_every_program_and_each_package_once(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "flex", "ld", "readelf", "bash")
    with pytest.raises(InfrastructureError) as caught:
        requirements.require(HERE)
    assert caught.value.message == "not installed: flex, ld, readelf, bash"
    assert caught.value.hint == "apt-get install bash-static binutils flex"


def test_another_architecture_needs_its_compiler_and_its_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "other-linux-gnu-gcc", "qemu-system-other")
    with pytest.raises(InfrastructureError) as caught:
        requirements.require(ELSEWHERE)
    assert caught.value.hint == "apt-get install gcc-other-linux-gnu libc6-dev-amd64-cross qemu-other"


def test_another_architecture_needs_its_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    monkeypatch.setattr(requirements, "_compiles", lambda _header, compiler: compiler == "gcc")
    with pytest.raises(InfrastructureError) as caught:
        requirements.require(replace(ELSEWHERE, name="vax", debian="vax"))
    assert caught.value.message == "not installed: stdio.h of vax"
    assert caught.value.hint == "apt-get install libc6-dev-vax-cross"


def test_llvm_needs_its_own_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "clang", "ld.lld")
    requirements.require(HERE)
    with pytest.raises(InfrastructureError) as caught:
        requirements.require(HERE, "llvm")
    assert caught.value.hint == "apt-get install clang lld"


def test_the_hosts_own_architecture_needs_no_cross_compiler() -> None:
    assert not [name for name in requirements.programs(HERE) if name.endswith("-gcc")]


def test_a_missing_header_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "gelf.h")
    with pytest.raises(InfrastructureError) as caught:
        requirements.require(HERE)
    assert caught.value.message == "not installed: gelf.h"
    assert caught.value.hint == "apt-get install libelf-dev"


def test_the_compiler_itself_is_asked_for_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "HEADERS", {"stdio.h": "libc6-dev", "no/such/header.h": "nothing-dev"})
    assert requirements.missing({}) == [("no/such/header.h", "nothing-dev")]
