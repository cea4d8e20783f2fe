"""`series-ci reproduce WHAT`: figures from the list measured again, or a run of anybody made again from its lock."""

from __future__ import annotations

import json
import os.path
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from series_ci.cli import options, terminal
from series_ci.cli.request import Options, make_request, stamped
from series_ci.cli.terminal import Terminal
from series_ci.errors import ExitStatus, NotTestedError, UsageError
from series_ci.host import files, paths
from series_ci.manifest import find
from series_ci.manifest.model import Scenario
from series_ci.manifest.reported import Reported
from series_ci.manifest.request import Request
from series_ci.pipeline import test
from series_ci.results import samples
from series_ci.rundir import layout, runlock
from series_ci.rundir.runlock import Lock

if TYPE_CHECKING:
    from series_ci.pipeline.reproduce import Measured

REPRODUCTION = "reproduction.md"
"""In the run directory: the text for the thread."""


@click.command()
@click.argument("what", metavar="[NAME|RUN_DIR|LOCK]", required=False)
@click.option(
    "--runs", type=click.IntRange(1, 999), default=3, show_default=True, help="boots, for figures from the list"
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="of random moments, for these"
)
@options.repeated
def reproduce(
    what: str | None,
    *,
    runs: int,
    seed: int,
    out: str | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **given: Any,  # noqa: ANN401 (click)
) -> int:
    """Measure figures that the manifest has below `reported:` again, or repeat an earlier run from its lock alone.

    NAME is that of a report; without it all are measured, each in a folder of its own. RUN_DIR or LOCK (its file
    run.lock) is a run of anybody's; mails and tree are fetched again and have to be the same by digest, other tools
    are named. Both write reproduction.md, a text for the thread.

    Exit status: 0 each figure is reproduced or of the same order, or all results are those of the lock; 1 they are not,
    or a figure cannot be measured on this version; 5 other mails or another tree than the lock's; 6 none of the series
    is in the kernel any more.
    """
    progress = Terminal(verbose=verbose, quiet=quiet)
    if what is not None and os.path.exists(what):  # noqa: PTH110 (of a name that is too long, Path raises)
        return _repeat(Path(what), given, _folder(out), progress, as_json=as_json)
    if what is not None and Path(what).name != what:
        raise UsageError(
            f"{what}: no such file or folder", hint="give a run directory, its run.lock, or a report's name"
        )
    return _reports(what, given, out, Boots(runs, seed), progress, as_json=as_json)


def _folder(given: str | None) -> Path:
    if given is None:
        return stamped("reproduce", "run")
    path = Path(given).resolve()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"--out {given}: exists and is not an empty folder")
    return path


@dataclass(frozen=True)
class Boots:
    """How often a report's kernel is booted, and where chance begins."""

    runs: int
    seed: int


def _reports(
    name: str | None, given: dict[str, Any], out: str | None, boots: Boots, progress: Terminal, *, as_json: bool
) -> int:
    from series_ci.pipeline import reproduce  # noqa: PLC0415

    manifest = find.find(given["series"], paths.series_folders())
    known = manifest.reported
    if not known:
        raise UsageError(
            f"{manifest.name}: the manifest has no figures from the list", hint="they come below reported:"
        )
    names = [name] if name is not None else [each.name for each in known]
    found = [reproduce.find(known, manifest.bench, each) for each in names]
    folder = _folder(out) if out else stamped(manifest.name, f"reproduce-{name}" if name else "reproduce")
    told = [
        _report(*each, given, folder if name else folder / each[0].name, boots, progress, as_json=as_json)
        for each in found
    ]
    if as_json:
        click.echo(json.dumps(told[0] if name else told, indent=2, ensure_ascii=False))
    else:
        click.echo(f"results:  {folder}")
    return int(ExitStatus.OK if all(each["reproduced"] for each in told) else ExitStatus.REGRESSION)


def _report(
    entry: Reported,
    scenario: Scenario,
    given: dict[str, Any],
    folder: Path,
    boots: Boots,
    progress: Terminal,
    *,
    as_json: bool,
) -> dict[str, Any]:
    """Measure the figures of one report, write down, show; its summary."""
    # numpy and scipy take longer to load than most verbs to run.
    from series_ci.pipeline import reproduce  # noqa: PLC0415
    from series_ci.report.reproduction import (  # noqa: PLC0415
        show_reproduction,
        summary,
        text,
    )
    from series_ci.rundir import reproduction  # noqa: PLC0415

    asked = Options(test=(), memory=None, cpus=None, swap=None, out=None, **given)
    words = [entry.name, "--runs", str(boots.runs), "--seed", str(boots.seed)]
    made = make_request(entry.version, asked, verb="reproduce", words=words)
    request = reproduce.reported_request(replace(made, out=folder), entry, scenario)
    measured = reproduce.measure(request, scenario, boots.runs, boots.seed, progress)
    rows = reproduction.rows(entry.figures, measured.samples, measured.trouble.message if measured.trouble else "")
    written = _lock(request, measured, entry, scenario, boots)
    told = summary(entry, rows, f"series-ci reproduce {folder / runlock.NAME}" if written else request.repeat)
    if written is not None:
        _write_measured(folder, measured, written)
    files.write(folder / REPRODUCTION, text(entry, rows, written))
    # The last one: it says that all is there.
    files.write_json(folder / layout.SUMMARY, told)
    if not as_json:
        show_reproduction(entry, rows, terminal.console(stderr=False))
    return told


