"""Standard output and standard error, through which nothing but plain text gets.

All that the program prints goes through here: whoever prints need not know where a text came from. Only `series-ci
shell` does not, for there QEMU has the terminal of a person who asked for it.
"""

from __future__ import annotations

import codecs
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from series_ci.host import plain


class Styled:
    """A stream for what has been made plain, and may have been coloured since. On GitHub no line is a command."""

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw
        self._runner = plain.Runner() if _is_read_by_a_runner(raw) else None

    def write(self, text: str) -> int:
        """Write the text; how many characters that were."""
        self.raw.write(self._runner.guard(text) if self._runner else text)
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a stream has)
        return getattr(self.raw, name)


class Plain:
    """A stream for any text."""

    def __init__(self, raw: TextIO) -> None:
        self.styled = Styled(raw)
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        """Write the text as plain text; how many characters it has."""
        if not isinstance(text, str):
            raise TypeError(f"a string is needed, not {type(text).__name__}")  # click asks so what a stream takes
        self.styled.write(plain.clean(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a stream has)
        return getattr(self.styled, name)


class _Bytes:
    """The same for text in UTF-8."""

    def __init__(self, stream: Plain) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, raw: bytes) -> int:
        """Write the text; how many bytes it has."""
        self._stream.write(self._decoder.decode(raw))
        return len(raw)

    def flush(self) -> None:
        """Have it written."""
        self._stream.flush()


def _is_read_by_a_runner(raw: TextIO) -> bool:
    """Whether the stream leads to GitHub's runner, for all that is known here: a file is none, a pipe may be."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return False
    try:
        return not stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    except (OSError, ValueError):
        return True


def styled(stream: TextIO) -> TextIO:
    """Where to write what has been made plain and coloured since, instead of to standard output or standard error."""
    return cast(TextIO, stream.styled) if isinstance(stream, Plain) else stream


@contextmanager
def opened() -> Iterator[None]:
    """Make the two streams plain for the block. What they cannot encode is shown as `?`."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.stdout, sys.stderr = (stream if isinstance(stream, Plain) else cast(TextIO, Plain(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
