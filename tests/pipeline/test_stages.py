"""The whole story with a kernel, a list and a QEMU in miniature: every verdict, and what is left behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import fakelinux, lab, mails
from fakes.lab import BASE, PATCHED, WARNING, Lab
from fakes.world import FAILS, INNER, PASSES, World, notes
from series_ci.cli import main
from series_ci.cli.options import Options
from series_ci.cli.request import make_request
from series_ci.errors import ExitStatus, InfrastructureError, UsageError
from series_ci.guest.record import read_run
from series_ci.manifest.request import Request
from series_ci.pipeline import test
from series_ci.progress import Progress
from series_ci.results.model import Ended


def test_no_regression(world: World) -> None:
    ran = world.run("v1")
    assert ran.status == 0
    assert ran.summary["verdict"] == "no regression"
    assert ran.changes["mm/good"] == ("PASS", "PASS", "SAME")
    assert ran.changes["boot"] == ("PASS", "PASS", "SAME")
    assert ran.junit == (0, 0)
    assert "mini v1: no regression" in ran.stdout
    assert [(BASE in call["kernel"], PATCHED in call["kernel"]) for call in world.lab.qemu.calls] == [
        (True, False),
        (False, True),
    ]


def test_a_second_run_makes_nothing_again(world: World) -> None:
    world.run("v1")
    said = notes(world.run("v1"))
    for step in ("fetch", "apply", "build base", "build v1", "selftests base", "selftests v1"):
        assert said[step].strip().startswith("cached"), step
    assert len(world.lab.qemu.calls) == 4


def test_another_version_with_the_same_patches_is_fetched_but_not_built(world: World) -> None:
    world.run("v1")
    said = notes(world.run("v4"))
    assert "cached" not in said["fetch"]
    assert "cached" in said["build v4"]


def test_the_users_checkout_is_not_touched(world: World) -> None:
    linux = world.lab.linux

    def state() -> list[tuple[str, int, int]]:
        return sorted((str(p), p.lstat().st_mtime_ns, p.lstat().st_size) for p in linux.rglob("*"))

    (linux / "mm/rmap.c").touch()
    (linux / "not-committed").write_text("mine\n")
    before = state()
    assert world.run("v1").status == 0
    assert world.run("v2").status == 3
    assert world.run("v3").status == 4
    assert state() == before
    (linux / "not-committed").unlink()


def test_the_run_directory_holds_all_that_is_needed(world: World) -> None:
    ran = world.run("v1")
    assert {path.name for path in ran.out.iterdir()} >= {"summary.json", "junit.xml", "series.mbx", "base", "patched"}
    needed = {
        "run.json",
        "console.log",
        "results.ktap",
        "status.txt",
        "qemu.cmd",
        "config",
        "build.log",
        "selftests.log",
    }
    for name, label in (("base", "base"), ("patched", "v1")):
        folder = ran.out / name
        assert {path.name for path in folder.iterdir()} >= needed
        assert all((folder / each).stat().st_size for each in needed)
        assert not list(folder.glob("*.img"))
        assert not list(folder.glob("*.cpio"))
        run = read_run(folder / "run.json")
        assert (run.label, run.ended) == (label, Ended.POWEROFF)
        argv = shlex.split((folder / "qemu.cmd").read_text())
        assert shlex.split(run.environment["qemu_argv"]) == argv
        assert argv[argv.index("-m") + 1] == "65536k"
        assert "CONFIG_KUNIT=y" in (folder / "config").read_text().splitlines()
        assert run.environment["qemu"] == "QEMU emulator version 9.8.7 (fake)"
        assert run.environment["compiler"].startswith("gcc")
    environment = ran.summary["environment"]
    assert read_run(ran.out / "base/run.json").commit == environment["base_commit"]
    assert read_run(ran.out / "patched/run.json").commit == environment["patched_commit"]
    assert [each["message_id"] for each in environment["patches"]] == [mails.message_id(1, 1), mails.message_id(1, 2)]
    assert "debian:linux-source-0.0" in environment["trees_not_used"][0]
    assert "not used: debian:linux-source-0.0" in ran.stderr


def test_the_mailbox_in_the_run_directory_can_be_applied(world: World, tmp_path: Path) -> None:
    ran = world.run("v1")
    copy = fakelinux.repository(tmp_path / "copy")
    fakelinux.git(copy, "am", "-q", str(ran.out / "series.mbx"))
    assert "folio_exiting" in (copy / "mm/rmap.c").read_text()


def test_both_kernels_get_the_same_machine_and_configuration(world: World) -> None:
    ran = world.run("v1")
    base, patched = (read_run(ran.out / name / "run.json") for name in ("base", "patched"))
    differ = {key for key in base.environment if base.environment[key] != patched.environment[key]}
    assert differ == {"image", "qemu_argv"}
    assert (ran.out / "base/config").read_bytes() == (ran.out / "patched/config").read_bytes()


def test_a_regression(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, **FAILS}, PASSES)
    ran = world.run("v1")
    assert ran.status == 1
    assert ran.changes["mm/good"] == ("PASS", "FAIL", "BROKEN")
    assert ran.changes["mm/good:exiting"] == ("PASS", "FAIL", "BROKEN")
    assert ran.junit == (2, 0)
    assert "mini v1: regression" in ran.stdout
    assert len(world.lab.qemu.calls) == 4
    for name in ("base", "base-2", "patched", "patched-2"):
        assert (ran.out / name / "run.json").is_file()
        assert (ran.out / name / "config").is_file()


def test_what_broke_once_is_flaky(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "boot": 1, **FAILS}, PASSES)
    ran = world.run("v1")
    assert ran.status == 0
    assert ran.changes["mm/good"] == ("PASS", "FAIL", "FLAKY")
    assert ran.junit == (0, 0)
    assert "both kernels once more" in ran.stderr
    second = read_run(ran.out / "patched-2/run.json")
    assert {result.status.value for result in second.results if result.name == "mm/good"} == {"PASS"}


def test_what_the_series_repairs_is_fixed(world: World) -> None:
    world.lab.qemu.plan({"kernel": BASE, **FAILS}, PASSES)
    ran = world.run("v1")
    assert ran.status == 0
    assert ran.changes["mm/good:exiting"] == ("FAIL", "PASS", "FIXED")
    # It was looked at twice.
    assert len(world.lab.qemu.calls) == 4


def test_what_the_series_repairs_once_is_flaky(world: World) -> None:
    world.lab.qemu.plan({"kernel": BASE, "boot": 1, **FAILS}, PASSES)
    ran = world.run("v1")
    assert ran.status == 0
    assert ran.changes["mm/good:exiting"] == ("FAIL", "PASS", "FLAKY")
    told = "FAIL -> PASS in the first look, PASS -> PASS in the second look"
    assert {each["name"]: each.get("reason") for each in ran.summary["changes"]}["mm/good:exiting"] == told
    assert "1 FLAKY" in ran.stdout or "2 FLAKY" in ran.stdout


def test_what_fails_on_both_is_no_regression(world: World) -> None:
    world.lab.qemu.plan(FAILS)
    ran = world.run("v1")
    assert ran.status == 0
    assert ran.changes["mm/good"] == ("FAIL", "FAIL", "SAME")
    assert ran.junit == (0, 0)


def test_a_complaint_of_the_kernel_is_a_regression_though_all_tests_pass(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "console": WARNING})
    ran = world.run("v1")
    assert ran.status == 1
    assert ran.changes["mm/good"] == ("PASS", "PASS", "SAME")
    (splat,) = ran.summary["splats"]
    assert (splat["kind"], splat["change"]) == ("WARNING", "NEW")
    assert ran.junit == (1, 0)


def test_a_complaint_of_both_kernels_is_none(world: World) -> None:
    world.lab.qemu.plan({"console": WARNING})
    ran = world.run("v1")
    assert ran.status == 0
    assert [each["change"] for each in ran.summary["splats"]] == ["SAME"]


def test_a_panic_is_a_regression_of_all_that_was_lost(world: World) -> None:
    inner = {"inner": {"mm/good": [INNER[0], "1..2", "ok 1 first", "ok 2 second"]}}
    half = {"inner": {"mm/good": [INNER[0], "1..2", "ok 1 first"]}}
    world.lab.qemu.plan({"kernel": PATCHED, "end": "panic", "dies in": "mm/good", **half}, inner)
    ran = world.run("v1")
    assert ran.status == 1
    assert ran.changes["boot"] == ("PASS", "CRASH", "BROKEN")
    assert ran.changes["mm/good"] == ("PASS", "CRASH", "BROKEN")
    assert ran.changes["mm/good:first"] == ("PASS", "PASS", "SAME")
    assert ran.changes["mm/good:second"] == ("PASS", None, "BROKEN")


def test_a_panic_of_both_kernels_says_nothing_of_the_series(world: World) -> None:
    world.lab.qemu.plan({"end": "panic", "dies in": "mm/good"})
    ran = world.run("v1")
    assert ran.status == 5
    assert ran.changes["boot"] == ("CRASH", "CRASH", "SAME")
    assert ran.summary["verdict"] == "no result on either kernel"
    assert "no result on either kernel  4 SAME (4 without a result)" in ran.stdout
    assert ran.junit == (0, 0)


def test_it_does_not_apply(world: World) -> None:
    ran = world.run("v2")
    assert ran.status == 3
    assert ran.summary["verdict"] == "does not apply"
    assert "mm/rmap.c" in ran.summary["error"]["message"]
    assert "[2/2]" in ran.summary["error"]["message"]
    assert ran.junit == (0, 1)
    assert "mini v2: does not apply" in ran.stdout
    assert ran.stderr.count("error:") == 1
    assert world.lab.qemu.calls == []


def test_it_does_not_build(world: World) -> None:
    ran = world.run("v3")
    assert ran.status == 4
    assert ran.summary["verdict"] == "does not build"
    assert re.search(r"mm/rmap\.c:\d+", ran.summary["error"]["message"])
    assert ran.junit == (0, 1)
    assert "mini v3: does not build" in ran.stdout
    assert "folio_is_exiting" in (ran.out / "patched/build.log").read_text()
    assert world.lab.qemu.calls == []


def test_after_a_failure_the_next_version_is_not_worse_off(world: World) -> None:
    for version in ("v2", "v3"):
        world.run(version)
    assert world.run("v1").status == 0


@pytest.mark.parametrize(("end", "words"), [("lost", "status 1"), ("signal", "signal 9")])
def test_a_lost_machine_is_no_verdict(world: World, end: str, words: str) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "end": end, "dies in": "mm/good", "stderr": "no memory left\n"})
    ran = world.run("v1")
    assert ran.status == 5
    assert f"the guest of v1 was lost 2 times: QEMU ended with {words}: no memory left" in ran.stderr
    assert ran.stdout == ""
    assert not (ran.out / "summary.json").exists()
    assert len(world.lab.qemu.calls) == 3


def test_a_machine_that_was_lost_once_is_tried_again(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "boot": 1, "end": "lost", "dies in": "mm/good"})
    ran = world.run("v1")
    assert ran.status == 0
    assert ran.changes["mm/good"] == ("PASS", "PASS", "SAME")
    assert "try 1: QEMU ended with status 1" in ran.stderr


def test_a_mail_that_nobody_has_is_a_mistake_of_the_user(world: World) -> None:
    ran = world.run("nobody@example.org")
    assert ran.status == 2
    assert not ran.out.exists()
    assert "nobody@example.org" in ran.stderr
    assert ran.stdout == ""


def test_the_repeat_line_repeats_from_another_folder(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything relative on the command line, and typed into a shell elsewhere."""
    fragment, patch = tmp_path / "more.config", tmp_path / "base.patch"
    fragment.write_text("CONFIG_MODULES=y\n")
    patch.write_text(
        "--- a/include/uapi/linux/mman.h\n+++ b/include/uapi/linux/mman.h\n@@ -1 +1 @@\n"
        "-#define MADV_MINI 7\n+#define MADV_MINI 8\n"
    )
    for name in ("linux", "mini.yaml", "mini.config", "mail"):
        (tmp_path / name).symlink_to(world.lab.folder / name)
    monkeypatch.chdir(tmp_path)
    argv = ["test", "v1", "--series", "./mini.yaml", "--archive", "mail", "--tree", "linux@v6.12.7", "--accel", "tcg"]
    argv += [
        "--base-patch",
        "base.patch",
        "--config",
        "more.config",
        "--test",
        "mm/good",
        "--memory",
        "48M",
        "--cpus",
        "3",
    ]
    assert main([*argv, "--out", "out"]) == 0
    first = json.loads((tmp_path / "out/summary.json").read_text())
    repeat = shlex.split(first["repeat"])
    assert repeat[0] == "series-ci"

    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    again = [sys.executable, "-m", "series_ci", *repeat[1:], "--json"]
    done = subprocess.run(again, cwd=elsewhere, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    second = json.loads(done.stdout)
    assert list(elsewhere.iterdir()) == []
    same = ("series", "version", "message_id", "changes", "status", "repeat")
    assert {key: second[key] for key in same} == {key: first[key] for key in same}
    for key in ("base_commit", "patched_commit", "config", "image", "memory", "cpus", "archive"):
        assert second["environment"][key] == first["environment"][key], key
    assert (second["environment"]["memory"], second["environment"]["cpus"]) == (str(48 << 20), "3")
    assert second["run_dir"] != first["run_dir"]


def test_without_tests_the_kernels_are_only_booted(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    argv = ["test", mails.message_id(1, 0), "--archive", str(world.lab.mail), "--tree", str(world.lab.linux)]
    assert main([*argv, "--accel", "tcg", "--out", str(out)]) == 0
    changes = json.loads((out / "summary.json").read_text())["changes"]
    assert [(each["name"], each["change"]) for each in changes] == [("boot", "SAME")]


# Below the command line.


def request(found: Lab, out: Path, version: str = "v1", **more: Any) -> Request:
    options = Options(**{"series": str(found.manifest), "accel": "tcg", "out": str(out), **more})
    return make_request(version, options)


def test_a_test_that_no_tree_has_is_a_mistake_and_the_others_are_named(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no test mm/god") as caught:
        test.examine(request(world.lab, tmp_path / "out", test=("mm/god",)), Progress())
    assert "good" in caught.value.hint


def test_a_test_that_does_not_build_is_a_result(world: World, tmp_path: Path) -> None:
    outcome = test.examine(request(world.lab, tmp_path / "out", test=("mm/broken",)), Progress())
    assert outcome.comparison
    assert {each.name: each.base for each in outcome.comparison.entries}["mm/broken"] == "NOTBUILT"
    assert outcome.comparison.status is ExitStatus.OK


def test_a_base_that_does_not_build_says_nothing_about_the_series(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with lab.world(tmp_path_factory.mktemp("broken"), {"mm/vmscan.c": "this is no C\n"}) as found:
        assert main(found.argv("v1")) == ExitStatus.INFRASTRUCTURE
    assert "the base itself does not build: mm/vmscan.c:1:1" in capsys.readouterr().err
    assert found.qemu.calls == []


def test_no_tree_to_be_had(world: World, tmp_path: Path) -> None:
    asked = request(world.lab, tmp_path / "out")
    with pytest.raises(InfrastructureError, match=r"linux-source-0\.0"):
        test.examine(replace(asked, trees=asked.trees[:1]), Progress())


def test_a_test_that_the_series_brings_is_new(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """The base does not have it; that is no mistake of the manifest's, and no regression."""
    makefile = f"{fakelinux.SELFTESTS}/mm/Makefile"
    change = mails.Change(
        "selftests/mm: one more",
        (
            (makefile, "good broken", "good broken extra"),
            (f"{fakelinux.SELFTESTS}/mm/extra.c", "", "int main(void)\n{\n\treturn 0;\n}\n"),
        ),
    )
    with lab.world(tmp_path_factory.mktemp("extra")) as found:
        mails.folder(found.mail, mails.series((*mails.GOOD, change), version=1))
        outcome = test.examine(request(found, tmp_path / "out", test=("mm/good", "mm/extra")), Progress())
    assert outcome.comparison
    changes = {each.name: (each.base, each.patched, each.change) for each in outcome.comparison.entries}
    assert changes["mm/extra"] == (None, "PASS", "NEW")
    assert changes["mm/good"] == ("PASS", "PASS", "SAME")
    assert outcome.comparison.status is ExitStatus.OK
