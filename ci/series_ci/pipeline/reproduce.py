"""The story of `series-ci reproduce`: figures that were reported, measured again; a run, made again from its lock.

The inputs of a lock are fetched again and have to be, by digest, what they were: with other mails or another tree
nothing would be repeated. Tools may differ; they are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from series_ci import arch
from series_ci.arch import Machine
from series_ci.errors import ApplyError, BuildError, InfrastructureError, UsageError
from series_ci.host import files, scratch
from series_ci.kernel.store import Store
from series_ci.manifest.model import Scenario, Selftest, TreeSource
from series_ci.manifest.reported import Reported
from series_ci.manifest.request import Request
from series_ci.pipeline import bench, stages
from series_ci.pipeline.bench import BenchSetup, Turn
from series_ci.progress import Progress
from series_ci.results.samples import SIDES, Sample
from series_ci.rundir.runlock import Lock

_PATCHED = SIDES[1]


@dataclass(frozen=True)
class Again:
    """What may be asked for otherwise than the lock has it: mails and tree from elsewhere, and the accelerator."""

    archive: str | None = None
    tree: str | None = None
    accel: str = "auto"


@dataclass(frozen=True)
class Measured:
    """What was measured for a report; without a `rig`, `trouble` is why nothing could be."""

    rig: BenchSetup | None
    samples: tuple[Sample, ...] = ()
    trouble: ApplyError | BuildError | None = None


def measure(request: Request, scenario: Scenario, runs: int, seed: int, progress: Progress) -> Measured:
    """Boot the kernel with the series `runs` times for one scenario.

    That the version does not apply or build is an answer, too. Raises what `bench.prepare` and `bench.boot` raise.
    """
    try:
        rig = bench.prepare(bench.request(request, [scenario]), progress)
    except (ApplyError, BuildError) as error:
        return Measured(None, trouble=error)
    samples: list[Sample] = []
    for number in range(runs):
        turn = Turn(scenario, _PATCHED, number, number, seed + number)
        samples += bench.boot(rig, turn, request.out / "boots", progress)
    return Measured(rig, tuple(samples))


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


def reported_request(request: Request, entry: Reported, scenario: Scenario) -> Request:
    """The request for a report's version, on the machine that it was reported of."""
    size = scenario.machine
    return replace(request, machine=Machine(arch.get(entry.arch), size.memory, size.cpus, size.swap))


def find(entries: Sequence[Reported], scenarios: Sequence[Scenario], name: str) -> tuple[Reported, Scenario]:
    """A report and its scenario. Raises UsageError for a name that there is not."""
    for entry in entries:
        if entry.name == name:
            return entry, next(each for each in scenarios if each.name == entry.scenario)
    known = ", ".join(each.name for each in entries) or "none"
    raise UsageError(f"{name}: no report of that name", hint=f"there are: {known}")
