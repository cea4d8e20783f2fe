"""Boot one kernel with its tests, in as many guests as that takes, and return a Run."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from series_ci import __version__
from series_ci.arch import Machine
from series_ci.errors import InfrastructureError, UsageError
from series_ci.guest import attempts, initramfs, outcome, qemu, vm
from series_ci.guest.accel import Accelerator
from series_ci.guest.initramfs import GuestTest
from series_ci.guest.outcome import GuestRun
from series_ci.guest.record import GUEST, RUN_FILE, read_run, write_run
from series_ci.host import files, process
from series_ci.kernel import selftests
from series_ci.kernel.kernel import Kernel
from series_ci.kernel.toolchain import Toolchain
from series_ci.progress import Progress, Step, count
from series_ci.results.model import Ended, Run, Splat, Status
from series_ci.results.splat import find

BARREN = 5
"""How many guests in a row may end without a finished test before the other tests are given up."""


@dataclass(frozen=True)
class BootSetup:
    """What both kernels are booted with: the same machine, accelerator and tests.

    `also` are collections that are in the guest though no test is of them; `append` are more arguments for the kernel.
    """

    machine: Machine
    accel: Accelerator
    tests: tuple[GuestTest, ...]
    tools: Toolchain
    config_digest: str
    also: tuple[str, ...] = ()
    append: tuple[str, ...] = ()


def boot_kernel(setup: BootSetup, kernel: Kernel, folder: Path, progress: Progress, step_name: str) -> Run:
    """Run the tests on one kernel, write the Run into `folder`, and return it.

    A guest that is lost, or never comes up, is started again; after a crash the remaining tests run in a fresh guest.
    If an interrupted run left a Run of the same kernel, tests and machine in `folder`, that is returned. Raises
    InfrastructureError if the guest was lost each time: that is never a verdict on the kernel.
    """
    tests = [test for test in setup.tests if runnable(test, kernel)]
    with progress.step(step_name) as step, packed(tests, kernel, setup, folder) as initrd:
        outputs = qemu.Files(folder)
        argv = qemu.command_line(
            setup.machine, setup.accel.name, kernel.build.image, initrd, outputs, words=setup.append
        )
        environment = _environment(setup, kernel, argv, initrd)
        if kept := _kept(folder, environment):
            step.note("kept from the interrupted run")
            return kept
        started = datetime.now(UTC)
        parts = _Guests(setup, kernel, tests, folder, step).run(initrd)
        run = replace(_run(kernel, tests, parts, environment, folder), started=started)
        _tell(step, parts, run)
    write_run(folder / RUN_FILE, run)
    return run


def _kept(folder: Path, environment: dict[str, str]) -> Run | None:
    """Return the run in a folder if kernel, guest and tests are the same; else None."""
    try:
        run = read_run(folder / RUN_FILE)
    except UsageError:
        return None
    return run if run.environment == environment else None


def require(tests: Sequence[GuestTest], pair: Sequence[Kernel]) -> None:
    """Raise UsageError for a test that none of the kernels has; one that only the series adds is no error."""
    for test in tests:
        name = f"{test.collection}/{test.program}"
        notbuilt = {result.name for kernel in pair for result in kernel.tests.notbuilt}
        if name not in notbuilt and not any(runnable(test, kernel) for kernel in pair):
            files_there = selftests.installed(pair[-1].tests.folder, test.collection)
            known = sorted(path.name for path in files_there if path.is_file() and path.stat().st_mode & 0o111)
            raise UsageError(
                f"no test {name}, neither in the base nor in the series", hint=f"there are: {', '.join(known)}"
            )


def runnable(test: GuestTest, kernel: Kernel) -> bool:
    """Return whether a test is installed for a kernel."""
    top = kernel.tests.folder
    path = (top / test.collection / test.program).resolve()  # may be a link to another test
    return path.is_relative_to(top.resolve()) and path.is_file()


@contextmanager
def packed(tests: Sequence[GuestTest], kernel: Kernel, setup: BootSetup, folder: Path) -> Iterator[Path]:
    """Write the guest's initramfs for the block, and remove it afterwards: it has megabytes."""
    initrd = folder / "initramfs.cpio"
    files.write(initrd, initramfs.initramfs(tests, kernel.tests.folder, setup.machine.arch, setup.also))
    try:
        yield initrd
    finally:
        initrd.unlink(missing_ok=True)


def _limits(tests: Sequence[GuestTest]) -> vm.Limits:
    """Return the limits for these tests; each has 15 s more, which /init needs between two tests."""
    return vm.Limits(total=vm.Limits.boot + sum(test.longest + vm.Limits.grace + 15.0 for test in tests))


