from __future__ import annotations

import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from fakes import hosts
from fakes.hosts import CANARY, FakeClock, Fault
from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.host import process
from series_ci.post import http, retry, server
from series_ci.post.http import Client
from series_ci.post.token import Token, need, read_token


@pytest.fixture
def made() -> list[object]:
    return []


@pytest.fixture
def host(made: list[object]) -> Iterator[hosts.Host]:
    def act(method: str, path: str, _query: dict[str, str], body: object) -> hosts.Answer:
        if method == "POST":
            made.append(body)
            return 201, {"number": len(made)}
        return 200, {"path": path, "made": len(made)}

    with hosts.serve(act) as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(host: hosts.Host, clock: FakeClock) -> Client:
    return Client(server.Server(host.url, Token(CANARY), server.refused), clock=clock)


def post(client: Client, made: list[object]) -> object:
    """Send what must be there once only, with a look for it."""
    return client.send("POST", "/things", {"a": 1}, arrived=lambda: {"number": 1} if made else None).value


def test_token_goes_in_one_header(client: Client, host: hosts.Host) -> None:
    assert client.get("/x").value == {"path": "/x", "made": 0}
    assert host.authorization == [f"Bearer {CANARY}"]


def test_netrc_does_not_replace_the_token(
    client: Client, host: hosts.Host, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = home / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client.get("/x")
    assert host.authorization == [f"Bearer {CANARY}"]


class TestAgain:
    @pytest.mark.parametrize("code", [500, 502, 503, 504])
    def test_fault_of_the_server_is_waited_out(
        self, client: Client, host: hosts.Host, clock: FakeClock, made: list[object], code: int
    ) -> None:
        host.faults += [Fault(code=code), Fault(code=code)]
        assert post(client, made) == {"number": 1}
        assert len(made) == 1
        assert clock.slept == [1.0, 2.0]

    @pytest.mark.parametrize("how", ["half", "reset", "broken", "code"])
    def test_lost_answer_is_looked_for_and_the_request_not_repeated(
        self, client: Client, host: hosts.Host, made: list[object], how: str
    ) -> None:
        host.faults.append(Fault(how, acted=True))
        assert post(client, made) == {"number": 1}
        assert len(made) == 1
        assert host.count("POST") == 1

    @pytest.mark.parametrize("how", ["half", "reset", "broken"])
    def test_request_that_did_not_arrive_is_repeated(
        self, client: Client, host: hosts.Host, made: list[object], how: str
    ) -> None:
        host.faults.append(Fault(how))
        assert post(client, made) == {"number": 1}
        assert (len(made), host.count("POST")) == (1, 2)

    @pytest.mark.timeout(20)  # less than requests would wait by itself, and than the server is silent
    def test_server_that_does_not_answer(
        self, client: Client, host: hosts.Host, made: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "TIMEOUT", (5, 0.2))
        host.faults.append(Fault("silent", acted=True))
        assert post(client, made) == {"number": 1}
        assert host.count("POST") == 1

    def test_without_a_look_nothing_is_repeated(self, client: Client, host: hosts.Host, made: list[object]) -> None:
        host.faults.append(Fault("reset", acted=True))
        with pytest.raises(InfrastructureError, match=r"POST .*no whole answer") as caught:
            client.send("POST", "/things", {})
        assert "look before" in caught.value.hint
        assert len(made) == 1

    def test_wait_that_the_server_asks_for(self, client: Client, host: hosts.Host, clock: FakeClock) -> None:
        date = format_datetime(datetime.fromtimestamp(clock.time + 50, UTC), usegmt=True)
        host.faults += [
            Fault(code=429, headers={"Retry-After": "20"}, method="GET"),
            Fault(code=503, headers={"Retry-After": date}, method="GET"),
            Fault(
                code=403,
                headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(clock.time) + 90)},
                method="GET",
            ),
        ]
        client.get("/x")
        assert clock.slept == [20.0, 30.0, 41.0]

    def test_429_has_not_acted_so_nobody_looks(self, client: Client, host: hosts.Host) -> None:
        host.faults.append(Fault(code=429))
        client.send("POST", "/things", {}, arrived=lambda: pytest.fail("looked"))

    def test_longer_than_there_is_time(self, client: Client, host: hosts.Host, clock: FakeClock) -> None:
        host.faults.append(Fault(code=429, headers={"Retry-After": "3600"}, method="GET"))
        with pytest.raises(InfrastructureError, match="the server said 429") as caught:
            client.get("/x")
        assert "3600 s" in caught.value.hint
        assert clock.slept == []

    def test_end_of_all_tries(self, client: Client, host: hosts.Host, clock: FakeClock) -> None:
        host.faults += [Fault(code=500, method="GET")] * 40
        with pytest.raises(InfrastructureError, match=r"GET \S+/x: the server said 500 .*asked 6 times"):
            client.get("/x", {"secret": "query"})
        assert clock.slept == [1, 2, 4, 8, 16]

    def test_server_that_always_wants_more_time(self, client: Client, host: hosts.Host, clock: FakeClock) -> None:
        host.faults += [Fault(code=503, headers={"Retry-After": "50"}, method="GET")] * 40
        with pytest.raises(InfrastructureError, match="asked 13 times"):
            client.get("/x")
        assert sum(clock.slept) == 600

    def test_server_that_is_down(self, clock: FakeClock) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            down = server.Server(f"http://127.0.0.1:{bound.getsockname()[1]}", Token(CANARY), server.refused)
            with pytest.raises(InfrastructureError, match=r"/x: no whole answer: Failed to .*refused \(asked"):
                Client(down, clock=clock).get("/x")

    def test_501_never_gets_better(self, client: Client, host: hosts.Host, clock: FakeClock) -> None:
        host.faults.append(Fault(code=501, method="GET"))
        with pytest.raises(InfrastructureError, match="501"):
            client.get("/x")
        assert clock.slept == []

    def test_endless_answer(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "LARGEST", 4)
        with pytest.raises(InfrastructureError, match="longer than"):
            client.get("/x")


