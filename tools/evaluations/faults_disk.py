"""A disk that fills up: one small tmpfs for all that the program writes, enlarged each time that it was full."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from faults_bench import POLL, Bench, Ran
from faults_trials import Reference, judge
from series_ci.errors import ExitStatus, InfrastructureError, UsageError
from series_ci.guest import qemu
from series_ci.host import files, process
from series_ci.progress import Progress

PARTS = (("tree", "trees"), ("worktree", "work"), ("build folder", "build"), ("kernels", "builds"))
"""What fills the cache, in the order in which it does, and where that lies."""

BITS = (0.02, 0.5, 0.97)
"""The disk ends after so much of a guest's swap disk; the last leaves too little for what comes beside it."""


SPARE = 1 << 20
"""Bytes that are left free when the disk is made smaller, for somebody may write meanwhile; they are filled then."""

NOTHING = "nothing"
RUNNING = "what a running guest says"


@dataclass(frozen=True)
class Filled:
    """One size of the disk, in bytes: where it was to end, the step that the run came to, and what was wrong."""

    what: str
    size: int
    step: str
    status: int | None
    wrong: tuple[str, ...]

    @property
    def full(self) -> bool:
        """Whether the disk was too small."""
        return self.status == ExitStatus.INFRASTRUCTURE


def used(folder: Path) -> int:
    """Bytes of disk below a folder, which may be missing."""
    found = 0
    for root, folders, names in os.walk(folder):
        found += sum(os.lstat(Path(root) / name).st_blocks * 512 for name in [*folders, *names])
    return found


def sizes(parts: dict[str, int], swap: int) -> list[tuple[str, int]]:
    """(what does not fit, bytes of disk) for disks that end in the middle of each part, the last one being enough."""
    found = []
    below = 1 << 20  # mails and logs
    for what, size in parts.items():
        found.append((what, below + size // 2))
        below += size + (1 << 20)
    found += [("a guest's swap", below + int(swap * bit)) for bit in BITS]
    return [*found, (NOTHING, (below + 4 * swap) * 5 // 4 + (256 << 20))]


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[int], None]]:
    """A tmpfs over a folder; yields what gives it another size in bytes. Raises UsageError if we may not mount."""
    if os.geteuid() != 0:
        raise UsageError(
            "--disk-full mounts a tmpfs, which only root may do", hint="sudo tools/eval faults --disk-full"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={1 << 20}", "series-ci-faults", str(folder))
    try:
        yield lambda size: _mount("-o", f"remount,size={size}", str(folder))
    finally:
        process.run(["umount", str(folder)])


def _mount(*words: str) -> None:
    done = process.run(["mount", *words])
    if done.code != 0:
        raise InfrastructureError(f"mount {' '.join(words)}: {done.err.strip()}", hint="containers often forbid it")


def run(bench: Bench, known: Reference, swap: int, real: Path, progress: Progress) -> list[Filled]:
    """Run the program on one disk after the other, each larger, with what the one before has left on it."""
    planned = sizes({what: used(bench.cache / name) for what, name in PARTS}, swap)
    enough = planned[-1]
    found: list[Filled] = []
    with small_disk(bench.folder) as resize:
        for what, size in [*planned, (RUNNING, enough[1]), enough]:
            resize(size)
            bench.share_ccache(real)
            with progress.step(f"disk {size >> 20} MB") as step:
                ran = _filled_in_a_guest(bench, known, resize) if what == RUNNING else _run(bench, known)
                found.append(_judged(bench, known, ran, what, size))
                step.note(f"no room for {what}; came to {found[-1].step}; status {found[-1].status}")
    return found


def _run(bench: Bench, known: Reference) -> Ran:
    return bench.run(known.version, bench.out())


def _filled_in_a_guest(bench: Bench, known: Reference, resize: Callable[[int], None]) -> Ran:
    """A run whose disk is full from the moment on when the base's kernel says something."""
    out = bench.out()
    console = qemu.Files(out / "base").console
    with bench.started(known.version, out) as running:
        while running.alive and not (console.exists() and console.stat().st_size):
            time.sleep(POLL)
        resize(shutil.disk_usage(bench.folder).used + SPARE)
        _fill(bench.folder / "ballast")
        running.wait(None)
    (bench.folder / "ballast").unlink()
    return running.ended()


def _fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


def _judged(bench: Bench, known: Reference, ran: Ran, what: str, size: int) -> Filled:
    wrong = bench.complaints(ran)
    if what == NOTHING or (ran.status == known.verdict.status and what != RUNNING):
        wrong += judge(known, ran)
    elif ran.status != ExitStatus.INFRASTRUCTURE:
        wrong.append(f"status {ran.status} for a full disk: {_last(ran.said)}")
    elif not files.is_full(ran.said):
        wrong.append(f"the full disk is not named: {_last(ran.said)}")
    elif "a bug in series-ci" in ran.said:
        wrong.append(f"an error that nobody foresaw: {_last(ran.said)}")
    step = list(ran.steps)[-1] if ran.steps else "start"
    return Filled(what, size, step, ran.status, tuple(wrong))


def _last(said: str) -> str:
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    return errors[-1] if errors else (said.strip().splitlines() or ["it said nothing"])[-1]
