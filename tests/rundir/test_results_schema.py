"""The schema of results takes whatever the program writes, and nothing else: its keys are a promise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes import rundirs
from fakes.outcomes import outcome, request, run
from series_ci.cli import main
from series_ci.errors import ApplyError, BuildError, InfrastructureError
from series_ci.kernel.each_patch import PatchBuild
from series_ci.manifest.allow import Allowed
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.pipeline.rows import Row
from series_ci.results import compare, looks
from series_ci.results.model import Result, Splat, Status
from series_ci.rundir.run import Stage
from series_ci.rundir.summary import version_json


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str]) -> Any:
    assert main(["schema", "results"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def every_kind() -> Outcome:
    """Every pair of statuses and every change."""
    pairs = [(base, patched) for base in (*Status, None) for patched in (*Status, None) if base or patched]
    base, patched = (
        [
            Result(f"mm/{at}", pair[side], "why", ("x",), 0.5, (f"left {side}",))
            for at, pair in enumerate(pairs)
            if pair[side]
        ]
        for side in (0, 1)
    )
    splat = Splat("BUG", "BUG: x", "ab", ("x",), "f", ("f",), "mm/a", ("x at mm/a.c:1",))
    known = replace(splat, title="BUG: known", fingerprint="cd")
    first = outcome(run("base", *base), run("v10", *patched, splats=(splat, known)))
    entry = {"pattern": "known", "reason": "r", "link": "https://example.org/1", "expires": "2026-12-31"}
    first = replace(first, comparison=compare.compare(*first.runs, [Allowed.model_validate(entry)]))
    good = outcome(run("base", *base), run("v10", *base))
    assert first.comparison
    assert good.comparison
    both = looks.join([first.comparison, good.comparison])
    found = {each.change for each in (*both.entries, *first.comparison.entries, *both.splats)}
    assert found == set(compare.Change)
    steps = (PatchBuild("1/1 x", "12", BuildError("no"), ("warning",)), PatchBuild("2/2 y", "12", None, ()))
    return replace(first, comparison=both, steps=steps)


@pytest.mark.parametrize(
    "found", [every_kind(), outcome(error=ApplyError("no", details="x", hint="y")), outcome(error=BuildError("no"))]
)
def test_versions(schema: Any, found: Outcome) -> None:
    schema.validate(json.loads(json.dumps(version_json(version_run(found)))))


def test_a_sweep(schema: Any, tmp_path: Path) -> None:
    rows = [
        Row(request(label="v1"), outcome(error=ApplyError("no"), label="v1"), ApplyError("no"), Stage.APPLY),
        Row(request(label="v2"), None, InfrastructureError("lost"), Stage.BOOT),
        Row(request(label="v3"), None, None, Stage.BUILD),
        Row(request(label="v4"), replace(every_kind(), request=request(label="v4")), None, Stage.DONE, "/src", "v3"),
    ]
    rundirs.sweep(tmp_path, rows)
    schema.validate(json.loads((tmp_path / "summary.json").read_text()))


def test_what_is_promised_is_there_and_nothing_else(schema: Any) -> None:
    good = json.loads(json.dumps(version_json(version_run(every_kind()))))
    for key in good:
        assert not schema.is_valid({name: value for name, value in good.items() if name != key})
    assert not schema.is_valid({**good, "other": 1})
    assert not schema.is_valid({**good, "status": 130})
