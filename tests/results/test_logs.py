from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from series_ci.errors import UsageError
from series_ci.results import logs
from series_ci.results.model import Result

LOG = "1..2\r\nok 1 a\r\nnot ok 2 \xe4\r\n".encode() + b"\xff\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress])
def test_lines_of_plain_and_packed_logs(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "log").write_bytes(pack(LOG))
    with logs.opened(str(tmp_path / "log")) as lines:
        assert list(lines) == ["1..2\r\n", "ok 1 a\r\n", "not ok 2 \xe4\r\n", "\N{REPLACEMENT CHARACTER}\n"]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_packed_log_that_was_cut_gives_what_it_has(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    import random

    lines = [f"ok {n} {random.Random(n).random()}\n" for n in range(20_000)]
    whole = pack("".join(lines).encode())
    (tmp_path / "log").write_bytes(whole[: len(whole) // 2])
    came = []
    with pytest.raises(UsageError, match="cannot be read to its end"), logs.opened(str(tmp_path / "log")) as found:
        came = list(found)
    assert 1000 < len(came) < len(lines)
    assert came[:-1] == lines[: len(came) - 1]


@pytest.mark.parametrize(("name", "why"), [("missing", "No such file"), (".", "is a folder")])
def test_what_is_no_log(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why), logs.opened(str(tmp_path / name)):
        pass


def test_long_lines_are_cut(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * (logs.MAX_LINE * 3) + "\nok 1 a\n" + "y" * logs.MAX_LINE * 2)
    with logs.opened(str(tmp_path / "log")) as lines:
        sizes = [len(line) for line in lines]
    assert sizes == [logs.MAX_LINE, 7, logs.MAX_LINE]


def test_results_come_while_the_log_is_read_and_complaints_at_its_end() -> None:
    came: list[Result] = []
    read = []

    def lines() -> object:
        yield from ("1..2\n", "ok 1 a\n")
        read.append(len(came))
        yield "[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000\n"

    (splat,) = logs.scan(lines(), came.extend)  # type: ignore[arg-type]
    assert read == [1]
    assert [each.name for each in came] == ["a", "#2"]
    assert splat.kind == "OOPS"
