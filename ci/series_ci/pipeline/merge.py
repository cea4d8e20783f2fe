"""Do the work of `series-ci merge`: verify run directories of several machines, and join them into one sweep."""

from __future__ import annotations

import re
import shutil
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.mail import message
from series_ci.manifest.model import Manifest
from series_ci.progress import Progress, count
from series_ci.report.junit import junit
from series_ci.report.markdown import markdown
from series_ci.rundir import join, sweep_summary, verify
from series_ci.rundir.join import Piece
from series_ci.rundir.layout import BASE, RunDir, numbered_base
from series_ci.rundir.run import Boot, Problem, VersionRun, retried
from series_ci.rundir.summary import version_json
from series_ci.rundir.sweep_run import SweepRow, SweepRun
from series_ci.versions import as_mailed

_AGAIN = re.compile(r"-\d+\Z")
"""The end of the name of a later boot's folder: `base-2`."""


def merge_runs(
    folders: Sequence[Path], manifest: Manifest, labels: Sequence[str], out: Path, progress: Progress
) -> SweepRun:
    """Join run directories into the new folder `out`, and return the sweep. On an error `out` is not made.

    `labels` are the versions that the sweep should have, in their order. Raises UsageError for a directory that is not
    what a run leaves behind, for versions that do not fit together, and if there is none.
    """
    with progress.step("verify") as step:
        pieces: list[Piece] = []
        for folder in folders:
            step.update(str(folder))
            pieces += join.parts(folder, verify.read_verified(folder))
        step.note(f"{count(len(pieces), 'version')} in {len(folders)}")
    chosen = join.choose(pieces, manifest, labels)
    if not chosen:
        raise UsageError("nothing to merge: no version is in the run directories")
    for remark in join.remarks(list(chosen.values())):
        progress.say(remark)
    with progress.step("merge") as step, files.fresh_folder(out, replace=False) as making:
        sweep = _Joint(out, making, chosen).sweep(manifest, labels, len(folders))
        run_dir = RunDir(making)
        files.write_json(run_dir.state, {"repeat": sweep.repeat})
        files.write(run_dir.junit, junit(sweep))
        files.write(run_dir.table, markdown(sweep))
        files.write_json(run_dir.summary, sweep_summary.sweep_json(sweep))
        step.note(str(out))
    return sweep


@dataclass
class _Joint:
    """The folder of the sweep: written as `making`, renamed to `out` at the end. `bases` maps copied bases to names."""

    out: Path
    making: Path
    chosen: Mapping[str, Piece]
    bases: dict[Path, str] = field(default_factory=dict)

    def sweep(self, manifest: Manifest, labels: Sequence[str], folders: int) -> SweepRun:
        """Copy each version and return the sweep. A version of `labels` that no folder has gets a row without a run."""
        rows = []
        for label in labels:
            if part := self.chosen.get(label):
                rows.append(self._row(part))
            else:
                rows.append(join.absent(label, manifest.version(label).message_id, folders))
        rows = join.twins(rows, {row.label: _sources(self.making / row.label, row.run) for row in rows if row.run})
        words = next((row.run.repeat for row in rows if row.run), f"series-ci test --series {manifest.name}")
        repeat = join.repeat(words, labels, everything=list(labels) == list(manifest.versions))
        return SweepRun(manifest.name, manifest.title, tuple(rows), str(self.out), repeat)

    def _row(self, part: Piece) -> SweepRow:
        run = part.row.run
        if run is None:
            return part.row
        label = part.row.label
        place = _place(part)
        target = self.making / label
        shutil.copytree(place, target, ignore=lambda folder, names: _bases(names) if Path(folder) == place else ())
        folder_in_sweep = str(self.out / label)
        base = tuple(self._base_boot(each, place) for each in run.base_boots)
        patched = tuple(self._boot(each, part) for each in run.boots)
        run = replace(
            run,
            folder=folder_in_sweep,
            error=_moved(run.error, run.folder, folder_in_sweep),
            base_boots=base,
            boots=patched,
            retried=retried(base, patched),
        )
        if run.error is not None:
            self._base(RunDir(place).base)  # it may have the log of a base that does not build
        files.write(RunDir(target).junit, junit(run))
        files.write_json(RunDir(target).summary, version_json(run))
        return replace(part.row, run=run, error=run.error)

    def _base_boot(self, boot: Boot, place: Path) -> Boot:
        source = (place / boot.folder).resolve()
        first = _AGAIN.sub("", source.name)
        name = self._base(source.with_name(first))
        return replace(boot, folder=f"../{name}{source.name.removeprefix(first)}")

    def _base(self, source: Path) -> str:
        """Copy the boots of a base, once, and return the base's name in the sweep.

        Each machine's base keeps boots of its own, since its versions were compared with these.
        """
        source = source.resolve()
        if source not in self.bases and source.is_dir():
            name = numbered_base(len(self.bases) + 1)
            self.bases[source] = name
            for boot in [source, *source.parent.glob(f"{source.name}-*")]:
                shutil.copytree(boot, self.making / f"{name}{boot.name.removeprefix(source.name)}")
        return self.bases.get(source, BASE)

    def _boot(self, boot: Boot, part: Piece) -> Boot:
        """Return a boot of a version with its folder in the sweep.

        A version with the kernel of another one names that one's boots. If that one comes from another run directory,
        the boots are copied.
        """
        steps = PurePosixPath(boot.folder).parts
        if len(steps) == 1:
            return boot
        owner = self.chosen.get(steps[1])
        if owner is not None and owner.folder == part.folder:
            return boot
        shutil.copytree(_place(part) / boot.folder, self.making / part.row.label / steps[-1])
        return replace(boot, folder=steps[-1])


def _place(part: Piece) -> Path:
    """Return the folder of a version: a run directory of its own, or a folder in that of a sweep."""
    inside = part.folder / part.row.label
    return inside if RunDir(inside).summary.is_file() else part.folder


def _moved(error: Problem | None, old: str, new: str) -> Problem | None:
    """Return an error whose hint names logs in the folder `new`, not in `old`."""
    return error and replace(error, hint=error.hint.replace(f"{old}/", f"{new}/"))


def _bases(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.startswith(BASE)]


def _sources(folder: Path, run: VersionRun) -> Hashable:
    """Return a key that versions with the same sources share: base, patch-ids, and changed lines.

    The lines are needed because patches of one patch-id may differ in white space.
    """
    lines = []
    for raw in message.split_mbox(RunDir(folder).mails.read_bytes()):
        lines += [line for line in as_mailed.code_of_mail(raw) if line.startswith(("+", "-"))]
    return run.origin.base, tuple(each.patch_id for each in run.origin.patches), tuple(lines)
