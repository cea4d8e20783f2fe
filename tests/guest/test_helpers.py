"""The programs of our own in the guest, compiled and run here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.fakeqemu import script
from series_ci import arch
from series_ci.errors import InfrastructureError
from series_ci.guest import bounded_log, helpers


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("aids") / "relay"
    path.write_bytes(helpers.relay(arch.get(arch.host())))
    path.chmod(0o755)
    return path


def relayed(program: Path, text: bytes) -> bytes:
    return subprocess.run([str(program)], input=text, stdout=subprocess.PIPE, check=True).stdout


@given(text=st.binary(max_size=9000) | st.text("a\n", max_size=9000).map(str.encode))
@settings(max_examples=60)
def test_every_line_comes_behind_a_number_sign(relay: Path, text: bytes) -> None:
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    assert relayed(relay, text) == b"".join(b"# " + line + b"\n" for line in lines)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_no_line_is_longer_than_the_host_takes_as_one(relay: Path, tmp_path: Path, extra: int) -> None:
    longest = bounded_log.LINE - len("# \n")
    text = b"x" * (2 * longest + extra)
    log = tmp_path / "log"
    log.write_bytes(relayed(relay, text + b"\nok 1 next\n"))
    found = list(bounded_log.lines(log))
    assert all(line.startswith("# ") for line in found)
    assert "".join(line[2:-1] for line in found[:-1]).encode() == text
    assert (len(found), found[-1]) == (4 if extra > 0 else 3, "# ok 1 next\n")


def test_what_is_no_line_yet_goes_out_at_once(relay: Path) -> None:
    with subprocess.Popen([str(relay)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"half")
        assert child.stdout.read(6) == b"# half"
        child.stdin.write(b" and half")
        child.stdin.close()
        assert child.stdout.read() == b" and half\n"


def test_a_host_that_takes_nothing_does_not_stop_the_test(relay: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 (a device)
        done = subprocess.run([str(relay)], input=b"a\n" * 100_000, stdout=full, check=False)
    assert done.returncode == 0


def test_a_program_prints_line_by_line_into_a_pipe(tmp_path: Path) -> None:
    """It is killed after the second line: the one before the last is out, what is no line yet is not."""
    library = tmp_path / "linewise.so"
    library.write_bytes(helpers.linewise(arch.get(arch.host())))
    source = tmp_path / "two.c"
    source.write_text('#include <stdio.h>\n#include <stdlib.h>\nint main(void) { printf("one\\ntwo"); abort(); }\n')
    subprocess.run(["gcc", "-o", str(tmp_path / "two"), str(source)], check=True)

    def said(**more: str) -> bytes:
        argv = [str(tmp_path / "two")]
        return subprocess.run(argv, stdout=subprocess.PIPE, check=False, env={**os.environ, **more}).stdout

    assert said() == b""
    assert said(LD_PRELOAD=str(library)) == b"one\n"


def test_a_compiler_that_cannot_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "s390x-linux-gnu-gcc", "#!/bin/sh\necho no libc.a >&2; exit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(
        InfrastructureError, match=r"s390x-linux-gnu-gcc cannot make relay\.c for the guest: no libc\.a"
    ):
        helpers.relay(arch.get("s390x"))