class _Guests:
    """The guests of one run: a fresh one goes on after a crash, and one that was lost or never came up is replaced."""

    def __init__(self, setup: BootSetup, kernel: Kernel, tests: Sequence[GuestTest], folder: Path, step: Step) -> None:
        self.setup = setup
        self.kernel = kernel
        self.tests = tests
        self.folder = folder
        self.step = step

    def run(self, initrd: Path) -> list[GuestRun]:
        """Run all tests; each guest goes on after the test in which the one before it ended.

        Raises InfrastructureError when a guest was lost each time: that is never a verdict on the kernel.
        """
        attempts.clear(self.folder)
        parts: list[GuestRun] = []
        first, barren = 1, 0
        while True:
            folder = self.folder / f"{GUEST}{len(parts) + 1}" if parts else self.folder
            part = self._survivor(initrd, qemu.Files(folder), first)
            parts.append(part)
            boot = part.boot
            # A guest that ended between two tests is followed by one that goes on with the test that was not begun.
            following = boot.running + 1 if boot.running else first + boot.done
            barren = 0 if boot.done else barren + 1
            if boot.ended is Ended.POWEROFF or following > len(self.tests) or following == first or barren == BARREN:
                return parts
            first = following
            self.step.note(f"{boot.ended}: {boot.why}; a fresh guest goes on with {self.tests[first - 1].name}")

    def _survivor(self, initrd: Path, outputs: qemu.Files, first: int) -> GuestRun:
        """Return the first guest that is not to be replaced, or the last one that was tried.

        Raises InfrastructureError if that one was lost.
        """
        earlier: list[GuestRun] = []
        while True:
            passed: list[Splat] = []
            ended = vm.run(
                self._command_line(initrd, outputs, first),
                outputs,
                swap=self.setup.machine.swap,
                limits=_limits(self.tests[first - 1 :]),
                progress=self.step.update,
                passing=partial(_collect, passed),
            )
            part = GuestRun(ended, outputs, tuple(passed))
            if not attempts.in_vain(ended):
                break
            number = len(earlier) + 1
            self.step.note(f"try {number}: {ended.why}")
            if number == attempts.TRIES:
                break
            earlier.append(attempts.set_aside(part, number))
        if part.boot.ended is Ended.LOST:
            raise self._lost([*earlier, part])
        return replace(part, attempts=tuple(earlier))

    def _command_line(self, initrd: Path, outputs: qemu.Files, first: int) -> list[str]:
        words = [*self.setup.append, *([initramfs.first_test(first)] if first > 1 else [])]
        image, accel = self.kernel.build.image, self.setup.accel.name
        return qemu.command_line(self.setup.machine, accel, image, initrd, outputs, words=words)

    def _lost(self, tried: Sequence[GuestRun]) -> InfrastructureError:
        lost = sum(each.boot.ended is Ended.LOST for each in tried)
        others = [f"; before that: {each.boot.why}" for each in tried if each.boot.ended is not Ended.LOST]
        times = "once" if lost == 1 else f"{lost} times"
        outputs = tried[-1].outputs
        return InfrastructureError(
            f"the guest of {self.kernel.label} was lost {times}: {tried[-1].boot.why}{''.join(others)}",
            hint=f"see {outputs.log} and {outputs.console}",
        )


def _collect(passed: list[Splat], lines: Sequence[str]) -> None:
    """Add the complaints in lines that are not kept, up to find.MAX_SPLATS of them."""
    passed.extend(find.find(lines)[: max(find.MAX_SPLATS - len(passed), 0)])


def _run(
    kernel: Kernel, tests: Sequence[GuestTest], parts: Sequence[GuestRun], environment: dict[str, str], folder: Path
) -> Run:
    died = [part.boot for part in parts if part.boot.ended is not Ended.POWEROFF]
    worst = died[0] if died else parts[0].boot
    up = parts[0].boot.boot_seconds
    return Run(
        label=kernel.label,
        commit=kernel.commit,
        ended=worst.ended,
        seconds=round(sum(part.boot.seconds for part in parts), 2),
        boot_seconds=None if up is None else round(up, 2),
        results=tuple(outcome.results(tests, parts, kernel.tests.notbuilt)),
        splats=tuple(each for part in parts for each in outcome.splats(tests, part)),
        environment=environment,
        attempts=tuple(outcome.attempts(tests, parts, folder)),
    )


def _environment(setup: BootSetup, kernel: Kernel, argv: Sequence[str], initrd: Path) -> dict[str, str]:
    """Return what a run was made with, which another run has to have, too; `reproduce` compares it."""
    return {
        "series_ci": __version__,
        "arch": setup.machine.arch.name,
        "accelerator": setup.accel.name,
        "accelerator_reason": setup.accel.why,
        "compiler": setup.tools.version,
        "config": setup.config_digest,
        "image": kernel.build.image_digest,
        "initramfs": files.digest(initrd.read_bytes())[:16],
        "qemu": qemu.qemu_version(setup.machine.arch),
        "qemu_argv": process.quote(argv),
        "host": f"{platform.system()} {platform.release()} {platform.machine()}",
        "memory": str(setup.machine.memory),
        "cpus": str(setup.machine.cpus),
        "swap": str(setup.machine.swap),
    }


def _tell(step: Step, parts: Sequence[GuestRun], run: Run) -> None:
    if run.boot_seconds is not None:
        step.note(f"up after {run.boot_seconds:.1f} s")
    counts = {status: sum(result.status is status for result in run.results) for status in Status}
    step.note(", ".join(f"{number} {status}" for status, number in counts.items() if number))
    if run.splats:
        step.note(count(len(run.splats), "kernel complaint"))
    last = parts[-1].boot
    if last.ended is not Ended.POWEROFF:
        step.note(f"{last.ended}: {last.why}")
