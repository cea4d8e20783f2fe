"""Notes on the state that a test left the guest in: those that only the kernel with the series has. Pure."""

from __future__ import annotations

import re

from series_ci.results.model import Result

HELD = 16
"""MiB that a test may leave missing more than on the base: as much comes and goes with caches and lists of the CPUs."""

MEMORY = "did not give back"
"""How a note on missing memory begins."""


def new(old: Result | None, with_series: Result | None) -> tuple[str, ...]:
    """What a test left behind with the series, and not on the base."""
    known = {kind(note) for note in (old.notes if old else ())}
    found = [note for note in (with_series.notes if with_series else ()) if kind(note) not in known]
    before, after = (each.held if each else 0 for each in (old, with_series))
    if after - before > HELD:
        on_base = f", {before} MiB on the base" if before else ""
        found.append(f"{MEMORY} {after} MiB of memory and swap{on_base}")
    return tuple(found)


def kind(note: str) -> str:
    """A note without its amounts, which differ from boot to boot."""
    return MEMORY if note.startswith(MEMORY) else re.sub(r"\d+", "N", note)
