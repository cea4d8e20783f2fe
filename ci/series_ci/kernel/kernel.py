"""Build a kernel and its selftests from a commit of a store, or take them from the cache."""

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
    """A kernel with its selftests, ready to boot: one side of a comparison."""

    label: str
    commit: str
    build: Build
    tests: Installed


@dataclass(frozen=True)
class BuildSetup:
    """What both kernels of a comparison are built with: the same store, toolchain and configuration.

    `collections` are the folders of selftests that are built, `programs` those of their tests that are run (`mm/good`).
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
        """The digest of the configuration, 16 hexadecimal digits."""
        return kconfig.digest(kconfig.render(self.options))


def make_build_setup(
    store: Store, commit: str, tools: Toolchain, collections: Sequence[str], fragments: Sequence[Path]
) -> BuildSetup:
    """Merge the configuration: the options that the guest needs, the tests' `config` files, then the series' fragments.

    A file NAME.MACHINE (`config.aarch64`, as `uname -m` prints it) follows the file NAME on that machine only.
    """
    names = ("guest.config", f"guest-{tools.arch.name}.config")
    texts = [(name, paths.data("kernel", name).read_text("utf-8")) for name in names]
    texts += selftests.config_fragments(store, commit, collections, tools.arch.machine)
    for path in fragments:
        own = path.with_name(f"{path.name}.{tools.arch.machine}")
        texts += [(each.name, each.read_text("utf-8")) for each in (path, own) if each is path or each.is_file()]
    return BuildSetup(store, tools, tuple(kconfig.merge(texts)), tuple(collections))


def make(build_setup: BuildSetup, label: str, commit: str, log_folder: Path, progress: Progress) -> Kernel:
    """Return the kernel and the selftests of a commit; build what the cache does not have.

    The log of a build that fails goes to `log_folder`. Raises what `build.make_kernel` and `selftests.install` raise.
    """
    key = cache.key(build_setup.store.tree_id(commit), build_setup.tools, build_setup.options)
    with progress.step(f"build {label}") as step:
        log = log_folder / BUILD_LOG
        if failed := cache.lookup_failure(key, log):
            step.note("cached")
            raise failed
        built = cache.lookup(key) or _build(build_setup, commit, key, log, step)
        _tell(step, built)
    if not build_setup.collections:
        return Kernel(label, commit, built, Installed(paths.cache(), (), built.log, 0.0, cached=True))
    tests_key = selftests.key(build_setup.store, commit, build_setup.collections, build_setup.tools)
    with progress.step(f"selftests {label}") as step:
        installed = selftests.lookup(tests_key)
        if installed is None:
            source = _lay_out(build_setup, commit)
            build_setup.folder.mkdir(parents=True, exist_ok=True)
            installed = selftests.install(
                source,
                build_setup.folder,
                build_setup.collections,
                build_setup.tools,
                cache_key=tests_key,
                tell=step.note,
                failed_log=log_folder / SELFTESTS_LOG,
            )
        else:
            step.note("cached")
    return Kernel(label, commit, built, installed)


def _lay_out(build_setup: BuildSetup, commit: str) -> Path:
    build_setup.store.check_out(commit)
    return build_setup.store.worktree


def _build(build_setup: BuildSetup, commit: str, key: str, log: Path, step: Step) -> Build:
    with files.disk_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
    source = _lay_out(build_setup, commit)
    return build.make_kernel(
        source,
        build_setup.tools,
        build_setup.options,
        folder=build_setup.folder,
        key=key,
        log=log,
        progress=step.update,
    )


def _tell(step: Step, built: Build) -> None:
    size = built.image.stat().st_size / 1e6
    step.note("cached" if built.cached else f"{built.objects} objects")
    step.note(f"image {size:.1f} MB")


def base_failure(error: BuildError) -> InfrastructureError:
    """Return the error for a base that does not build: that says nothing about the series."""
    return InfrastructureError(f"the base itself {error.message}", hint=error.hint, details=error.details)
