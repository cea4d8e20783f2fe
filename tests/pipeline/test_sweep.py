"""Several versions at once: what they share is made once, what goes wrong stays with its version, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from fakes import lab, mails
from fakes.here import ROOT
from fakes.lab import BASE, PATCHED, Lab
from fakes.world import FAILS, PASSES, Ran, World, notes
from series_ci.cli import main
from series_ci.guest.record import read_run
from series_ci.rundir import verify


def cells(ran: Ran) -> dict[str, dict[str, str]]:
    return {each["version"]: each["cells"] for each in ran.summary["versions"]}


def test_all_versions_are_one_table(world: World) -> None:
    world.lab.qemu.plan({"kernel": BASE, **FAILS}, PASSES)
    ran = world.test("--all")
    assert ran.status == 4
    good = {"apply": "ok", "build": "ok", "compiled": "2 of 2", "boot": "PASS", "mm/good": "FIXED 2"}
    assert cells(ran) == {
        "v1": good,
        "v2": {"apply": "does not apply", "build": "-", "compiled": "-", "boot": "-", "mm/good": "-"},
        "v3": {"apply": "ok", "build": "does not build", "compiled": "-", "boot": "-", "mm/good": "-"},
        "v4": good,
    }
    assert [each["same_as"] for each in ran.summary["versions"]] == [None, None, None, "v1"]
    for words in (
        "v4 (= v1)",
        "v2  does not apply: hunk at mm/rmap.c:",
        "v3  does not build: mm/rmap.c:13:36: error: expected ')'",
        "mm/good:exiting  FIXED",
        "no version changes: mm/broken NOTBUILT, mm/exit_skip NOTBUILT",
        "mini: no regression; some versions do not build",
    ):
        assert words in ran.stdout, words


def test_what_versions_share_is_built_and_booted_once(world: World) -> None:
    ran = world.test("--all")
    assert [BASE in call["kernel"] for call in world.lab.qemu.calls] == [True, False]
    assert not {"build v4", "boot v4", "selftests v4"} & notes(ran).keys()
    for label in ("v1", "v4"):
        found = json.loads((ran.out / label / "summary.json").read_text("utf-8"))
        assert (found["version"], found["verdict"]) == (label, "no regression")
        assert mails.message_id(int(label[1:]), 0) == found["message_id"]
        assert (ran.out / label / "series.mbx").is_file()


def test_a_kernel_that_is_the_same_bit_for_bit_is_not_booted_again(world: World, tmp_path: Path) -> None:
    """Another comment is another tree, and is built, but it is the same kernel."""
    said = mails.Change(mails.SKIP.message, (*mails.SKIP.edits, ("mm/rmap.c", "Who maps a folio.", "Who maps it.")))
    mail = mails.folder(tmp_path / "mail", [*lab.mail(), *mails.series((mails.HELPER, said), version=5)])
    text = lab.MANIFEST.replace("archive: mail", f"archive: {mail}").replace("spec: linux", f"spec: {world.lab.linux}")
    text = text.replace("mini.config", f"{world.lab.folder}/mini.config").replace(".v4-0@", ".v5-0@")
    (tmp_path / "mini.yaml").write_text(text, "utf-8")
    out = tmp_path / "out"
    status = main(["test", "v1", "v4", "--series", str(tmp_path / "mini.yaml"), "--accel", "tcg", "--out", str(out)])
    found = json.loads((out / "summary.json").read_text("utf-8"))["versions"]
    assert status == 0
    assert [(each["same_as"], each["verdict"]) for each in found] == [(None, "no regression"), (None, "no regression")]
    assert len(world.lab.qemu.calls) == 2


def test_a_rerun_builds_nothing_and_boots_afresh(world: World) -> None:
    world.test("--all")
    ran = world.test("--all")
    made = {step: text for step, text in notes(ran).items() if step.startswith(("build", "selftests"))}
    assert len(made) == 5
    assert all("cached" in text for text in made.values())
    assert len(world.lab.qemu.calls) == 4


def test_a_regression_outweighs_what_does_not_build(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, **FAILS}, PASSES)
    ran = world.test("v4", "v3", "v1")
    assert ran.status == 1
    assert [each["version"] for each in ran.summary["versions"]] == ["v4", "v3", "v1"]
    assert (cells(ran)["v4"]["mm/good"], cells(ran)["v1"]["mm/good"]) == ("BROKEN 2", "BROKEN 2")
    assert "BROKEN mm/good:exiting: PASS -> FAIL" in ran.stdout
    # Both kernels once more, the second boot of the base serving all versions.
    assert len(world.lab.qemu.calls) == 4
    assert (ran.out / "base-2/run.json").is_file()
    assert (ran.out / "v4/patched-2/run.json").is_file()
    assert "v4 v1" in ran.stdout  # one note, one column for both


def test_the_reports(world: World) -> None:
    ran = world.test("--all")
    suites = {suite.name: suite for suite in JUnitXml.fromfile(str(ran.out / "junit.xml"))}
    assert list(suites) == [f"series-ci mini v{number}" for number in (1, 2, 3, 4)]
    assert [(each.errors, each.failures, each.tests) for each in suites.values()] == [
        (0, 0, 4),
        (1, 0, 1),
        (1, 0, 1),
        (0, 0, 4),
    ]
    text = (ran.out / "summary.md").read_text("utf-8")
    assert "| version | apply | build | compiled | boot |" in text
    assert "| v3 | ok | does not build | - |" in text
    assert f"`{ran.summary['repeat']}`" in text


def test_json_on_standard_output_is_the_summary(world: World) -> None:
    ran = world.test("v1", "v2", "--json")
    assert json.loads(ran.stdout) == ran.summary


@pytest.mark.parametrize("first", ["v3", "v2"])
def test_no_keep_going_ends_at_the_first_that_goes_wrong(world: World, first: str) -> None:
    ran = world.test(first, "v1", "--no-keep-going")
    assert ran.status == {"v2": 3, "v3": 4}[first]
    assert list(cells(ran)) == [first]
    assert world.lab.qemu.calls == []
    assert "stopped: --no-keep-going" in ran.stderr


def test_a_mail_that_is_not_to_be_had_concerns_its_version_alone(world: World, tmp_path: Path) -> None:
    manifest = tmp_path / "other.yaml"
    text = lab.MANIFEST.replace("20260203.v3-0@", "gone@").replace("archive: mail", f"archive: {world.lab.mail}")
    text = text.replace("spec: linux", f"spec: {world.lab.linux}").replace(
        "mini.config", f"{world.lab.folder}/mini.config"
    )
    manifest.write_text(text, "utf-8")
    out = tmp_path / "out"
    status = main(["test", "v1", "v3", "--series", str(manifest), "--accel", "tcg", "--out", str(out)])
    found = json.loads((out / "summary.json").read_text("utf-8"))
    assert (status, found["verdict"]) == (2, "some versions cannot be had")
    assert [each["cells"]["apply"] for each in found["versions"]] == ["ok", "not fetched"]
    assert "has no such mail" in found["versions"][1]["error"]["message"]
    suite = list(JUnitXml.fromfile(str(out / "junit.xml")))[1]
    assert (suite.name, suite.errors) == ("series-ci mini v3", 1)


def test_a_machine_that_is_lost_concerns_its_version_alone(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "end": "lost"})
    ran = world.test("v1", "v3")
    assert ran.status == 5
    assert cells(ran)["v1"]["boot"] == "no result"
    assert "was lost 2 times" in ran.stdout


def test_what_stands_in_the_way_of_all_is_an_error(world: World, tmp_path: Path) -> None:
    ran = world.test("v1", "v4", "--archive", str(tmp_path / "nowhere"))
    assert ran.status == 2
    assert "nowhere: no such file" in ran.stderr
    assert ran.stdout == ""
    assert not ran.out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--all", "v1"], "VERSION and --all"),
        ([], "no VERSION"),
        (["v1", "one@example.org"], "series-ci init one@example.org"),
        (["v1", "v4", "--each-patch"], "--each-patch takes a single VERSION"),
        (["v1", "v77"], "'v77'"),
    ],
)
def test_a_mistake_is_named(world: World, words: list[str], said: str) -> None:
    ran = world.test(*words)
    assert ran.status == 2
    assert said in ran.stderr
    assert not ran.out.exists()


def test_versions_may_have_bases_of_their_own(world: World, tmp_path: Path) -> None:
    """v2 was written for another tree: with that tree named beside it, it applies."""
    other = lab.fakelinux.repository(tmp_path / "other", {"Kconfig": lab.kconfig(), "mm/rmap.c": lab.OTHER_TREE})
    text = lab.MANIFEST.replace("archive: mail", f"archive: {world.lab.mail}").replace(
        "spec: linux", f"spec: {world.lab.linux}"
    )
    text = text.replace("mini.config", f"{world.lab.folder}/mini.config")
    v2 = f"message-id: {mails.message_id(2, 0)}"
    (tmp_path / "mini.yaml").write_text(text.replace(v2, f"{v2}\n    trees: [{{spec: {other}}}]"), "utf-8")
    out = tmp_path / "out"
    argv = ["test", "v1", "v2", "--series", str(tmp_path / "mini.yaml"), "--accel", "tcg", "--out", str(out)]
    status = main(argv)
    found = {
        each["version"]: each["cells"] for each in json.loads((out / "summary.json").read_text("utf-8"))["versions"]
    }
    assert found["v2"]["apply"] == "ok"
    assert (found["v1"]["base"], found["v2"]["base"]) == (str(world.lab.linux), str(other))
    assert found["v2"]["build"] == "ok"
    for folder in ("base", "base.2/base", "v1/patched", "v2/patched"):
        assert (out / folder / "run.json").is_file()
    assert status == 0
    verify.read_verified(out)


# Interrupted, and asked for again in the same words.


def sweep_argv(found: Lab, *more: str) -> list[str]:
    return ["test", "--all", "--series", str(found.manifest), "--accel", "tcg", *more]


def runs(found: Lab) -> list[Path]:
    return sorted((found.folder / "home/.local/state/series-ci/runs").glob("mini-sweep-*"))


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_sweep_goes_on_where_it_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kill: signal.Signals
) -> None:
    with lab.world(tmp_path / "world") as found:
        found.qemu.plan({"kernel": PATCHED, "end": "hang"})
        env = {**os.environ, "PYTHONPATH": str(ROOT / "ci")}
        argv = [sys.executable, "-m", "series_ci", *sweep_argv(found)]
        with subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
            deadline = time.monotonic() + 120
            while len(found.qemu.calls) < 2:  # the second guest, which hangs
                assert child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            child.send_signal(kill)
        assert child.returncode == (130 if kill is signal.SIGTERM else -kill)
        (folder,) = runs(found)
        base = read_run(folder / "base/run.json")
        assert not (folder / "summary.json").exists()

        found.qemu.plan()
        assert main(sweep_argv(found)) == 4
        said = capsys.readouterr()
        assert f"goes on with the interrupted sweep in {folder}" in said.err
        assert notes(Ran(0, folder, said.out, said.err))["boot base"].strip() == "kept from the interrupted run"
        assert read_run(folder / "base/run.json") == base
        assert len(found.qemu.calls) == 3  # v1's alone was booted again
        assert runs(found) == [folder]

        # It is finished now: the next one is a new one.
        assert main(sweep_argv(found)) == 4
        assert len(runs(found)) == 2


def test_other_words_are_another_sweep(tmp_path: Path) -> None:
    with lab.world(tmp_path / "world") as found:
        assert main(sweep_argv(found)) == 4
        (folder,) = runs(found)
        (folder / "summary.json").unlink()  # as if it had been killed at the very end
        assert main(sweep_argv(found, "--memory", "48M")) == 4
        assert len(runs(found)) == 2


def test_what_was_booted_with_something_else_is_booted_again(tmp_path: Path) -> None:
    """The words are the same, but the manifest's tests are not: no boot of before may stand for one of now."""
    with lab.world(tmp_path / "world") as found:
        assert main(sweep_argv(found)) == 4
        (folder,) = runs(found)
        (folder / "summary.json").unlink()
        before = len(found.qemu.calls)
        found.manifest.write_text(
            found.manifest.read_text("utf-8").replace("mm/good", "mm/good\n    timeout: 7"), "utf-8"
        )
        assert main(sweep_argv(found)) == 4
        assert len(found.qemu.calls) == before + 2


def test_with_out_the_same_folder_is_gone_on_with_and_a_finished_one_is_not(world: World) -> None:
    first = world.test("v1", "v3")
    again = world.test("v1", "v3", out=first.out)
    assert (again.status, "exists and is not an empty folder" in again.stderr) == (2, True)
    (first.out / "summary.json").unlink()
    more: Any = world.test("v1", "v3", out=first.out)
    assert more.status == 4
    assert "kept from the interrupted run" in more.stderr
