"""A terminal, for programs that look whether they have one."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
from collections.abc import Mapping, Sequence


def printed(argv: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """What a program prints on a terminal, on both streams; it has to end with status 0."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stdout=theirs, stderr=theirs, env={**os.environ, **environment}) as child:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 4096):
                seen += piece
        os.close(ours)
    assert child.returncode == 0
    return seen
