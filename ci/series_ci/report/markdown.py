"""Show a run as Markdown, for the summary of a GitHub job or for a comment. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from series_ci.report.markup import TextBlock, TextTable, cell, code, fence, joined, plain
from series_ci.results.compare import Change, TestChange
from series_ci.rundir import words
from series_ci.rundir.matrix import matrix, why_failed
from series_ci.rundir.run import PatchResult, VersionRun
from series_ci.rundir.sweep_run import AnyRun, SweepRun

SUMMARY = 1 << 20
"""Bytes of a step's summary that GitHub takes."""

COMMENT = 65_000
"""Bytes of a comment or a check run's summary. GitHub takes 65,535 characters, and a comment begins with a marker."""

LOGS = 10
"""Broken tests whose output is shown."""


def markdown(run: AnyRun, limit: int = SUMMARY) -> str:
    """Return the verdict and what led to it, in at most `limit` bytes; cut only between rows and paragraphs."""
    blocks = _sweep(run) if isinstance(run, SweepRun) else _version(run)
    return joined(blocks, f"Repeat: {code(run.repeat)}", limit)


def _version(run: VersionRun) -> Iterator[TextBlock]:
    yield f"### {plain(words.headline(run))}"
    yield f"{plain(run.title)} ({_mail(run)})"
    if compiled := words.compiled(run):
        yield f"In the kernel: {plain(compiled)}"
    if run.error:
        yield code(run.error.message)
        yield fence(run.error.details.splitlines())
    yield from _permitted(run)
    yield from _steps(run)
    for splat in run.new_splats:
        where = f" (in {code(splat.test)})" if splat.test else ""
        yield f"New complaint of the kernel: {code(splat.title)}{where}"
        yield fence(splat.decoded or splat.lines)
    for splat, why in run.allowed_splats:
        yield f"Allowed complaint of the kernel: {code(splat.title)}: {plain(why.words)}"
    broken = words.leaves(run.having(Change.BROKEN))
    changed = words.changed(run)
    for entry in broken[:1]:
        yield _broken(entry)
        yield fence(entry.log)
    if changed:
        rows = [(cell(each.name), each.base or "-", each.patched or "-", str(each.change)) for each in changed]
        yield TextTable(("test", "base", plain(run.version), "change"), tuple(rows))
    for entry in broken[1:LOGS]:
        if entry.log:
            yield _broken(entry)
            yield fence(entry.log)
    yield from _notes(run)
    if run.entries:
        yield TextTable(("program", "results", "base", plain(run.version), "changes"), tuple(_programs(run)))
    yield _kernel(run)


def _permitted(run: VersionRun) -> Iterator[TextBlock]:
    if run.permitted:
        yield "\n".join(f"- permitted {each.kind}: {plain(each.words)}" for each in run.permitted)


def _broken(entry: TestChange) -> str:
    why = why_failed(entry.log)
    return f"{code(entry.name)}: {plain(words.states(entry))}" + (f", {code(why)}" if why else "")


def _mail(run: VersionRun) -> str:
    """Return the Message-ID, as a link if the archive is on the web."""
    archive, name = run.origin.archive, run.message_id
    if re.fullmatch(r"https://[\w./-]+/", archive) and re.fullmatch(r"[\w.@=+-]+", name):
        return f"[{code(name)}]({archive}{name}/)"
    return code(name)


def _steps(run: VersionRun) -> Iterator[TextBlock]:
    if not run.steps:
        return
    rows = [
        (plain(step.patch), code(step.error) if step.error else _built(step), str(len(step.new_warnings)))
        for step in run.steps
    ]
    yield TextTable(("after patch", "", "new warnings"), tuple((a, b.replace("|", "\\|"), c) for a, b, c in rows))
    yield fence([line for step in run.steps for line in step.new_warnings])


def _built(step: PatchResult) -> str:
    return "; ".join(["builds", *([plain(words.step(step))] if words.step(step) else [])])


def _notes(run: VersionRun) -> Iterator[str]:
    notes = [f"- {plain(each)}" for each in words.retried(run)]
    notes += [f"- {code(name)}, {plain(note)}" for name, note in words.notes(run)]
    if notes:
        yield "\n".join(notes[:50])


def _programs(run: VersionRun) -> Iterator[tuple[str, ...]]:
    groups: dict[str, list[TestChange]] = {}
    for entry in run.entries:
        groups.setdefault(entry.name.partition(":")[0], []).append(entry)
    for name, entries in groups.items():
        base, patched = (
            _counted([str(status) for status in statuses if status])
            for statuses in ([each.base for each in entries], [each.patched for each in entries])
        )
        yield (cell(name), str(len(entries)), base, patched, ", ".join(words.counted(entries)))


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in Counter(names).items()) or "-"


def _kernel(run: VersionRun) -> str:
    base = f"Base: {code(run.origin.tree)}, {code(run.origin.base[:12])}"
    return "; ".join([base, *([", ".join(map(code, run.machine))] if run.machine else [])])


def _sweep(run: SweepRun) -> Iterator[TextBlock]:
    drawn = matrix(run.rows)
    yield f"### {plain(words.headline(run))}"
    yield plain(run.title)
    yield _table(drawn.heading, drawn.lines)
    if drawn.notes:
        yield "\n".join(f"- **{plain(labels)}**: {_note(text)}" for labels, text in drawn.notes)
    if drawn.steady:
        yield f"No version changes: {plain(', '.join(drawn.steady))}"
    if drawn.details.lines:
        yield "#### Tests that tell the versions apart"
        yield _table(("test", *drawn.details.versions), [(name, *cells) for name, cells in drawn.details.lines])


def _table(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> TextTable:
    rows = tuple((cell(line[0]) if heading[0] == "test" else plain(line[0]), *map(plain, line[1:])) for line in lines)
    return TextTable(tuple(map(plain, heading)), rows)


def _note(text: str) -> str:
    first, _, rest = text.partition("\n")
    return plain(first) + (f" ({code(rest)})" if rest else "")
