"""Outcomes of a request, for the tests of the reports: made up, and without a kernel."""

from __future__ import annotations

from pathlib import Path

from series_ci import arch
from series_ci.arch import Machine
from series_ci.errors import Error
from series_ci.kernel.base import Base
from series_ci.mail import message
from series_ci.mail.fetch import Fetched
from series_ci.manifest.model import TreeSource
from series_ci.manifest.request import Request
from series_ci.pipeline.outcome import Outcome
from series_ci.results import compare
from series_ci.results.coverage import ChangedFile, Coverage, FileKind
from series_ci.results.model import Ended, Result, Run, Splat

MAIL = b"""\
Message-ID: <20260203.v10-1@example.org>
From: Robin Vale <robin.vale@example.org>
Date: Tue, 3 Feb 2026 11:05:18 +0100
Subject: [PATCH v10] mm/rmap: leave the folios of exiting processes alone

---
"""


WHOLE = Coverage((ChangedFile("mm/rmap.c", FileKind.CODE, True),), same_kernel=False)
"""All that the series changes is in its kernel."""


def request(out: Path = Path("/runs/1"), series: str = "demo", label: str = "v10") -> Request:
    """What was asked for."""
    return Request(
        series=series,
        label=label,
        message_id="20260203.v10-1@example.org",
        archive="https://lore.example.org/all/",
        trees=(TreeSource.model_construct(spec="/src/linux", base_patches=()),),
        config=(),
        machine=Machine(arch.get("x86_64"), 512 << 20, 2, 0),
        tests=(),
        accel="auto",
        out=out,
        repeat="series-ci test v10 --series demo",
    )


def run(
    label: str, *results: Result, splats: tuple[Splat, ...] = (), ended: Ended = Ended.POWEROFF, commit: str = ""
) -> Run:
    """What one kernel gave."""
    environment = {"arch": "x86_64", "accelerator": "tcg", "qemu": "QEMU emulator version 9.8.7"}
    environment["image"] = (commit or label).ljust(16, "0")[:16]
    return Run(label, commit or label * 8, ended, 12.3, 1.5, results, splats, environment)


def outcome(
    base: Run | None = None,
    patched: Run | None = None,
    *,
    error: Error | None = None,
    series: str = "demo",
    label: str = "v10",
    coverage: Coverage | None = None,
) -> Outcome:
    """What came of it: the comparison of two runs, or an error. What was compared was all in the kernel."""
    fetched = Fetched(
        "20260203.v10-1@example.org", (message.patch(MAIL),), ("ab" * 20,), Path("x.mbx"), "cd" * 32, False
    )
    tree = Base("/src/linux", Path("/cache/x.git"), "ef" * 20, cached=True)
    runs = (base, patched) if base and patched else ()
    comparison = compare.compare(*runs) if runs else None
    return Outcome(
        request(series=series, label=label),
        fetched,
        tree,
        ("debian:x: is not here",),
        runs,
        comparison,
        error,
        coverage=coverage or (WHOLE if runs else None),
    )
