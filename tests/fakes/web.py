"""A web server on loopback that knows a few pages and writes down who asked for what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote


@dataclass
class Server:
    """`pages` may be changed while it runs. A page of `cut` is announced whole and sent in half.

    `codes` are the statuses that a page answers with before it is served. `search` makes the answer to a query, from
    its text and offset: a status and a page. `queries` are those that were asked.
    """

    url: str
    pages: dict[str, bytes]
    requests: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    codes: dict[str, list[int]] = field(default_factory=dict)
    search: Callable[[str, int], tuple[int, bytes]] | None = None
    queries: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    """Answers wait for it in the middle of a page; open unless a test closes it."""


@contextmanager
def serve(pages: Mapping[str, bytes]) -> Iterator[Server]:
    """Answer on a free port of 127.0.0.1 for the time of the block; 404 for what is not in `pages`."""
    known: Server

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address, _, query = self.path.partition("?")
            path = unquote(address)
            known.requests.append(path)
            status, page = 200, known.pages.get(path)
            asked = parse_qs(query)
            if known.search and "q" in asked:
                known.queries.append(asked["q"][0])
                status, page = known.search(asked["q"][0], int(asked.get("o", ["0"])[0]))
            if known.codes.get(path):
                status, page = known.codes[path].pop(0), b""
            if page is None:
                self.send_error(404)
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page[: len(page) // 2])
            self.wfile.flush()
            known.gate.wait(60)
            if path not in known.cut:
                self.wfile.write(page[len(page) // 2 :])

        def do_HEAD(self) -> None:  # b4 looks for an unknown mail once more this way
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        known = Server(f"http://127.0.0.1:{httpd.server_port}", dict(pages))
        known.gate.set()
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield known
        finally:
            known.gate.set()
            httpd.shutdown()
            thread.join()
