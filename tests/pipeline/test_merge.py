"""Runs of versions from several machines become one sweep: the one that one machine would have made."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from fakes import rundirs
from fakes.lab import BASE, PATCHED
from fakes.outcomes import outcome, request, run
from fakes.world import FAILS, PASSES, World
from series_ci.cli import main
from series_ci.host import files
from series_ci.results.model import Result, Status
from series_ci.rundir import read, verify
from series_ci.rundir.run import VersionRun
from series_ci.rundir.sweep_run import SweepRun


def merged(world: World, *words: Path | str, out: str = "merged") -> tuple[int, Path, str, str]:
    world.capsys.readouterr()
    target = world.folder / out
    argv = [str(each) for each in words]
    status = main(["merge", *argv, "--series", str(world.lab.manifest), "--out", str(target)])
    said = world.capsys.readouterr()
    return status, target, said.out, said.err


def timeless(text: str, *folders: Path) -> str:
    """A report without what differs from run to run: times, and the folder that it lies in."""
    for folder in folders:
        text = text.replace(str(folder), "RUN")
    text = re.sub(r'("seconds": )[\d.]+|((?:time|timestamp)=)"[^"]*"', r"\1\g<2>0", text)
    return re.sub(r"(?:RUN|/\S*?)/(?:out\d+|merged)", "RUN", text)


def test_the_same_as_one_machine_would_have_written(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, **FAILS}, PASSES)
    whole = world.test("--all")
    assert whole.status == 1
    parts = [world.test("v1", "v4").out, world.test("v3").out, world.test("v2").out]
    status, out, said, _err = merged(world, *parts)
    assert status == whole.status
    for name in ("summary.json", "summary.md", "junit.xml", "sweep.json"):
        one, other = (timeless((each / name).read_text("utf-8"), each) for each in (whole.out, out))
        assert one == other, name
    assert timeless(said, out) == timeless(whole.stdout, whole.out)
    for label in ("v1", "v4"):
        one, other = (timeless((each / label / "summary.json").read_text("utf-8"), each) for each in (whole.out, out))
        assert {**json.loads(one), "repeat": "", "environment": ""} == {
            **json.loads(other),
            "repeat": "",
            "environment": "",
        }
    names = {str(each.relative_to(whole.out)) for each in whole.out.rglob("*") if each.name != ".lock"}
    there = {str(each.relative_to(out)) for each in out.rglob("*")}
    # The kernel of the base was built when the whole ran; what does not build keeps the log of its base's build.
    assert names - {"base/build.log"} <= there | {"base/build.log"}
    assert isinstance(verify.read_verified(out), SweepRun)
    assert [boot.folder for boot in read.read_version(out / "v4").boots] == ["../v1/patched", "../v1/patched-2"]


def test_each_version_by_itself(world: World) -> None:
    """Twins that nobody has put together are found; each keeps the boots of its own base."""
    parts = [world.test(label).out for label in ("v4", "v1", "v2", "v3")]
    status, out, _said, _err = merged(world, *parts)
    found = verify.read_verified(out)
    assert status == 4
    assert isinstance(found, SweepRun)
    assert [(row.label, row.same_as, row.stage.value) for row in found.rows] == [
        ("v1", "", "done"),
        ("v2", "", "apply"),
        ("v3", "", "build"),
        ("v4", "v1", "done"),
    ]
    assert [boot.folder for run in found.runs for boot in run.base_boots] == ["../base", "../base.2"]
    assert all(boot.run for run in found.runs for boot in (*run.base_boots, *run.boots))
    assert JUnitXml.fromfile(str(out / "junit.xml")).tests == 10


def test_what_is_missing_has_no_result(world: World) -> None:
    status, out, said, _err = merged(world, world.test("v1").out)
    rows = {each["version"]: each for each in files.read_json(out / "summary.json")["versions"]}  # type: ignore[index]
    assert status == 5
    assert rows["v2"]["error"]["message"] == "no result of v2 is in the run directory"
    assert (rows["v2"]["cells"]["apply"], rows["v1"]["cells"]["apply"]) == ("no result", "ok")
    assert "v2 v3 v4" in said or "no result of v3" in said
    verify.read_verified(out)


def test_versions_that_were_asked_for(world: World) -> None:
    status, out, said, _err = merged(world, world.test("v4").out, world.test("v1").out, "--version=v4", "--version=v1")
    assert status == 0
    assert f"series-ci test v1 v4 --series {world.lab.manifest} --accel tcg" in said
    assert isinstance(read.read(out), SweepRun)


def test_a_double_that_says_the_same_is_taken_once(world: World) -> None:
    parts = [world.test("v1").out, world.test("v1", "v4").out]
    status, out, _said, _err = merged(world, *parts, "--version", "v1", "--version", "v4")
    found = read.read(out)
    assert status == 0
    assert isinstance(found, SweepRun)
    # v4 was not booted where it comes from; the boot that it shares is brought along, as its v1 was left behind.
    assert [boot.folder for boot in found.runs[1].boots] == ["patched"]
    assert (out / "v4/patched/run.json").is_file()


def test_a_double_that_disagrees(world: World) -> None:
    good = world.test("v1").out
    world.lab.qemu.plan({"kernel": PATCHED, **FAILS}, PASSES)
    status, out, _said, err = merged(world, good, world.test("v1").out)
    assert status == 2
    assert not out.exists()
    assert "do not say the same: they differ in verdict, results" in err


def test_twins_that_disagree_are_not_called_the_same(world: World) -> None:
    good = world.test("v1").out
    world.lab.qemu.plan({"kernel": BASE, **FAILS}, PASSES)
    _status, out, _said, _err = merged(world, good, world.test("v4").out)
    found = read.read(out)
    assert isinstance(found, SweepRun)
    assert [row.same_as for row in found.rows] == ["", "", "", ""]


def test_a_run_that_was_interrupted(world: World, tmp_path: Path) -> None:
    half = world.test("v1").out
    (half / "summary.json").unlink()
    status, out, _said, err = merged(world, half)
    assert (status, out.exists()) == (2, False)
    assert "no finished run" in err


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Made-up runs of the versions of `demo`, each with an environment and a base of its own."""

    def make(
        label: str, *names: str, base: str = "ef" * 20, message_id: str = "", series: str = "demo", **environment: str
    ) -> Path:
        results = [Result(name, Status.PASS) for name in ("boot", *names)]
        kernels = [run(each, *results) for each in ("base", label)]
        kernels = [replace(each, environment={**each.environment, **environment}) for each in kernels]
        found = outcome(*kernels, label=label, series=series)
        asked = replace(request(series=series, label=label), message_id=message_id or f"20260203.{label}@example.org")
        found = replace(found, request=asked, base=replace(found.base, commit=base))
        folder = tmp_path / f"{label}-{len(list(tmp_path.iterdir()))}"
        rundirs.version(folder, found)
        return folder

    return make


