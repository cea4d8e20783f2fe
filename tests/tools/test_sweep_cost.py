"""The benchmark of a sweep, on a kernel in miniature: what it counts, and that it cleans up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sweep_cost
from fakes import lab
from fakes.here import ROOT
from fakes.lab import Lab
from fakes.outcomes import request
from series_ci import cli
from series_ci.errors import BuildError, InfrastructureError
from series_ci.pipeline.rows import Row
from series_ci.progress import Progress
from series_ci.rundir.run import Stage
from sweep_cost import Figure, Stopwatch, require_result


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with lab.world(tmp_path / "world") as found:
        monkeypatch.setenv("PYTHONPATH", str(ROOT / "ci"))
        yield found


def test_the_figures(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.run(sweep_cost.main, ["--series", str(world.manifest), "--accel", "tcg", "--json", "-q"])
    figures = [Figure(**each) for each in json.loads(capsys.readouterr().out)]
    found = {each.what: each for each in figures}
    # v4 is v1, v2 does not apply: the base, v1 and v3 are trees of their own.
    assert found["kernels that were built / different trees"].measured == 1.0
    assert found["builds of a second sweep"].measured == 0.0
    assert found["boots of a second sweep where the first one was"].measured == 0.0
    assert found["builds of base + 4 versions / builds of base + v4"].bar == 1.4
    assert all(each.measured > 0 for each in figures if each.unit == "s")
    assert status == (0 if all(each.good for each in figures) else 1)
    # Base and v1 in the sweep; the guests of v4 alone, and once more beside builds.
    assert len(world.qemu.calls) == 2 + 2 * 2
    assert list((world.folder / "cache").iterdir()) == []


def test_a_sweep_without_results_gives_no_figures(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    world.qemu.plan({"end": "lost"})
    status = cli.run(sweep_cost.main, ["--series", str(world.manifest), "--accel", "tcg", "-q"])
    said = capsys.readouterr()
    assert (status, said.out) == (5, "")
    assert "was lost 2 times" in said.err


def test_a_stopwatch_knows_what_a_cache_has_spared() -> None:
    watch = Stopwatch(Progress())
    with watch.step("build base") as step:
        time.sleep(0.01)
        step.note("7 objects")
    with watch.step("build v1") as step:
        step.note("cached")
    with watch.step("boot v1") as step:
        step.note("kept from the interrupted run")
    with pytest.raises(BuildError), watch.step("build v2"):
        raise BuildError("does not build")
    assert (watch.done(["build "]), watch.done(["boot "])) == (2, 0)
    assert watch.seconds(["build "]) >= 0.01
    assert watch.seconds(["selftests "]) == 0


@pytest.mark.parametrize(("measured", "bar", "good"), [(1.4, 1.4, True), (1.41, 1.4, False), (99.0, None, True)])
def test_a_figure_has_to_stay_within_its_bar(measured: float, bar: float | None, good: bool) -> None:
    assert Figure("x", measured, bar).good is good


def test_what_does_not_build_is_a_result_and_a_lost_guest_is_none() -> None:
    require_result([Row(request(), None, BuildError("does not build"), Stage.BUILD)])
    with pytest.raises(InfrastructureError, match="v10: lost"):
        require_result([Row(request(), None, InfrastructureError("lost"), Stage.BOOT)])
