"""Turn text from mails, compilers and guests into plain text that is safe to show. Pure.

A terminal obeys escape sequences, and bidirectional controls show a text in another order than it has. So these
characters are not shown as themselves: C0 except newline and tab, DEL, C1, the bidirectional controls and their
deprecated relatives (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+206F), the line and paragraph separators
U+2028 and U+2029, and halves of surrogate pairs. Each is replaced by six characters such as `\\u001b`: a reader sees
what was there, and a JSON document keeps its meaning. A carriage return before a newline is dropped.

GitHub's runner takes a line for a command if it begins with `::`, perhaps after blanks, or has `##[` anywhere. The last
of these characters is replaced in the same way.
"""

from __future__ import annotations

import re

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")
_COMMAND = re.compile(r"(##)\[|^((?:[^\S\n]|[\u200b\ufeff])*:):", re.MULTILINE)


def clean(text: str) -> str:
    """Return the text without anything that a terminal obeys."""
    if text.isprintable():
        return text
    return _FORBIDDEN.sub(lambda match: _escaped(match[0]), text.replace("\r\n", "\n"))


def replaced(text: str, by: str = "\ufffd") -> str:
    """Return the text with `by` in place of each forbidden character, for text that is read in a mail or a page."""
    return text if text.isprintable() else _FORBIDDEN.sub(by, text)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"


class Runner:
    """Text on its way to GitHub's runner, written in pieces."""

    def __init__(self) -> None:
        self._line = ""  # the part of the current line that matters for what follows

    def guard(self, text: str) -> str:
        """Return the next piece, in which no line is a command, nor completes one that began in the pieces before."""
        pending = self._line
        whole = _COMMAND.sub(lambda match: f"{match[1] or match[2]}{_escaped(match[0][-1])}", pending + text)
        line = whole.rpartition("\n")[2]
        head = line.lstrip().lstrip("\u200b\ufeff")
        self._line = head if head in ("", ":") else f"x{line[-2:]}"
        return whole[len(pending) :]
