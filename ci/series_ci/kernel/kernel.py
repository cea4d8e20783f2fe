"""Two kernels and their selftests from two commits of one store: built if need be, else from the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import BuildError, InfrastructureError
from series_ci.host import files, paths
from series_ci.kernel import build, cache, kconfig, selftests
from series_ci.kernel.cache import Build
from series_ci.kernel.logs import BUILD_LOG, SELFTESTS_LOG
from series_ci.kernel.selftests import Installed
from series_ci.kernel.store import Store
from series_ci.kernel.toolchain import Toolchain
from series_ci.progress import Progress, Step


@dataclass(frozen=True)
class Kernel:
    """One side of the comparison, ready to boot."""

    label: str
    commit: str
    build: Build
    tests: Installed


@dataclass(frozen=True)
class BuildSetup:
    """Where both kernels are made: same store, toolchain and configuration for the two of them.

    `programs` are the tests of the collections that are run (`mm/good`).
    """

    store: Store
    tools: Toolchain
    options: tuple[kconfig.Asked, ...]
    collections: tuple[str, ...]
    programs: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The build folder that base and versions share."""
        return build.folder_for(self.store.path, self.tools, self.options)

    @property
    def config_digest(self) -> str:
        """What stands for the configuration in reports."""
        return kconfig.digest(kconfig.render(self.options))


def workshop(
    store: Store, commit: str, tools: Toolchain, collections: Sequence[str], fragments: Sequence[Path]
) -> BuildSetup:
    """Put the configuration together: the guest's needs, the tests' own `config` files, the series' fragments last.

    A file with `.MACHINE` behind its name, as `uname -m` says it (`config.aarch64`), comes after it for that one.
    """
    names = ("guest.config", f"guest-{tools.arch.name}.config")
    texts = [(name, paths.data("kernel", name).read_text("utf-8")) for name in names]
    texts += selftests.config_fragments(store, commit, collections, tools.arch.machine)
    for path in fragments:
        own = path.with_name(f"{path.name}.{tools.arch.machine}")
        texts += [(each.name, each.read_text("utf-8")) for each in (path, own) if each is path or each.is_file()]
    return BuildSetup(store, tools, tuple(kconfig.merge(texts)), tuple(collections))


def make(shop: BuildSetup, label: str, commit: str, log_folder: Path, progress: Progress) -> Kernel:
    """The kernel and the selftests of a commit."""
    key = cache.key(shop.store.tree_id(commit), shop.tools, shop.options)
    with progress.step(f"build {label}") as step:
        log = log_folder / BUILD_LOG
        if failed := cache.lookup_failure(key, log):
            step.note("cached")
            raise failed
        built = cache.lookup(key) or _build(shop, commit, key, log, step)
        _tell(step, built)
    if not shop.collections:
        return Kernel(label, commit, built, Installed(paths.cache(), (), built.log, 0.0, cached=True))
    tests_key = selftests.key(shop.store, commit, shop.collections, shop.tools)
    with progress.step(f"selftests {label}") as step:
        installed = selftests.lookup(tests_key)
        if installed is None:
            source = _lay_out(shop, commit)
            shop.folder.mkdir(parents=True, exist_ok=True)
            installed = selftests.install(
                source,
                shop.folder,
                shop.collections,
                shop.tools,
                cache_key=tests_key,
                tell=step.note,
                failed_log=log_folder / SELFTESTS_LOG,
            )
        else:
            step.note("cached")
    return Kernel(label, commit, built, installed)


def _lay_out(shop: BuildSetup, commit: str) -> Path:
    shop.store.check_out(commit)
    return shop.store.worktree


def _build(shop: BuildSetup, commit: str, key: str, log: Path, step: Step) -> Build:
    with files.disk_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
    source = _lay_out(shop, commit)
    return build.make_kernel(
        source, shop.tools, shop.options, folder=shop.folder, key=key, log=log, progress=step.update
    )


def _tell(step: Step, built: Build) -> None:
    size = built.image.stat().st_size / 1e6
    step.note("cached" if built.cached else f"{built.objects} objects")
    step.note(f"image {size:.1f} MB")


def base_failure(error: BuildError) -> InfrastructureError:
    """A base that does not build says nothing about the series."""
    return InfrastructureError(f"the base itself {error.message}", hint=error.hint, details=error.details)
