"""Boot one kernel with its tests, and turn what it left behind into a Run."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from series_ci import __version__, files, guest, ktap, machine, process, record, splat, vm
from series_ci.accel import Accelerator
from series_ci.build import Toolchain
from series_ci.errors import InfrastructureError, UsageError
from series_ci.guest import Test
from series_ci.kernels import Kernel
from series_ci.machine import Machine
from series_ci.progress import Progress, Step, count
from series_ci.results import Ended, Result, Run, Status

TRIES = 2
"""How often a guest that was lost, or that never came up, is started before that counts."""

BOOT_RESULT = "boot"
"""The name of the result that every run has: whether the guest came up and came to its end."""

RUN_FILE = "run.json"
"""In a boot's folder: the Run. It is written last, so what lies beside it is whole."""

_PLACEHOLDER = re.compile(r":?#\d+")


@dataclass(frozen=True)
class Recipe:
    """What both kernels are booted with: the same machine, accelerator and tests."""

    machine: Machine
    accel: Accelerator
    tests: tuple[Test, ...]
    tools: Toolchain
    config_digest: str


def boot(recipe: Recipe, kernel: Kernel, folder: Path, progress: Progress, step_name: str) -> Run:
    """Run the tests on one kernel. A guest that is lost, or never comes up, is tried again on a fresh boot.

    What an interrupted run has left in `folder` is taken instead of a boot, if it came from this very kernel, with
    these tests, on this machine. Raises InfrastructureError when the guest was lost each time: that is never a verdict
    on the kernel.
    """
    tests = [test for test in recipe.tests if _runnable(test, kernel)]
    with progress.step(step_name) as step:
        initrd = _pack(tests, kernel, recipe, folder)
        outputs = machine.Files(folder)
        argv = machine.argv(recipe.machine, recipe.accel.name, kernel.build.image, initrd, outputs)
        environment = _environment(recipe, kernel, argv, initrd)
        if kept := _kept(folder, environment):
            initrd.unlink()
            step.note("kept from the interrupted run")
            return kept
        limits = _limits(tests)
        for attempt in range(1, TRIES + 1):
            ended = vm.run(argv, outputs, swap=recipe.machine.swap, limits=limits, progress=step.update)
            if ended.ended is not Ended.LOST and (ended.ended is not Ended.HANG or ended.boot_seconds is not None):
                break
            step.note(f"try {attempt}: {ended.why}")
        initrd.unlink()
        if ended.ended is Ended.LOST:
            raise InfrastructureError(
                f"the guest of {kernel.label} was lost {TRIES} times: {ended.why}",
                hint=f"see {folder}/qemu.log and {outputs.console}",
            )
        run = _run(kernel, tests, ended, outputs, environment)
        _tell(step, ended, run)
    record.write_run(folder / RUN_FILE, run)
    return run


def _kept(folder: Path, environment: dict[str, str]) -> Run | None:
    """The run that lies in a folder, if it is one of the same kernel and guest."""
    try:
        run = record.read_run(folder / RUN_FILE)
    except UsageError:
        return None
    return run if run.environment == environment else None


def require(tests: Sequence[Test], pair: Sequence[Kernel]) -> None:
    """Refuse a test that no tree knows: a mistake in the manifest. One that only the series brings is fine."""
    for test in tests:
        name = f"{test.collection}/{test.program}"
        notbuilt = {result.name for kernel in pair for result in kernel.tests.notbuilt}
        if name not in notbuilt and not any(_runnable(test, kernel) for kernel in pair):
            files_there = (pair[-1].tests.folder / test.collection).iterdir()
            known = sorted(path.name for path in files_there if path.is_file() and path.stat().st_mode & 0o111)
            raise UsageError(
                f"no test {name}, neither in the base nor in the series", hint=f"there are: {', '.join(known)}"
            )


def _runnable(test: Test, kernel: Kernel) -> bool:
    """Whether a test was installed."""
    return (kernel.tests.folder / test.collection / test.program).is_file()


