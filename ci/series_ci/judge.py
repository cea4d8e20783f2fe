"""The verdict on one kernel: booted beside the base, compared with it, and what broke tried once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci import boots as guests
from series_ci import compare, files
from series_ci.allow import Allowed
from series_ci.boots import Recipe
from series_ci.compare import Change, Comparison
from series_ci.kernels import Kernel
from series_ci.progress import Progress
from series_ci.results import Run


class BaseRuns:
    """The boots of the base: each is made when it is first asked for, and serves all versions on that base."""

    def __init__(self, recipe: Recipe, kernel: Kernel, folder: Path, progress: Progress) -> None:
        self.recipe = recipe
        self._kernel = kernel
        self._folder = folder
        self._progress = progress
        self._runs: dict[str, Run] = {}

    def folder(self, suffix: str = "") -> Path:
        """Where a boot lies."""
        return self._folder.with_name(self._folder.name + suffix)

    def run(self, suffix: str = "") -> Run:
        """The first boot, or with a suffix such as `-2` another one."""
        if suffix not in self._runs:
            name = f"boot {self._kernel.label}{suffix}"
            self._runs[suffix] = boot(self.recipe, self._kernel, self.folder(suffix), self._progress, name)
        return self._runs[suffix]


@dataclass(frozen=True)
class Judged:
    """A comparison, the pairs of runs that it was made of, and the folder of each run."""

    runs: tuple[Run, ...]
    boots: tuple[Path, ...]
    comparison: Comparison


def judge(base: BaseRuns, kernel: Kernel, out: Path, progress: Progress, allowed: Sequence[Allowed] = ()) -> Judged:
    """Boot a version's kernel and compare it with the base; what broke is tried once more, on fresh boots of both.

    The folders `patched` and `patched-2` in `out` get all that a reader of the results needs. `allowed` are the
    complaints that the manifest allows.
    """

    def pair(suffix: str) -> tuple[Run, Run]:
        before = base.run(suffix)
        return before, boot(base.recipe, kernel, folders(suffix)[1], progress, f"boot {kernel.label}{suffix}")

    def folders(suffix: str) -> tuple[Path, Path]:
        return base.folder(suffix), out / f"patched{suffix}"

    runs: tuple[Run, ...] = pair("")
    boots: tuple[Path, ...] = folders("")
    comparison = compare.compare(runs[0], runs[1], allowed)
    if comparison.having(Change.BROKEN) or comparison.ended_worse:
        progress.say("something broke: both kernels once more, to tell BROKEN from FLAKY")
        again = pair("-2")
        comparison = compare.with_second(comparison, compare.compare(*again, allowed))
        runs += again
        boots += folders("-2")
    return Judged(runs, boots, comparison)


def boot(recipe: Recipe, kernel: Kernel, folder: Path, progress: Progress, step_name: str) -> Run:
    """Boot one kernel; `folder` gets all that a reader of its results needs."""
    run = guests.boot(recipe, kernel, folder, progress, step_name)
    kept = {"config": kernel.build.config, "build.log": kernel.build.log}
    if recipe.tests:
        kept["selftests.log"] = kernel.tests.log
    for name, path in kept.items():
        files.write(folder / name, path.read_bytes())
    return run
