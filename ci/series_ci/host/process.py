"""Start programs. No other module does.

Every child gets a session of its own, so that Ctrl-C reaches only us, and we end the whole group in order. The kernel
ends a child when we die, so that not even SIGKILL leaves a QEMU or a make behind.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from series_ci.errors import InfrastructureError
from series_ci.host import files, locks

PIPE = subprocess.PIPE
DEVNULL = subprocess.DEVNULL

PR_SET_PDEATHSIG = 1
KILL_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when a process group is ended."""

CALLERS_REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Completed:
    """A program that has ended: its exit code (if negative, the signal that ended it) and its output."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        """Return standard output as text. Bytes that are no UTF-8 become U+FFFD, never surrogates."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def err(self) -> str:
        """Return standard error as text, like `out`."""
        return self.stderr.decode("utf-8", "replace")


COMMANDS = logging.getLogger("series_ci.commands")
"""Where every command line, and every request to a server, is logged before it starts."""


def quote(argv: Sequence[str]) -> str:
    """Return a command line that a shell parses as `argv`."""
    return shlex.join(argv)


def which(program: str) -> str | None:
    """Return the path of a program beside the running Python (where pip puts console scripts) or on PATH, or None."""
    beside = Path(sys.executable).parent / program
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(program)


def die_with(parent: int) -> None:
    """Have the kernel end this process, a new child, when `parent`, the process that started it, dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the call
        os._exit(128 + signal.SIGTERM)
    # Whoever started us (a shell, in the background) may have ignored SIGINT; children should not inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child and all that it started: by SIGTERM, on which make removes half-written targets, then by SIGKILL."""
    try:
        _signal_group(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(KILL_GRACE)
    finally:  # a second Ctrl-C only shortens the wait
        _signal_group(child.pid, signal.SIGKILL)
        child.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group. The group, or its leader, may be gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


GIT_ALONE = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_TERMINAL_PROMPT": "0",
}
"""The environment for our git: the user's hooks, signing keys and line-end settings must not affect what we make."""


def leave_callers_repository() -> None:
    """Remove the variables by which a git hook, an alias or `git rebase --exec` passes its repository on.

    git prefers them to its working directory, so our git would write to the user's repository.
    """
    for name in CALLERS_REPOSITORY:
        os.environ.pop(name, None)


@contextmanager
def started(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: int | None = subprocess.DEVNULL,
    stderr: int | None = subprocess.DEVNULL,
    stdin: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program, and end it and all its children after the block, whatever happens there.

    Raise InfrastructureError if it cannot be started.
    """
    leave_callers_repository()
    COMMANDS.info("%s", quote(argv) if cwd is None else f"cd {shlex.quote(str(cwd))} && {quote(argv)}")
    # A missing cwd raises FileNotFoundError, too: the message says which of both is missing.
    try:
        child = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=partial(die_with, os.getpid()),
            pass_fds=locks.held(),
        )
    except FileNotFoundError as error:
        missing = str(cwd) if cwd is not None and not cwd.is_dir() else argv[0]
        raise InfrastructureError(f"{argv[0]}: cannot start: {missing} does not exist") from error
    except OSError as error:
        raise InfrastructureError(f"{argv[0]}: cannot start: {error.strerror}") from error
    try:
        yield child
    finally:
        if child.poll() is None:
            end(child)
        else:
            _signal_group(child.pid, signal.SIGKILL)


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a program and return its output. Raise InfrastructureError if it takes longer than `timeout` seconds."""
    with started(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        try:
            out, err = child.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as error:
            raise InfrastructureError(f"{quote(argv)}: no end after {timeout:.0f} s") from error
    return Completed(tuple(argv), child.returncode, out, err)


def run_logged(
    argv: Sequence[str],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> int:
    """Run a program, append its output to `log`, and pass each line to `on_line`. Return its exit code."""
    with files.disk_errors(log), log.open("ab") as out:
        out.write(f"$ {quote(argv)}\n".encode())
        out.flush()
        with started(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            assert child.stdout is not None
            for raw in child.stdout:
                out.write(raw)
                on_line(raw.decode("utf-8", "replace").rstrip("\n"))
            return child.wait()


def end_children() -> None:
    """Kill all our children that still run, and everything that they started.

    GitPython starts children of its own, and does not end them when we are interrupted.
    """
    if not _has_children():  # nearly always; to read all of /proc takes longer than some verbs
        return
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 (pathlib looks at each, and fails for one that has just ended)
        with suppress(OSError, ValueError):  # the entry is no process, or the process has ended
            # The second field is the name in parentheses, with any characters; the fourth is the parent.
            stat = Path("/proc", entry, "stat").read_text("utf-8", "replace")
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(entry)] = int(parent)
    ours = [os.getpid()]
    for process in ours:  # the list grows during the loop
        children = [pid for pid, parent in parents.items() if parent == process]
        for pid in children:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        ours += children


def _has_children(tasks: Path = Path("/proc/self/task")) -> bool:
    """Return whether a thread of ours has a child; True where the kernel does not tell (CONFIG_PROC_CHILDREN)."""
    try:
        return any((task / "children").read_text() for task in tasks.iterdir())
    except OSError:
        return True


def forward_termination() -> None:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, so that a cancelled CI job cleans up as after Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        return

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, interrupt)
