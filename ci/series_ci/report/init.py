"""Show what `init` found, on a terminal and as JSON: each version with the evidence that it is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from series_ci.versions import labels
from series_ci.versions.candidates import Gathered
from series_ci.versions.draft import Draft
from series_ci.versions.labels import Labelled

STRANGERS = 10
"""Other series of the threads that are named; a long thread may hold hundreds."""


def show(draft: Draft, gathered: Gathered, file: Path | None, out: Console) -> None:
    """Print a table of the versions, what could not be linked, how the base was found, and where the manifest is."""
    width = max(len(each.label) for each in draft.versions) + 2
    ids = max(len(each.posting.message_id) for each in draft.versions)
    out.print(Text(f"{'':{width}}{'date':<12}{'Message-ID':<{ids}}  title", "bold"))
    for each in draft.versions:
        posting = each.posting
        style = "yellow" if each.doubts else ""
        line = f"{each.label:<{width}}{posting.date:%Y-%m-%d}  {posting.message_id:<{ids}}  {posting.title}"
        out.print(Text(line, style))
        out.print(Text(f"{'':{width}}{'; '.join(each.evidence)}", "dim"))
        if each.doubts:
            out.print(Text(f"{'':{width}}in doubt: {'; '.join(each.doubts)}", style))
    for line in unlinked(draft.versions, gathered):
        out.print(Text(line, "yellow"))
    newest = draft.sure[-1]
    choice = draft.choices[newest.label]
    out.print(Text(f"base of {newest.label}: {' or '.join(choice.specs)} ({choice.why})"))
    for tried in choice.tried:
        out.print(Text(f"  {tried.way:<12} {tried.gave}", "dim"))
    if file is not None:
        out.print(Text(f"manifest:  {file}"))
        out.print(Text(f"test:      series-ci test {newest.label} --series {file}"))


def unlinked(versions: Sequence[Labelled], gathered: Gathered) -> list[str]:
    """Return a line for each version that was not found, each note, and each series that was left out."""
    doubtful = {each.label for each in versions if each.doubts}
    lines = []
    for number in labels.missing(versions):
        perhaps = [label for label in doubtful if labels.number(label) == number]
        lines.append(
            f"not linked: v{number}" + (": the one in doubt may be it" if perhaps else ": no mail looks like it")
        )
    lines += [f"note: {note}" for note in gathered.notes]
    for posting in gathered.strangers[:STRANGERS]:
        who = posting.head.sender_address
        lines.append(f"not linked: {posting.message_id} by {who}, {posting.title!r}: in a thread that was read")
    if unnamed := len(gathered.strangers) - STRANGERS:
        lines += [f"not linked: {unnamed} more in threads that were read"] if unnamed > 0 else []
    return lines


def summary(draft: Draft, gathered: Gathered, file: Path | None) -> dict[str, Any]:
    """Return the JSON object; dates are in ISO form with a time zone, `file` is null if none was written."""
    return {
        "name": draft.name,
        "title": draft.title,
        "archive": draft.archive,
        "asked_for": gathered.start.message_id,
        "versions": [_version(each, draft) for each in draft.versions],
        "unlinked": unlinked(draft.versions, gathered),
        "collections": list(draft.collections),
        "file": None if file is None else str(file),
    }


def _version(version: Labelled, draft: Draft) -> dict[str, Any]:
    choice = draft.choices[version.label]
    return {
        "label": version.label,
        "message_id": version.posting.message_id,
        "date": version.posting.date.isoformat(),
        "title": version.posting.title,
        "patches": sum(each.subject.number != 0 for each in version.posting.letters),
        "sure": not version.doubts,
        "evidence": list(version.evidence),
        "doubts": list(version.doubts),
        "trees": list(choice.specs),
        "base": choice.why,
        "tried": {each.way: each.gave for each in choice.tried},
    }
