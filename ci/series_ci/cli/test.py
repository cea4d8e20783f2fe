"""`series-ci test VERSION`: one version of a series, from the list to a verdict."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from series_ci import arch, catalogue, files, paths, pipeline, process, terminal
from series_ci.errors import UsageError
from series_ci.machine import Machine
from series_ci.manifest import Machine as MachineSize
from series_ci.manifest import Manifest, Selftest, TreeSource, parse_size
from series_ci.pipeline import Outcome, Request
from series_ci.report import table
from series_ci.report.junit import junit
from series_ci.report.summary import status, summary

LORE = "https://lore.kernel.org/all/"


@dataclass(frozen=True)
class Options:
    """The command line of `series-ci test`, as typed."""

    series: str | None
    archive: str | None
    tree: str | None
    base_patch: tuple[str, ...]
    config: tuple[str, ...]
    test: tuple[str, ...]
    accel: str
    memory: str | None
    cpus: int | None
    swap: str | None
    out: str | None


@click.command()
@click.argument("version", metavar="VERSION|MESSAGE-ID")
@click.option("--series", metavar="NAME|FILE", help="the series, by name or by manifest  [default: the one marked so]")
@click.option("--archive", metavar="URL|MBOX|DIR", help="where the mails are, instead of the manifest's archive")
@click.option("--tree", metavar="SPEC", help="the kernel tree: a git checkout, git+URL@REF, a tarball, debian:PACKAGE")
@click.option(
    "--base-patch", metavar="FILE", multiple=True, help="a patch that comes before the series (repeatable; with --tree)"
)
@click.option("--config", metavar="FILE", multiple=True, help="one more kernel config fragment (repeatable)")
@click.option(
    "--test",
    metavar="COLLECTION/PROGRAM",
    multiple=True,
    help="run this selftest instead of the manifest's (repeatable)",
)
@click.option("--accel", type=click.Choice(["auto", "kvm", "tcg"]), default="auto", show_default=True)
@click.option("--memory", metavar="SIZE", help="the guest's memory, such as 512M")
@click.option("--cpus", type=click.IntRange(1, 256), help="the guest's CPUs")
@click.option("--swap", metavar="SIZE", help="the guest's swap disk, such as 512M; 0 for none")
@click.option("--out", metavar="DIR", help="the run directory; must be empty or not exist yet")
@click.option("--json", "as_json", is_flag=True, help="print the comparison as JSON")
@click.option("-v", "--verbose", is_flag=True, help="show every command that is run")
@click.option("-q", "--quiet", is_flag=True, help="no progress")
def test(version: str, *, as_json: bool, verbose: bool, quiet: bool, **options: Any) -> int:  # noqa: ANN401 (click)
    """Test VERSION (a label of the manifest, such as v10) or the series that a MESSAGE-ID belongs to.

    Without a manifest, for a Message-ID: give --tree, and --test for the selftests to run (none: it is only booted).
    """
    request = make_request(version, Options(**options))
    outcome = pipeline.test(request, terminal.Terminal(verbose=verbose, quiet=quiet))
    write(outcome)
    if as_json:
        click.echo(json.dumps(summary(outcome), indent=2, ensure_ascii=False))
    else:
        table.show(outcome, terminal.console(stderr=False))
    if outcome.error is not None:
        terminal.show_error(outcome.error)
    return int(status(outcome))


def write(outcome: Outcome) -> None:
    """Put the verdict into the run directory."""
    out = outcome.request.out
    files.write_json(out / "summary.json", summary(outcome))
    files.write(out / "junit.xml", junit(outcome))


def make_request(version: str, options: Options) -> Request:
    """Decide everything that the command line and the manifest leave open."""
    if "@" in version:
        manifest = catalogue.find(options.series, paths.series_folders()) if options.series else None
        label, message_id = "mail", version.strip("<>")
    else:
        manifest = catalogue.find(options.series, paths.series_folders())
        label, message_id = version, manifest.version(version).message_id
    series = manifest.name if manifest else message_id
    return Request(
        series=series,
        label=label,
        message_id=message_id,
        archive=_archive(options, manifest),
        trees=_trees(options, manifest, label),
        config=(*(manifest.config if manifest else ()), *(_file(each, "config fragment") for each in options.config)),
        machine=_machine(options, manifest),
        tests=_tests(options, manifest),
        accel=options.accel,
        out=_out(options.out, series, label),
        repeat=_repeat(version, options, manifest),
    )


def _machine(options: Options, manifest: Manifest | None) -> Machine:
    size = manifest.machine if manifest else MachineSize()
    return Machine(
        arch.get(arch.host()),
        _memory(options.memory) if options.memory else size.memory,
        options.cpus or size.cpus,
        parse_size(options.swap) if options.swap else size.swap,
    )


def _memory(text: str) -> int:
    size = parse_size(text)
    if size < 32 << 20:
        raise UsageError(f"--memory {text}: expected 32M or more: is there a K, M or G missing?")
    return size


def _archive(options: Options, manifest: Manifest | None) -> str:
    if options.archive:
        return options.archive if "://" in options.archive else str(Path(options.archive).resolve())
    return str(manifest.archive) if manifest else LORE


def _trees(options: Options, manifest: Manifest | None, label: str) -> tuple[TreeSource, ...]:
    if options.tree:
        patches = tuple(_file(each, "base patch") for each in options.base_patch)
        return (TreeSource.model_construct(spec=options.tree, base_patches=patches),)
    if options.base_patch:
        raise UsageError("--base-patch needs --tree: the manifest's trees have base patches of their own")
    if manifest is None:
        raise UsageError(
            "no tree", hint="a Message-ID without --series needs --tree SPEC, such as debian:linux-source-6.12"
        )
    return manifest.trees_for(label) if label in manifest.versions else manifest.trees


def _file(name: str, what: str) -> Path:
    path = Path(name).resolve()
    if not path.is_file():
        raise UsageError(f"{what} {name}: no such file")
    return path


def _tests(options: Options, manifest: Manifest | None) -> tuple[Selftest, ...]:
    if not options.test:
        return manifest.tests if manifest else ()
    for name in options.test:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+", name):
            raise UsageError(f"--test {name}: expected COLLECTION/PROGRAM, such as mm/exit_skip")
    named = {each.name: each for each in manifest.tests} if manifest else {}
    return tuple(
        named.get(name) or Selftest.model_construct(program=name, name=name, args=(), timeout=None)
        for name in options.test
    )


def _out(given: str | None, series: str, label: str) -> Path:
    if given:
        path = Path(given).resolve()
        if path.exists() and not (path.is_dir() and _unfinished(path)):
            raise UsageError(
                f"--out {given}: exists and is not an empty folder", hint="a run directory is written once"
            )
        return path
    # Seconds are enough for a person; the process number keeps two runs of one second apart.
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    return paths.runs() / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', series)}-{label}-{stamp}"


def _unfinished(folder: Path) -> bool:
    """Whether a folder is empty, or holds what an interrupted run of ours left: that may be written over."""
    ours = {"series.mbx", "base", "patched", "base-2", "patched-2"}
    return {path.name for path in folder.iterdir()} <= ours


def _repeat(version: str, options: Options, manifest: Manifest | None) -> str:
    """The command line that does the same from any folder: names that depend on the working directory made absolute."""
    words = ["series-ci", "test", version]
    brought = manifest is not None and manifest.path.is_relative_to(paths.share("series"))
    if manifest is not None:
        words += ["--series", manifest.name if brought else str(manifest.path)]
    if options.archive:
        words += ["--archive", _archive(options, manifest)]
    if options.tree:
        # What has no scheme is a path, perhaps with @REV behind it.
        scheme = re.match(r"[a-z][a-z0-9+.-]*:", options.tree)
        words += ["--tree", options.tree if scheme else str(Path(options.tree).resolve())]
    for option, values in (("--base-patch", options.base_patch), ("--config", options.config)):
        for value in values:
            words += [option, str(Path(value).resolve())]
    for value in options.test:
        words += ["--test", value]
    words += ["--accel", options.accel] if options.accel != "auto" else []
    words += ["--memory", options.memory] if options.memory else []
    words += ["--cpus", str(options.cpus)] if options.cpus else []
    words += ["--swap", options.swap] if options.swap else []
    return process.quote(words)
