"""Notes on the state that a test left the guest in: those that only the kernel with the series has. Pure."""

from __future__ import annotations

import re

from series_ci.results.model import Result

HELD = 16
"""Memory in MiB that a test may hold more than on the base. Caches and per-CPU lists vary by as much."""

MEMORY = "did not give back"
"""The beginning of a note on missing memory."""


def new(old: Result | None, with_series: Result | None) -> tuple[str, ...]:
    """Return the notes of a test with the series that the base does not have."""
    known = {kind(note) for note in (old.notes if old else ())}
    added = [note for note in (with_series.notes if with_series else ()) if kind(note) not in known]
    before, after = (result.held if result else 0 for result in (old, with_series))
    if after - before > HELD:
        on_base = f", {before} MiB on the base" if before else ""
        added.append(f"{MEMORY} {after} MiB of memory and swap{on_base}")
    return tuple(added)


def kind(note: str) -> str:
    """Return a note without its amounts, which differ from boot to boot."""
    return MEMORY if note.startswith(MEMORY) else re.sub(r"\d+", "N", note)
