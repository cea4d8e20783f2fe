from __future__ import annotations

import socket
from pathlib import Path

import pytest

from fakes import web
from series_ci import download
from series_ci.errors import InfrastructureError

PAGE = bytes(range(256)) * 40


def test_file_arrives_whole(tmp_path: Path) -> None:
    with web.serve({"/file": PAGE}) as server:
        download.download(f"{server.url}/file", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == PAGE
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_refusal_is_told_with_the_servers_words(tmp_path: Path) -> None:
    with (
        web.serve({}) as server,
        pytest.raises(InfrastructureError, match=f"{server.url}/file: the server said 404 Not Fo"),
    ):
        download.download(f"{server.url}/file", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_answer_that_breaks_off_is_no_file(tmp_path: Path) -> None:
    with web.serve({"/file": PAGE}) as server:
        server.cut.add("/file")
        with pytest.raises(InfrastructureError, match=f"^{server.url}/file: cannot be fetched: .*5120"):
            download.download(f"{server.url}/file", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_server_that_is_down(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/file"
        with pytest.raises(InfrastructureError, match=f"^{url}: cannot be fetched: "):
            download.download(url, tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        web.serve({"/file": PAGE}) as server,
        pytest.raises(InfrastructureError, match=r"gone/.target.part: No such file"),
    ):
        download.download(f"{server.url}/file", tmp_path / "gone/target")


def test_interrupt_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", lambda *_names: (_ for _ in ()).throw(KeyboardInterrupt()))
    with web.serve({"/file": PAGE}) as server, pytest.raises(KeyboardInterrupt):
        download.download(f"{server.url}/file", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []
