"""Read what the HTML page shows besides results: consoles, and what changed in the patches between versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from series_ci.guest import record
from series_ci.host import inside, plain
from series_ci.mail import message
from series_ci.results import logline
from series_ci.rundir import read
from series_ci.rundir.run import VersionRun
from series_ci.rundir.sweep_run import AnyRun, SweepRun, place
from series_ci.versions import as_mailed, rangediff
from series_ci.versions.rangediff import PatchPair

HEAD, TAIL = 400, 1600
"""Lines of a console that are kept of its beginning and of its end, where a failure shows."""

CONSOLE = 512 << 20
"""Bytes of a console that are read."""


@dataclass(frozen=True)
class Console:
    """The console of one boot: the lines that are kept, numbered from 1, of `total`; `name` is the boot's folder."""

    name: str
    lines: tuple[tuple[int, str], ...]
    total: int

    @property
    def left_out(self) -> int:
        """How many lines between the two ends are left out."""
        return self.total - len(self.lines)


@dataclass(frozen=True)
class SourceChange:
    """What changed in each patch from one version, `old`, to the next."""

    old: str
    new: str
    pairs: tuple[PatchPair, ...]

    @property
    def equal(self) -> bool:
        """Whether code and commit messages are the same."""
        return rangediff.equal(self.pairs)

    @property
    def words(self) -> list[str]:
        """How many patches are equal, changed, dropped or new."""
        counts = Counter(pair.mark for pair in self.pairs)
        return [f"{counts[mark]} {rangediff.WORDS[mark]}" for mark in counts]


@dataclass(frozen=True)
class Evidence:
    """Consoles by the folders of their boots, in order, and the changes between versions."""

    consoles: dict[str, Console]
    changed: tuple[SourceChange, ...]


def gather(folder: Path, run: AnyRun) -> Evidence:
    """Read the evidence of a run. Files that are missing, in a copy say, are no error."""
    versions = run.runs if isinstance(run, SweepRun) else [run]
    # Versions may share boots.
    folders = dict.fromkeys(name for each in versions for name in names(run, each))
    read = {name: console for name in folders if (console := _console(folder, name))}
    return Evidence(read, tuple(_changed(folder, run)) if isinstance(run, SweepRun) else ())


def names(root: AnyRun, run: VersionRun) -> list[str]:
    """Return the names of a version's consoles: the folders of its boots, relative to the run directory."""
    return [place(root, run, boot) for boot in (*run.base_boots, *run.boots)]


def _console(folder: Path, name: str) -> Console | None:
    """Return what the guests of one boot printed, one after the other; None if nothing. No link is followed."""
    parts = [str((path / record.CONSOLE).relative_to(folder)) for path in _guests(folder / name)]
    lines = [line for part in parts if inside.is_file(folder, part) for line in _lines(folder, part)]
    numbered = list(enumerate(lines, 1))
    kept = numbered if len(lines) <= HEAD + TAIL else numbered[:HEAD] + numbered[-TAIL:]
    return Console(name, tuple(kept), len(lines)) if lines else None


def _guests(where: Path) -> Iterator[Path]:
    """Yield the folders of a boot's guests in the order in which they ran: each after those that it replaced."""
    for folder in [where, *_numbered(where, record.GUEST)]:
        yield from _numbered(folder, record.TRY)
        yield folder


def _numbered(where: Path, start: str) -> list[Path]:
    folders = [path for path in where.glob(f"{start}*") if path.name.removeprefix(start).isdecimal()]
    return sorted(folders, key=lambda path: int(path.name.removeprefix(start)))


def _lines(folder: Path, name: str) -> Iterator[str]:
    for line in (inside.read(folder, name, CONSOLE) or b"").decode("utf-8", "replace").splitlines():
        yield plain.replaced(logline.plain(line), "")[:2000]


def _changed(folder: Path, run: SweepRun) -> Iterator[SourceChange]:
    """Compare each version with the one before it, as they were mailed."""
    sent = {each.version: _sent(read.mails(folder / place(run, each)), each) for each in run.runs}
    labels = [label for label, patches in sent.items() if patches]
    for old, new in pairwise(labels):
        yield SourceChange(old, new, as_mailed.compare(sent[old], sent[new]))


def _sent(mails: Sequence[bytes], run: VersionRun) -> list[as_mailed.Mailed]:
    ids = {each.message_id: each.patch_id for each in run.origin.patches}
    patches = [message.patch(raw) for raw in mails]
    return [as_mailed.as_sent(each, ids[each.message_id]) for each in patches if each.message_id in ids]
