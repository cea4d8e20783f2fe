"""Test many versions of one series, each against its base. What they share is fetched, built and booted once.

All kernels are built before the first one boots, so that what does not apply or build is known within minutes. A
version with the sources of another one is not built, and one with the kernel of another one is not booted; both get the
results of the other one.

No kernel is built while a guest runs. On two cores, doing both at once took 0.93 of the time that they take one after
the other (tools/eval sweep-cost). That is too small a gain: the guests run slower, and their tests watch reclaim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from series_ci.errors import Error, SeriesError
from series_ci.host import files, requirements
from series_ci.kernel import compiled, order
from series_ci.kernel.apply import permitted
from series_ci.kernel.kernel import make
from series_ci.kernel.store import Store
from series_ci.pipeline import stages
from series_ci.pipeline.judge import BaseRuns, judge
from series_ci.pipeline.rows import Row, Sweep, sweep_run
from series_ci.pipeline.sweep_state import EnoughError, SweepState, TreeState, VersionState
from series_ci.pipeline.test import write
from series_ci.progress import Progress
from series_ci.report.junit import junit
from series_ci.report.markdown import markdown
from series_ci.rundir.layout import RunDir, numbered_base, opened
from series_ci.rundir.sweep_run import SweepRun
from series_ci.rundir.sweep_summary import sweep_json


def run_sweep(sweep: Sweep, progress: Progress) -> SweepRun:
    """Test all versions of a sweep and return the run. Write each version as soon as it is known, the table at the end.

    Continues a sweep that was interrupted in the same folder. Raises UsageError if another process works in it, and
    what `run_versions` raises.
    """
    with opened(sweep.out, sweep.repeat) as goes_on:
        if goes_on:
            progress.say(f"goes on with the interrupted sweep in {sweep.out}")
        run = sweep_run(sweep, run_versions(sweep, progress, _write_version))
        run_dir = RunDir(sweep.out)
        files.write(run_dir.junit, junit(run))
        files.write(run_dir.table, markdown(run))
        # Last: a directory with a summary is finished.
        files.write_json(run_dir.summary, sweep_json(run))
    return run


def _write_version(row: Row) -> None:
    if row.outcome is not None:
        write(row.outcome)


def run_versions(sweep: Sweep, progress: Progress, done: Callable[[Row], None] = lambda _row: None) -> list[Row]:
    """Test all versions and return their rows. Call `done` with each row as soon as it is known.

    An error of one version (its mail cannot be fetched, its guest was lost) is kept in its row. Raises it if all
    versions failed with the same error, and InfrastructureError if a program is missing.
    """
    requirements.require(sweep.requests[0].arch, sweep.requests[0].toolchain)
    versions = [VersionState(request) for request in sweep.requests]
    work = SweepState(sweep, progress, done)
    try:
        for version in versions:
            with work.keeping(version):
                version.fetched = stages.fetch(version.request, progress, f" {version.label}")
        trees = _trees([each for each in versions if not each.error], work)
        for each in trees:
            _make(each, work)
        for each in trees:
            _boot(each, work)
    except EnoughError:
        versions = [each for each in versions if each.error or each.judged]
        progress.say("stopped: --no-keep-going")
    else:
        _raise_common([version.error for version in versions])
    return [version.row() for version in versions]


def _raise_common(errors: Sequence[Error | None]) -> None:
    """Raise the error that all versions failed with, if there are several and it is not in the series."""
    first = errors[0]
    same = len({str(error) for error in errors}) == 1
    if len(errors) > 1 and same and first is not None and not isinstance(first, SeriesError):
        raise first


def _trees(versions: Sequence[VersionState], work: SweepState) -> list[TreeState]:
    """Find the base of each version, once per list of trees. Return the bases that at least one version has."""
    by_commit: dict[str, TreeState] = {}
    by_source: dict[object, TreeState | Error] = {}
    for version in versions:
        source = version.request.trees
        if source not in by_source:
            try:
                base, refused = stages.find_base(version.request, work.progress)
            except Error as error:
                by_source[source] = error
            else:
                out = work.sweep.out / numbered_base(len(by_commit) + 1) if by_commit else work.sweep.out
                by_source[source] = by_commit.setdefault(base.commit, TreeState(base, tuple(refused), out))
        tree = by_source[source]
        with work.keeping(version):
            if isinstance(tree, Error):
                raise tree
            version.tree = tree
            tree.versions.append(version)
    return list(by_commit.values())


def _make(tree: TreeState, work: SweepState) -> None:
    """Apply and build all versions of a base. Equal sources are built once."""
    store = Store(tree.base.store)
    with store.in_use(work.progress.say):
        for version in tree.versions:
            with work.keeping(version):
                version.commit = _apply(version, tree, work)
        applied = _without_twins([each for each in tree.versions if not each.error], store)
        if not applied:
            return
        request = replace(applied[0].request, out=tree.out)
        try:
            tree.build_setup, tree.kernel = stages.make_base(request, tree.base, work.progress)
        except Error as error:
            for version in applied:
                version.error = error
                work.tell(version)
            return
        contents = [store.contents(tree.base.commit, each.commit) for each in applied]
        for index in order.order(contents):
            version = applied[index]
            with work.keeping(version):
                log = RunDir(version.request.out).patched()
                version.kernel = make(tree.build_setup, version.label, version.commit, log, work.progress)
                version.coverage = covered = compiled.measure(tree.build_setup, tree.kernel, version.kernel)
                compiled.require_tested(covered)


def _apply(version: VersionState, tree: TreeState, work: SweepState) -> str:
    assert version.fetched is not None
    request, fetched = version.request, version.fetched
    commit = stages.apply(request, tree.base, fetched, work.progress, f" {version.label}")
    version.permitted = permitted(tree.base, commit, fetched.patches, request.permit)
    return commit


def _without_twins(versions: Sequence[VersionState], store: Store) -> list[VersionState]:
    """Return the versions that differ in their sources. Make each other version a twin of the first of its kind."""
    elders: dict[str, VersionState] = {}
    for version in versions:
        elder = elders.setdefault(store.tree_id(version.commit), version)
        if elder is not version:
            version.elder = elder
            elder.twins.append(version)
    return list(elders.values())


def _boot(tree: TreeState, work: SweepState) -> None:
    """Boot and judge all kernels of a base. Equal kernels are booted once."""
    built = [each for each in tree.versions if each.kernel is not None and each.error is None]
    if not built or tree.build_setup is None or tree.kernel is None:
        return
    kernels = [each.kernel for each in built if each.kernel is not None]
    boot_setup = stages.make_boot_setup(built[0].request, tree.build_setup, [tree.kernel, *kernels], work.progress)
    base = BaseRuns(boot_setup, tree.kernel, RunDir(tree.out).base, work.progress)
    booted: dict[str, VersionState] = {}
    for version in built:
        assert version.kernel is not None
        key = files.digest(version.kernel.build.image.read_bytes(), str(version.kernel.tests.folder))
        first = booted.setdefault(key, version)
        with work.keeping(version):
            if first is version:
                version.judged = judge(base, version.kernel, version.request.out, work.progress, version.request.allow)
            elif first.error is not None:
                raise first.error
            else:
                version.judged = first.judged
                work.progress.say(f"{version.label}: has the kernel of {first.label}, bit for bit; not booted again")
            work.tell(version)
