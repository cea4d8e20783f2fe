"""How long to wait before a server is asked again. Pure: headers and clock readings in, seconds out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

FIRST = 1.0
"""Seconds before the second try; each further one waits twice as long."""

LONGEST = 60.0
"""Seconds that a wait of our own choice may last."""


def limited(code: int, headers: Mapping[str, str], text: str) -> bool:
    """Whether the server did nothing but ask for patience. GitHub says so with 403, too."""
    if code == 429:
        return True
    said = "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0" or "rate limit" in text.lower()
    return code == 403 and said


def asked(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that the server asks to wait, None if it does not say. `now` is in seconds since 1970."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    if value:
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        # A date without a time zone is one in UTC, by RFC 9110.
        return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now)
    reset = headers.get("X-RateLimit-Reset", "")
    if headers.get("X-RateLimit-Remaining") == "0" and reset.isdecimal():
        return max(0.0, int(reset) - now) + 1  # the clocks may differ by a moment
    return None


def backoff(tries: int, chance: float) -> float:
    """Seconds to wait after so many tries; `chance`, from 0 to 1, keeps many clients from coming back at once."""
    return float(min(LONGEST, FIRST * 2 ** min(tries - 1, 16))) * (0.5 + chance / 2)
