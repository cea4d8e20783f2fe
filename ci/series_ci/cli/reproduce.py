"""`series-ci reproduce WHAT`: figures from the list measured again, or a run of anybody made again from its lock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from series_ci import catalogue, files, lock, paths, rundir, terminal
from series_ci.cli import options
from series_ci.cli.request import Options, make_request, stamped
from series_ci.errors import ExitStatus, UsageError
from series_ci.lock import Lock
from series_ci.pipeline import Request
from series_ci.terminal import Terminal

REPRODUCTION = "reproduction.md"
"""In the run directory: the text for the thread."""


@click.command()
@click.argument("what", metavar="NAME|RUN_DIR|LOCK")
@click.option(
    "--runs", type=click.IntRange(1, 999), default=3, show_default=True, help="boots, for figures from the list"
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="of random moments, for these"
)
@options.repeated
def reproduce(
    what: str,
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

    NAME is that of a report. RUN_DIR or LOCK (its file run.lock) is a run of anybody's; mails and tree are fetched
    again and have to be the same by digest, other tools are named. Both write reproduction.md, a text for the thread.

    Exit status: 0 each figure is reproduced or of the same order, or all results are those of the lock; 1 they are not,
    or cannot be measured.
    """
    progress = Terminal(verbose=verbose, quiet=quiet)
    if Path(what).exists():
        if given["series"]:
            raise UsageError("--series: a lock says itself what series it is of")
        return _repeat(Path(what), given, _folder(out), progress, as_json=as_json)
    if Path(what).name != what:
        raise UsageError(
            f"{what}: no such file or folder", hint="give a run directory, its run.lock, or a report's name"
        )
    return _report(what, given, out, runs, seed, progress, as_json=as_json)


def _folder(given: str | None) -> Path:
    if given is None:
        return stamped("reproduce", "run")
    path = Path(given).resolve()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"--out {given}: exists and is not an empty folder")
    return path


def _report(
    name: str, given: dict[str, Any], out: str | None, runs: int, seed: int, progress: Terminal, *, as_json: bool
) -> int:
    # numpy and scipy take longer to load than most verbs to run.
    from series_ci import bench, benchlock, reproduce, reproduction, samples  # noqa: PLC0415
    from series_ci.report import reproduction as report  # noqa: PLC0415

    manifest = catalogue.find(given["series"], paths.series_folders())
    entry, scenario = reproduce.find(manifest.reported, manifest.bench, name)
    asked = Options(test=(), config=(), memory=None, cpus=None, swap=None, out=None, arch=entry.arch, **given)
    folder = _folder(out) if out else stamped(manifest.name, f"reproduce-{name}")
    made = make_request(entry.version, asked, verb="reproduce")
    request = reproduce.reported_request(replace(made, out=folder), entry, scenario)
    measured = reproduce.measure(request, scenario, runs, seed, progress)
    rows = reproduction.rows(entry.figures, measured.samples, measured.trouble)
    written: Lock | None = None
    if measured.rig is not None:
        plan = bench.Plan(runs, runs, seed)
        written = benchlock.of_bench(request, measured.rig, [scenario], plan, measured.samples, reported=entry)
        files.write(folder / bench.SAMPLES, samples.as_lines(measured.samples))
    repeat = f"series-ci reproduce {folder / lock.NAME}" if written else request.repeat
    told = report.summary(entry, rows, repeat)
    _write(folder, written, report.text(entry, rows, written), told)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        report.show(entry, rows, terminal.console(stderr=False))
        click.echo(f"results:  {folder}")
    return int(ExitStatus.OK if told["reproduced"] else ExitStatus.REGRESSION)


def _write(folder: Path, written: Lock | None, text: str, summary: dict[str, Any]) -> None:
    if written is not None:
        lock.write(folder, written)
    files.write(folder / REPRODUCTION, text)
    # The last one: it says that all is there.
    files.write_json(folder / rundir.SUMMARY, summary)


def _repeat(path: Path, given: dict[str, Any], out: Path, progress: Terminal, *, as_json: bool) -> int:
    from series_ci import reproduce, reproduction  # noqa: PLC0415
    from series_ci.report import reproduction as report  # noqa: PLC0415

    then = lock.read(path)
    again = reproduce.Again(given["archive"], given["tree"], given["accel"])
    if given["base_patch"]:
        raise UsageError("--base-patch: what the base has on top of its tree is in the lock")
    with reproduce.request_of(then, again, out, f"series-ci reproduce {path.resolve()}") as request:
        reproduce.check(request, then, progress)
        now = _made_again(then, request, progress)
    found = reproduction.compare(then, now)
    told = report.repeated_summary(then, found)
    lock.write(out, now)
    files.write(out / REPRODUCTION, report.repeated_text(now, found))
    files.write_json(out / "reproduction.json", told)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        report.show_repeated(found, terminal.console(stderr=False))
        click.echo(f"results:  {out}")
    return int(ExitStatus.OK if found.same else ExitStatus.REGRESSION)


def _made_again(then: Lock, request: Request, progress: Terminal) -> Lock:
    """Do what the lock's run did; the new run's lock."""
    from series_ci import bench, benchlock, locking, pipeline, reproduce  # noqa: PLC0415
    from series_ci.cli.bench import measure_and_write  # noqa: PLC0415
    from series_ci.cli.test import write  # noqa: PLC0415

    if then.measure is None:
        outcome = pipeline.test(request, progress)
        write(outcome)
        made = locking.of_test(outcome)
        if made is None:
            assert outcome.error is not None
            raise outcome.error
        return made
    plan = bench.Plan(then.measure.runs, then.measure.runs, then.measure.seed)
    scenarios: Sequence[Any] = then.measure.scenarios
    if then.reported is None:
        return measure_and_write(request, tuple(scenarios), plan, then.measure.margin, progress)[1]
    measured = reproduce.measure(request, scenarios[0], plan.runs, plan.seed, progress)
    if measured.rig is None:
        raise UsageError(measured.trouble)
    return benchlock.of_bench(request, measured.rig, scenarios, plan, measured.samples, reported=then.reported)
