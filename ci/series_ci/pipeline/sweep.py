"""Many versions of one series, each against its base: what they share is fetched, built and booted once.

Everything is built before anything boots, so that what does not apply or build is known within minutes. A version whose
sources are those of another one is not built, one whose kernel is that of another one not booted: both get its results.

No kernel is built while a guest runs: on two cores both at once took 0.93 of the time that they take one by one
(tools/eval sweep-cost). That is little for guests that run slower, and whose tests look at what reclaim does meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from series_ci.errors import Error, ExitStatus, SeriesError
from series_ci.host import files, requirements
from series_ci.kernel import compiled, order
from series_ci.kernel.apply import permitted
from series_ci.kernel.kernel import Kernel, Workshop, make
from series_ci.kernel.store import Base, Store
from series_ci.mail.fetch import Fetched
from series_ci.pipeline import stages
from series_ci.pipeline.judge import BaseRuns, Judged, judge
from series_ci.pipeline.rows import Row, Sweep, status
from series_ci.pipeline.stages import Outcome, Request
from series_ci.progress import Progress
from series_ci.results.coverage import Coverage
from series_ci.rundir.run import Permitted, Stage


@dataclass
class _Version:
    """A version on its way."""

    request: Request
    fetched: Fetched | None = None
    tree: _Tree | None = None
    commit: str = ""
    kernel: Kernel | None = None
    coverage: Coverage | None = None
    elder: _Version | None = None
    twins: list[_Version] = field(default_factory=list)
    error: Error | None = None
    judged: Judged | None = None
    permitted: tuple[Permitted, ...] = ()

    @property
    def label(self) -> str:
        return self.request.label

    def row(self) -> Row:
        """The version as others see it; a twin has what its elder got."""
        elder = self.elder or self
        error = self.error or elder.error
        judged = elder.judged
        verdict = judged is not None or isinstance(error, SeriesError)
        outcome = None
        if verdict and self.fetched and self.tree:
            outcome = Outcome(
                self.request,
                self.fetched,
                self.tree.base,
                self.tree.refused,
                judged.runs if judged else (),
                judged.comparison if judged else None,
                error,
                boots=judged.boots if judged else (),
                shop=self.tree.shop,
                coverage=elder.coverage,
                permitted=self.permitted,
            )
        base = self.tree.base.spec if self.tree else ""
        return Row(self.request, outcome, error, self.stage, base, self.elder.label if self.elder else "")

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        if self.elder is not None:
            return self.elder.stage
        steps = {
            Stage.FETCH: self.fetched,
            Stage.TREE: self.tree,
            Stage.APPLY: self.commit,
            Stage.BUILD: self.kernel,
            Stage.BOOT: self.judged,
        }
        return next((stage for stage, made in steps.items() if not made), Stage.DONE)


@dataclass
class _Tree:
    """A base, and the versions that go on it; `out` gets a folder `base`."""

    base: Base
    refused: tuple[str, ...]
    out: Path
    versions: list[_Version] = field(default_factory=list)
    shop: Workshop | None = None
    kernel: Kernel | None = None


class _EnoughError(Exception):
    """A version went wrong, and the sweep is not to go on."""


def run(sweep: Sweep, progress: Progress, done: Callable[[Row], None] = lambda _row: None) -> list[Row]:
    """Take all versions to their verdicts; `done` is told each as soon as it is known.

    An error of one version (its mail is not to be had, its guest was lost) is kept in its row. Raises what stands in
    the way of all of them.
    """
    requirements.require(sweep.requests[0].arch, sweep.requests[0].toolchain)
    versions = [_Version(request) for request in sweep.requests]
    work = _Work(sweep, progress, done)
    try:
        for version in versions:
            with work.keeping(version):
                version.fetched = stages.fetch(version.request, progress, f" {version.label}")
        trees = _trees([each for each in versions if not each.error], work)
        for each in trees:
            _make(each, work)
        for each in trees:
            _boot(each, work)
    except _EnoughError:
        versions = [each for each in versions if each.error or each.judged]
        progress.say("stopped: --no-keep-going")
    else:
        _raise_common([version.error for version in versions])
    return [version.row() for version in versions]


@dataclass(frozen=True)
class _Work:
    """What all stages need."""

    sweep: Sweep
    progress: Progress
    done: Callable[[Row], None]

    @contextmanager
    def keeping(self, version: _Version) -> Iterator[None]:
        """Keep an error of the block with its version, and go on."""
        try:
            yield
        except Error as error:
            version.error = error
            self.tell(version)

    def tell(self, version: _Version) -> None:
        """A version is through, and its twins are with it."""
        for each in version.twins:
            self.done(each.row())
        row = version.row()
        self.done(row)
        if status(row) is not ExitStatus.OK and not self.sweep.keep_going:
            raise _EnoughError


def _raise_common(errors: Sequence[Error | None]) -> None:
    """If all versions failed on the same thing, and it is something around the test, that is the error of the whole."""
    first = errors[0]
    same = len({str(error) for error in errors}) == 1
    if len(errors) > 1 and same and first is not None and not isinstance(first, SeriesError):
        raise first


def _trees(versions: Sequence[_Version], work: _Work) -> list[_Tree]:
    """The bases that the versions go on, each found once."""
    found: dict[str, _Tree] = {}
    by_source: dict[object, _Tree | Error] = {}
    for version in versions:
        source = version.request.trees
        if source not in by_source:
            try:
                base, refused = stages.find_base(version.request, work.progress)
            except Error as error:
                by_source[source] = error
            else:
                out = work.sweep.out / f"base.{len(found) + 1}" if found else work.sweep.out
                by_source[source] = found.setdefault(base.commit, _Tree(base, tuple(refused), out))
        tree = by_source[source]
        with work.keeping(version):
            if isinstance(tree, Error):
                raise tree
            version.tree = tree
            tree.versions.append(version)
    return list(found.values())


def _make(tree: _Tree, work: _Work) -> None:
    """Apply and build all versions of a base; equal sources are built once."""
    store = Store(tree.base.store)
    with files.locked(store.lock, work.progress.say):
        for version in tree.versions:
            with work.keeping(version):
                version.commit = _apply(version, tree, work)
        applied = _without_twins([each for each in tree.versions if not each.error], store)
        if not applied:
            return
        request = replace(applied[0].request, out=tree.out)
        try:
            tree.shop, tree.kernel = stages.make_base(request, tree.base, work.progress)
        except Error as error:
            for version in applied:
                version.error = error
                work.tell(version)
            return
        contents = [store.contents(tree.base.commit, each.commit) for each in applied]
        for index in order.order(contents):
            version = applied[index]
            with work.keeping(version):
                log = version.request.out / "patched"
                version.kernel = make(tree.shop, version.label, version.commit, log, work.progress)
                version.coverage = covered = compiled.measure(tree.shop, tree.kernel, version.kernel)
                compiled.require_tested(covered)


def _apply(version: _Version, tree: _Tree, work: _Work) -> str:
    assert version.fetched is not None
    request, fetched = version.request, version.fetched
    commit = stages.apply(request, tree.base, fetched, work.progress, f" {version.label}")
    version.permitted = permitted(tree.base, commit, fetched.patches, request.permit)
    return commit


def _without_twins(versions: Sequence[_Version], store: Store) -> list[_Version]:
    """The versions with sources of their own; the others become twins of these."""
    elders: dict[str, _Version] = {}
    for version in versions:
        elder = elders.setdefault(store.tree_id(version.commit), version)
        if elder is not version:
            version.elder = elder
            elder.twins.append(version)
    return list(elders.values())


def _boot(tree: _Tree, work: _Work) -> None:
    """Boot all kernels of a base and judge them; equal kernels are booted once."""
    built = [each for each in tree.versions if each.kernel is not None and each.error is None]
    if not built or tree.shop is None or tree.kernel is None:
        return
    kernels_ = [each.kernel for each in built if each.kernel is not None]
    recipe = stages.make_recipe(built[0].request, tree.shop, [tree.kernel, *kernels_], work.progress)
    base = BaseRuns(recipe, tree.kernel, tree.out / "base", work.progress)
    booted: dict[str, _Version] = {}
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
