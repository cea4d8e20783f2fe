"""Where `series-ci test` is broken on purpose: a cache and run directories of its own, and what a run left in them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import faults_traces
from series_ci.errors import ExitStatus
from series_ci.host import files, process
from series_ci.kernel import interrupted

GRACE = 20.0
"""Seconds that what a killed run has started may take to end; a compiler finishes its file first."""

POLL = 0.02
"""Seconds between two looks at a process."""

_STEP = re.compile(r"^[✓✗] (\S.*?) +(\d+\.\d) s", re.MULTILINE)


class Loss(Enum):
    """How much of the cache a trial lacks when it begins: each lacks what those before it lack, too."""

    RUN = ("the run", ())
    MAIL = ("mails", ("mail",))
    WORKTREE = ("worktree", ("work",))
    KERNELS = ("kernels", ("builds", "selftests"))
    FOLDER = ("build folder", ("build",))
    ALL = ("everything", ("trees",))

    @property
    def title(self) -> str:
        """For the table."""
        return str(self.value[0])

    @property
    def folders(self) -> list[str]:
        """The folders below the cache that are missing."""
        levels = list(Loss)
        return [name for level in levels[: levels.index(self) + 1] for name in level.value[1]]

    @property
    def steps(self) -> tuple[str, ...]:
        """The beginnings of the names of the steps that have to be done again then."""
        known = {Loss.MAIL: ("fetch",), Loss.KERNELS: ("build ", "selftests "), Loss.ALL: ("tree", "apply")}
        levels = list(Loss)[: list(Loss).index(self) + 1]
        return ("accelerator", "boot ", *(name for level in levels for name in known.get(level, ())))


@dataclass(frozen=True)
class Verdict:
    """What a run came to: exit status, the words for it, and (test, base, with the series, change) of each test."""

    status: int
    words: str
    changes: tuple[tuple[str, str | None, str | None, str], ...]

    def differences(self, other: Verdict) -> list[str]:
        """What `other` says otherwise."""
        found = []
        if (self.status, self.words) != (other.status, other.words):
            found.append(f"{other.words} (status {other.status}) instead of {self.words} (status {self.status})")
        ours, theirs = ({each[0]: each[1:] for each in side.changes} for side in (self, other))
        found += [
            f"{name}: {_shown(theirs.get(name))} instead of {_shown(ours.get(name))}"
            for name in dict.fromkeys([*ours, *theirs])
            if ours.get(name) != theirs.get(name)
        ]
        return found


def _shown(change: tuple[str | None, ...] | None) -> str:
    return " ".join(each or "absent" for each in change) if change else "not there"


def read_verdict(out: Path, status: int) -> Verdict | None:
    """What the summary of a run directory and the exit status say; None without a summary."""
    found = files.read_json(out / "summary.json")
    if found is None:
        return None
    rows = tuple((row["name"], row["base"], row["patched"], row["change"]) for row in found["changes"])
    return Verdict(status, found["verdict"], rows)


@dataclass(frozen=True)
class Ran:
    """One run of the program. `status` is None if it was killed; `left` are processes that outlived it."""

    out: Path
    status: int | None
    seconds: float
    said: str
    left: tuple[str, ...]

    @property
    def steps(self) -> dict[str, float]:
        """The steps that were finished, in order, and the seconds that each took."""
        return {name: float(seconds) for name, seconds in _STEP.findall(self.said)}

    @property
    def verdict(self) -> Verdict | None:
        """What it came to."""
        return None if self.status is None else read_verdict(self.out, self.status)


def killed_in(ran: Ran, order: Sequence[str]) -> str:
    """The step in which a run was killed; `order` are all steps of a whole run."""
    done = list(ran.steps)
    if not done:
        return order[0]
    at = order.index(done[-1]) + 1 if done[-1] in order else len(order)
    return order[at] if at < len(order) else "the report"


@dataclass
class Bench:
    """Runs the program with arguments `words` in `folder`, which has the cache, run directories and temporary files.

    `logs` is a folder for what it says.
    """

    folder: Path
    logs: Path
    words: tuple[str, ...]
    runs: int = 0

    @property
    def cache(self) -> Path:
        """The program's cache."""
        return self.folder / "cache"

    @property
    def temporary(self) -> Path:
        """The program's folder for temporary files."""
        return self.folder / "tmp"

    def share_ccache(self, real: Path) -> None:
        """Take the compiler's cache from the real one: it has no part in any verdict, and saves minutes."""
        for folder in (real / "ccache", self.cache, self.temporary, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            (self.cache / "ccache").symlink_to(real / "ccache")

    def out(self) -> Path:
        """A run directory that nobody has used."""
        self.runs += 1
        return self.folder / "runs" / f"{self.runs:03}"

    def lose(self, loss: Loss) -> None:
        """Remove what a trial is to begin without."""
        for name in loss.folders:
            shutil.rmtree(self.cache / name, ignore_errors=True)

    def run(self, version: str, out: Path, kill_after: float | None = None) -> Ran:
        """Run the program on a version to its end, or kill it `kill_after` seconds after its start."""
        with self.started(version, out) as running:
            running.wait(kill_after)
            return running.ended()

    def started(self, version: str, out: Path) -> Running:
        """Start it; the block's end ends it."""
        return Running(self, version, out)

    def _rests(self, ran: Ran) -> list[str]:
        if ran.status is None:
            return []  # it was killed: the next run is there to clean up
        found = faults_traces.rests(self.cache, ran.out, self.temporary)
        if ran.status == ExitStatus.INFRASTRUCTURE:
            # The mark of a build that the disk had no room for says what the next one has to do again.
            found = [each for each in found if Path(each).name != interrupted.MARK]
        return found

    def complaints(self, ran: Ran) -> list[str]:
        """What is not as it should be after a run, whatever its verdict."""
        return [
            *(f"outlived the run: {each}" for each in ran.left),
            *(f"left behind: {each}" for each in self._rests(ran)),
            *(f"half-written: {each}" for each in faults_traces.damaged(self.cache, ran.out)),
        ]


class Running:
    """A run that is under way."""

    def __init__(self, bench: Bench, version: str, out: Path) -> None:
        self._bench = bench
        self._out = out
        self._log = bench.logs / f"{out.name}-{time.monotonic_ns()}.log"
        self._mark = self._log.stem
        argv = [sys.executable, "-m", "series_ci", "test", version, *bench.words, "--out", str(out)]
        own: Mapping[str, str] = {
            "SERIES_CI_CACHE": str(bench.cache),
            "TMPDIR": str(bench.temporary),
            faults_traces.MARK: self._mark,
            "CI": "true",
        }
        self._said = self._log.open("wb")
        self._context = process.started(argv, env=own, stdout=self._said.fileno(), stderr=self._said.fileno())

    def __enter__(self) -> Running:
        self._start = time.monotonic()
        self._child = self._context.__enter__()
        return self

    def __exit__(self, *trouble: Any) -> None:  # noqa: ANN401 (what Python gives)
        self._context.__exit__(*trouble)
        self._said.close()

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.poll() is None

    def wait(self, seconds: float | None) -> None:
        """Wait for its end; kill it, and nothing but it, if that does not come within so many seconds."""
        end = None if seconds is None else self._start + seconds
        while self.alive and (end is None or time.monotonic() < end):
            time.sleep(POLL)
        if self.alive:
            os.kill(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def ended(self) -> Ran:
        """What came of it; what it has left running has some seconds to end by itself."""
        took = time.monotonic() - self._start
        deadline = time.monotonic() + GRACE
        while (left := faults_traces.processes(self._mark)) and time.monotonic() < deadline:
            time.sleep(POLL)
        code = self._child.returncode
        said = self._log.read_text("utf-8", "replace")
        return Ran(self._out, None if code == -signal.SIGKILL else code, took, said, left)
