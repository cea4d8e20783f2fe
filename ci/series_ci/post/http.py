"""The HTTP client of all destinations, which repeats requests only if that is safe.

An answer may get lost though the request arrived. So a request that changes something is repeated only after a look
whether it arrived. Redirects to another host are refused: they would get the token.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from series_ci import __version__
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host.download import cut_off
from series_ci.host.process import COMMANDS
from series_ci.post import retry
from series_ci.post.server import Refusal, Reply, Server, why

TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two parts of the answer."""

TOTAL = 600.0
"""Seconds that all requests of one posting may take together, waits included."""

TRIES = 6
"""How often a request is sent if the server does not say when to come back: half a minute with the waits."""

LARGEST = 16 << 20
"""Bytes of an answer that are read; no answer that is expected here is as long."""

HOPS = 3
PAGES = 30  # of at most 100 items

_MOVED = {301, 302, 303, 307, 308}
_KEEPS_METHOD = {307, 308}


class Clock:
    """Time, sleep and random numbers; tests replace it."""

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set back."""
        return time.monotonic()

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def chance(self) -> float:
        """Return a random number from 0 to 1."""
        return random.random()


class _FaultError(Exception):
    """Raised if a request may be sent again: `wait` seconds later, if the server says so.

    `perhaps` says that the request may have arrived.
    """

    def __init__(self, why: str, *, wait: float | None = None, perhaps: bool = True) -> None:
        super().__init__(why)
        self.wait = wait
        self.perhaps = perhaps


class Client:
    """Sends requests to one server. With `show`, a dry run, it shows each request instead and assumes its answer."""

    def __init__(
        self,
        server: Server,
        *,
        say: Callable[[str], None] = lambda _line: None,
        show: Callable[[str], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.server = server
        self.dry = show is not None
        self._show = show
        self._say = say
        self._clock = clock or Clock()
        self._session = requests.Session()
        self._end = self._clock.monotonic() + TOTAL

    def get(self, path: str, query: Mapping[str, str] | None = None, *, assume: Any = None) -> Reply:  # noqa: ANN401
        """Send a GET request and return the reply; in a dry run `assume`."""
        return self._ask("GET", path, None, query, assume, lambda: None)

    def pages(self, path: str, query: Mapping[str, str], *, key: str = "") -> Iterator[Any]:
        """Yield the items of a list, fetching its pages as needed; `key` is the list's, if the answer is an object."""
        before = None
        for number in range(1, PAGES + 1):
            page = {**query, **({"page": str(number)} if number > 1 else {})}
            reply = self.get(path, page, assume={key: []} if key else [])
            items = reply.value.get(key) if key and isinstance(reply.value, dict) else reply.value
            if not isinstance(items, list):
                raise InfrastructureError(f"{self.server.url}{path}: the answer is no list", hint=_NOT_THIS)
            yield from items
            # The URLs in this header are not followed: they may name a host behind the server. A server that ignores
            # the number of the page would give the first one for ever.
            if 'rel="next"' not in reply.headers.get("Link", "") or items == before:
                return
            before = items
        raise InfrastructureError(f"{self.server.url}{path}: more than {PAGES} pages", hint=_TOO_MANY)

    def send(
        self,
        method: str,
        path: str,
        body: object,
        *,
        arrived: Callable[[], object | None] | None = None,
        assume: object = None,
    ) -> Reply:
        """Send a request that changes something, and return the reply; in a dry run `assume`.

        `arrived` looks for what the request makes, None if it is not there: that is the reply if the answer got lost.
        Without `arrived`, a request that may have arrived is not repeated; raises InfrastructureError then.
        """
        return self._ask(method, path, json.dumps(body), None, assume, arrived)

    def _ask(
        self,
        method: str,
        path: str,
        body: str | None,
        query: Mapping[str, str] | None,
        assume: object,
        arrived: Callable[[], object | None] | None,
    ) -> Reply:
        url = self.server.url + path + (f"?{urlencode(query)}" if query else "")
        if self._show is not None:
            pretty = json.dumps(json.loads(body), indent=2, ensure_ascii=False) + "\n" if body else ""
            self._show(self.server.hide(f"{method} {url}\n{pretty}"))
            return Reply(assume)
        what = f"{method} {self.server.url}{path}"
        for tries in itertools.count(1):
            try:
                return self._follow(method, url, body)
            except _FaultError as fault:
                if fault.perhaps and arrived is None:
                    raise InfrastructureError(f"{what}: {fault}", hint=_LOOK) from fault
                self._wait(what, fault, tries)
                if method != "GET" and fault.perhaps and arrived is not None and (arrival := arrived()) is not None:
                    return Reply(arrival)
        raise AssertionError("unreachable")

    def _wait(self, what: str, fault: _FaultError, tries: int) -> None:
        seconds = retry.backoff(tries, self._clock.chance()) if fault.wait is None else fault.wait
        if self._clock.monotonic() + seconds > self._end or (fault.wait is None and tries >= TRIES):
            hint = f"it asks to wait {seconds:.0f} s; try again then" if fault.wait else "try again later"
            raise InfrastructureError(f"{what}: {fault} (asked {tries} times)", hint=hint) from fault
        self._say(f"{what}: {fault}; again in {seconds:.0f} s")
        self._clock.sleep(seconds)

    def _follow(self, method: str, url: str, body: str | None) -> Reply:
        """Send a request once, following redirects on the same host. Raises UsageError for one to another host."""
        for _ in range(HOPS):
            target = self._once(method, url, body)
            if isinstance(target, Reply):
                return target
            target = urljoin(url, target)
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                host = self.server.hide(urlsplit(target).netloc.rpartition("@")[2])
                raise UsageError(f"{method} {url}: redirects to {host}, where the token does not go", hint=_NOT_THIS)
            url = target
        raise InfrastructureError(f"{method} {url}: more than {HOPS} redirects", hint=_NOT_THIS)

    def _once(self, method: str, url: str, body: str | None) -> Reply | str:
        """Return the reply to a request, or the URL it redirects to. Raises _FaultError if it may be sent again."""
        COMMANDS.info("%s %s", method, url)
        try:
            with self._session.request(
                method,
                url,
                data=body.encode() if body is not None else None,
                headers=self._headers(body),
                auth=self._sign,
                stream=True,
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as answer:
                raw = self._read(answer)
        except requests.exceptions.SSLError as error:
            raise InfrastructureError(f"{method} {url}: no trusted connection: {error}", hint=_CERTIFICATE) from error
        except requests.RequestException as error:
            raise _FaultError(f"no whole answer: {self.server.hide(why(error))}") from None
        return self._judge(method, answer, raw)

    def _headers(self, body: str | None) -> dict[str, str]:
        # Not compressed: the length of the answer is compared with its Content-Length.
        ours = {"User-Agent": f"series-ci/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}
        return {**ours, **({"Content-Type": "application/json"} if body is not None else {}), **self.server.headers}

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the token. This is an auth hook of requests, as else a password in ~/.netrc would replace it."""
        if self.server.token is not None:
            request.headers["Authorization"] = self.server.token.header(self.server.scheme)
        return request

    def _read(self, answer: requests.Response) -> bytes:
        raw = b""
        for chunk in answer.iter_content(1 << 16):
            raw += chunk
            if len(raw) > LARGEST:
                raise _FaultError(f"the answer is longer than {LARGEST >> 20} MB")
            if self._clock.monotonic() > self._end:
                raise _FaultError("the answer comes too slowly")
        if cut := cut_off(answer, len(raw)):
            raise _FaultError(f"no whole answer: it {cut}")
        return raw

    def _judge(self, method: str, answer: requests.Response, raw: bytes) -> Reply | str:
        code, headers = answer.status_code, CaseInsensitiveDict(answer.headers)
        text = self.server.hide(raw.decode("utf-8", "replace"))
        if code in _MOVED and "Location" in headers and (method == "GET" or code in _KEEPS_METHOD):
            return str(headers["Location"])
        limited = retry.limited(code, headers, text)
        if limited or (code >= 500 and code not in (501, 505)):
            why = f"the server said {code} {answer.reason}".rstrip()
            raise _FaultError(why, wait=retry.asked(headers, self._clock.now()), perhaps=not limited)
        try:
            value = json.loads(text) if text.strip() else None
        except ValueError:
            value = None
            if code < 300:
                raise _FaultError("no whole answer: it is no JSON") from None
        if code >= 300:
            shown = answer.url.partition("?")[0]
            raise self.server.explain(Refusal(method, shown, code, answer.reason, headers, value, text[:2000]))
        return Reply(value, headers)


_LOOK = "it may have got through: look before you repeat it"
_TOO_MANY = "what was posted before may be on a later one; posting it again could double it"
_NOT_THIS = "is --url the address of the API?"
_CERTIFICATE = "for a certificate authority of your own: REQUESTS_CA_BUNDLE=FILE"
