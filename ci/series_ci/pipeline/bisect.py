"""Which patch of a series changed a test: the base and the series are known, the patches between them are searched.

As git bisect does it, but over patches as they were mailed, with a boot per step. A patch after which the kernel does
not build or the test gives no result says nothing, and is stepped over: the answer may then be more than one patch.
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
"""What a patch on the way may give and the whole series did not: neither like the base nor like the series."""


@dataclass(frozen=True)
class Probe:
    """One patch that was tried: its place from 1, what the test gave after it, and why nothing if it gave nothing."""

    number: int
    result: str
    why: str = ""


@dataclass(frozen=True)
class Bisected:
    """The answer: `first` and `last` are the patches among which the one is that changed the test, from 1.

    `before` and `after` are the test's status on the base and with the whole series; `change` what that is.
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
    """The first of patches 1..count after which the test is as with all of them; a range if some give no answer.

    `like_the_series` is asked for patches in the middle; None: it cannot be told there.
    """
    low, high = 0, count  # after patch `low` it is as on the base, after patch `high` as with the series
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
    """Find the patch that changed a test, and write down which it is. Raises what `find_patch` raises."""
    found = find_patch(request, test, progress)
    files.write_json(request.out / "bisect.json", bisect_json(request, found))
    return found


def bisect_json(request: Request, found: Bisected) -> dict[str, Any]:
    """The answer as `bisect.json` has it."""
    return {**asdict(found), "series": request.series, "version": request.label, "run_dir": str(request.out)}


def find_patch(request: Request, test: str, progress: Progress) -> Bisected:
    """Search the version of a request, whose tests hold the program that `test` is part of.

    Raises UsageError for a test that has the same result on the base and with the series, or that neither has; the
    errors of `pipeline.test` for a version that does not apply or build as a whole.
    """
    made = stages.make_pair(request, progress)
    boot_setup = stages.make_boot_setup(request, made.build_setup, (made.first, made.second), progress)
    base_runs = BaseRuns(boot_setup, made.first, RunDir(request.out).base, progress)
    compared = judge(base_runs, made.second, request.out, progress).comparison
    entry = _worth_a_search(request, test, _entry(compared, test))
    commits = made.build_setup.store.between(made.base.commit, made.commit)
    asked = _Search(request, test, made.build_setup, base_runs, entry.change, commits, progress)
    low, high = search(len(asked.commits), asked.like_the_series, progress.say)
    patches = made.fetched.patches
    titles = tuple(f"{at}/{len(patches)} {each.subject.title}" for at, each in enumerate(patches, 1))
    return Bisected(
        test, titles, _shown(entry.base), _shown(entry.patched), entry.change, low, high, tuple(asked.steps)
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
    """What each step needs; `change` is what the whole series does to the test."""

    request: Request
    test: str
    build_setup: BuildSetup
    base_runs: BaseRuns
    change: Change
    commits: list[str]
    progress: Progress
    steps: list[Probe] = field(default_factory=list)

    def like_the_series(self, number: int) -> bool | None:
        """Build and boot the kernel after a patch: is the test as with the whole series?"""
        folder = RunDir(self.request.out).patch(number)
        label = f"{number}/{len(self.commits)}"
        try:
            with self.build_setup.store.in_use(self.progress.say):
                commit = self.commits[number - 1]
                kernel = make(self.build_setup, label, commit, RunDir(folder).patched(), self.progress)
        except BuildError as error:
            self.steps.append(Probe(number, "", error.message))
            return None
        # What is as on the base is looked at twice here, too: one boot that happens to pass would blame another patch.
        judged = judge(self.base_runs, kernel, folder, self.progress, twice=self._twice())
        entry = _entry(judged.comparison, self.test)
        self.steps.append(Probe(number, _shown(entry.patched if entry else None)))
        change = entry.change if entry else Change.SAME
        return True if change is self.change else None if change in UNKNOWN else False

    def _twice(self) -> list[str]:
        """The program that the test is part of; of the boot as a whole, all of them."""
        names = [test.name for test in self.base_runs.setup.tests]
        return names if self.test == BOOT_RESULT else [name for name in names if name == looks.program(self.test)]
