"""The run of one version, as its run directory has it. Pure; `read` reads it.

A run makes these values and writes them to its directory; `read` returns equal ones.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from series_ci.errors import AlreadyAppliedError, ExitStatus, NothingToTestError
from series_ci.kernel.base import Source
from series_ci.kernel.hazards import Permitted
from series_ci.results.compare import Compared, SplatEntry, TestChange
from series_ci.results.coverage import Coverage
from series_ci.results.model import Ended, Run


@dataclass(frozen=True)
class Problem:
    """Why a version was not booted: the message of the error, its details, and a hint on what to do next."""

    message: str
    details: str = ""
    hint: str = ""


@dataclass(frozen=True)
class PatchResult:
    """The build after one patch (`1/2 title`): its `error`, None if it succeeded, and the compiler's new warnings.

    `coverage` says what of the patch is in its kernel; None if this build or the one before it failed.
    """

    patch: str
    commit: str
    error: str | None
    new_warnings: tuple[str, ...]
    coverage: Coverage | None = None

    @property
    def tested(self) -> bool:
        """Whether a part of the patch is in its kernel; True if that is not known."""
        return self.coverage is None or self.coverage.tested


@dataclass(frozen=True)
class SentPatch:
    """One patch of the version as it was mailed: Message-ID, `git patch-id`, subject without prefixes."""

    message_id: str
    patch_id: str
    subject: str


@dataclass(frozen=True)
class Boot:
    """One boot: its folder, relative to that of the version, and its Run (None if the record is missing)."""

    folder: str
    run: Run | None = None


SOURCE_KEYS = ("linux", "tree_commit", "tree_describe", "tree_url")
"""The keys of the fields of Source in the `environment` of summary.json; empty fields are left out."""


@dataclass(frozen=True)
class Retried:
    """A guest that was lost or never came up, and was started again.

    `kernel` is `base` or `patched`; `folder`, relative to that of the version, has its files; `ended` and `why` say how
    it ended.
    """

    kernel: str
    folder: str
    ended: Ended
    why: str


@dataclass(frozen=True)
class Origin:
    """Where the sources came from.

    `tree` is the spec of the base; `refused` says why trees before it in the list were not used; `base` and `patched`
    are commits (`patched` is None if the version was not booted); `base_patches` are the names of the patches that the
    base has on top of the tree; `source` has the public names of the tree.
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
class VersionRun(Compared):
    """One version, tested. `error` says why it was not booted; else `entries` and `splats` compare it with its base.

    `folder` is the path of the run directory when it was written; `environment` has compiler, accelerator, QEMU and so
    on. `base_boots` and `boots` (with the series) are in the order of the looks: the first pair ran all tests, later
    ones those that changed. `coverage` says what of the series is in its kernel; None if that was not built.
    `permitted` are the hazards that the manifest permits, `retried` the guests that were started again.
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
        """The stage at which it ended."""
        if self.error is None:
            return Stage.DONE
        ended = {ExitStatus.APPLY: Stage.APPLY, ExitStatus.BUILD: Stage.BUILD, ExitStatus.NOT_TESTED: Stage.BOOT}
        if self.verdict in (AlreadyAppliedError.verdict, NothingToTestError.verdict):
            return Stage.APPLY
        return ended.get(self.status, Stage.DONE)

    @property
    def arch(self) -> str:
        """The architecture of the kernels; `any` if none was built."""
        return self.environment.get("arch") or "any"

    @property
    def machine(self) -> list[str]:
        """Architecture, accelerator and compiler, those that are known."""
        return [value for key in ("arch", "accelerator", "compiler") if (value := self.environment.get(key))]


def retried(base: Sequence[Boot], patched: Sequence[Boot]) -> tuple[Retried, ...]:
    """Return the guests of these boots that were started again."""
    return tuple(
        Retried(kernel, posixpath.join(boot.folder, attempt.folder), attempt.ended, attempt.why)
        for kernel, boots in (("base", base), ("patched", patched))
        for boot in boots
        if boot.run
        for attempt in boot.run.attempts
    )


class Stage(StrEnum):
    """The stage at which the test of a version ended."""

    FETCH = "fetch"
    TREE = "tree"
    APPLY = "apply"
    BUILD = "build"
    BOOT = "boot"
    DONE = "done"
