"""Do the work of `series-ci reproduce RUN_DIR|LOCK`: repeat a run from its lock, on any machine.

Mails and tree are fetched again, and their digests have to equal those of the lock: with other inputs it would be
another run. Tools may differ; the report names the differences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from series_ci import arch
from series_ci.arch import Machine
from series_ci.errors import ExitStatus, InfrastructureError, NotTestedError
from series_ci.host import files, scratch
from series_ci.kernel.store import Store
from series_ci.manifest.model import Selftest, TreeSource
from series_ci.manifest.request import Request
from series_ci.pipeline import bench, figures, stages, test
from series_ci.pipeline.figures import Boots, Task
from series_ci.pipeline.rig import Plan
from series_ci.pipeline.runlock import of_test
from series_ci.progress import Progress
from series_ci.report.reproduction import repeated_summary, repeated_text, summary
from series_ci.rundir import reproduction, runlock
from series_ci.rundir.layout import RunDir
from series_ci.rundir.reproduction import Repeated
from series_ci.rundir.runlock import Lock


@dataclass(frozen=True)
class Again:
    """What the user may choose against the lock: the archive and the tree to fetch from, and the accelerator."""

    archive: str | None = None
    tree: str | None = None
    accel: str = "auto"


@dataclass(frozen=True)
class Repetition:
    """The lock of the earlier run, and the comparison of its results with those of the new run."""

    lock: Lock
    found: Repeated


def repeat_run(path: Path, again: Again, out: Path, progress: Progress) -> Repetition:
    """Repeat the run of a lock in `out`, write the new run and the comparison, and return the latter.

    `path` is the lock or its run directory. Raises NotTestedError if the run has no results, InfrastructureError if the
    inputs are not those of the lock, and what `test.examine`, `bench.take` or `figures.measure` raises.
    """
    _require_results(path)
    old_lock = runlock.read(path)
    with request_of(old_lock, again, out, f"series-ci reproduce {path.resolve()}") as request:
        check(request, old_lock, progress)
        new_lock, finish = _made_again(old_lock, request, progress)
        repeated = reproduction.compare(old_lock, new_lock)
        files.write(RunDir(out).reproduction, repeated_text(new_lock, repeated))
        files.write_json(RunDir(out).reproduction_json, repeated_summary(old_lock, repeated))
        finish()
    return Repetition(old_lock, repeated)


def _require_results(path: Path) -> None:
    """Raise NotTestedError if `path` is the directory of a run in which nothing was tested."""
    written = files.read_json(RunDir(path).summary) if path.is_dir() else None
    if written and written.get("status") == ExitStatus.NOT_TESTED and not RunDir(path).run_lock.exists():
        raise NotTestedError(
            f"{path}: nothing was tested in this run: {written.get('verdict')}",
            hint=f"to test again: {written.get('repeat')}",
        )


@contextmanager
def request_of(lock: Lock, again: Again, out: Path, repeat: str) -> Iterator[Request]:
    """Yield the request of a lock. The config and base patches that it names are temporary files of the block."""
    with scratch.folder("reproduce") as folder:
        config = folder / "run.config"
        files.write(config, lock.config.options)
        base_patches = tuple(folder / f"{number}" / each.name for number, each in enumerate(lock.tree.base_patches))
        for path, each in zip(base_patches, lock.tree.base_patches, strict=True):
            files.write(path, each.content)
        yield Request(
            series=lock.series,
            label=lock.label,
            message_id=lock.mails.message_ids[-1],
            rest=lock.mails.message_ids[:-1],
            archive=again.archive or lock.mails.archive,
            trees=(TreeSource.model_construct(spec=again.tree or lock.tree.spec, base_patches=base_patches),),
            config=(config,),
            machine=_machine(lock),
            tests=tuple(
                Selftest.model_construct(program=each.program, name=each.name, args=each.args, timeout=each.timeout)
                for each in lock.tests
            ),
            accel=_accel(lock, again.accel),
            each_patch=bool(lock.patches),
            allow=lock.allow,
            permit=lock.permit,
            out=out,
            repeat=repeat,
            toolchain=lock.tools.toolchain,
        )


def _accel(lock: Lock, asked: str) -> str:
    """Return the accelerator: `asked`, but for `auto` that of the lock unless that is KVM.

    Every host has the others, and figures of one accelerator cannot be compared with those of another.
    """
    return lock.accel if asked == "auto" and lock.accel not in ("", "kvm") else asked


def _machine(lock: Lock) -> Machine:
    """Return the guest's machine. A bench's lock has no sizes, since each scenario has its own."""
    row = arch.get(lock.arch)
    return Machine(row, lock.guest.memory, lock.guest.cpus, lock.guest.swap) if lock.guest else Machine(row, 0, 1, 0)


def check(request: Request, lock: Lock, progress: Progress) -> None:
    """Fetch mails and tree, apply the series, and raise InfrastructureError for a digest that is not the lock's."""
    fetched = stages.fetch(request, progress)
    _same("the mails", fetched.digest, lock.mails.digest, request.archive)
    _same("the patch-ids", " ".join(fetched.patch_ids), " ".join(lock.mails.patch_ids), request.archive)
    base, _refused = stages.find_base(request, progress)
    store = Store(base.store)
    _same("the base", store.tree_id(base.commit), lock.tree.base, base.spec)
    with store.in_use(progress.say):
        commit = stages.apply(request, base, fetched, progress)
    _same("the base with the series", store.tree_id(commit), lock.tree.patched, base.spec)


def _same(what: str, found: str, expected: str, source: str) -> None:
    if found != expected:
        raise InfrastructureError(
            f"{what} from {source} are not those of the lock: found {found}, expected {expected}",
            hint="--archive or --tree say where else to look; with other inputs it would be another run",
        )


def _made_again(lock: Lock, request: Request, progress: Progress) -> tuple[Lock, Callable[[], object]]:
    """Repeat the run of a lock. Return the new lock, and a function that writes the new run, its summary last."""
    if lock.measure is None:
        return _tested_again(request, progress)
    scenarios, runs, seed = lock.measure.scenarios, lock.measure.runs, lock.measure.seed
    if lock.reported is None:
        measured = bench.take(request, scenarios, Plan(runs, runs, seed), lock.measure.margin, progress)
        return measured.lock, partial(bench.write, measured)
    return _measured_again(Task(request, lock.reported, scenarios[0], Boots(runs, seed)), progress)


def _tested_again(request: Request, progress: Progress) -> tuple[Lock, Callable[[], object]]:
    outcome = test.examine(request, progress)
    lock = of_test(outcome)
    if lock is None:
        assert outcome.error is not None
        test.write(outcome)
        raise outcome.error
    return lock, partial(test.write, outcome)


def _measured_again(task: Task, progress: Progress) -> tuple[Lock, Callable[[], object]]:
    measured = figures.measure(task, progress)
    lock = figures.lock_of(task, measured)
    if lock is None:
        assert measured.trouble is not None
        raise measured.trouble

    def write() -> None:
        figures.write_measured(task.request.out, measured, lock)
        rows = reproduction.rows(task.entry.figures, measured.samples)
        files.write_json(RunDir(task.request.out).summary, summary(task.entry, rows, task.request.repeat))

    return lock, write