def _lock(request: Request, measured: Measured, entry: Reported, scenario: Scenario, boots: Boots) -> Lock | None:
    """None if nothing could be measured."""
    from series_ci.pipeline import bench, bench_runlock  # noqa: PLC0415

    if measured.rig is None:
        return None
    plan = bench.Plan(boots.runs, boots.runs, boots.seed)
    return bench_runlock.of_bench(request, measured.rig, [scenario], plan, measured.samples, reported=entry)


def _write_measured(folder: Path, measured: Measured, made: Lock) -> None:
    from series_ci.pipeline import bench  # noqa: PLC0415

    files.write(folder / bench.SAMPLES, samples.as_lines(measured.samples))
    runlock.write(folder, made)


def _repeat(path: Path, given: dict[str, Any], out: Path, progress: Terminal, *, as_json: bool) -> int:
    from series_ci.pipeline import reproduce  # noqa: PLC0415
    from series_ci.report.reproduction import repeated_summary, repeated_text, show_repeated  # noqa: PLC0415
    from series_ci.rundir import reproduction  # noqa: PLC0415

    _refuse(given)
    _require_results(path)
    then = runlock.read(path)
    again = reproduce.Again(given["archive"], given["tree"], given["accel"])
    with reproduce.request_of(then, again, out, f"series-ci reproduce {path.resolve()}") as request:
        reproduce.check(request, then, progress)
        now, finish = _made_again(then, request, progress)
        found = reproduction.compare(then, now)
        told = repeated_summary(then, found)
        files.write(out / REPRODUCTION, repeated_text(now, found))
        files.write_json(out / "reproduction.json", told)
        finish()
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        show_repeated(found, terminal.console(stderr=False))
        click.echo(f"results:  {out}")
    return int(ExitStatus.OK if found.same else ExitStatus.REGRESSION)


def _require_results(path: Path) -> None:
    """Raise NotTestedError for the folder of a run in which nothing was tested: it has no results to repeat."""
    found = files.read_json(path / layout.SUMMARY) if path.is_dir() else None
    if found and found.get("status") == ExitStatus.NOT_TESTED and not (path / runlock.NAME).exists():
        raise NotTestedError(
            f"{path}: nothing was tested in this run: {found.get('verdict')}",
            hint=f"to test again: {found.get('repeat')}",
        )


def _refuse(given: dict[str, Any]) -> None:
    """What a lock says itself cannot be asked for."""
    for name, what in (
        ("series", "what series it is of"),
        ("base_patch", "what the base has on top of its tree"),
        ("config", "what the kernels are configured with"),
    ):
        if given[name]:
            raise UsageError(f"--{name.replace('_', '-')}: a lock says itself {what}")


def _made_again(then: Lock, request: Request, progress: Terminal) -> tuple[Lock, Callable[[], object]]:
    """Do what the lock's run did; the new run's lock, and what writes the run down, its summary last."""
    from series_ci.cli.bench import take, write  # noqa: PLC0415
    from series_ci.pipeline import bench  # noqa: PLC0415

    if then.measure is None:
        return _tested_again(request, progress)
    scenarios, runs, seed = then.measure.scenarios, then.measure.runs, then.measure.seed
    if then.reported is None:
        plan = bench.Plan(runs, runs, seed)
        taken = take(request, scenarios, plan, then.measure.margin, progress)
        return taken.lock, partial(write, taken)
    return _measured_again(then.reported, scenarios, request, Boots(runs, seed), progress)


def _tested_again(request: Request, progress: Terminal) -> tuple[Lock, Callable[[], object]]:
    from series_ci.pipeline.runlock import of_test  # noqa: PLC0415
    from series_ci.pipeline.test import write  # noqa: PLC0415

    outcome = test.examine(request, progress)
    made = of_test(outcome)
    if made is None:
        assert outcome.error is not None
        write(outcome)
        raise outcome.error
    return made, partial(write, outcome)


def _measured_again(
    entry: Reported, scenarios: Sequence[Scenario], request: Request, boots: Boots, progress: Terminal
) -> tuple[Lock, Callable[[], object]]:
    from series_ci.pipeline import reproduce  # noqa: PLC0415
    from series_ci.report.reproduction import summary  # noqa: PLC0415
    from series_ci.rundir import reproduction  # noqa: PLC0415

    measured = reproduce.measure(request, scenarios[0], boots.runs, boots.seed, progress)
    made = _lock(request, measured, entry, scenarios[0], boots)
    if made is None:
        assert measured.trouble is not None
        raise measured.trouble

    def write() -> None:
        _write_measured(request.out, measured, made)
        rows = reproduction.rows(entry.figures, measured.samples)
        files.write_json(request.out / layout.SUMMARY, summary(entry, rows, request.repeat))

    return made, write
