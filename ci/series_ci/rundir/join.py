"""Runs of single versions from several machines as one sweep: whether they fit, and what is missing. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from series_ci.errors import ExitStatus, UsageError
from series_ci.manifest.model import Manifest
from series_ci.rundir.run import Problem, Stage, VersionRun
from series_ci.rundir.sweep_run import AnyRun, SweepRow, SweepRun

_ALIKE = ("arch", "memory", "cpus", "swap")
_BETTER_ALIKE = ("accelerator", "compiler", "qemu", "series_ci")


@dataclass(frozen=True)
class Piece:
    """One version, and the run directory that it comes from."""

    row: SweepRow
    folder: Path

    @property
    def place(self) -> str:
        """What to call it."""
        return f"{self.row.label} in {self.folder}"


def parts(folder: Path, run: AnyRun) -> list[Piece]:
    """The versions in one run directory."""
    if isinstance(run, SweepRun):
        return [Piece(row, folder) for row in run.rows]
    return [Piece(_row(run), folder)]


def _row(run: VersionRun) -> SweepRow:
    """A single version as a line of a sweep."""
    tree = run.origin.tree
    return SweepRow(run.version, run.message_id, run.stage, run.status, base=tree, error=run.error, run=run)


def choose(found: Sequence[Piece], manifest: Manifest, labels: Sequence[str]) -> dict[str, Piece]:
    """One part for each version, in the order of `labels`; those that are missing are left out.

    Raises UsageError for what does not fit together, and for doubles that do not say the same.
    """
    chosen: dict[str, Piece] = {}
    for part in found:
        _belongs(part, manifest, labels)
        other = chosen.setdefault(part.row.label, part)
        if other.row.run is None and part.row.run is not None:
            chosen[part.row.label] = part
        elif part.row.run is not None and other.row.run is not None:
            _agree(other, part)
    ordered = {label: chosen[label] for label in labels if label in chosen}
    _fit(list(ordered.values()), manifest)
    return ordered


def _belongs(part: Piece, manifest: Manifest, labels: Sequence[str]) -> None:
    row = part.row
    series = row.run.series if row.run else manifest.name
    if series != manifest.name:
        raise UsageError(f"{part.place}: is of the series {series}, not {manifest.name}", hint="merge one series")
    if row.label not in labels:
        raise UsageError(f"{part.place}: is not among the versions {', '.join(labels)}")
    if row.message_id != (known := manifest.version(row.label).message_id):
        raise UsageError(f"{part.place}: is the mail {row.message_id}, {manifest.path} says {known}")


def _agree(one: Piece, other: Piece) -> None:
    """Two runs of the same version."""
    said = [_said(part.row) for part in (one, other)]
    if different := [what for what in said[0] if said[0][what] != said[1][what]]:
        raise UsageError(
            f"{one.place} and {other.place} do not say the same: they differ in {', '.join(different)}",
            hint="leave one of them out; a result that comes and goes is worth a look of its own",
        )


def _said(row: SweepRow) -> Mapping[str, object]:
    """What another run of the same would have to repeat; times and the words of a log it need not."""
    run = row.run
    assert run is not None
    return {
        "verdict": (run.verdict, run.error and run.error.message),
        "compiled files": run.coverage,
        "results": [(each.name, each.base, each.patched, each.change) for each in run.entries],
        "kernel complaints": sorted((each.splat.fingerprint, each.change) for each in run.splats),
    }


def _fit(found: Sequence[Piece], manifest: Manifest) -> None:
    """Versions on the same trees of the manifest have to be on the same base, with the same machine and tests."""
    first: dict[tuple[str, Hashable], tuple[object, Piece]] = {}
    for part in found:
        run = part.row.run
        for what, group, value in _facts(run, manifest.trees_for(part.row.label)) if run else ():
            known, other = first.setdefault((what, group), (value, part))
            if known != value:
                raise UsageError(
                    f"{part.place} does not fit to {other.place}: its {what} is {value}, not {known}",
                    hint="each architecture and base is merged by itself; test again what was made otherwise",
                )


def _facts(run: VersionRun, trees: Hashable) -> Iterator[tuple[str, Hashable, object]]:
    """What has to be the same: (name, the group in which it has to be, value)."""
    yield "base commit", trees, run.origin.base
    if run.error is None:
        yield "configuration", run.origin.base, run.environment.get("config")
        yield "set of tests", run.origin.base, _tests(run)
        yield from ((name, "", run.environment.get(name)) for name in _ALIKE)


def _tests(run: VersionRun) -> str:
    results = run.base_boots[0].run.results if run.base_boots and run.base_boots[0].run else ()
    return ", ".join(sorted({each.name.partition(":")[0] for each in results}))


def remarks(found: Sequence[Piece]) -> list[str]:
    """What a reader of the table should know: parts of one verdict that were not made in quite the same way."""
    said = []
    for name in _BETTER_ALIKE:
        by_value: dict[str, list[str]] = {}
        for part in found:
            if part.row.compared:
                by_value.setdefault(part.row.compared.environment.get(name, "?"), []).append(part.row.label)
        if len(by_value) > 1:
            said.append(f"not the same {name}: " + "; ".join(f"{value}: {_few(by_value[value])}" for value in by_value))
    return said


def _few(labels: Sequence[str]) -> str:
    return " ".join(labels[:5]) + (" ..." if len(labels) > 5 else "")


def twins(rows: Sequence[SweepRow], sources: Mapping[str, Hashable]) -> list[SweepRow]:
    """The rows with `same_as` as one sweep over all of them would have it: the first version with the same sources.

    `sources` tell which are the same; two that are, and say something else, are not called the same.
    """
    elders: dict[Hashable, SweepRow] = {}
    made = []
    for row in rows:
        elder = row
        if row.run is not None and row.stage is not Stage.APPLY:
            elder = elders.setdefault(sources[row.label], row)
        same = elder is not row and _said(elder) == _said(row)
        made.append(replace(row, same_as=elder.label if same else ""))
    return made


def absent(label: str, message_id: str, folders: int) -> SweepRow:
    """The row of a version that is in none of the run directories."""
    message = f"no result of {label} is in the run {'directory' if folders == 1 else 'directories'}"
    problem = Problem(message, hint="see what became of the job that was to test it, and run it again")
    return SweepRow(label, message_id, Stage.TREE, ExitStatus.INFRASTRUCTURE, error=problem)


def repeat(words: str, labels: Sequence[str], *, everything: bool) -> str:
    """The command line that does all on one machine, from that of one part."""
    found = shlex.split(words)
    start = next((at for at, word in enumerate(found) if at > 1 and word.startswith("--series")), len(found))
    return shlex.join([*found[:2], *(["--all"] if everything else labels), *found[start:]])
