"""The verdict on one kernel: booted beside the base, compared with it, and what changed looked at again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from series_ci.guest.boot import BootSetup, boot_kernel
from series_ci.guest.initramfs import GuestTest
from series_ci.host import files
from series_ci.kernel.kernel import Kernel
from series_ci.manifest.allow import Allowed
from series_ci.progress import Progress
from series_ci.results import looks
from series_ci.results.compare import Change, Comparison
from series_ci.results.model import Run


def numbered(name: str, number: int) -> str:
    """What a boot is called, and its folder: the second one of `base` is `base-2`."""
    return f"{name}-{number}" if number > 1 else name


@dataclass
class BaseRuns:
    """The boots of the base: each is made when it is first asked for, and serves all versions on that base.

    Versions change different tests, and each selection of tests that a later look runs is a boot of its own: the
    folders `base-2`, `base-3` and so on, in the order in which they were asked for.
    """

    recipe: BootSetup
    kernel: Kernel
    folder: Path
    progress: Progress
    _made: dict[tuple[GuestTest, ...], tuple[Run, Path]] = field(default_factory=dict)
    _first: list[tuple[Run, Path]] = field(default_factory=list)

    def first(self) -> tuple[Run, Path]:
        """The boot that runs all tests, and its folder."""
        if not self._first:
            self._first.append(self._boot(self.recipe.tests, 1))
        return self._first[0]

    def again(self, tests: tuple[GuestTest, ...]) -> tuple[Run, Path]:
        """A fresh boot that runs these tests alone, and its folder."""
        if tests not in self._made:
            self._made[tests] = self._boot(tests, len(self._made) + 2)
        return self._made[tests]

    def _boot(self, tests: tuple[GuestTest, ...], number: int) -> tuple[Run, Path]:
        folder = self.folder.with_name(numbered(self.folder.name, number))
        name = f"boot {numbered(self.kernel.label, number)}"
        return boot(narrowed(self.recipe, tests), self.kernel, folder, self.progress, name), folder


@dataclass(frozen=True)
class Judged:
    """A comparison, the pairs of runs that it was made of, and the folder of each run."""

    runs: tuple[Run, ...]
    boots: tuple[Path, ...]
    comparison: Comparison


@dataclass
class _Looks:
    """The pairs of runs of one version so far."""

    base: BaseRuns
    kernel: Kernel
    out: Path
    progress: Progress
    pairs: list[tuple[Run, Run]] = field(default_factory=list)
    boots: list[Path] = field(default_factory=list)

    def look(self, tests: tuple[GuestTest, ...]) -> None:
        """Boot both kernels with these tests."""
        number = len(self.pairs) + 1
        before, place = self.base.again(tests) if self.pairs else self.base.first()
        folder = self.out / numbered("patched", number)
        name = f"boot {numbered(self.kernel.label, number)}"
        after = boot(narrowed(self.base.recipe, tests), self.kernel, folder, self.progress, name)
        self.pairs.append((before, after))
        self.boots += [place, folder]


def judge(
    base: BaseRuns,
    kernel: Kernel,
    out: Path,
    progress: Progress,
    allowed: Sequence[Allowed] = (),
    twice: Collection[str] = (),
) -> Judged:
    """Boot a version's kernel and compare it with the base; what changed is looked at again, on fresh boots of both.

    The second look runs only the tests that changed, and those named by `twice`. If it does not show what the first one
    did, a third look runs all: what changed may depend on tests that ran before it. The folders `patched`, `patched-2`
    and `patched-3` in `out` get all that a reader of the results needs. `allowed` are the complaints that the manifest
    allows.
    """
    every = base.recipe.tests
    made = _Looks(base, kernel, out, progress)
    made.look(every)
    first = looks.verdict(made.pairs, allowed)
    if (chosen := _chosen(every, looks.again(first, [test.name for test in every]), twice)) is not None:
        progress.say(f"{_changes(first)}: both kernels once more{_with(chosen, every)}, to tell changes from FLAKY")
        made.look(chosen)
        if looks.contradicted(*looks.compared(made.pairs, allowed)):
            progress.say("not as before: both kernels once more with all tests, which may depend on one another")
            made.look(every)
    runs = tuple(run for pair in made.pairs for run in pair)
    return Judged(runs, tuple(made.boots), looks.verdict(made.pairs, allowed))


def _chosen(
    every: tuple[GuestTest, ...], names: Sequence[str] | None, twice: Collection[str]
) -> tuple[GuestTest, ...] | None:
    if names is None and not twice:
        return None
    return tuple(test for test in every if test.name in {*(names or ()), *twice})


def _changes(found: Comparison) -> str:
    """What asks for another look, in few words."""
    counts = Counter(str(entry.change) for entry in found.entries if entry.change is not Change.SAME)
    words = [f"{number} {change}" for change, number in counts.items()]
    words += ["a new kernel complaint"] if found.new_splats else []
    return ", ".join(words) or "nothing changed"


def _with(chosen: Sequence[GuestTest], every: Sequence[GuestTest]) -> str:
    if len(chosen) == len(every):
        return ""
    return f" with {', '.join(test.name for test in chosen)} alone" if chosen else " without tests"


def narrowed(recipe: BootSetup, tests: tuple[GuestTest, ...]) -> BootSetup:
    """The recipe with fewer tests; what the others brought with them stays in the guest."""
    if tests == recipe.tests:
        return recipe
    return replace(recipe, tests=tests, also=tuple(sorted({*recipe.also, *(test.collection for test in recipe.tests)})))


def boot(recipe: BootSetup, kernel: Kernel, folder: Path, progress: Progress, step_name: str) -> Run:
    """Boot one kernel; `folder` gets all that a reader of its results needs."""
    run = boot_kernel(recipe, kernel, folder, progress, step_name)
    kept = {"config": kernel.build.config, "build.log": kernel.build.log}
    if recipe.tests:
        kept["selftests.log"] = kernel.tests.log
    for name, path in kept.items():
        files.write(folder / name, path.read_bytes())
    return run
