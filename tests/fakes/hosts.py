"""Servers that results are posted to, on loopback, with a memory, and with faults on demand."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from series_ci.post.http import Clock

CANARY = "canary-4f1d0c"
"""The token of all tests, to look for in whatever is printed or written."""

Answer = tuple[int, Any]


class FakeClock(Clock):
    """A clock that only sleep moves; `slept` are the waits in seconds."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def chance(self) -> float:
        return 1.0


@dataclass
class Fault:
    """What goes wrong with one request: `code` is answered, or the answer is cut (`how`: half, reset, silent, broken).

    `acted` tells whether the request did its work all the same.
    """

    how: str = "code"
    code: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    acted: bool = False
    method: str = "POST"


@dataclass
class Host:
    """`act` makes the answers; `faults` happen first, each to the next request of its method; `asked` tells of all."""

    act: Callable[[str, str, dict[str, str], Any], Answer]
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def count(self, method: str) -> int:
        return sum(each[0] == method for each in self.asked)


class _Handler(BaseHTTPRequestHandler):
    host: Host
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.host.asked.append((self.command, self.path))
        self.host.authorization.append(self.headers.get("Authorization", ""))
        fault = next((each for each in self.host.faults if each.method == self.command), None)
        if fault:
            self.host.faults.remove(fault)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        code, body, headers = 200, None, dict[str, str]()
        if not fault or fault.acted:
            code, body = self.host.act(self.command, parts.path, query, json.loads(raw) if raw else None)
        if fault and fault.how == "code":
            code, body, headers = fault.code, fault.body, dict(fault.headers)
        self.answer(code, body, headers, fault.how if fault else "")

    def answer(self, code: int, body: Any, headers: dict[str, str], how: str) -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        if how == "silent":
            self.host.gate.wait(60)
        if how in ("silent", "reset"):
            # With this option close() sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RD)
            return
        if how == "broken":
            raw = raw[: len(raw) // 2]
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if how == "half" else raw)
        self.close_connection = self.close_connection or how == "half"

    do_GET = do_POST = do_PATCH = handle_any  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serve(
    act: Callable[[str, str, dict[str, str], Any], Answer], context: ssl.SSLContext | None = None
) -> Iterator[Host]:
    """A host on a free port of 127.0.0.1 for the time of the block; with a context it speaks TLS."""
    host = Host(act)
    handler = type("Handler", (_Handler,), {"host": host})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        httpd.daemon_threads = True
        httpd.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that goes away is no news
        if context:
            httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        host.url = f"http{'s' if context else ''}://127.0.0.1:{httpd.server_port}"
        if isinstance(act, Patchwork):
            act.url = host.url
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield host
        finally:
            host.gate.set()
            httpd.shutdown()
            thread.join()


class GitHub:
    """Check runs, statuses and comments of one repository, as far as their rules matter here."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.notes: dict[int, list[Any]] = {}
        self.statuses: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []

    def __call__(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        routes: tuple[tuple[str, str, Callable[[Any, dict[str, str], Any], Answer]], ...] = (
            ("GET", r"/repos/o/r/commits/(\w+)/check-runs", self._list_runs),
            ("POST", r"/repos/o/r/check-runs", self._make_run),
            ("PATCH", r"/repos/o/r/check-runs/(\d+)", self._change_run),
            ("GET", r"/repos/o/r/check-runs/(\d+)", lambda n, _q, _b: (200, self.runs[int(n[1]) - 1])),
            ("GET", r"/repos/o/r/commits/(\w+)/status", lambda _n, _q, _b: (200, {"statuses": self.statuses[::-1]})),
            ("POST", r"/repos/o/r/statuses/(\w+)", self._set_status),
            ("GET", r"/repos/o/r/issues/7/comments", lambda _n, _q, _b: (200, self.comments)),
            ("POST", r"/repos/o/r/issues/7/comments", self._comment),
            ("PATCH", r"/repos/o/r/issues/comments/(\d+)", self._edit),
        )
        for verb, form, route in routes:
            if verb == method and (match := re.fullmatch(form, path)):
                return route(match, query, body)
        return 404, {"message": "Not Found"}

    def _list_runs(self, _match: Any, query: dict[str, str], _body: Any) -> Answer:
        runs = [each for each in self.runs if each["name"] == query["check_name"]]
        return 200, {"total_count": len(runs), "check_runs": runs}

    def _make_run(self, _match: Any, _query: dict[str, str], body: Any) -> Answer:
        number = len(self.runs) + 1
        run = {**body, "id": number, "html_url": f"https://github.example.org/o/r/runs/{number}", "output": {}}
        self.runs.append(run)
        self.notes[run["id"]] = []
        return 201, self._fill(run, body)

    def _change_run(self, match: Any, _query: dict[str, str], body: Any) -> Answer:
        return 200, self._fill(self.runs[int(match[1]) - 1], body)

    def _fill(self, run: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        notes = body["output"].get("annotations", [])
        assert len(notes) <= 50
        self.notes[run["id"]] += notes
        plain = {key: body["output"][key] for key in ("title", "summary")}
        run |= {**body, "output": {**plain, "annotations_count": len(self.notes[run["id"]])}}
        return run

    def _set_status(self, match: Any, _query: dict[str, str], body: Any) -> Answer:
        self.statuses.append({"target_url": None, "url": f"https://api.example.org/statuses/{match[1]}", **body})
        return 201, self.statuses[-1]

    def _comment(self, _match: Any, _query: dict[str, str], body: Any) -> Answer:
        number = len(self.comments) + 1
        made = {"id": number, "user": {"type": "Bot"}, "author_association": "NONE", **body}
        made["html_url"] = f"https://github.example.org/o/r/pull/7#issuecomment-{number}"
        self.comments.append(made)
        return 201, made

    def _edit(self, match: Any, _query: dict[str, str], body: Any) -> Answer:
        self.comments[int(match[1]) - 1] |= body
        return 200, self.comments[int(match[1]) - 1]


class Patchwork:
    """Patches by Message-ID, and checks that are only ever added; a context has to be a slug, if `slugs`."""

    def __init__(self, *ids: str, slugs: bool = False) -> None:
        self.patches = [{"id": number, "msgid": f"<{name}>"} for number, name in enumerate(ids, 11)]
        self.slugs = slugs
        self.url = ""
        self.checks: list[dict[str, Any]] = []

    def __call__(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if path == "/api/1.2/patches/":
            return 200, [each for each in self.patches if each["msgid"] == f"<{query['msgid']}>"]
        match = re.fullmatch(r"/api/1\.2/patches/(\d+)/checks/", path)
        if not match:
            return 404, {"detail": "Not found."}
        if method == "GET":
            return 200, [each for each in self.checks if each["patch"] == match[1]]
        if self.slugs and not re.fullmatch(r"[-a-zA-Z0-9_]+", body["context"]):
            return 400, {"context": ['Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.']}
        number = len(self.checks) + 1
        url = f"{self.url}{path}{number}/"
        self.checks.append({"id": number, "url": url, "patch": match[1], **body})
        return 201, self.checks[-1]
