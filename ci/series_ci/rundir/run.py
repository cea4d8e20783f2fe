"""What a run directory tells: one tested version, or a sweep over many. Pure; `stored` reads it.

A run makes these values from what it saw, and writes them down; whoever reads the directory gets equal ones.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from series_ci.errors import AlreadyAppliedError, ExitStatus, NothingToTestError
from series_ci.kernel.hazards import Permitted
from series_ci.kernel.source import Source
from series_ci.manifest.allow import Allowed
from series_ci.results.compare import Change, SplatEntry, TestChange
from series_ci.results.coverage import Coverage
from series_ci.results.model import Ended, Run, Splat


@dataclass(frozen=True)
class Problem:
    """Why a version was not booted: an error with its evidence and what to do next."""

    message: str
    details: str = ""
    hint: str = ""


@dataclass(frozen=True)
class PatchResult:
    """The build after one patch (`1/2 title`); without an `error` it went well. `new_warnings` are the compiler's.

    `coverage` says what of the patch is in its kernel, None where that or the one before it does not build.
    """

    patch: str
    commit: str
    error: str | None
    new_warnings: tuple[str, ...]
    coverage: Coverage | None = None

    @property
    def tested(self) -> bool:
        """Whether its kernel says anything about it, as far as that is known."""
        return self.coverage is None or self.coverage.tested


@dataclass(frozen=True)
class SentPatch:
    """One patch of the version as it was mailed: Message-ID, `git patch-id`, subject without prefixes."""

    message_id: str
    patch_id: str
    subject: str


@dataclass(frozen=True)
class Boot:
    """One boot: its folder, relative to that of the version, and what it gave (None where that is not kept)."""

    folder: str
    run: Run | None = None


SOURCE_KEYS = ("linux", "tree_commit", "tree_describe", "tree_url")
"""The keys of a run's `environment` in `summary.json` that hold the fields of its source; what is empty is left out."""


@dataclass(frozen=True)
class Retried:
    """A guest that came to nothing and was started again: of which kernel (`base` or `patched`), how it ended, and why.

    `folder` is where its files lie, relative to that of the version.
    """

    kernel: str
    folder: str
    ended: Ended
    why: str


@dataclass(frozen=True)
class Origin:
    """Where the sources came from.

    `tree` is the spec of the base, `refused` says why others of the list were not used, `patched` is None for a version
    that was not booted; `base_patches` are the names of what the base has on top of that tree; `source` is that tree.
    """

    archive: str
    tree: str
    refused: tuple[str, ...]
    base: str
    patched: str | None
    patches: tuple[SentPatch, ...]
    base_patches: tuple[str, ...] = ()
    source: Source = field(default_factory=Source)


@dataclass(frozen=True)
class VersionRun:
    """One version, tested. `error` says why it was not booted; else `entries` and `splats` compare it with its base.

    `folder` is the run directory as it was named then; `environment` are compiler, accelerator, QEMU and so on;
    `base_boots` and `boots` (with the series) are in the order of the boots: the first pair ran all tests, later ones
    those that changed. `coverage` says what of the series is in its kernel; None if that was not built. `permitted`
    is what the manifest let the series have, `retried` are the guests that had to be started again.
    """

    series: str
    version: str
    title: str
    message_id: str
    verdict: str
    status: ExitStatus
    entries: tuple[TestChange, ...]
    splats: tuple[SplatEntry, ...]
    steps: tuple[PatchResult, ...]
    error: Problem | None
    folder: str
    environment: Mapping[str, str]
    origin: Origin
    repeat: str
    base_boots: tuple[Boot, ...] = ()
    boots: tuple[Boot, ...] = ()
    coverage: Coverage | None = None
    permitted: tuple[Permitted, ...] = ()
    retried: tuple[Retried, ...] = ()

    @property
    def stage(self) -> Stage:
        """Where its way ended."""
        if self.error is None:
            return Stage.DONE
        ended = {ExitStatus.APPLY: Stage.APPLY, ExitStatus.BUILD: Stage.BUILD, ExitStatus.NOT_TESTED: Stage.BOOT}
        if self.verdict in (AlreadyAppliedError.verdict, NothingToTestError.verdict):
            return Stage.APPLY
        return ended.get(self.status, Stage.DONE)

    def having(self, change: Change) -> list[TestChange]:
        """The tests with this change."""
        return [entry for entry in self.entries if entry.change is change]

    @property
    def new_splats(self) -> list[Splat]:
        """The complaints of the kernel that the base does not have."""
        return [entry.splat for entry in self.splats if entry.change is Change.NEW]

    @property
    def allowed_splats(self) -> list[tuple[Splat, Allowed]]:
        """Those that the base does not have and the manifest allows."""
        return [(entry.splat, entry.allowed) for entry in self.splats if entry.allowed]

    @property
    def arch(self) -> str:
        """The architecture that was built, `any` if none was."""
        return self.environment.get("arch") or "any"

    @property
    def machine(self) -> list[str]:
        """Architecture, accelerator and compiler, as far as they are known."""
        return [value for key in ("arch", "accelerator", "compiler") if (value := self.environment.get(key))]


def retried(base: Sequence[Boot], patched: Sequence[Boot]) -> tuple[Retried, ...]:
    """The guests that were started again in these boots."""
    return tuple(
        Retried(kernel, posixpath.join(boot.folder, attempt.folder), attempt.ended, attempt.why)
        for kernel, boots in (("base", base), ("patched", patched))
        for boot in boots
        if boot.run
        for attempt in boot.run.attempts
    )


class Stage(StrEnum):
    """Where the way of a version ended."""

    FETCH = "fetch"
    TREE = "tree"
    APPLY = "apply"
    BUILD = "build"
    BOOT = "boot"
    DONE = "done"
