from __future__ import annotations

import socket
from pathlib import Path

import pytest

from fakes import web
from series_ci.errors import InfrastructureError
from series_ci.host import download

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


class TestGet:
    def test_page(self) -> None:
        with web.serve({"/page": PAGE}) as server:
            assert download.get(f"{server.url}/page") == PAGE

    def test_refusal_keeps_status_and_text(self) -> None:
        with web.serve({}) as server, pytest.raises(download.RefusedError, match="the server said 404") as caught:
            download.get(f"{server.url}/page?q=1")
        assert caught.value.code == 404
        assert b"404" in caught.value.body
        assert f"{server.url}/page?q=1" in caught.value.message
        assert "by hand" in caught.value.hint

    @pytest.mark.parametrize(("code", "asked"), [(503, 2), (500, 2), (501, 1), (404, 1)])
    def test_fault_of_the_moment_is_asked_once_more(self, code: int, asked: int) -> None:
        with web.serve({}) as server:
            server.codes["/page"] = [code, code, 200]
            with pytest.raises(download.RefusedError, match=f"said {code}"):
                download.get(f"{server.url}/page")
            assert server.requests == ["/page"] * asked

    def test_second_time_it_may_work(self) -> None:
        with web.serve({"/page": PAGE}) as server:
            server.codes["/page"] = [503]
            assert download.get(f"{server.url}/page") == PAGE

    def test_answer_that_breaks_off(self) -> None:
        with web.serve({"/page": PAGE}) as server:
            server.cut.add("/page")
            with pytest.raises(InfrastructureError, match=f"^{server.url}/page: "):
                download.get(f"{server.url}/page")

    def test_endless_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(download, "PAGE", 1 << 20)
        with web.serve({"/page": PAGE * 110}) as server, pytest.raises(InfrastructureError, match="longer than 1 MB"):
            download.get(f"{server.url}/page")

    def test_server_that_is_down(self) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{bound.getsockname()[1]}/page"
            with pytest.raises(InfrastructureError, match=f"^{url}: cannot be fetched: ") as caught:
                download.get(url)
        assert caught.value.hint