class TestRedirect:
    def test_same_host(self, client: Client, host: hosts.Host) -> None:
        host.faults.append(Fault(code=301, headers={"Location": "/repositories/1"}, method="GET"))
        assert client.get("/old").value["path"] == "/repositories/1"

    def test_post_keeps_its_body(self, client: Client, host: hosts.Host, made: list[object]) -> None:
        host.faults.append(Fault(code=307, headers={"Location": "/new"}))
        post(client, made)
        assert made == [{"a": 1}]

    def test_post_is_not_turned_into_a_get(self, client: Client, host: hosts.Host, made: list[object]) -> None:
        host.faults.append(Fault(code=302, headers={"Location": "/new"}))
        with pytest.raises(UsageError, match="302"):
            post(client, made)
        assert host.count("GET") == 0

    def test_other_host_never_sees_the_token(self, client: Client, host: hosts.Host) -> None:
        with hosts.serve(lambda *_: (200, {})) as other:
            host.faults.append(Fault(code=307, headers={"Location": f"{other.url}/x"}, method="GET"))
            with pytest.raises(UsageError, match="where the token does not go"):
                client.get("/x")
            assert other.asked == []

    def test_round_and_round(self, client: Client, host: hosts.Host) -> None:
        host.faults += [Fault(code=302, headers={"Location": "/x"}, method="GET")] * 9
        with pytest.raises(InfrastructureError, match="redirects"):
            client.get("/x")


