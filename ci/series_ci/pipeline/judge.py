"""Judge one kernel: boot it and the base, compare the runs, and boot both again to confirm what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from series_ci.guest.boot import BootSetup, boot_kernel
from series_ci.guest.initramfs import GuestTest
from series_ci.host import files
from series_ci.kernel.kernel import Kernel
from series_ci.kernel.logs import BUILD_LOG, CONFIG, SELFTESTS_LOG
from series_ci.manifest.allow import Allowed
from series_ci.progress import Progress
from series_ci.results import looks
from series_ci.results.compare import Change, Comparison
from series_ci.results.model import Run
from series_ci.rundir.layout import RunDir, numbered


@dataclass
class BaseRuns:
    """The boots of a base. Each is made when it is first asked for, and serves all versions on that base.

    Versions change different tests, and each selection of tests that a later look runs is a boot of its own: the
    folders `base-2`, `base-3` and so on, in the order in which they were asked for.
    """

    setup: BootSetup
    kernel: Kernel
    folder: Path
    progress: Progress
    _first: list[tuple[Run, Path]] = field(default_factory=list)
    _later: dict[tuple[GuestTest, ...], tuple[Run, Path]] = field(default_factory=dict)

    def run(self, tests: tuple[GuestTest, ...], *, first: bool) -> tuple[Run, Path]:
        """Return a run of the base with these tests, and its folder.

        The `first` look takes the boot that runs all tests, each later one a fresh boot with its tests alone.
        """
        known = self._first[:1] if first else [self._later[tests]] if tests in self._later else []
        if known:
            return known[0]
        number = 1 if first else len(self._later) + 2
        folder = self.folder.with_name(numbered(self.folder.name, number))
        name = f"boot {numbered(self.kernel.label, number)}"
        run = boot_kernel(narrowed(self.setup, tests), self.kernel, folder, self.progress, name)
        keep_logs(self.kernel, folder, selftests=bool(tests))
        if first:
            self._first.append((run, folder))
        else:
            self._later[tests] = (run, folder)
        return run, folder


@dataclass(frozen=True)
class Judged:
    """A comparison, the runs that it was made of (base, patched, base, ...), and the folder of each run."""

    runs: tuple[Run, ...]
    boots: tuple[Path, ...]
    comparison: Comparison


def judge(
    base: BaseRuns,
    kernel: Kernel,
    out: Path,
    progress: Progress,
    allowed: Sequence[Allowed] = (),
    twice: Collection[str] = (),
) -> Judged:
    """Boot a version's kernel and compare it with the base. Confirm changes by a second look: fresh boots of both.

    The second look runs only the tests that changed, and those named by `twice`. If it contradicts the first one, a
    third look runs all tests, since a change may depend on tests that ran before. The folders `patched`, `patched-2`
    and `patched-3` in `out` get the logs. `allowed` are the complaints that the manifest allows.
    """
    pairs: list[tuple[Run, Run]] = []
    boots: list[Path] = []
    for tests in _looks(base.setup.tests, pairs, allowed, twice, progress):
        number = len(pairs) + 1
        before, base_folder = base.run(tests, first=not pairs)
        folder = RunDir(out).patched(number)
        name = f"boot {numbered(kernel.label, number)}"
        after = boot_kernel(narrowed(base.setup, tests), kernel, folder, progress, name)
        keep_logs(kernel, folder, selftests=bool(tests))
        pairs.append((before, after))
        boots += [base_folder, folder]
    return Judged(tuple(run for pair in pairs for run in pair), tuple(boots), looks.verdict(pairs, allowed))


def _looks(
    every: tuple[GuestTest, ...],
    pairs: Sequence[tuple[Run, Run]],
    allowed: Sequence[Allowed],
    twice: Collection[str],
    progress: Progress,
) -> Iterator[tuple[GuestTest, ...]]:
    """Yield the tests of each look. The caller adds the pair of runs to `pairs` before it asks for the next look."""
    yield every
    first = looks.verdict(pairs, allowed)
    chosen = _chosen(every, looks.again(first, [test.name for test in every]), twice)
    if chosen is None:
        return
    progress.say(f"{_changes(first)}: both kernels once more{_with(chosen, every)}, to tell changes from FLAKY")
    yield chosen
    if looks.contradicted(*looks.compared(pairs, allowed)):
        progress.say("not as before: both kernels once more with all tests, which may depend on one another")
        yield every


def _chosen(
    every: tuple[GuestTest, ...], names: Sequence[str] | None, twice: Collection[str]
) -> tuple[GuestTest, ...] | None:
    if names is None and not twice:
        return None
    return tuple(test for test in every if test.name in {*(names or ()), *twice})


def _changes(comparison: Comparison) -> str:
    """Return the changes that call for another look, for progress: `2 BROKEN, a new kernel complaint`."""
    counts = Counter(str(entry.change) for entry in comparison.entries if entry.change is not Change.SAME)
    words = [f"{number} {change}" for change, number in counts.items()]
    words += ["a new kernel complaint"] if comparison.new_splats else []
    return ", ".join(words) or "nothing changed"


def _with(chosen: Sequence[GuestTest], every: Sequence[GuestTest]) -> str:
    if len(chosen) == len(every):
        return ""
    return f" with {', '.join(test.name for test in chosen)} alone" if chosen else " without tests"


def narrowed(setup: BootSetup, tests: tuple[GuestTest, ...]) -> BootSetup:
    """Return the setup with these tests only. The collections of the other tests stay in the guest."""
    if tests == setup.tests:
        return setup
    return replace(setup, tests=tests, also=tuple(sorted({*setup.also, *(test.collection for test in setup.tests)})))


def keep_logs(kernel: Kernel, folder: Path, *, selftests: bool) -> None:
    """Copy configuration and logs of a kernel's build into the folder of its boot, for readers of the results."""
    kept = {CONFIG: kernel.build.config, BUILD_LOG: kernel.build.log}
    if selftests:
        kept[SELFTESTS_LOG] = kernel.tests.log
    for name, path in kept.items():
        files.write(folder / name, path.read_bytes())
