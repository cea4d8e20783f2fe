"""Real public-inboxes on this machine: of the real mails, where they lie beside the checkout, and of our own."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.here import ROOT

LORE = ROOT.parent / "shared" / "lore"
MAIL = LORE / "mail"

needs_mails = pytest.mark.skipif(not MAIL.is_dir(), reason=f"no {MAIL}: the real mails are not beside the checkout")

needs_programs = pytest.mark.skipif(
    shutil.which("public-inbox-mda") is None or shutil.which("public-inbox-httpd") is None,
    reason="needs Debian's public-inbox",
)


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


class Inbox:
    """A list of our own: a real public-inbox that takes mail as a list does, and serves it on loopback."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.url = f"{self.host}/all/"
        self._run("public-inbox-init", "-V2", "-L", "full", "all", str(folder / "all"), self.url, address)
        with (folder / "config").open("a") as config:
            config.write("[publicinboxmda]\n\tspamcheck = none\n")

    @property
    def environment(self) -> dict[str, str]:
        """What makes public-inbox's programs work on this list."""
        return {
            **os.environ,
            "HOME": str(self.folder),
            "PI_CONFIG": str(self.folder / "config"),
            "PI_EMERGENCY": str(self.folder / "refused"),
            "ORIGINAL_RECIPIENT": self.address,
        }

    def _run(self, *argv: str, stdin: bytes = b"") -> None:
        subprocess.run(argv, env=self.environment, input=stdin, check=True, capture_output=True)

    def deliver(self, *raws: bytes) -> None:
        """Take mails, as a mail server hands them over: one that is not addressed to the list is refused."""
        for raw in raws:
            self._run("public-inbox-mda", stdin=raw)
            assert not list((self.folder / "refused").glob("new/*")), raw.decode("utf-8", "replace")

    def delivery(self) -> Path:
        """A program that takes a mail on its standard input, in the place of sendmail."""
        path = self.folder / "sendmail"
        settings = " ".join(
            f"{name}={shlex.quote(self.environment[name])}"
            for name in ("HOME", "PI_CONFIG", "PI_EMERGENCY", "ORIGINAL_RECIPIENT")
        )
        path.write_text(f"#!/bin/sh\nexec env {settings} public-inbox-mda\n")
        path.chmod(0o755)
        return path

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The URL of the archive for the time of the block."""
        argv = ["public-inbox-httpd", "-W0", "-l", self.host]
        # The socket is ours from the beginning, so who connects waits for the answer, and needs no second try.
        port = int(self.host.rpartition(":")[2])
        with socket.create_server(("127.0.0.1", port)) as bound, (self.folder / "httpd.log").open("wb") as log:
            bound.setblocking(False)
            environment = {**self.environment, "LISTEN_FDS": "1"}
            server = subprocess.Popen(
                ["bash", "-c", f'exec 3<&{bound.fileno()}; LISTEN_PID=$$ exec "$0" "$@"', *argv],
                env=environment,
                pass_fds=[bound.fileno()],
                stdout=log,
                stderr=log,
            )
        try:
            yield self.url
        finally:
            server.terminate()
            server.wait()
