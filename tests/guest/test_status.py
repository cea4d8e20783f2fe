"""What /init tells, and what others write there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from series_ci.guest import status
from series_ci.guest.status import State, StatusPort

GOOD = "init 0.5 6.12\nspeed 0.6 1\nstart 1.00 1 30\nnote 1 left sleep\ndone 3.50 1\nstart 4.00 2 30\n"


def said(folder: Path, text: str | bytes) -> StatusPort:
    path = folder / "status.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return status.read(path)


def test_what_init_tells(tmp_path: Path) -> None:
    port = said(tmp_path, GOOD)
    assert port.state == State(True, 2, 1, 2, 30.0, False)
    assert (port.told[1].seconds, port.told[1].notes) == (2.5, [("left", "sleep")])
    assert port.told[2].seconds is None
    assert said(tmp_path, GOOD + "end 5.00\n").state.ended


def test_it_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = StatusPort(tmp_path / "status.txt")
    port.read()
    read = []
    line = StatusPort._line
    monkeypatch.setattr(StatusPort, "_line", lambda self, words: (read.append(words), line(self, words))[1])
    for at in range(len(GOOD)):
        port.path.write_text(GOOD[: at + 1])
        port.read()
    assert len(read) == GOOD.count("\n")
    assert port.state == said(tmp_path, GOOD).state


@pytest.mark.parametrize(
    "line",
    [
        b"start 1.0 " + b"9" * 10 + b" 30",
        b"start 1.0 " + b"1" * 5000,
        b"done 1.0 " + b"1" * 5000,
        b"note " + b"1" * 5000 + b" taint 1",
        b"start 1.0 -1 30",
        "start 1.0 ² 30".encode(),
        "start 1.0 ٣ 30".encode(),
        b"start 1.0 0x1 30",
        b"start",
        b"done 1.0",
        b"note 1",
        b"\0\0\0",
        b"\xff\xfe",
        b"start 1.0 7 30 " + b"x" * 5000,
    ],
)
def test_a_line_of_another_form_does_not_count(tmp_path: Path, line: bytes) -> None:
    assert said(tmp_path, GOOD.encode() + line + b"\n").state == said(tmp_path, GOOD).state
    assert set(said(tmp_path, GOOD.encode() + line + b"\n").told) == {1, 2}


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e999", "9999999999", "x"])
def test_a_time_that_is_none_allows_nothing(tmp_path: Path, seconds: str) -> None:
    assert said(tmp_path, f"start 1.0 1 {seconds}\n").state.allowed is None


def test_a_test_that_begins_or_ends_twice_is_told_of(tmp_path: Path) -> None:
    assert said(tmp_path, GOOD + "done 5.0 2\ndone 6.0 2\n").told[2].ends == 2
    assert said(tmp_path, GOOD + "start 5.0 2 30\n").told[2].starts == 2


def test_a_flood_is_read_up_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "BOUND", 1 << 20)
    port = said(tmp_path, GOOD + "note 1 left x\n" * 100_000)
    assert port.trouble == "more than 1 MiB were written to its status port"
    assert len(port.told[1].notes) == status.NOTES
    assert port.told[1].more_notes > 70_000
    port.shorten()
    assert port.path.stat().st_size == 1 << 20
    assert not said(tmp_path, GOOD).trouble


def test_an_endless_line_is_not_kept(tmp_path: Path) -> None:
    port = said(tmp_path, GOOD + "x" * 1_000_000)
    assert len(port._rest) <= status.LINE
    port.path.write_text(GOOD + "x" * 1_000_000 + "\nend 5.0\n")
    port.read()
    assert port.state.ended


@settings(max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(GOOD.encode().splitlines(keepends=True)))))
def test_anything_may_be_written_in_any_pieces(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("port")
    port = StatusPort(folder / "status.txt")
    for count in range(len(pieces) + 1):
        port.path.write_bytes(b"".join(pieces[:count]))
        port.read()
    whole = said(folder, b"".join(pieces))
    assert (port.state, port.told) == (whole.state, whole.told)