class TestToken:
    def test_is_shown_nowhere(self, client: Client) -> None:
        token = client.server.token
        assert CANARY not in f"{token} {token!r} {client.server!r}"

    def test_that_a_server_quotes_is_hidden(self, client: Client, host: hosts.Host) -> None:
        host.faults.append(Fault(code=400, body={"detail": f"what is {CANARY}?"}, method="GET"))
        with pytest.raises(UsageError, match="400") as caught:
            client.get("/x")
        assert CANARY not in repr(vars(caught.value))
        assert "***" in caught.value.details

    @pytest.mark.parametrize("value", [f"{CANARY} x", f"a\n{CANARY}", f"ü{CANARY}"])
    def test_that_no_header_takes(self, value: str) -> None:
        with pytest.raises(UsageError, match="T: holds") as caught:
            read_token({"T": value}, "T")
        assert CANARY not in str(caught.value)

    def test_line_end_of_a_file_is_no_part_of_it(self) -> None:
        token = read_token({"B": f"{CANARY}\n"}, "A", "B")
        assert token is not None
        assert token.header("Token") == f"Token {CANARY}"

    def test_none(self) -> None:
        with pytest.raises(UsageError, match="T is not set") as caught:
            need(read_token({}, "T"), "T", "make one")
        assert caught.value.hint == "make one"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.org",
        "x.org",
        "",
        "https://me:secret@x.org",
        "http://x.org",
        "http://10.0.0.1",
        "https://x.org/?a=b",
        "https://x:y",
    ],
)
def test_where_a_token_does_not_go(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        server.check(url)
    assert "secret" not in str(caught.value)


def test_loopback_needs_no_tls() -> None:
    assert server.check("http://[::1]:8000/") == "http://[::1]:8000"


def test_dry_run_sends_nothing(host: hosts.Host) -> None:
    shown: list[str] = []
    dry = Client(server.Server(host.url, None, server.refused), show=shown.append)
    assert dry.get("/x", {"q": "ü"}, assume=[]).value == []
    assert dry.send("POST", "/y", {"a": "ü"}, assume={"id": 1}).value == {"id": 1}
    assert shown == [f"GET {host.url}/x?q=%C3%BC\n", f'POST {host.url}/y\n{{\n  "a": "ü"\n}}\n']
    assert host.asked == []


def test_pages_follow_each_other(clock: FakeClock) -> None:
    def act(_method: str, _path: str, query: dict[str, str], _body: object) -> hosts.Answer:
        return 200, {"items": [int(query.get("page", 1))]}

    with hosts.serve(act) as host:
        host.faults.append(
            Fault(code=200, body={"items": [1]}, headers={"Link": '<http://inside/?page=2>; rel="next"'}, method="GET")
        )
        client = Client(server.Server(host.url, None, server.refused), clock=clock)
        assert list(client.pages("/list", {"per_page": "1"}, key="items")) == [1, 2]
        with pytest.raises(InfrastructureError, match="no list"):
            list(client.pages("/list", {}, key="others"))


def test_pages_without_end(clock: FakeClock) -> None:
    more = {"Link": '<x>; rel="next"'}
    with hosts.serve(lambda *_: (200, {})) as host:
        client = Client(server.Server(host.url, None, server.refused), clock=clock)
        # Always the same one: the server does not know of numbers.
        host.faults += [Fault(code=200, body=[1], headers=more, method="GET")] * 40
        assert list(client.pages("/list", {})) == [1, 1]
        host.faults[:] = [Fault(code=200, body=[number], headers=more, method="GET") for number in range(40)]
        with pytest.raises(InfrastructureError, match="more than 30 pages"):
            list(client.pages("/list", {}))
        # What is found early needs no further page.
        host.faults[:] = [Fault(code=200, body=[number], headers=more, method="GET") for number in range(40)]
        assert next(client.pages("/list", {})) == 0
        assert len(host.faults) == 39


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "soon"}, None), ({"Retry-After": "Mon, 12 Jan 1970 13:46:50"}, 10.0), ({}, None)],
)
def test_what_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry.asked(headers, 1_000_000.0) == seconds


def test_date_without_a_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert retry.asked({"Retry-After": "Mon, 12 Jan 1970 13:46:50"}, 1_000_000.0) == 10.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_certificate_that_nobody_vouches_for(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    made = process.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject, *files])
    assert made.code == 0, made.err
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    with hosts.serve(lambda *_: (200, {}), context) as host:
        client = Client(server.Server(host.url, Token(CANARY), server.refused), clock=clock)
        with pytest.raises(InfrastructureError, match="no trusted connection") as caught:
            client.get("/x")
        assert "REQUESTS_CA_BUNDLE" in caught.value.hint
        assert host.asked == []
        assert clock.slept == []
        # What the hint says helps.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate"))
        assert client.get("/x").value == {}


def test_answers_without_a_field() -> None:
    assert server.need({"a": {"b": 1}}, "a", "b") == 1
    with pytest.raises(Error, match=r"no a\.c"):
        server.need({"a": {"b": 1}}, "a", "c")
