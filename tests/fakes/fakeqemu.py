"""A fake qemu-system-* on PATH, and the plan by which it behaves.

A plan is a list of rules; the first that fits a boot is followed, and without one the guest passes every test and ends.
The keys of a rule, all optional:

kernel      what the kernel's image prints (or holds, if it is no program) has to contain this
boot        only the n-th boot of this kernel, from 1
with        only a guest that runs this test, too
end         poweroff (default), panic, hang, lost, signal (QEMU is killed), never (the kernel does not reach /init),
            silent (it does not even print)
dies in     the test in which the end comes; without it, it comes after the last one
verdicts    {name: "ok" | "not ok" | "ok # SKIP why" ...}; "ok" where a test is not named
inner       {name: [KTAP line ...]}: what the test itself printed
forged      {name: {port: text}}: what the test itself wrote on a port of /init's (results, status), as root may
times       how often it wrote that, 1
notes       {name: [note ...]}: what /init tells of the state that it left the guest in
console     more text on the console
flood       so many MiB more on the console
stderr      what QEMU says
code        its exit status
last words  what comes on the status port in place of "end ..."
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent


class Qemu:
    """The fake's plan, and what it was called with."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.file = folder / "qemu-plan.json"
        self.plan()

    def plan(
        self, *guests: dict[str, Any], probe: str = "ok", version: str = "QEMU emulator version 9.8.7 (fake)"
    ) -> None:
        """How the next guests behave; `probe` is ok, refused or silent."""
        self.file.write_text(json.dumps({"guests": guests, "probe": probe, "version": version}), "utf-8")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Each guest that was started: argv, pid, kernel, swap, initrd."""
        log = Path(f"{self.file}.log")
        return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def script(folder: Path, name: str, text: str) -> Path:
    """An executable `name` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "qemu-system-x86_64") -> Qemu:
    """Put the fake first on PATH."""
    qemu = Qemu(folder)
    # Isolated and without site-packages: it starts in a few milliseconds, whatever the environment of the test.
    _first, _, rest = (HERE / "qemu").read_text("utf-8").partition("\n")
    script(qemu.bin, name, f"#!{Path(sys.executable).resolve()} -IS\n{rest}")
    monkeypatch.setenv("FAKE_QEMU", str(qemu.file))
    monkeypatch.setenv("PATH", f"{qemu.bin}{os.pathsep}{os.environ['PATH']}")
    return qemu


def alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Clock:
    """Stands in for the module `time`: once `begin` is true, 100 seconds pass from look to look."""

    sleep = staticmethod(time.sleep)

    def __init__(self, begin: Callable[[], bool]) -> None:
        self.begin = begin
        self.now = 0.0

    def monotonic(self) -> float:
        """The time, for whoever looks."""
        self.now += 100 if self.begin() else 0
        return self.now
