"""Tokens: read from the environment, sent in one header, and never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from series_ci.errors import UsageError

HIDDEN = "***"

_PLAIN = re.compile(r"[!-~]+")


class Token:
    """A secret that is not shown when it is printed, formatted, compared or put into JSON."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Token({HIDDEN})"

    def header(self, scheme: str) -> str:
        """Return the value of the Authorization header."""
        return f"{scheme} {self._value}"

    def hide(self, text: str) -> str:
        """Return the text with stars in place of the token: a server may quote what it was sent."""
        return text.replace(self._value, HIDDEN)


def read_token(environment: Mapping[str, str], *names: str) -> Token | None:
    """Return the token in the first of these variables that is set, or None. Raises UsageError if it is malformed."""
    for name in names:
        if value := environment.get(name, "").strip():
            return make(value, name)
    return None


def make(value: str, origin: str) -> Token:
    """Return a token. Raises UsageError, without the text, if a header cannot hold it."""
    if not _PLAIN.fullmatch(value):
        # requests would quote it in its error.
        raise UsageError(f"{origin}: holds blanks, line ends or other characters that no token has")
    return Token(value)


def need(token: Token | None, names: str, how: str) -> Token:
    """Return the token. Raises UsageError with the variables and how to get one if it is None."""
    if token is None:
        raise UsageError(f"no token: {names} is not set", hint=how)
    return token
