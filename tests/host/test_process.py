from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from series_ci.errors import InfrastructureError
from series_ci.host import process
from series_ci.host.process import run, run_logged, started

STUBBORN = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done"
"""A shell script that only SIGKILL ends."""


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes soon, if it comes."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pid_in(path: Path) -> int:
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_exit_code_and_both_outputs_come_back() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert done.argv == ("sh", "-c", "echo out; echo err >&2; exit 7")


def test_exit_code_of_a_signal_is_negative() -> None:
    assert run(["sh", "-c", "kill -9 $$"]).code == -signal.SIGKILL


def test_output_that_is_no_utf8_becomes_replacement_characters() -> None:
    done = run(["printf", r"caf\303\251 \377"])
    assert done.out == "café �"
    done.out.encode()  # no surrogates
    assert run(["sh", "-c", r"printf '\377' >&2"]).err == "�"


def test_input_reaches_the_program() -> None:
    assert run(["cat"], stdin=b"by pipe").stdout == b"by pipe"


def test_without_input_a_program_does_not_read_ours() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"what the user types")
    os.close(writer)
    before = os.dup(0)
    os.dup2(reader, 0)
    try:
        assert run(["cat"]).stdout == b""
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reader)


def test_environment_is_added_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_US", "1")
    assert run(["sh", "-c", "echo $FROM_US $ADDED"], env={"ADDED": "2"}).out == "1 2\n"


def test_missing_program_is_named() -> None:
    with pytest.raises(
        InfrastructureError, match="no-such-program-here: cannot start: no-such-program-here does not ex"
    ):
        run(["no-such-program-here", "--version"])


def test_missing_folder_is_named_instead_of_the_program(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=f"true: cannot start: {tmp_path}/gone does not exist"):
        run(["true"], cwd=tmp_path / "gone")


def test_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a program")
    with pytest.raises(InfrastructureError, match="text: cannot start: Permission denied"):
        run([str(tmp_path / "text")])


def test_program_that_outlives_its_time_is_ended(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"sh -c .*: no end after 3 s"):
        run(["sh", "-c", "echo $$ > pid; exec sleep 1000"], cwd=tmp_path, timeout=3)
    assert not alive(pid_in(tmp_path / "pid"))


def test_which_finds_scripts_beside_python_and_programs_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    assert process.which("tool") == str(program)
    assert process.which("other-tool") is None
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert process.which("tool") == str(program)


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_error_in_the_block_ends_a_child_that_ignores_sigterm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    monkeypatch.setattr(process, "KILL_GRACE", 0.1)
    with pytest.raises(raised), started(["sh", "-c", STUBBORN], cwd=tmp_path):
        pid = pid_in(tmp_path / "pid")
        raise raised
    assert not alive(pid)


def test_child_may_tidy_up_on_sigterm(tmp_path: Path) -> None:
    script = "trap 'rm half; exit 0' TERM; touch half; echo $$ > pid; while :; do sleep 0.02; done"
    with started(["sh", "-c", script], cwd=tmp_path):
        pid_in(tmp_path / "pid")
        assert (tmp_path / "half").exists()
    assert not (tmp_path / "half").exists()


def test_grandchild_of_a_child_that_ended_is_ended_too(tmp_path: Path) -> None:
    with started(["sh", "-c", "sleep 1000 & echo $! > pid"], cwd=tmp_path) as child:
        pid = pid_in(tmp_path / "pid")
        child.wait()
        assert alive(pid)
    until(lambda: not alive(pid))


def test_grandchild_that_ignores_sigterm_is_ended_with_its_parent(tmp_path: Path) -> None:
    with started(
        ["sh", "-c", f"({STUBBORN.replace('$$', '$PPID')}) & echo $! > grandchild; exec sleep 1000"], cwd=tmp_path
    ):
        pid_in(tmp_path / "pid")
        pid = pid_in(tmp_path / "grandchild")
    until(lambda: not alive(pid))


