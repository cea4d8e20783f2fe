"""Do the work of `series-ci test VERSION`: fetch, apply, build, boot, compare, write the results."""

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
    """Test one version, write the results into the run directory, and return them.

    A SeriesError (the version does not apply, does not build, or is not in the kernel) is a verdict. Raises every other
    Error.
    """
    return write(examine(request, progress))


def examine(request: Request, progress: Progress) -> Outcome:
    """Test one version and return the outcome, without writing the results. Raises every Error but a SeriesError."""
    requirements.require(request.arch, request.toolchain)
    fetched = fetch(request, progress)
    base, refused = find_base(request, progress)
    outcome = Outcome(request, fetched, base, tuple(refused))
    try:
        with Store(base.store).in_use(progress.say):
            commit = apply(request, base, fetched, progress)
            outcome = replace(outcome, permitted=permitted(base, commit, fetched.patches, request.permit))
            build_setup, first = make_base(request, base, progress)
            outcome = replace(outcome, steps=each_patch(request, build_setup, first, commit, fetched, progress))
            second = kernel.make(build_setup, request.label, commit, RunDir(request.out).patched(), progress)
        coverage = compiled.measure(build_setup, first, second)
        outcome = replace(outcome, coverage=coverage)
        compiled.require_tested(coverage)
    except SeriesError as error:
        return replace(outcome, error=error)
    boot_setup = make_boot_setup(request, build_setup, (first, second), progress)
    base_runs = BaseRuns(boot_setup, first, RunDir(request.out).base, progress)
    judged = judge(base_runs, second, request.out, progress, request.allow)
    return replace(outcome, runs=judged.runs, boots=judged.boots, comparison=judged.comparison, build_setup=build_setup)


def write(outcome: Outcome) -> VersionRun:
    """Write JUnit, lock and summary into the run directory. Return the run as it was written."""
    run_dir, run = RunDir(outcome.request.out), version_run(outcome)
    files.write(run_dir.junit, junit(run))
    if lock := of_test(outcome):
        runlock.write(run_dir.path, lock)
    # Last: a directory with a summary is finished.
    files.write_json(run_dir.summary, version_json(run))
    return run