DEMO = """\
name: demo
title: "mm/rmap: leave the folios of exiting processes alone"
archive: .
versions:
  v1: {message-id: 20260203.v1@example.org}
  v2: {message-id: 20260203.v2@example.org}
trees: [{spec: linux}]
"""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"base": "ab" * 20}, "base commit is " + "ab" * 20),
        ({"config": "0123"}, "configuration is 0123, not 4567"),
        ({"names": ("mm/b",)}, "set of tests is boot, mm/b, not boot, mm/a"),
        ({"memory": "1073741824"}, "memory is 1073741824"),
        ({"arch": "arm64"}, "arch is arm64"),
        ({"series": "other"}, "is of the series other, not demo"),
        ({"label": "v3"}, "is not among the versions v1, v2"),
        ({"message_id": "else@example.org"}, "is the mail else@example.org"),
    ],
)
def test_what_does_not_fit(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], says: str
) -> None:
    (tmp_path / "demo.yaml").write_text(DEMO, "utf-8")
    names = change.pop("names", ("mm/a",))
    first = made("v1", "mm/a", config="4567")
    second = made(change.pop("label", "v2"), *names, **{"config": "4567", **change})
    argv = ["merge", str(first), str(second), "--series", str(tmp_path / "demo.yaml"), "--out", str(tmp_path / "out")]
    assert main(argv) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_accelerator_is_told(made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo.yaml").write_text(DEMO, "utf-8")
    parts = [str(made("v1")), str(made("v2", accelerator="kvm"))]
    assert main(["merge", *parts, "--series", str(tmp_path / "demo.yaml"), "--out", str(tmp_path / "out")]) == 0
    assert "not the same accelerator: tcg: v1; kvm: v2" in capsys.readouterr().err


def test_versions_on_trees_of_their_own(made: Any, tmp_path: Path) -> None:
    """The manifest may put versions on other trees: then their bases differ, and their configurations may."""
    text = DEMO.replace("v2: {message-id: 20260203.v2@example.org}", "v2:\n    message-id: 20260203.v2@example.org\n")
    (tmp_path / "demo.yaml").write_text(text.replace("v2@example.org\n", "v2@example.org\n    trees: [{spec: old}]\n"))
    parts = [str(made("v1", config="1")), str(made("v2", config="2", base="ab" * 20))]
    assert main(["merge", *parts, "--series", str(tmp_path / "demo.yaml"), "--out", str(tmp_path / "out")]) == 0


def test_the_folder_must_be_new(made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(made("v1")), "--out", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err


def test_a_merged_run_can_be_merged_again(made: Any, tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(DEMO, "utf-8")
    series = ["--series", str(tmp_path / "demo.yaml")]
    assert main(["merge", str(made("v1")), *series, "--out", str(tmp_path / "one")]) == 5
    assert main(["merge", str(tmp_path / "one"), str(made("v2")), *series, "--out", str(tmp_path / "two")]) == 0
    found = verify.read_verified(tmp_path / "two")
    assert isinstance(found, SweepRun)
    assert [isinstance(row.run, VersionRun) for row in found.rows] == [True, True]
    shutil.rmtree(tmp_path / "two/base")
    assert main(["verify", str(tmp_path / "two")]) == 2
