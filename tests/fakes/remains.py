"""A process that was killed while it held a lock, and what it has left running holds it for another second."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fakes.here import CI
from series_ci.host import locks

HOLDER = """\
import sys, time
from pathlib import Path
from series_ci.host import locks, process
slow = ["sh", "-c", "trap '' TERM; echo up; read _; sleep 1"]
with locks.locked(Path(sys.argv[1]), print), process.started(slow, stdout=1, stdin=0):
    time.sleep(1000)
"""


def leave(lock: Path) -> None:
    """Take `lock` in another process and kill that; the lock is held when this returns, and free a second later."""
    ci = str(CI)
    argv = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": ci}) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"up\n"
        holder.kill()
        holder.wait()
        assert locks.is_locked(lock)
        holder.stdin.close()