def _pack(tests: Sequence[Test], kernel: Kernel, recipe: Recipe, folder: Path) -> Path:
    initrd = folder / "initramfs.cpio"
    files.write(initrd, guest.initramfs(tests, kernel.tests.folder, recipe.machine.arch.gcc))
    return initrd


def _limits(tests: Sequence[Test]) -> vm.Limits:
    """A test may be silent for as long as it may take; five seconds and a bit are /init's own between two of them."""
    longest = max((test.timeout for test in tests), default=0)
    return vm.Limits(idle=longest + 60.0, total=vm.Limits.boot + sum(test.timeout + 15.0 for test in tests))


def _run(
    kernel: Kernel, tests: Sequence[Test], ended: vm.Boot, outputs: machine.Files, environment: dict[str, str]
) -> Run:
    with outputs.results.open(encoding="utf-8", errors="replace") as lines:
        # A name without a collection comes back as it was announced.
        named = [replace(result, name=result.name.removeprefix("selftests: ")) for result in ktap.parse(lines)]
        parsed = [result for result in named if not _PLACEHOLDER.fullmatch(result.name)]
    with outputs.console.open(encoding="utf-8", errors="replace") as lines:
        splats = splat.find(lines)
    results = [_boot_result(ended), *parsed, *_not_run(tests, parsed, ended), *kernel.tests.notbuilt]
    return Run(
        label=kernel.label,
        commit=kernel.commit,
        ended=ended.ended,
        seconds=round(ended.seconds, 2),
        boot_seconds=None if ended.boot_seconds is None else round(ended.boot_seconds, 2),
        results=tuple(results),
        splats=tuple(splats),
        environment=environment,
    )


def _boot_result(ended: vm.Boot) -> Result:
    if ended.ended is Ended.POWEROFF:
        return Result(BOOT_RESULT, Status.PASS)
    status = Status.TIMEOUT if ended.ended is Ended.HANG else Status.CRASH
    return Result(BOOT_RESULT, status, f"{ended.why} (tests started: {ended.started}, finished: {ended.done})")


def _not_run(tests: Sequence[Test], parsed: Sequence[Result], ended: vm.Boot) -> list[Result]:
    """The tests that the guest never got to, or whose very beginning was lost."""
    known = {result.name for result in parsed}
    lost = [test.name for test in tests if test.name not in known]
    return [Result(name, Status.NOTRUN, f"the guest ended before: {ended.why}") for name in lost]


def _environment(recipe: Recipe, kernel: Kernel, argv: Sequence[str], initrd: Path) -> dict[str, str]:
    """What another person needs to see the same: none of it is measured, all of it is compared by `reproduce`."""
    return {
        "series_ci": __version__,
        "arch": recipe.machine.arch.name,
        "accelerator": recipe.accel.name,
        "accelerator_reason": recipe.accel.why,
        "compiler": recipe.tools.version,
        "config": recipe.config_digest,
        "image": files.digest(kernel.build.image.read_bytes())[:16],
        "initramfs": files.digest(initrd.read_bytes())[:16],
        "qemu": machine.qemu_version(recipe.machine.arch),
        "qemu_argv": process.quote(argv),
        "host": f"{platform.system()} {platform.release()} {platform.machine()}",
        "memory": str(recipe.machine.memory),
        "cpus": str(recipe.machine.cpus),
        "swap": str(recipe.machine.swap),
    }


def _tell(step: Step, ended: vm.Boot, run: Run) -> None:
    if ended.boot_seconds is not None:
        step.note(f"up after {ended.boot_seconds:.1f} s")
    counts = {status: sum(result.status is status for result in run.results) for status in Status}
    step.note(", ".join(f"{number} {status}" for status, number in counts.items() if number))
    if run.splats:
        step.note(count(len(run.splats), "kernel complaint"))
    if ended.ended is not Ended.POWEROFF:
        step.note(f"{ended.ended}: {ended.why}")
