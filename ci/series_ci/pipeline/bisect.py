"""Find the patch of a series that changed a test, by bisection between the base and the whole series.

This works as git bisect does, but over the patches as they were mailed, with a boot per step. A patch after which the
kernel does not build or the test gives no result is skipped. The answer may then be a range of patches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from series_ci.errors import BuildError, UsageError
from series_ci.guest.record import RUN_FILE
from series_ci.host import files
from series_ci.kernel.kernel import BuildSetup, make
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.pipeline.judge import BaseRuns, judge
from series_ci.progress import Progress
from series_ci.results import looks
from series_ci.results.compare import Change, Comparison, TestChange
from series_ci.results.model import BOOT_RESULT, Status
from series_ci.rundir.layout import RunDir

UNKNOWN = frozenset({Change.FLAKY, Change.GONE, Change.SKIPPED})
"""Changes that do not tell which side a patch is on, unless the whole series makes the same change."""


@dataclass(frozen=True)
class Probe:
    """One patch that was tried; `number` is its place in the series, from 1.

    `result` is the test's status after it. It is empty if the kernel did not build, and `why` has the error then.
    """

    number: int
    result: str
    why: str = ""


@dataclass(frozen=True)
class Bisected:
    """The answer: one of the patches `first` to `last`, counted from 1, changed the test.

    `before` and `after` are the status of the test on the base and with the whole series, `change` is the difference.
    `titles` are those of all patches, `steps` the patches that were tried, in that order.
    """

    test: str
    titles: tuple[str, ...]
    before: str
    after: str
    change: Change
    first: int
    last: int
    steps: tuple[Probe, ...]


def search(
    count: int, like_the_series: Callable[[int], bool | None], note: Callable[[str], None] = lambda _text: None
) -> tuple[int, int]:
    """Bisect patches 1..`count`; return the first and the last one that may have changed the test.

    The two are equal unless a patch between them gives no answer. `like_the_series` returns whether the test is, after
    a patch, as with the whole series, or None if the patch gives no answer. `note` is told how many patches are left.
    """
    low, high = 0, count  # after patch `low` the test is as on the base, after patch `high` as with the series
    silent: set[int] = set()
    while candidates := [number for number in range(low + 1, high) if number not in silent]:
        note(f"{high - low} patches left")
        middle = (low + high) / 2
        number = min(candidates, key=lambda each: abs(each - middle))
        answer = like_the_series(number)
        if answer is None:
            silent.add(number)
        elif answer:
            high = number
        else:
            low = number
    return low + 1, high


def run_bisect(request: Request, test: str, progress: Progress) -> Bisected:
    """Find the patch that changed a test, write bisect.json, and return the answer. Raises what `find_patch` raises."""
    answer = find_patch(request, test, progress)
    files.write_json(request.out / "bisect.json", bisect_json(request, answer))
    return answer


def bisect_json(request: Request, answer: Bisected) -> dict[str, Any]:
    """Return the answer in the form of bisect.json."""
    return {**asdict(answer), "series": request.series, "version": request.label, "run_dir": str(request.out)}


def find_patch(request: Request, test: str, progress: Progress) -> Bisected:
    """Find the patch of a version that changed a test, and return the answer.

    The tests of the request have to include the program that `test` is part of. Raises UsageError if the test has the
    same status on the base and with the series, is flaky, or is on neither; raises what `stages.make_pair` raises if
    the version does not apply or build as a whole.
    """
    pair = stages.make_pair(request, progress)
    boot_setup = stages.make_boot_setup(request, pair.build_setup, (pair.first, pair.second), progress)
    base_runs = BaseRuns(boot_setup, pair.first, RunDir(request.out).base, progress)
    comparison = judge(base_runs, pair.second, request.out, progress).comparison
    entry = _worth_a_search(request, test, _entry(comparison, test))
    commits = pair.build_setup.store.between(pair.base.commit, pair.commit)
    probes = _Search(request, test, pair.build_setup, base_runs, entry.change, commits, progress)
    first, last = search(len(probes.commits), probes.like_the_series, progress.say)
    patches = pair.fetched.patches
    titles = tuple(f"{at}/{len(patches)} {each.subject.title}" for at, each in enumerate(patches, 1))
    return Bisected(
        test, titles, _shown(entry.base), _shown(entry.patched), entry.change, first, last, tuple(probes.steps)
    )


def _shown(status: Status | None) -> str:
    return str(status or "absent")


def _entry(comparison: Comparison, test: str) -> TestChange | None:
    return next((entry for entry in comparison.entries if entry.name == test), None)


def _worth_a_search(request: Request, test: str, whole: TestChange | None) -> TestChange:
    if whole is None:
        raise UsageError(
            f"no test {test}, neither on the base nor with {request.label}",
            hint=f"the names of all results are in {RunDir(request.out).base / RUN_FILE}",
        )
    if whole.change in (Change.SAME, Change.FLAKY):
        what = f"is {whole.patched} on the base and with" if whole.change is Change.SAME else "is FLAKY with"
        raise UsageError(
            f"{test} {what} {request.label}: there is no patch to look for",
            hint="series-ci test shows what a version changes",
        )
    return whole


@dataclass
class _Search:
    """The state of a search. `change` is what the whole series does to the test, `steps` the patches tried so far."""

    request: Request
    test: str
    build_setup: BuildSetup
    base_runs: BaseRuns
    change: Change
    commits: list[str]
    progress: Progress
    steps: list[Probe] = field(default_factory=list)

    def like_the_series(self, number: int) -> bool | None:
        """Build and boot the kernel after a patch. Return whether the test is as with the whole series.

        Returns None if the kernel does not build, or if the change is in UNKNOWN and not that of the series.
        """
        folder = RunDir(self.request.out).patch(number)
        label = f"{number}/{len(self.commits)}"
        try:
            with self.build_setup.store.in_use(self.progress.say):
                commit = self.commits[number - 1]
                kernel = make(self.build_setup, label, commit, RunDir(folder).patched(), self.progress)
        except BuildError as error:
            self.steps.append(Probe(number, "", error.message))
            return None
        # A result that equals the base's is seen twice, too: one boot that happens to pass would blame another patch.
        judged = judge(self.base_runs, kernel, folder, self.progress, twice=self._twice())
        entry = _entry(judged.comparison, self.test)
        self.steps.append(Probe(number, _shown(entry.patched if entry else None)))
        change = entry.change if entry else Change.SAME
        return True if change is self.change else None if change in UNKNOWN else False

    def _twice(self) -> list[str]:
        """Return the names of the tests to run twice: that of the searched result; all of them if that is the boot."""
        names = [test.name for test in self.base_runs.setup.tests]
        return names if self.test == BOOT_RESULT else [name for name in names if name == looks.program(self.test)]
