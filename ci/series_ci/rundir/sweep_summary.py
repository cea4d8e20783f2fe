"""Make the summary.json of a sweep. `read` reads it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from series_ci.results.compare import Change
from series_ci.rundir.layout import SUMMARY
from series_ci.rundir.matrix import Matrix, matrix
from series_ci.rundir.summary import problem
from series_ci.rundir.sweep_run import SweepRow, SweepRun


def sweep_json(sweep: SweepRun) -> dict[str, Any]:
    """Return the JSON object that `--json` prints and the sweep's summary.json holds; each version has its own file."""
    drawn = matrix(sweep.rows)
    lines = zip(sweep.rows, drawn.lines, strict=True)
    return {
        "series": sweep.series,
        "title": sweep.title,
        "verdict": sweep.verdict,
        "status": int(sweep.status),
        "versions": [_version(row, line, drawn, sweep.folder) for row, line in lines],
        "unchanged_tests": list(drawn.steady),
        "run_dir": sweep.folder,
        "repeat": sweep.repeat,
    }


def _version(row: SweepRow, line: Sequence[str], drawn: Matrix, folder: str) -> dict[str, Any]:
    run = row.compared
    changed = [entry for entry in run.entries if entry.change is not Change.SAME] if run else []
    return {
        "version": row.label,
        "message_id": row.message_id,
        "base": row.base,
        "same_as": row.same_as or None,
        "stage": str(row.stage),
        "verdict": row.run.verdict if row.run else "no result",
        "status": int(row.status),
        "cells": dict(zip(drawn.heading[1:], line[1:], strict=True)),
        "changes": {entry.name: str(entry.change) for entry in changed},
        "new_complaints": [splat.title for splat in run.new_splats] if run else [],
        "error": problem(row.error),
        "summary": f"{os.path.relpath(row.run.folder, folder)}/{SUMMARY}" if row.run else None,
    }
