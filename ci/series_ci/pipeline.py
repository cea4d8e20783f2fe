"""The whole story of `series-ci test`: fetch, apply, build, boot, compare, write down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from series_ci import accel, boots, compare, files, kernels, lore, record, requirements, sources, tree
from series_ci.arch import Arch
from series_ci.archive import open_archive
from series_ci.boots import Recipe
from series_ci.compare import Change, Comparison
from series_ci.errors import ApplyError, BuildError, Error
from series_ci.guest import Test
from series_ci.kernels import Kernel, Workshop
from series_ci.lore import Fetched
from series_ci.machine import Machine
from series_ci.manifest import Selftest, TreeSource
from series_ci.progress import Progress, count
from series_ci.results import Run
from series_ci.selftests import timeout
from series_ci.store import Base, Store, check_kernel


@dataclass(frozen=True)
class Request:
    """One version to test, with everything decided: what the manifest says and what the command line changed of it.

    `repeat` is the command line that does the same again; `out` the run directory, which does not exist yet.
    """

    series: str
    label: str
    message_id: str
    archive: str
    trees: tuple[TreeSource, ...]
    config: tuple[Path, ...]
    machine: Machine
    tests: tuple[Selftest, ...]
    accel: str
    out: Path
    repeat: str

    @property
    def arch(self) -> Arch:
        """The architecture that is built and booted."""
        return self.machine.arch


@dataclass(frozen=True)
class Outcome:
    """What came of a request. Without a comparison, `error` says why the version could not be booted.

    `base` is the tree that was used, `refused` why earlier ones of the list were not.
    """

    request: Request
    fetched: Fetched
    base: Base
    refused: tuple[str, ...]
    runs: tuple[Run, ...] = ()
    comparison: Comparison | None = None
    error: Error | None = None


def test(request: Request, progress: Progress) -> Outcome:
    """Take one version to a verdict. That it does not apply or build is a verdict, too; other errors are raised."""
    requirements.require(request.arch)
    fetched = _fetch(request, progress)
    base, refused = find_base(request, progress)
    try:
        shop, pair = _make_both(request, base, fetched, progress)
    except (ApplyError, BuildError) as error:
        return Outcome(request, fetched, base, tuple(refused), error=error)
    recipe = make_recipe(request, shop, pair, progress)
    first = _boot_both(recipe, pair, request.out, "", progress)
    runs: tuple[Run, ...] = first
    comparison = compare.compare(*first)
    if comparison.having(Change.BROKEN) or comparison.ended_worse:
        progress.say("something broke: both kernels once more, to tell BROKEN from FLAKY")
        again = _boot_both(recipe, pair, request.out, "-2", progress)
        comparison = compare.with_second(comparison, compare.compare(*again))
        runs += again
    return Outcome(request, fetched, base, tuple(refused), runs, comparison)


def _fetch(request: Request, progress: Progress) -> Fetched:
    with progress.step("fetch") as step, _run_folder(request.out):
        fetched = lore.fetch(request.message_id, open_archive(request.archive), tell=progress.say)
        step.note("cached" if fetched.cached else request.archive)
        step.note(f"{count(len(fetched.patches), 'patch')}: {fetched.title}")
    files.write(request.out / "series.mbx", fetched.mbox.read_bytes())
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
        patches = request.trees[index].base_patches
        with files.locked(store.lock, progress.say):
            base = tree.with_base_patches(found, patches)
        step.note("cached" if base.cached else "imported")
        step.note(f"{found.spec} is Linux {version}" + (f", {count(len(patches), 'base patch')}" if patches else ""))
    for reason in refused:
        progress.say(f"not used: {reason}")
    return base, refused


def _make_both(
    request: Request, base: Base, fetched: Fetched, progress: Progress
) -> tuple[Workshop, tuple[Kernel, Kernel]]:
    store = Store(base.store)
    with files.locked(store.lock, progress.say):
        with progress.step("apply") as step:
            commit, cached = tree.with_series(base, fetched.patches, fetched.digest)
            changed = store.changed(base.commit, commit)
            step.note("cached" if cached else f"{count(len(changed), 'file')}: {' '.join(changed[:4])}")
        shop, first = make_base(request, base, progress)
        second = kernels.make(shop, request.label, commit, request.out / "patched", progress)
    return shop, (first, second)


def make_base(request: Request, base: Base, progress: Progress) -> tuple[Workshop, Kernel]:
    """The workshop for the request's configuration, and the base's kernel. The caller holds the store's lock."""
    collections = sorted({test.program.partition("/")[0] for test in request.tests})
    shop = kernels.workshop(Store(base.store), base.commit, request.arch, collections, request.config)
    try:
        return shop, kernels.make(shop, "base", base.commit, request.out / "base", progress)
    except BuildError as error:
        raise kernels.base_failure(error) from error


def make_recipe(request: Request, shop: Workshop, made: Sequence[Kernel], progress: Progress) -> Recipe:
    """What all kernels of the request are booted with; `made` are those that bring its tests, the base first."""
    with progress.step("accelerator") as step:
        chosen = accel.choose(request.accel, request.arch, made[0].build.image, step.update)
        step.note(chosen.name.upper() + (f", for KVM does not run here: {chosen.why}" if chosen.why else ""))
    tests = tuple(_test(each, shop, made[0].commit) for each in request.tests)
    boots.require(tests, made)
    return Recipe(request.machine, chosen, tests, shop.tools, shop.config_digest)


def _test(selftest: Selftest, shop: Workshop, commit: str) -> Test:
    collection, _, program = selftest.program.partition("/")
    seconds = selftest.timeout or timeout(shop.store, commit, collection, program)
    return Test(selftest.name, collection, program, selftest.args, seconds)


def _boot_both(
    recipe: Recipe, pair: tuple[Kernel, Kernel], out: Path, suffix: str, progress: Progress
) -> tuple[Run, Run]:
    runs = []
    for kernel, folder in zip(pair, ("base", "patched"), strict=True):
        runs.append(boot(recipe, kernel, out / f"{folder}{suffix}", progress, f"boot {kernel.label}{suffix}"))
    return runs[0], runs[1]


def boot(recipe: Recipe, kernel: Kernel, folder: Path, progress: Progress, step_name: str) -> Run:
    """Boot one kernel; `folder` gets all that a reader of its results needs."""
    run = boots.boot(recipe, kernel, folder, progress, step_name)
    record.write_run(folder / "run.json", run)
    kept = {"config": kernel.build.config, "build.log": kernel.build.log}
    if recipe.tests:
        kept["selftests.log"] = kernel.tests.log
    for name, path in kept.items():
        files.write(folder / name, path.read_bytes())
    return run
