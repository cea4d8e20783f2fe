"""Compute how long to wait before a request is repeated. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

FIRST = 1.0
"""Seconds before the second try; each later wait is twice as long."""

LONGEST = 60.0
"""Seconds of the longest wait that the server did not ask for."""


def limited(code: int, headers: Mapping[str, str], text: str) -> bool:
    """Return whether the server only refused because of a rate limit. GitHub does so with 403, too."""
    if code == 429:
        return True
    rate_limited = (
        "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0" or "rate limit" in text.lower()
    )
    return code == 403 and rate_limited


def asked(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that the server asks to wait; None if it does not. `now` is in seconds since 1970."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    if value:
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        # RFC 9110: a date without a time zone is in UTC.
        return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now)
    reset = headers.get("X-RateLimit-Reset", "")
    if headers.get("X-RateLimit-Remaining") == "0" and reset.isdecimal():
        return max(0.0, int(reset) - now) + 1  # the clocks may differ a little
    return None


def backoff(tries: int, chance: float) -> float:
    """Return the seconds to wait after `tries` tries; `chance`, from 0 to 1, spreads the retries of many clients."""
    return float(min(LONGEST, FIRST * 2 ** min(tries - 1, 16))) * (0.5 + chance / 2)
