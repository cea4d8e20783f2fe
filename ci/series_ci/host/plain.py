"""Plain text: what may be shown of text from mails, compilers and guests. Pure.

A terminal obeys escape sequences, and bidirectional controls show a text in another order than it has. So none of these
characters is shown as itself: C0 but for newline and tab, DEL, C1, the bidirectional controls and their deprecated
kin (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+206F), the line and paragraph separators U+2028 and U+2029,
and halves of surrogate pairs. Each becomes six characters, `\\u001b`: people see what was there, and a document of JSON
means the same as before. A carriage return before a newline is dropped.

GitHub's runner takes a line for a command that has `::` behind nothing but blanks, or `##[` anywhere. The last of
these characters becomes six in the same manner.
"""

from __future__ import annotations

import re

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")
_COMMAND = re.compile(r"(##)\[|^((?:[^\S\n]|[\u200b\ufeff])*:):", re.MULTILINE)


def clean(text: str) -> str:
    """The text with nothing in it that a terminal obeys."""
    if text.isprintable():
        return text
    return _FORBIDDEN.sub(lambda found: _escaped(found[0]), text.replace("\r\n", "\n"))


def replaced(text: str, by: str = "\ufffd") -> str:
    """The same with one character in the place of each that is not shown, for what is read in a mail or a page."""
    return text if text.isprintable() else _FORBIDDEN.sub(by, text)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"


class Runner:
    """Text on its way to GitHub's runner, which comes in pieces."""

    def __init__(self) -> None:
        self._line = ""  # as much of the line so far as matters

    def guard(self, text: str) -> str:
        """The next piece, in which no line is a command, nor ends one that began in the pieces before."""
        before = self._line
        whole = _COMMAND.sub(lambda found: f"{found[1] or found[2]}{_escaped(found[0][-1])}", before + text)
        line = whole.rpartition("\n")[2]
        head = line.lstrip().lstrip("\u200b\ufeff")
        self._line = head if head in ("", ":") else f"x{line[-2:]}"
        return whole[len(before) :]
