"""The steps that several verbs share: fetch, find the base, apply, build, and choose what to boot with."""

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
from series_ci.kernel.base import Base
from series_ci.kernel.checkout import check_kernel
from series_ci.kernel.each_patch import PatchBuild, build_each
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.kernel.selftests import timeout
from series_ci.kernel.store import Store
from series_ci.mail import message
from series_ci.mail.archive import open_archive
from series_ci.mail.fetch import Fetched, fetch_version
from series_ci.manifest.model import Selftest
from series_ci.manifest.request import Request
from series_ci.pipeline.provenance import source_of
from series_ci.progress import Progress, count
from series_ci.rundir.layout import RunDir
from series_ci.versions import in_base


@dataclass(frozen=True)
class KernelPair:
    """The kernel of the base, that of one version, and what they were made of. `commit` is the base with the series."""

    fetched: Fetched
    base: Base
    commit: str
    build_setup: BuildSetup
    first: Kernel
    second: Kernel


def each_patch(
    request: Request, build_setup: BuildSetup, base: Kernel, tip: str, fetched: Fetched, progress: Progress
) -> tuple[PatchBuild, ...]:
    """Build the kernel after each patch of the version up to `tip`. Returns () if the request does not ask for it."""
    if not request.each_patch:
        return ()
    return build_each(build_setup, base, tip, fetched.patches, progress, RunDir(request.out).patch)


def fetch(request: Request, progress: Progress, suffix: str = "") -> Fetched:
    """Fetch the mails of a version and return them. Makes the run directory and copies the mails into it.

    `suffix` follows the name of the step. Raises what `mail.fetch.fetch_version` raises.
    """
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
    """Make the run directory before the fetch, to fail early if that is impossible. Remove it if the fetch fails."""
    with files.disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.rmdir()
        raise


def find_base(request: Request, progress: Progress) -> tuple[Base, list[str]]:
    """Return the first tree of the request that can be had, with its base patches, and why earlier ones were not used.

    Raises what `sources.first_available` raises, and UsageError if a base patch cannot be read or does not apply.
    """
    with progress.step("tree") as step:
        tree, index, refused = sources.first_available([each.spec for each in request.trees], step.update)
        store = Store(tree.store)
        version = check_kernel(store, tree.commit, tree.spec)
        patches = request.trees[index].base_patches
        base = kept_base(tree, patches)
        if base is None:
            with store.in_use(progress.say):
                base = with_base_patches(tree, patches)
        base = replace(base, source=source_of(tree, version))
        step.note("cached" if base.cached else "imported")
        step.note(f"{tree.spec} is Linux {version}" + (f", {count(len(patches), 'base patch')}" if patches else ""))
    for reason in refused:
        progress.say(f"not used: {reason}")
    return base, refused


def apply(request: Request, base: Base, fetched: Fetched, progress: Progress, suffix: str = "") -> str:
    """Apply the version to its base and return the commit. `suffix` follows the name of the step.

    Raises ApplyError if it does not apply, AlreadyAppliedError if the base has the series, NothingToTestError if the
    series changes documentation only.
    """
    with progress.step("apply" + suffix) as step:
        try:
            commit, cached = with_series(base, fetched.patches, fetched.digest, request.permit)
        except ApplyError as error:
            in_base.require_absent(base, fetched, error)
            raise
        changed = Store(base.store).changed(base.commit, commit)
        step.note("cached" if cached else f"{count(len(changed), 'file')}: {' '.join(changed[:4])}")
    in_base.require_change(base, changed)
    compiled.require_something(changed)
    return commit


def make_build_setup(request: Request, base: Base) -> BuildSetup:
    """Return what all kernels of the request are built with."""
    collections = sorted({test.program.partition("/")[0] for test in request.tests})
    tools = toolchain.toolchain(request.arch, request.toolchain)
    build_setup = kernel.make_build_setup(Store(base.store), base.commit, tools, collections, request.config)
    return replace(build_setup, programs=tuple(test.program for test in request.tests))


def make_base(request: Request, base: Base, progress: Progress) -> tuple[BuildSetup, Kernel]:
    """Build the base. Return the build setup and the kernel. Raises InfrastructureError if it does not build."""
    build_setup = make_build_setup(request, base)
    try:
        return build_setup, kernel.make(build_setup, "base", base.commit, RunDir(request.out).base, progress)
    except BuildError as error:
        raise kernel.base_failure(error) from error


def make_pair(request: Request, progress: Progress) -> KernelPair:
    """Fetch, apply, and build both kernels of a request.

    Raises what `fetch`, `find_base`, `apply` and `make_base` raise, BuildError if the version does not build, and
    NotTestedError if nothing of the series is in its kernel: for bench and bisect that is no result.
    """
    requirements.require(request.arch, request.toolchain)
    fetched = fetch(request, progress)
    base, _refused = find_base(request, progress)
    with Store(base.store).in_use(progress.say):
        commit = apply(request, base, fetched, progress)
        build_setup, first = make_base(request, base, progress)
        second = kernel.make(build_setup, request.label, commit, RunDir(request.out).patched(), progress)
    compiled.require_tested(compiled.measure(build_setup, first, second))
    return KernelPair(fetched, base, commit, build_setup, first, second)


def make_boot_setup(
    request: Request, build_setup: BuildSetup, kernels: Sequence[Kernel], progress: Progress
) -> BootSetup:
    """Return what the kernels of the request, base first, are booted with. Raises UsageError if none has a test."""
    chosen = choose_accelerator(request.accel, request.arch, kernels[0].build.image, progress)
    tests = tuple(make_test(each, build_setup, kernels[0].commit) for each in request.tests)
    boot.require(tests, kernels)
    return BootSetup(request.machine, chosen, tests, build_setup.tools, build_setup.config_digest)


def choose_accelerator(wanted: str, arch: Arch, image: Path, progress: Progress) -> Accelerator:
    """Return the accelerator. A step of its own shows which one it is, and why not KVM.

    Raises what `accel.choose` raises.
    """
    with progress.step("accelerator") as step:
        chosen = accel.choose(wanted, arch, image, step.update)
        step.note(chosen.name.upper() + (f", for KVM does not run here: {chosen.why}" if chosen.why else ""))
    return chosen


def make_test(selftest: Selftest, build_setup: BuildSetup, commit: str) -> GuestTest:
    """Return a selftest as the guest runs it, with its timeout: that of the manifest, else that of its collection."""
    collection, _, program = selftest.program.partition("/")
    seconds = selftest.timeout or timeout(build_setup.store, commit, collection, program)
    return GuestTest(selftest.name, collection, program, selftest.args, seconds, scaled=selftest.timeout is None)
