"""What lies in a run directory beside the results: consoles, and the patches of each version as they were mailed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from series_ci import difference, mail, mailed, rangediff
from series_ci.rangediff import Pair
from series_ci.runs import AnyRun, SweepRun, VersionRun

HEAD, TAIL = 400, 1600
"""Lines of a console that are kept from its beginning and from its end, where trouble is."""

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Console:
    """What one guest printed: the lines that are kept with their numbers from 1, of `total`; `name` is its folder."""

    name: str
    lines: tuple[tuple[int, str], ...]
    total: int

    @property
    def left_out(self) -> int:
        """Lines between the two ends that are kept."""
        return self.total - len(self.lines)


@dataclass(frozen=True)
class Changed:
    """What became of each patch from one version to the next."""

    old: str
    new: str
    pairs: tuple[Pair, ...]

    @property
    def equal(self) -> bool:
        """Whether code and commit messages are the same."""
        return rangediff.equal(self.pairs)

    @property
    def words(self) -> list[str]:
        """How many patches are what."""
        counts = Counter(pair.mark for pair in self.pairs)
        return [f"{counts[mark]} {rangediff.WORDS[mark]}" for mark in counts]


@dataclass(frozen=True)
class Evidence:
    """All of it; consoles by the folder of their boot, in order."""

    consoles: dict[str, Console]
    changed: tuple[Changed, ...]


def gather(folder: Path, run: AnyRun) -> Evidence:
    """Read it. What was left out of a copy of the directory is not there, and no error."""
    if not isinstance(run, SweepRun):
        return Evidence(dict(_consoles(folder, folder, run)), ())
    found: dict[str, Console] = {}
    for row in run.rows:
        if row.run:
            found |= dict(_consoles(folder, folder / row.label, row.run))
    return Evidence(found, tuple(_changed(folder, run)))


def place(folder: Path, boot: str) -> Path:
    """Where a boot lies whose folder is told relative to that of its version."""
    return (folder / boot).resolve()


def _consoles(root: Path, folder: Path, run: VersionRun) -> Iterator[tuple[str, Console]]:
    """By the path of the boot from the root; versions share those that were booted once."""
    for boot in (*run.base_boots, *run.boots):
        where = place(folder, boot.folder)
        name = str(where.relative_to(root.resolve())) if where.is_relative_to(root.resolve()) else where.name
        parts = [where / "console.log", *sorted(where.glob("guest-*/console.log"))]
        lines = [line for part in parts if part.is_file() for line in _lines(part)]
        if lines:
            numbered = list(enumerate(lines, 1))
            kept = numbered if len(lines) <= HEAD + TAIL else numbered[:HEAD] + numbered[-TAIL:]
            yield name, Console(name, tuple(kept), len(lines))


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_bytes().decode("utf-8", "replace").splitlines():
        yield _CONTROL.sub("", line)[:2000]


def _changed(folder: Path, run: SweepRun) -> Iterator[Changed]:
    """Each version beside the one before it, as they were mailed."""
    sent = {row.label: _sent(folder / row.label / "series.mbx", row.run) for row in run.rows if row.run}
    labels = [label for label, patches in sent.items() if patches]
    for old, new in pairwise(labels):
        yield Changed(old, new, mailed.compare(sent[old], sent[new]))


def _sent(mbox: Path, run: VersionRun) -> list[mailed.Mailed]:
    if not mbox.is_file():
        return []
    patches = [mail.patch(raw) for raw in mail.split_mbox(mbox.read_bytes())]
    ids = {each.message_id: each.patch_id for each in run.origin.patches}
    return [difference.as_sent(each, ids[each.message_id]) for each in patches if each.message_id in ids]
