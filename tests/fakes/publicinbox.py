"""The real mails on a real public-inbox of this machine, where they lie beside the checkout."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LORE = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "lore"
MAIL = LORE / "mail"

needs_mails = pytest.mark.skipif(not MAIL.is_dir(), reason=f"no {MAIL}: the real mails are not beside the checkout")


@contextmanager
def serving() -> Iterator[str]:
    """The URL of the archive for the time of the block; skips the test where it cannot be served."""
    if not (LORE / "serve").exists() or shutil.which("public-inbox-httpd") is None:
        pytest.skip("needs the mails beside the checkout and Debian's public-inbox")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, LORE / "serve", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert "serves" in server.stdout.readline()
        yield f"http://127.0.0.1:{port}/all/"
    finally:
        server.terminate()
        server.wait()
