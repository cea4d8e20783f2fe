"""The steps that all stories share, in the order in which a version goes through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from series_ci.arch import Arch
from series_ci.errors import ApplyError, BuildError
from series_ci.guest import accel, boot
from series_ci.guest.accel import Accelerator
from series_ci.guest.boot import BootSetup
from series_ci.guest.initramfs import GuestTest
from series_ci.host import files, requirements
from series_ci.kernel import compiled, kernel, sources, toolchain
from series_ci.kernel.apply import kept_base, with_base_patches, with_series
from series_ci.kernel.each_patch import PatchBuild, build_each
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.kernel.selftests import timeout
from series_ci.kernel.source import Base
from series_ci.kernel.store import Store, check_kernel
from series_ci.mail import message
from series_ci.mail.archive import open_archive
from series_ci.mail.fetch import Fetched, fetch_version
from series_ci.manifest.model import Selftest
from series_ci.manifest.request import Request
from series_ci.pipeline.provenance import source_of
from series_ci.progress import Progress, count
from series_ci.rundir.layout import RunDir
from series_ci.versions import present


@dataclass(frozen=True)
class KernelPair:
    """The base's kernel and that of one version, and what they were made of; `commit` is the version's."""

    fetched: Fetched
    base: Base
    commit: str
    build_setup: BuildSetup
    first: Kernel
    second: Kernel


def each_patch(
    request: Request, build_setup: BuildSetup, base: Kernel, tip: str, fetched: Fetched, progress: Progress
) -> tuple[PatchBuild, ...]:
    """A build after each patch of the version; none if it was not asked for."""
    if not request.each_patch:
        return ()
    return build_each(build_setup, base, tip, fetched.patches, progress, RunDir(request.out).patch)


def fetch(request: Request, progress: Progress, suffix: str = "") -> Fetched:
    """The mails of a version, and a copy of them in its folder, which is made. Raises what `lore.fetch` raises."""
    with progress.step("fetch" + suffix) as step, _run_folder(request.out):
        fetched = fetch_version(request.message_ids, open_archive(request.archive), tell=progress.say)
        step.note("cached" if fetched.cached else request.archive)
        step.note(f"{count(len(fetched.patches), 'patch')}: {fetched.title}")
    run_dir = RunDir(request.out)
    files.write(run_dir.mails, fetched.mbox.read_bytes())
    files.write(run_dir.sent, message.join_mbox(fetched.sent))
    return fetched


@contextmanager
def _run_folder(path: Path) -> Iterator[None]:
    """Make the run directory at once, to know early that it can be written; without the mails it goes again."""
    with files.disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.rmdir()
        raise


def find_base(request: Request, progress: Progress) -> tuple[Base, list[str]]:
    """The first tree of the request that can be had, with its base patches, and why earlier ones were not used."""
    with progress.step("tree") as step:
        found, index, refused = sources.first_available([each.spec for each in request.trees], step.update)
        store = Store(found.store)
        version = check_kernel(store, found.commit, found.spec)
        own = request.trees[index].base_patches
        base = kept_base(found, own)
        if base is None:
            with store.in_use(progress.say):
                base = with_base_patches(found, own)
        base = replace(base, source=source_of(found, version))
        step.note("cached" if base.cached else "imported")
        step.note(f"{found.spec} is Linux {version}" + (f", {count(len(own), 'base patch')}" if own else ""))
    for reason in refused:
        progress.say(f"not used: {reason}")
    return base, refused


def apply(request: Request, base: Base, fetched: Fetched, progress: Progress, suffix: str = "") -> str:
    """The commit of the version on its base.

    Raises ApplyError, AlreadyAppliedError, and NothingToTestError for a series that changes documentation only.
    """
    with progress.step("apply" + suffix) as step:
        try:
            commit, cached = with_series(base, fetched.patches, fetched.digest, request.permit)
        except ApplyError as error:
            present.require_absent(base, fetched, error)
            raise
        changed = Store(base.store).changed(base.commit, commit)
        step.note("cached" if cached else f"{count(len(changed), 'file')}: {' '.join(changed[:4])}")
    present.require_change(base, changed)
    compiled.require_something(changed)
    return commit


def make_build_setup(request: Request, base: Base) -> BuildSetup:
    """Where all kernels of the request are made."""
    collections = sorted({test.program.partition("/")[0] for test in request.tests})
    tools = toolchain.toolchain(request.arch, request.toolchain)
    build_setup = kernel.make_build_setup(Store(base.store), base.commit, tools, collections, request.config)
    return replace(build_setup, programs=tuple(test.program for test in request.tests))


def make_base(request: Request, base: Base, progress: Progress) -> tuple[BuildSetup, Kernel]:
    """Return the build setup of a request and the kernel of its base. Raises InfrastructureError if that fails."""
    build_setup = make_build_setup(request, base)
    try:
        return build_setup, kernel.make(build_setup, "base", base.commit, RunDir(request.out).base, progress)
    except BuildError as error:
        raise kernel.base_failure(error) from error


def make_pair(request: Request, progress: Progress) -> KernelPair:
    """Both kernels of a request, for what has no use for a series that is not in its kernel: that is raised, too."""
    requirements.require(request.arch, request.toolchain)
    fetched = fetch(request, progress)
    base, _refused = find_base(request, progress)
    with Store(base.store).in_use(progress.say):
        commit = apply(request, base, fetched, progress)
        build_setup, first = make_base(request, base, progress)
        second = kernel.make(build_setup, request.label, commit, RunDir(request.out).patched(), progress)
    compiled.require_tested(compiled.measure(build_setup, first, second))
    return KernelPair(fetched, base, commit, build_setup, first, second)


def make_boot_setup(request: Request, build_setup: BuildSetup, made: Sequence[Kernel], progress: Progress) -> BootSetup:
    """What all kernels of the request are booted with; `made` are those that bring its tests, the base first."""
    chosen = choose_accelerator(request.accel, request.arch, made[0].build.image, progress)
    tests = tuple(make_test(each, build_setup, made[0].commit) for each in request.tests)
    boot.require(tests, made)
    return BootSetup(request.machine, chosen, tests, build_setup.tools, build_setup.config_digest)


def choose_accelerator(wanted: str, arch: Arch, image: Path, progress: Progress) -> Accelerator:
    """KVM or TCG, as a step of its own that says which and why. Raises what `accel.choose` raises."""
    with progress.step("accelerator") as step:
        chosen = accel.choose(wanted, arch, image, step.update)
        step.note(chosen.name.upper() + (f", for KVM does not run here: {chosen.why}" if chosen.why else ""))
    return chosen


def make_test(selftest: Selftest, build_setup: BuildSetup, commit: str) -> GuestTest:
    """A selftest as the guest runs it, with the time that it may take."""
    collection, _, program = selftest.program.partition("/")
    seconds = selftest.timeout or timeout(build_setup.store, commit, collection, program)
    return GuestTest(selftest.name, collection, program, selftest.args, seconds, scaled=selftest.timeout is None)
