"""What is read from a run directory is what was known when it was written."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakes import rundirs
from fakes.lab import world
from fakes.outcomes import outcome, request, run
from fakes.world import World, fresh
from series_ci.errors import ApplyError, BuildError, Error, InfrastructureError, UsageError
from series_ci.host import files
from series_ci.kernel.each_patch import PatchBuild
from series_ci.pipeline.outcome import Outcome
from series_ci.pipeline.rows import Row
from series_ci.results import compare, looks
from series_ci.results.model import Ended, Result, Run, Splat, Status
from series_ci.rundir import read
from series_ci.rundir.run import Problem, Stage, VersionRun
from series_ci.rundir.sweep_run import SweepRun

SPLAT = Splat("WARNING", "WARNING: at mm/rmap.c:13", "ab" * 16, ("one", "two"), "f", ("f", "g"), "mm/a")


def kernel(label: str, status: Status, *splats: Splat) -> Run:
    results = (
        Result("boot", Status.PASS),
        Result("mm/a", status, "why", ("line 1", "line 2"), 1.5, (f"left by {label}",)),
        Result(f"mm/only-{label}", Status.PASS, log=(label,)),
    )
    return replace(run(label, *results, splats=splats), started=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))


def tried_twice() -> Outcome:
    found = outcome(kernel("base", Status.PASS), kernel("v10", Status.FAIL, SPLAT))
    second = (kernel("base", Status.PASS), kernel("v10", Status.PASS))
    assert found.comparison
    both = looks.join([found.comparison, compare.compare(*second)])
    steps = (PatchBuild("1/1 x", "12", BuildError("no"), ("mm/a.c: warning: x",)),)
    return replace(found, runs=(*found.runs, *second), comparison=both, steps=steps)


@pytest.mark.parametrize(
    "found",
    [
        outcome(kernel("base", Status.PASS), kernel("v10", Status.FAIL, SPLAT)),
        tried_twice(),
        outcome(run("base"), run("v10", ended=Ended.PANIC)),
        outcome(error=ApplyError("patch 1", details="a hunk", hint="try that")),
        outcome(error=BuildError("a.c:1")),
    ],
)
def test_a_version_comes_back_as_it_was(tmp_path: Path, found: Outcome) -> None:
    known = rundirs.version(tmp_path / "run", found)
    assert read.read(tmp_path / "run") == known


def test_what_is_read_has_the_words_of_the_tests(tmp_path: Path) -> None:
    rundirs.version(tmp_path, tried_twice())
    found = read.read_version(tmp_path)
    (changed,) = [entry for entry in found.entries if entry.name == "mm/a"]
    assert (changed.log, changed.seconds, changed.notes) == (("line 1", "line 2"), 1.5, ("left by v10",))
    assert {entry.name: entry.log for entry in found.entries}["mm/only-base"] == ("base",)
    assert [each.folder for each in found.boots] == ["patched", "patched-2"]
    assert found.boots[0].run
    assert found.boots[0].run.started == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def rows(known: dict[str, Outcome | None], error: Error | None = None) -> list[Row]:
    return [
        Row(
            request(label=label),
            each,
            each.error if each else error,
            (Stage.APPLY if each.error else Stage.DONE) if each else Stage.FETCH,
            base="/src/linux",
            same_as="v4" if label == "v5" else "",
        )
        for label, each in known.items()
    ]


def test_a_sweep_comes_back_as_it_was_also_elsewhere(tmp_path: Path) -> None:
    good = outcome(kernel("base", Status.PASS), kernel("v4", Status.FAIL), label="v4")
    known = {
        "v1": outcome(error=ApplyError("no", details="d"), label="v1"),
        "v4": good,
        "v5": replace(good),
        "v6": None,
    }
    gone = InfrastructureError("lost", details="twice", hint="look")
    written = rundirs.sweep(tmp_path / "sweep", rows(known, gone))
    found = read.read(tmp_path / "sweep")
    assert found == written
    shutil.move(tmp_path / "sweep", tmp_path / "elsewhere")
    assert read.read(tmp_path / "elsewhere") == written
    assert isinstance(found, SweepRun)
    assert found.rows[-1].error == Problem("lost", "twice", "look")
    assert found.rows[1].run
    assert [each.folder for each in found.rows[1].run.base_boots] == ["../base"]
    assert found.rows[1].run.base_boots[0].run == good.runs[0]


def test_records_that_were_left_out_of_a_copy_are_no_error(tmp_path: Path) -> None:
    rundirs.version(tmp_path, tried_twice())
    shutil.rmtree(tmp_path / "patched")
    found = read.read_version(tmp_path)
    assert (found.verdict, found.boots[0].run, found.boots[1].run is None) == (
        "regression, but no build after 1 patch",
        None,
        False,
    )


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished run"):
        read.read(tmp_path)
    for wrong in ({"series": "demo"}, {"versions": [{"version": "v9"}]}, {"versions": 3}):
        files.write_json(tmp_path / "summary.json", wrong)
        with pytest.raises(UsageError, match="is not the summary"):
            read.read(tmp_path)


@pytest.mark.parametrize("key", ["changes", "splats", "boots", "environment", "status"])
@pytest.mark.parametrize("wrong", [None, 7, "x", {"base": 3}, [3], [{}]])
def test_a_damaged_summary_is_told(tmp_path: Path, key: str, wrong: Any) -> None:
    rundirs.version(tmp_path, tried_twice())
    found = json.loads((tmp_path / "summary.json").read_text())
    files.write_json(tmp_path / "summary.json", {**found, key: wrong})
    with pytest.raises(UsageError, match="is not the summary"):
        read.read(tmp_path)


def test_a_sweep_is_no_single_version(tmp_path: Path) -> None:
    rundirs.sweep(tmp_path, rows({"v1": outcome(error=ApplyError("no"), label="v1")}))
    with pytest.raises(UsageError, match="several versions") as caught:
        read.read_version(tmp_path)
    assert caught.value.hint.endswith(str(tmp_path / "v1"))
    (tmp_path / "v1/summary.json").unlink()
    with pytest.raises(UsageError, match=r"v1/summary\.json: is missing"):
        read.read(tmp_path)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with world(tmp_path_factory.mktemp("world")) as made:
        yield made


def test_the_program_itself(lab: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here: World = fresh(lab, tmp_path, capsys)
    ran = here.test("v1", "v2", "v4")
    found = read.read(ran.out)
    assert isinstance(found, SweepRun)
    assert [row.stage for row in found.rows] == [Stage.DONE, Stage.APPLY, Stage.DONE]
    assert found.rows[2].same_as == "v1"
    elder, twin = found.rows[0].run, found.rows[2].run
    assert isinstance(elder, VersionRun)
    assert isinstance(twin, VersionRun)
    assert [each.folder for each in twin.boots] == ["../v1/patched"]
    assert twin.boots[0].run == elder.boots[0].run
    assert elder.boots[0].run
    assert elder.boots[0].run.started
    assert [each.folder for each in elder.base_boots] == ["../base"]
