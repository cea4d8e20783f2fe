"""Show a run as one HTML page, which needs no other file and no network, and can be read without scripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from series_ci.errors import ExitStatus
from series_ci.host import paths, plain
from series_ci.report.evidence import Console, Evidence
from series_ci.results.compare import Change, SplatEntry, TestChange
from series_ci.results.logline import both_ends
from series_ci.rundir import words
from series_ci.rundir.matrix import UNTESTED, Matrix, change_of, ended, matrix, why
from series_ci.rundir.run import VersionRun
from series_ci.rundir.sweep_run import AnyRun, SweepRun, place

LOG = 200
"""Lines of a test's output that are shown."""

MOST_ROWS = 60_000
"""If all versions together have more results than this, unchanged ones are left out."""

WITH_LOGS = 300
"""Changed tests of a version whose output is shown."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class HtmlRow:
    """A row of the table of all tests; `look` is the CSS class of its change."""

    name: str
    base: str
    patched: str
    change: str
    look: str


@dataclass(frozen=True)
class Group:
    """The results of one program; the `left_out` ones, which are not in `rows`, did not change."""

    name: str
    counts: str
    look: str
    rows: tuple[HtmlRow, ...]
    left_out: int


@dataclass(frozen=True)
class Complaint:
    """A kernel complaint; `line` is the id of its first line in a console, "" if no console has it."""

    entry: SplatEntry
    line: str


@dataclass(frozen=True)
class ChangedRow:
    """A test that differs from the base, with its output."""

    row: HtmlRow
    why: str
    log: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """One version, as the template shows it."""

    run: VersionRun
    ident: str
    look: str
    headline: str
    changed: tuple[ChangedRow, ...]
    complaints: tuple[Complaint, ...]
    groups: tuple[Group, ...]
    consoles: tuple[tuple[str, str], ...]
    retried: tuple[str, ...]


def page(run: AnyRun, evidence: Evidence) -> str:
    """Return the page."""
    sections = [_section(run, each, evidence) for each in (run.runs if isinstance(run, SweepRun) else [run])]
    context: dict[str, Any] = {
        "run": run,
        "sweep": isinstance(run, SweepRun),
        "name": words.name(run),
        "look": _look(run.status),
        "headline": words.headline(run),
        "sections": sections,
        "known": {section.run.version for section in sections},
        "matrix": matrix(run.rows) if isinstance(run, SweepRun) else None,
        "consoles": evidence.consoles.values(),
        "changed": evidence.changed,
    }
    return str(_template().render(context))


@cache
def _template() -> Any:  # noqa: ANN401 (jinja2 is only loaded for this format)
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"ident": ident, "clean": clean}
    environment.filters |= {"compiled": words.compiled, "uncompiled": words.step}
    environment.filters |= {"cell": cell_look, "diffline": diff_look, "matrix_rows": rows_of}
    return environment.from_string(paths.data("report", "report.html").read_text("utf-8"))


def ident(text: str) -> str:
    """Return a name as part of an id."""
    return _NO_NAME.sub("-", text)


def clean(text: str) -> str:
    """Return a text without characters that HTML does not allow."""
    return re.sub("[\ufffe\uffff]", "\ufffd", plain.replaced(text))


def _look(status: int) -> str:
    return {ExitStatus.OK: "good", ExitStatus.NOT_TESTED: "odd"}.get(ExitStatus(status), "bad")


LOOKS = {
    Change.BROKEN: "bad",
    Change.FLAKY: "odd",
    Change.GONE: "odd",
    Change.SKIPPED: "odd",
    Change.FIXED: "good",
    Change.NEW: "new",
    Change.SAME: "same",
}


def cell_look(text: str) -> str:
    """Return the CSS class of a cell of the matrix."""
    change = change_of(text)
    if text in UNTESTED:
        return "odd"
    return "bad" if ended(text) else LOOKS[change] if change else "same"


def diff_look(line: str) -> str:
    """Return the CSS class of a line of a diff of patches."""
    return {"+": "good", "-": "bad", "@": "new"}.get(line[:1], "")


def rows_of(drawn: Matrix) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Return the rows of the matrix: the label of the version, and the cells after it."""
    return [(line[0], line[1:]) for line in drawn.lines]


def _section(whole: AnyRun, run: VersionRun, evidence: Evidence) -> Section:
    consoles = _consoles_of(whole, run, evidence)
    rows = sum(len(each.entries) for each in (whole.runs if isinstance(whole, SweepRun) else [whole]))
    return Section(
        run=run,
        ident=ident(run.version),
        look=_look(run.status),
        headline=words.headline(run),
        changed=tuple(_changed(run)),
        complaints=tuple(_complaint(each, [evidence.consoles[name] for _, name in consoles]) for each in run.splats),
        groups=tuple(_groups(run, whole=rows <= MOST_ROWS)),
        consoles=consoles,
        retried=tuple(words.retried(run)),
    )


def _consoles_of(whole: AnyRun, run: VersionRun, evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Return (title, name) of the consoles of a version's boots, those with the series first."""
    consoles = []
    for boots, what in ((run.boots, run.version), (run.base_boots, "base")):
        for number, boot in enumerate(boots, 1):
            name = place(whole, run, boot)
            if name in evidence.consoles:
                consoles.append((f"{what}, boot {number}" if len(boots) > 1 else what, name))
    return tuple(consoles)


def _changed(run: VersionRun) -> list[ChangedRow]:
    rows = []
    for number, entry in enumerate(words.changed(run)):
        log = tuple(both_ends(entry.log, LOG)) if number < WITH_LOGS else ()
        rows.append(ChangedRow(_row(entry), why(entry), log, entry.notes))
    return rows


def _row(entry: TestChange) -> HtmlRow:
    return HtmlRow(
        entry.name, str(entry.base or "-"), str(entry.patched or "-"), str(entry.change), LOOKS[entry.change]
    )


def _groups(run: VersionRun, *, whole: bool) -> list[Group]:
    groups: dict[str, list[TestChange]] = {}
    for entry in run.entries:
        groups.setdefault(entry.name.partition(":")[0], []).append(entry)
    drawn = []
    for name, entries in groups.items():
        changes = {entry.change for entry in entries}
        worst = next((change for change in words.BY_WEIGHT if change in changes), Change.SAME)
        counts = ", ".join(words.counted(entries))
        rows = tuple(_row(entry) for entry in entries if whole or entry.change is not Change.SAME)
        drawn.append(Group(name, counts, LOOKS[worst], rows, len(entries) - len(rows)))
    return drawn


def _complaint(entry: SplatEntry, consoles: Sequence[Console]) -> Complaint:
    """Return a complaint with the place of its first line in the first console that has it."""
    first = next((line.strip() for line in entry.splat.lines if len(line.strip()) > 10), "")
    for console in consoles if first else ():
        for number, line in console.lines:
            if first in line:
                return Complaint(entry, f"{ident(console.name)}-L{number}")
    return Complaint(entry, "")
