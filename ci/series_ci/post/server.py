"""Whom results are sent to, what comes back, and where a token may go at all."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.post.token import Token


@dataclass(frozen=True)
class Reply:
    """An answer: its JSON value (None if it has no body) and headers, by names of any case."""

    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """An answer that says no: `value` is its JSON if it is some, `text` its first words, without the token."""

    method: str
    url: str
    code: int
    reason: str
    headers: Mapping[str, str]
    value: Any
    text: str

    def __str__(self) -> str:
        return f"{self.method} {self.url}: the server said {self.code} {self.reason}".rstrip()


@dataclass(frozen=True)
class Server:
    """Whom we talk to: `explain` makes the error of a refusal, in the words of that service."""

    url: str
    token: Token | None
    explain: Callable[[Refusal], Error]
    scheme: str = "Bearer"
    headers: Mapping[str, str] = field(default_factory=dict)

    def hide(self, text: str) -> str:
        """The text without the token."""
        return self.token.hide(text) if self.token else text


def check(url: str, option: str = "--url") -> str:
    """The base URL without a slash at its end. Raises UsageError if a token must not be sent there."""
    parts = urlsplit(url)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{option}: not the URL of a web server", hint="e.g. https://api.github.com")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{option}: a user name, a password or a query has no place in this URL")
    if parts.scheme == "http" and not _loopback(host):
        raise UsageError(f"{url}: the token would be readable on its way", hint="give an https:// URL")
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refused(refusal: Refusal) -> Error:
    """The error of a refusal that no service has more to say about."""
    if refusal.code >= 500 or refusal.code == 429:
        return InfrastructureError(str(refusal), details=refusal.text, hint="the server is at fault: try again later")
    return UsageError(str(refusal), details=refusal.text)


def need(value: object, *names: str) -> Any:  # noqa: ANN401 (JSON)
    """A field of an answer. Raises InfrastructureError for an answer that lacks it: something else has answered."""
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise InfrastructureError(f"the server's answer has no {'.'.join(names)}", hint="is --url its API?")
        value = value[name]
    return value


def why(error: Exception) -> str:
    """The reason at the bottom of an error of requests, without the objects that it is wrapped in."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", inner)).rpartition("): ")[2]
