"""Standard output and standard error, which let only plain text through.

All output of the program goes through here, so that code that prints need not know where a text came from. There is one
exception: in `series-ci shell` QEMU has the terminal of a person who asked for it.
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
    """A stream for text that is plain, and perhaps coloured. On GitHub it lets no line through as a command."""

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw
        self._runner = plain.Runner() if _is_read_by_a_runner(raw) else None

    def write(self, text: str) -> int:
        """Write the text. Return its number of characters."""
        self.raw.write(self._runner.guard(text) if self._runner else text)
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a stream has)
        return getattr(self.raw, name)


class Plain:
    """A stream for any text, which makes it plain."""

    def __init__(self, raw: TextIO) -> None:
        self.styled = Styled(raw)
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        """Write the text as plain text. Return its number of characters."""
        if not isinstance(text, str):
            raise TypeError(f"a string is needed, not {type(text).__name__}")  # click probes streams for this
        self.styled.write(plain.clean(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a stream has)
        return getattr(self.styled, name)


class _Bytes:
    """The stream's `buffer`, for text in UTF-8."""

    def __init__(self, stream: Plain) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, raw: bytes) -> int:
        """Write the text. Return its number of bytes."""
        self._stream.write(self._decoder.decode(raw))
        return len(raw)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()


def _is_read_by_a_runner(raw: TextIO) -> bool:
    """Return whether the stream may lead to GitHub's runner: a pipe may, a regular file does not."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return False
    try:
        return not stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    except (OSError, ValueError):
        return True


def styled(stream: TextIO) -> TextIO:
    """Return the stream to use in place of standard output or standard error for text that is plain and coloured."""
    return cast(TextIO, stream.styled) if isinstance(stream, Plain) else stream


@contextmanager
def opened() -> Iterator[None]:
    """Make both streams plain for the block. Characters that they cannot encode are written as `?`."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.stdout, sys.stderr = (stream if isinstance(stream, Plain) else cast(TextIO, Plain(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
