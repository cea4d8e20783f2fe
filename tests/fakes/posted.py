"""Run directories to post, made up: only what a posting is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from series_ci.guest.record import write_run
from series_ci.host import files
from series_ci.results.model import Ended, Result, Run, Status

FIRST = "20260203.v10-1@example.org"
SECOND = "20260203.v10-2@example.org"
SHA = "ab" * 20
STARTED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)

MBOX = """\
From mboxrd@z Thu Jan  1 00:00:00 1970
Message-ID: <20260203.v10-1@example.org>
From: Robin Vale <robin.vale@example.org>
To: linux-mm@example.org
Date: Tue, 3 Feb 2026 11:05:18 +0100
Subject: [PATCH v10 1/2] mm/rmap: count

---
diff --git a/mm/rmap.c b/mm/rmap.c
--- a/mm/rmap.c
+++ b/mm/rmap.c
@@ -1 +1 @@
-a
+b
"""

SPLAT = {
    "kind": "WARNING",
    "title": "WARNING: mm/page_alloc.c:12 in folio_put",
    "fingerprint": "12" * 16,
    "function": "folio_put",
    "trace": ["folio_put"],
    "test": "",
    "change": "NEW",
    "lines": ["WARNING: CPU: 0 PID: 9 at mm/page_alloc.c:12 folio_put+0x1/0x2", " try_to_unmap (mm/rmap.c:840)"],
}


def change(name: str, base: str | None, patched: str | None, what: str) -> dict[str, Any]:
    return {"name": name, "base": base, "patched": patched, "change": what}


def summary(**changed: Any) -> dict[str, Any]:
    """What `summary.json` holds; nothing changed unless told otherwise."""
    return {
        "series": "demo",
        "version": "v10",
        "title": "mm/rmap: leave the folios of exiting processes alone",
        "message_id": FIRST,
        "verdict": "no regression",
        "status": 0,
        "changes": [change("boot", "PASS", "PASS", "SAME")],
        "splats": [],
        "steps": [],
        "error": None,
        "run_dir": "/runs/1",
        "boots": {"base": ["base"], "patched": ["patched"]},
        "environment": {
            "arch": "x86_64",
            "accelerator": "tcg",
            "archive": "https://lore.example.org/all/",
            "base_patches": [],
            "trees_not_used": [],
            "patched_commit": "beef" * 10,
            "tree": "/src/linux",
            "base_commit": "c0ffee" * 6,
            "patches": [
                {"message_id": FIRST, "patch_id": "11", "subject": "mm/rmap: count"},
                {"message_id": SECOND, "patch_id": "22", "subject": "mm/rmap: leave"},
            ],
        },
        "repeat": "series-ci test v10 --series demo",
        **changed,
    }


def broken(tests: int = 1) -> dict[str, Any]:
    """A regression: some tests, and a complaint."""
    rows = [change(f"mm/exit_skip:shmem.case{number}", "PASS", "FAIL", "BROKEN") for number in range(tests)]
    return summary(verdict="regression", status=1, changes=rows, splats=[SPLAT])


def folder(path: Path, found: dict[str, Any]) -> Path:
    """A run directory with that summary; each test failed in a line of its own."""
    for kernel in ("base", "patched"):
        results = [
            Result(
                row["name"], Status(row[kernel]), log=(f"exit_skip.c:{683 + number}:exiting:memory was not reclaimed",)
            )
            for number, row in enumerate(found["changes"])
            if row[kernel]
        ]
        run = Run(kernel, "c0ffee", Ended.POWEROFF, 9.0, 1.0, tuple(results), (), {"arch": "x86_64"}, STARTED)
        write_run(path / kernel / "run.json", run)
    files.write_json(path / "summary.json", found)
    files.write(path / "series.mbx", MBOX)
    return path
