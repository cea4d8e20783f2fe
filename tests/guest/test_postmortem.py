"""What QEMU's monitor is asked about a guest that hangs; tests/guest/test_guests.py asks a real one."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from series_ci.guest import postmortem

GREETING = {"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}


@contextmanager
def monitor(folder: Path, answers: dict[str, object]) -> Iterator[list[str]]:
    """A monitor that answers commands with the values given, and with an error where that is an exception."""
    asked: list[str] = []
    server = socket.socket(socket.AF_UNIX)
    here = os.open(folder, os.O_RDONLY)
    server.bind(f"/proc/self/fd/{here}/{postmortem.SOCKET}")
    os.close(here)
    server.listen(1)

    def serve() -> None:
        connection, _ = server.accept()
        with connection:

            def say(message: object) -> None:
                connection.sendall(json.dumps(message).encode() + b"\r\n")

            say(GREETING)
            # The client waits for each answer, so what arrives is one command, with no newline behind it.
            while line := connection.recv(65536):
                command = json.loads(line)
                asked.append(command["execute"])
                value = answers.get(command["execute"], {})
                key = {"id": command["id"]} if "id" in command else {}
                if isinstance(value, Exception):
                    say({"error": {"class": "GenericError", "desc": str(value)}} | key)
                elif value is not None:
                    say({"return": value} | key)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        server.close()
        thread.join(10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run directory whose name is too long for a socket's."""
    path = tmp_path / ("long" * 30)
    path.mkdir()
    (path / "console.log").write_bytes(b"")
    return path


def test_registers_and_a_backtrace(folder: Path) -> None:
    with monitor(folder, {"human-monitor-command": "CPU#0\r\nRAX=1"}) as asked:
        found = postmortem.examine(folder, folder / "console.log", lambda: True)
    assert found == postmortem.Remains("CPU#0\r\nRAX=1", backtrace=True)
    assert asked == ["qmp_capabilities", "human-monitor-command", "inject-nmi"]


def test_a_machine_without_an_nmi_gives_its_registers(folder: Path) -> None:
    with monitor(folder, {"human-monitor-command": "PC=1", "inject-nmi": ValueError("machine has no NMIs")}):
        found = postmortem.examine(folder, folder / "console.log", lambda: False)
    assert found.registers == "PC=1"
    assert "machine has no NMIs" in found.trouble
    assert not found.backtrace


def test_a_qemu_that_is_stuck_itself_explains_nothing_and_holds_nobody_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postmortem, "ANSWER_SECONDS", 0.2)
    with monitor(folder, {"human-monitor-command": None}):
        found = postmortem.examine(folder, folder / "console.log", lambda: False)
    assert found == postmortem.Remains(trouble="QEMU's monitor did not answer: TimeoutError")


def test_no_monitor_at_all(folder: Path) -> None:
    found = postmortem.examine(folder, folder / "console.log", lambda: False)
    assert found.trouble.startswith("QEMU's monitor did not answer: ")


def test_a_backtrace_is_waited_for_as_long_as_it_comes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postmortem, "ANSWER_SECONDS", 0.5)
    console = folder / "console.log"
    said = iter(["NMI backtrace for cpu 0\n", "NMI backtrace for cpu 1\n"])

    def ended() -> bool:
        with console.open("a") as out:
            out.write(line := next(said, ""))
        return not line

    with monitor(folder, {"human-monitor-command": "RAX=1"}):
        postmortem.examine(folder, console, ended)
    assert console.read_text().count("backtrace") == 2