def test_second_interrupt_while_ending_still_kills_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "KILL_GRACE", 1000.0)
    waits = []

    def interrupted(self: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        waits.append(timeout)
        if timeout == 1000.0:
            raise KeyboardInterrupt
        return real(self, timeout)

    real = subprocess.Popen.wait
    with pytest.raises(KeyboardInterrupt), started(["sh", "-c", STUBBORN], cwd=tmp_path):
        pid = pid_in(tmp_path / "pid")
        monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert waits[0] == 1000.0
    until(lambda: not alive(pid))


def test_our_own_death_by_sigkill_ends_the_child(tmp_path: Path) -> None:
    code = (
        "from series_ci.host.process import started\n"
        "with started(['sh', '-c', 'echo $$ > pid; exec sleep 1000']):\n    import time; time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as us:
        pid = pid_in(tmp_path / "pid")
        us.kill()
    until(lambda: not alive(pid))


def test_child_does_not_inherit_an_ignored_interrupt(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # A shell cannot trap what was ignored when it started.
        assert run(["sh", "-c", "kill -INT $$; echo survived"]).code == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


def test_child_has_a_session_of_its_own() -> None:
    done = run([sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"])
    assert done.out == "True\n"


def test_command_lines_are_logged_before_they_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", process.COMMANDS.name)
    run(["echo", "two words"])
    run(["true"], cwd=tmp_path)
    assert caplog.messages == ["echo 'two words'", f"cd {tmp_path} && true"]


def test_logged_run_appends_both_outputs_and_passes_lines_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    lines: list[str] = []
    code = run_logged(["sh", "-c", r"echo one; echo two >&2; printf '\377last'; exit 3"], log, on_line=lines.append)
    assert code == 3
    assert lines == ["one", "two", "�last"]
    assert log.read_bytes().startswith(b"before\n$ sh -c ")
    assert log.read_bytes().endswith(b"\none\ntwo\n\xfflast")


def test_logged_run_ends_the_program_when_a_line_raises(tmp_path: Path) -> None:
    def stop(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_logged(
            ["sh", "-c", "echo $$ > pid; echo line; exec sleep 1000"], tmp_path / "log", cwd=tmp_path, on_line=stop
        )
    assert not alive(pid_in(tmp_path / "pid"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_logged_run_says_that_the_disk_is_full() -> None:
    with pytest.raises(InfrastructureError, match="/dev/full: No space left on device") as caught:
        run_logged(["echo", "line"], Path("/dev/full"))
    assert "free some space" in caught.value.hint


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_termination_is_turned_into_an_interrupt(sent: signal.Signals) -> None:
    before = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        process.forward_termination()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), sent)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_hangup_that_is_ignored_stays_ignored() -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        process.forward_termination()
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        except KeyboardInterrupt:
            pytest.fail("SIGHUP interrupted")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_termination_is_left_alone_outside_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGTERM)
    failures: list[BaseException] = []

    def target() -> None:
        try:
            process.forward_termination()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    assert not failures
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_process_that_ends_while_all_are_looked_at_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [each.name for each in Path("/proc").iterdir()]
    with started(["sleep", "60"]) as child:
        monkeypatch.setattr(os, "listdir", lambda _folder: [*there, "4194305", str(child.pid)])
        process.end_children()
        assert child.wait(10) == -signal.SIGKILL


def test_quoted_command_line_can_be_pasted_into_a_shell() -> None:
    argv = ["printf", "%s|", "two words", "it's", "$HOME"]
    assert run(["sh", "-c", process.quote(argv)]).out == "two words|it's|$HOME|"


def test_where_the_kernel_does_not_list_children_there_may_be_some(tmp_path: Path) -> None:
    (tmp_path / "77").mkdir()
    assert process._has_children(tmp_path)
    (tmp_path / "77/children").write_text("")
    assert not process._has_children(tmp_path)
