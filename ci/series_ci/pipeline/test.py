"""The story of `series-ci test VERSION`: fetch, apply, build, boot, compare, write down."""

from __future__ import annotations

from dataclasses import replace

from series_ci.errors import SeriesError
from series_ci.host import files, requirements
from series_ci.kernel import compiled, kernel
from series_ci.kernel.apply import permitted
from series_ci.kernel.store import Store
from series_ci.manifest.request import Request
from series_ci.pipeline.judge import BaseRuns, judge
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.pipeline.runlock import of_test
from series_ci.pipeline.stages import apply, each_patch, fetch, find_base, make_base, make_boot_setup
from series_ci.progress import Progress
from series_ci.report.junit import junit
from series_ci.rundir import runlock
from series_ci.rundir.layout import RunDir
from series_ci.rundir.run import VersionRun
from series_ci.rundir.summary import version_json


def run_version(request: Request, progress: Progress) -> VersionRun:
    """Take one version from the list to a verdict, and write it down.

    Not to apply, not to build and not to be in the kernel are verdicts, too. Raises every other error.
    """
    return write(examine(request, progress))


def examine(request: Request, progress: Progress) -> Outcome:
    """Take one version to a verdict, as `test` does, and leave it to the caller to write it down."""
    requirements.require(request.arch, request.toolchain)
    fetched = fetch(request, progress)
    base, refused = find_base(request, progress)
    seen = Outcome(request, fetched, base, tuple(refused))
    try:
        with Store(base.store).in_use(progress.say):
            commit = apply(request, base, fetched, progress)
            seen = replace(seen, permitted=permitted(base, commit, fetched.patches, request.permit))
            build_setup, first = make_base(request, base, progress)
            seen = replace(seen, steps=each_patch(request, build_setup, first, commit, fetched, progress))
            second = kernel.make(build_setup, request.label, commit, RunDir(request.out).patched(), progress)
        covered = compiled.measure(build_setup, first, second)
        seen = replace(seen, coverage=covered)
        compiled.require_tested(covered)
    except SeriesError as error:
        return replace(seen, error=error)
    boot_setup = make_boot_setup(request, build_setup, (first, second), progress)
    base_runs = BaseRuns(boot_setup, first, RunDir(request.out).base, progress)
    found = judge(base_runs, second, request.out, progress, request.allow)
    return replace(seen, runs=found.runs, boots=found.boots, comparison=found.comparison, build_setup=build_setup)


def write(outcome: Outcome) -> VersionRun:
    """Put the verdict into the run directory, and return it as it was written."""
    run_dir, run = RunDir(outcome.request.out), version_run(outcome)
    files.write(run_dir.junit, junit(run))
    if made := of_test(outcome):
        runlock.write(run_dir.path, made)
    # The last one: it says that the run is finished.
    files.write_json(run_dir.summary, version_json(run))
    return run
