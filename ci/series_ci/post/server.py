"""A server, its replies and refusals, and the check whether a token may be sent to it."""

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
    """A reply: its JSON value (None without a body) and its headers, whose names have any case."""

    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """An error reply: `value` is its JSON (None if it is none), `text` its beginning, without the token."""

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
    """A server and its token: `explain` returns the error of a refusal in the terms of that service."""

    url: str
    token: Token | None
    explain: Callable[[Refusal], Error]
    scheme: str = "Bearer"
    headers: Mapping[str, str] = field(default_factory=dict)

    def hide(self, text: str) -> str:
        """Return the text without the token."""
        return self.token.hide(text) if self.token else text


def check(url: str, option: str = "--url") -> str:
    """Return the base URL without a slash at its end. Raises UsageError if a token must not be sent there."""
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
    """Return the error of a refusal for which the service has no other."""
    if refusal.code >= 500 or refusal.code == 429:
        return InfrastructureError(str(refusal), details=refusal.text, hint="the server is at fault: try again later")
    return UsageError(str(refusal), details=refusal.text)


def need(value: object, *names: str) -> Any:  # noqa: ANN401 (JSON)
    """Return a field of a reply. Raises InfrastructureError if it is missing: the URL is not that of the API."""
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise InfrastructureError(f"the server's answer has no {'.'.join(names)}", hint="is --url its API?")
        value = value[name]
    return value


def why(error: Exception) -> str:
    """Return the reason of an error of requests, without the objects that wrap it."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", inner)).rpartition("): ")[2]
