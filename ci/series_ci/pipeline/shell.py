"""Do the work of `series-ci shell` and `series-ci boot`: boot a guest for a terminal, or for one command."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Machine
from series_ci.guest import bounded_log, qemu
from series_ci.guest.boot import BootSetup, boot_kernel
from series_ci.guest.initramfs import GuestTest
from series_ci.guest.interactive import interact
from series_ci.host import process, requirements, scratch
from series_ci.kernel.cache import Build
from series_ci.kernel.kernel import Kernel, make
from series_ci.kernel.selftests import Installed
from series_ci.kernel.store import Store
from series_ci.kernel.toolchain import Toolchain
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.progress import Progress
from series_ci.results.model import Run, Status

COMMAND = "command"
"""The name of the only test of `series-ci boot`."""

# Runs the words after the first one as a command, in the folder below /kselftest that the first one names (may be "").
_COMMAND = b'#!/bin/bash\nfolder=$1\nshift\ncd "/kselftest/$folder" && exec "$@"\n'


def open_shell(request: Request, progress: Progress, *, base_only: bool) -> None:
    """Boot the kernel of a version, or of its base, with the terminal as its console. Returns when the guest ends.

    Raises what `prepare` and `interact` raise.
    """
    boot_setup, kernel = prepare(request, progress, base_only=base_only)
    interact(boot_setup, kernel, request.out)


def prepare(request: Request, progress: Progress, *, base_only: bool) -> tuple[BootSetup, Kernel]:
    """Build the kernel of a version, or of its base. Return what to boot it with, and the kernel.

    Raises what the `stages` raise: ApplyError, BuildError and others; InfrastructureError if a program is missing.
    """
    requirements.require(request.arch, request.toolchain)
    fetched = None if base_only else stages.fetch(request, progress)
    base, refused = stages.find_base(request, progress)
    del refused  # find_base has said why
    with Store(base.store).in_use(progress.say):
        if fetched is None:
            build_setup, kernel = stages.make_base(request, base, progress)
        else:
            commit = stages.apply(request, base, fetched, progress)
            build_setup = stages.make_build_setup(request, base)
            kernel = make(build_setup, request.label, commit, request.out, progress)
    return stages.make_boot_setup(request, build_setup, [kernel], progress), kernel


@dataclass(frozen=True)
class Given:
    """What to boot: an image, the machine, folders that the guest gets, and the words of a command.

    `append` are more arguments for the kernel. `timeout` is that of the command, in seconds. Without words the guest
    only comes up and ends.
    """

    image: Path
    machine: Machine
    accel: str
    folders: tuple[Path, ...]
    words: tuple[str, ...]
    timeout: int
    out: Path
    append: tuple[str, ...] = ()


def boot(given: Given, progress: Progress) -> Run:
    """Run the command in a guest with the image. The results of the run are `boot` and, with words, `command`."""
    chosen = stages.choose_accelerator(given.accel, given.machine.arch, given.image, progress)
    with scratch.folder("boot") as installed:
        for folder in given.folders:
            shutil.copytree(folder, installed / folder.name)
        (installed / COMMAND).mkdir()
        program = installed / COMMAND / COMMAND
        program.write_bytes(_COMMAND)
        program.chmod(0o755)
        where = given.folders[0].name if given.folders else ""
        test = GuestTest(COMMAND, COMMAND, COMMAND, (where, *given.words), given.timeout)
        boot_setup = BootSetup(
            given.machine,
            chosen,
            (test,) if given.words else (),
            Toolchain(given.machine.arch, (), "not known: the image was given", ccache=False),
            "not known: the image was given",
            tuple(folder.name for folder in given.folders),
            given.append,
        )
        return boot_kernel(boot_setup, given_kernel(given.image, installed), given.out, progress, "boot")


def given_kernel(image: Path, installed: Path) -> Kernel:
    """Return an image that was built elsewhere as a kernel, with the folder `installed` as its selftests."""
    log = installed / "log"
    log.write_bytes(b"")
    build = Build(image, log, log, key="", seconds=0.0, objects=0, cached=True)
    return Kernel(image.name, "", build, Installed(installed, (), log, 0.0, cached=True))


def said(out: Path) -> Iterator[str]:
    """Yield the lines that the command printed, from the log of the guest's results port in the run directory `out`."""
    for line in bounded_log.lines(qemu.Files(out).results):
        if line.startswith("# ") and not line.startswith("# selftests: "):
            yield line[2:]


def failed(run: Run, words: Sequence[str]) -> str:
    """Return why a run is not good: results that are not PASS, and kernel complaints; "" if there are none."""
    names = {COMMAND: process.quote(words)}
    bad = [each for each in run.results if each.status is not Status.PASS]
    reasons = [f"{names.get(each.name, each.name)}: {each.status} {each.reason}" for each in bad]
    return "; ".join([*reasons, *(f"the kernel complains: {splat.title}" for splat in run.splats)])
