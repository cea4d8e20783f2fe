"""Tokens: read from the environment, sent in one header, and shown nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from series_ci.errors import UsageError

HIDDEN = "***"

_PLAIN = re.compile(r"[!-~]+")


class Token:
    """A secret that does not show itself: not when printed, formatted, compared or put into JSON."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Token({HIDDEN})"

    def header(self, scheme: str) -> str:
        """The value of the Authorization header."""
        return f"{scheme} {self._value}"

    def hide(self, text: str) -> str:
        """The text with stars in its place: a server may quote what it was sent."""
        return text.replace(self._value, HIDDEN)


def read_token(environment: Mapping[str, str], *names: str) -> Token | None:
    """The token in the first of these variables that is set. Raises UsageError if it cannot be one."""
    for name in names:
        if value := environment.get(name, "").strip():
            return make(value, name)
    return None


def make(value: str, origin: str) -> Token:
    """A token from a text. Raises UsageError, without the text, for what cannot stand in a header."""
    if not _PLAIN.fullmatch(value):
        # requests would raise an error that quotes it.
        raise UsageError(f"{origin}: holds blanks, line ends or other characters that no token has")
    return Token(value)


def need(token: Token | None, names: str, how: str) -> Token:
    """The token. Raises UsageError, saying in which variable it is looked for and how one is made, if there is none."""
    if token is None:
        raise UsageError(f"no token: {names} is not set", hint=how)
    return token
