"""A compiler cache that several machines share: what one has compiled, another one takes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fakes import lab
from fakes.here import ROOT
from fakes.lab import Lab
from series_ci.host import paths, process
from series_ci.kernel import toolchain


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("world")) as found:
        yield found


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis that forgets everything, on a free port of loopback."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with subprocess.Popen([program, *words], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if b"Ready to accept connections" in line:
                break
        else:
            pytest.fail("redis-server ended")
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            child.terminate()
            child.communicate()


@contextmanager
def http(_folder: Path) -> Iterator[str]:
    """A server that keeps what is put there, as nginx with WebDAV does."""
    kept: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, code: int, body: bytes = b"") -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer(200, kept[self.path]) if self.path in kept else self.answer(404)

        do_HEAD = do_GET  # noqa: N815

        def do_PUT(self) -> None:
            kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(201)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def build_anew(world: Lab) -> dict[str, int]:
    """Build the base's kernel on a machine that has never built anything; what ccache says of that."""
    shutil.rmtree(paths.cache(), ignore_errors=True)
    # As a process: a command of ours ends all children of its process, and a Redis is one of this one's.
    argv = [sys.executable, "-m", "series_ci", "prepare", "v1", "--series", str(world.manifest), "-q"]
    subprocess.run(argv, env={**os.environ, "PYTHONPATH": str(ROOT / "ci")}, check=True)
    said = process.run(["ccache", "--print-stats"], env=toolchain.environment())
    return {name: int(number) for name, number in (line.split("\t") for line in said.out.splitlines())}


@pytest.fixture(autouse=True)
def _ccache() -> None:
    if not shutil.which("ccache"):
        pytest.skip("ccache is not installed")


@pytest.mark.parametrize("serve", [redis, http])
def test_what_one_machine_compiled_another_one_takes(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: type
) -> None:
    with serve(tmp_path) as url:
        monkeypatch.setenv("CCACHE_REMOTE_STORAGE", url)
        first, second = build_anew(world), build_anew(world)
    assert first["cache_miss"] > 0
    assert (first["remote_storage_hit"], first["remote_storage_error"]) == (0, 0)
    assert second["cache_miss"] == 0
    assert second["remote_storage_hit"] > 0


@pytest.mark.parametrize("serve", [redis, http])
def test_who_may_only_read_leaves_nothing_for_others(
    world: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: type
) -> None:
    with serve(tmp_path) as url:
        monkeypatch.setenv("CCACHE_REMOTE_STORAGE", f"{url}|read-only")
        build_anew(world)
        second = build_anew(world)
    assert second["cache_miss"] > 0
    assert (second["remote_storage_hit"], second["remote_storage_error"]) == (0, 0)


def test_a_server_that_is_gone_costs_nothing_but_time(world: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # nobody listens
        monkeypatch.setenv("CCACHE_REMOTE_STORAGE", f"http://127.0.0.1:{free.getsockname()[1]}/")
        found = build_anew(world)
    assert found["cache_miss"] > 0
    assert found["remote_storage_error"] > 0
