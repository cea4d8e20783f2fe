"""Join runs of single versions from several machines into one sweep, if they fit together. Pure."""

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
    """One version, and the run directory that has it."""

    row: SweepRow
    folder: Path

    @property
    def place(self) -> str:
        """Version and folder, for messages."""
        return f"{self.row.label} in {self.folder}"


def parts(folder: Path, run: AnyRun) -> list[Piece]:
    """Return the versions in a run directory."""
    if isinstance(run, SweepRun):
        return [Piece(row, folder) for row in run.rows]
    return [Piece(_row(run), folder)]


def _row(run: VersionRun) -> SweepRow:
    """Return the row that a sweep would have for a version."""
    tree = run.origin.tree
    return SweepRow(run.version, run.message_id, run.stage, run.status, base=tree, error=run.error, run=run)


def choose(found: Sequence[Piece], manifest: Manifest, labels: Sequence[str]) -> dict[str, Piece]:
    """Return one part for each version that there is, in the order of `labels`.

    Raises UsageError if parts do not fit together, or if two runs of one version have different results.
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
    """Raise UsageError if two runs of the same version have different results."""
    results = [_results(part.row) for part in (one, other)]
    if different := [what for what in results[0] if results[0][what] != results[1][what]]:
        raise UsageError(
            f"{one.place} and {other.place} do not say the same: they differ in {', '.join(different)}",
            hint="leave one of them out; a result that comes and goes is worth a look of its own",
        )


def _results(row: SweepRow) -> Mapping[str, object]:
    """Return the results of a run that another run of the same version has to have; not its times and logs."""
    run = row.run
    assert run is not None
    return {
        "verdict": (run.verdict, run.error and run.error.message),
        "compiled files": run.coverage,
        "results": [(each.name, each.base, each.patched, each.change) for each in run.entries],
        "kernel complaints": sorted((each.splat.fingerprint, each.change) for each in run.splats),
    }


def _fit(found: Sequence[Piece], manifest: Manifest) -> None:
    """Raise UsageError unless versions on the same trees of the manifest have the same base, machine and tests."""
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
    """Yield what has to be equal: (name, the group of versions in which it has to be, value)."""
    yield "base commit", trees, run.origin.base
    if run.error is None:
        yield "configuration", run.origin.base, run.environment.get("config")
        yield "set of tests", run.origin.base, _tests(run)
        yield from ((name, "", run.environment.get(name)) for name in _ALIKE)


def _tests(run: VersionRun) -> str:
    results = run.base_boots[0].run.results if run.base_boots and run.base_boots[0].run else ()
    return ", ".join(sorted({each.name.partition(":")[0] for each in results}))


def remarks(found: Sequence[Piece]) -> list[str]:
    """Return a line for each tool that is not the same for all versions, for whoever reads the table."""
    lines = []
    for name in _BETTER_ALIKE:
        by_value: dict[str, list[str]] = {}
        for part in found:
            if part.row.compared:
                by_value.setdefault(part.row.compared.environment.get(name, "?"), []).append(part.row.label)
        if len(by_value) > 1:
            lines.append(
                f"not the same {name}: " + "; ".join(f"{value}: {_few(by_value[value])}" for value in by_value)
            )
    return lines


def _few(labels: Sequence[str]) -> str:
    return " ".join(labels[:5]) + (" ..." if len(labels) > 5 else "")


def twins(rows: Sequence[SweepRow], sources: Mapping[str, Hashable]) -> list[SweepRow]:
    """Return the rows with `same_as` set as one sweep over all would set it: to the first version of equal sources.

    `sources` has a value per label, equal for equal sources. Versions with different results are not called the same.
    """
    elders: dict[Hashable, SweepRow] = {}
    marked = []
    for row in rows:
        elder = row
        if row.run is not None and row.stage is not Stage.APPLY:
            elder = elders.setdefault(sources[row.label], row)
        same = elder is not row and _results(elder) == _results(row)
        marked.append(replace(row, same_as=elder.label if same else ""))
    return marked


def absent(label: str, message_id: str, folders: int) -> SweepRow:
    """Return the row of a version that is in none of the run directories."""
    message = f"no result of {label} is in the run {'directory' if folders == 1 else 'directories'}"
    problem = Problem(message, hint="see what became of the job that was to test it, and run it again")
    return SweepRow(label, message_id, Stage.TREE, ExitStatus.INFRASTRUCTURE, error=problem)


def repeat(words: str, labels: Sequence[str], *, everything: bool) -> str:
    """Return the command line that tests all versions on one machine, made of that of one part, `words`."""
    argv = shlex.split(words)
    start = next((at for at, word in enumerate(argv) if at > 1 and word.startswith("--series")), len(argv))
    return shlex.join([*argv[:2], *(["--all"] if everything else labels), *argv[start:]])
