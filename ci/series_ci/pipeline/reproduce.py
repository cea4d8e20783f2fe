"""The story of `series-ci reproduce RUN_DIR|LOCK`: a run of anybody's, made again from its lock.

The inputs of a lock are fetched again and have to be, by digest, what they were: with other mails or another tree
nothing would be repeated. Tools may differ; they are named.
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
    """What may be asked for otherwise than the lock has it: mails and tree from elsewhere, and the accelerator."""

    archive: str | None = None
    tree: str | None = None
    accel: str = "auto"


@dataclass(frozen=True)
class Repetition:
    """The lock that a run was made again from, and how that run's results compare."""

    lock: Lock
    found: Repeated


def repeat_run(path: Path, again: Again, out: Path, progress: Progress) -> Repetition:
    """Make the run of a lock, or of the run directory that it lies in, again in `out`; compare, and write both down.

    Raises NotTestedError for a run that has no results, InfrastructureError for inputs that are not those of the lock,
    and what the run's own story raises.
    """
    _require_results(path)
    then = runlock.read(path)
    with request_of(then, again, out, f"series-ci reproduce {path.resolve()}") as request:
        check(request, then, progress)
        now, finish = _made_again(then, request, progress)
        found = reproduction.compare(then, now)
        files.write(RunDir(out).reproduction, repeated_text(now, found))
        files.write_json(RunDir(out).reproduction_json, repeated_summary(then, found))
        finish()
    return Repetition(then, found)


def _require_results(path: Path) -> None:
    """Raise NotTestedError for the folder of a run in which nothing was tested: it has no results to repeat."""
    found = files.read_json(RunDir(path).summary) if path.is_dir() else None
    if found and found.get("status") == ExitStatus.NOT_TESTED and not RunDir(path).run_lock.exists():
        raise NotTestedError(
            f"{path}: nothing was tested in this run: {found.get('verdict')}",
            hint=f"to test again: {found.get('repeat')}",
        )


@contextmanager
def request_of(lock: Lock, again: Again, out: Path, repeat: str) -> Iterator[Request]:
    """The request that a lock stands for; the files that it names exist for the block."""
    with scratch.folder("reproduce") as folder:
        config = folder / "run.config"
        files.write(config, lock.config.options)
        own = tuple(folder / f"{number}" / each.name for number, each in enumerate(lock.tree.base_patches))
        for path, each in zip(own, lock.tree.base_patches, strict=True):
            files.write(path, each.content)
        yield Request(
            series=lock.series,
            label=lock.label,
            message_id=lock.mails.message_ids[-1],
            rest=lock.mails.message_ids[:-1],
            archive=again.archive or lock.mails.archive,
            trees=(TreeSource.model_construct(spec=again.tree or lock.tree.spec, base_patches=own),),
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
    """The lock's own, if nothing else is asked for: all but KVM can be had anywhere, and its figures are not theirs."""
    return lock.accel if asked == "auto" and lock.accel not in ("", "kvm") else asked


def _machine(lock: Lock) -> Machine:
    """A bench's scenarios have their own sizes."""
    row = arch.get(lock.arch)
    return Machine(row, lock.guest.memory, lock.guest.cpus, lock.guest.swap) if lock.guest else Machine(row, 0, 1, 0)


def check(request: Request, lock: Lock, progress: Progress) -> None:
    """Fetch mails and tree, apply, and hold all against the lock. Raises InfrastructureError for what differs."""
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


def _made_again(then: Lock, request: Request, progress: Progress) -> tuple[Lock, Callable[[], object]]:
    """Do what the lock's run did; the new run's lock, and what writes the run down, its summary last."""
    if then.measure is None:
        return _tested_again(request, progress)
    scenarios, runs, seed = then.measure.scenarios, then.measure.runs, then.measure.seed
    if then.reported is None:
        taken = bench.take(request, scenarios, Plan(runs, runs, seed), then.measure.margin, progress)
        return taken.lock, partial(bench.write, taken)
    return _measured_again(Task(request, then.reported, scenarios[0], Boots(runs, seed)), progress)


def _tested_again(request: Request, progress: Progress) -> tuple[Lock, Callable[[], object]]:
    outcome = test.examine(request, progress)
    made = of_test(outcome)
    if made is None:
        assert outcome.error is not None
        test.write(outcome)
        raise outcome.error
    return made, partial(test.write, outcome)


def _measured_again(task: Task, progress: Progress) -> tuple[Lock, Callable[[], object]]:
    measured = figures.measure(task, progress)
    made = figures.lock_of(task, measured)
    if made is None:
        assert measured.trouble is not None
        raise measured.trouble

    def write() -> None:
        figures.write_measured(task.request.out, measured, made)
        rows = reproduction.rows(task.entry.figures, measured.samples)
        files.write_json(RunDir(task.request.out).summary, summary(task.entry, rows, task.request.repeat))

    return made, write
