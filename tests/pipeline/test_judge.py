"""What changed is looked at again: which tests run then, on how many boots, and what is kept of each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import fakelinux, lab, mails
from fakes.fakeqemu import Clock
from fakes.lab import BASE, PATCHED, WARNING, Lab
from fakes.world import Ran, World
from series_ci.cli import main
from series_ci.guest import watchdog
from series_ci.guest.record import read_run
from series_ci.results.model import Ended
from series_ci.rundir import read, verify
from series_ci.rundir.sweep_run import SweepRun

OTHER = "left"
MAKEFILE = f"{fakelinux.SELFTESTS}/mm/Makefile"
BOTH = ("--test", "mm/good", "--test", "mm/extra")
FAILS = {name: {"verdicts": {f"mm/{name}": "not ok # exit=1"}} for name in ("good", "extra")}
ALL_FAIL = {"verdicts": {"mm/good": "not ok # exit=1", "mm/extra": "not ok # exit=1"}}
LEAVES = mails.Change("init: say it otherwise", (("init/main.c", '"exiting: ', '"left: '),))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A tree with two tests, and a version v9 whose kernel is another one."""
    makefile = fakelinux.FILES[MAKEFILE].replace("good broken", "good broken extra")
    program = fakelinux.FILES[f"{fakelinux.SELFTESTS}/mm/good.c"]
    changes = {MAKEFILE: makefile, f"{fakelinux.SELFTESTS}/mm/extra.c": program}
    with lab.world(tmp_path_factory.mktemp("world"), changes) as found:
        mails.folder(found.mail, [*lab.mail(), *mails.series((*mails.GOOD, LEAVES), version=9)])
        text = lab.MANIFEST.replace("trees:", "  v9:\n    message-id: 20260203.v9-0@example.org\ntrees:")
        found.manifest.write_text(text, "utf-8")
        yield found


def ran_tests(ran: Ran, boot: str) -> list[str]:
    """The tests that ran in a boot."""
    found = read_run(ran.out / boot / "run.json")
    return [each.name for each in found.results if each.name in ("mm/good", "mm/extra")]


def reasons(summary: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("reason", "") for each in summary["changes"]}


def test_only_what_changed_runs_again(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, **FAILS["extra"]})
    ran = world.test("v1", *BOTH)
    assert ran.status == 1
    assert ran.changes["mm/extra"] == ("PASS", "FAIL", "BROKEN")
    assert ran_tests(ran, "base") == ran_tests(ran, "patched") == ["mm/good", "mm/extra"]
    assert ran_tests(ran, "base-2") == ran_tests(ran, "patched-2") == ["mm/extra"]
    assert "1 BROKEN: both kernels once more with mm/extra alone" in ran.stderr
    assert len(world.lab.qemu.calls) == 4
    verify.read_verified(ran.out)


def test_a_test_that_fails_only_after_another_one_is_broken_all_the_same(world: World) -> None:
    """Alone it passes; with all tests the third look shows what the first did."""
    world.lab.qemu.plan({"kernel": PATCHED, "with": "mm/good", **FAILS["extra"]})
    ran = world.test("v1", *BOTH)
    assert ran.status == 1
    assert ran.changes["mm/extra"] == ("PASS", "FAIL", "BROKEN")
    assert reasons(ran.summary)["mm/extra"].startswith(
        "PASS -> FAIL in the first look, PASS -> PASS in the second look (fewer tests), PASS -> FAIL in the third look"
    )
    assert "both kernels once more with all tests" in ran.stderr
    assert ran_tests(ran, "patched-3") == ran_tests(ran, "base-3") == ["mm/good", "mm/extra"]
    assert len(world.lab.qemu.calls) == 6
    assert verify.read_verified(ran.out) == read.read(ran.out)


def test_what_comes_in_one_of_three_looks_is_flaky(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "boot": 1, **FAILS["extra"]})
    ran = world.test("v1", *BOTH)
    assert ran.status == 0
    assert ran.changes["mm/extra"] == ("PASS", "FAIL", "FLAKY")
    assert len(world.lab.qemu.calls) == 6


def test_a_complaint_is_looked_for_on_the_base_again(world: World) -> None:
    """Outside of any test, it may be the work of each of them."""
    once = {"kernel": PATCHED, "boot": 1, "console": WARNING}
    world.lab.qemu.plan(once, {"kernel": BASE, "boot": 2, "console": WARNING})
    ran = world.test("v1", *BOTH)
    assert ran.status == 0
    assert [each["change"] for each in ran.summary["splats"]] == ["SAME"]
    assert ran_tests(ran, "base-2") == ["mm/good", "mm/extra"]


def test_a_complaint_that_came_once_stays_one(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "boot": 1, "console": WARNING})
    ran = world.test("v1", *BOTH)
    assert ran.status == 1
    assert [each["change"] for each in ran.summary["splats"]] == ["NEW"]


# Sweeps: versions change different tests.


def test_each_selection_of_tests_has_its_own_boot_of_the_base(world: World) -> None:
    world.lab.qemu.plan({"kernel": OTHER, **ALL_FAIL}, {"kernel": PATCHED, **FAILS["extra"]})
    ran = world.test("v1", "v9", "v4", *BOTH)
    assert ran.status == 1
    boots = {each: json.loads((ran.out / each / "summary.json").read_text())["boots"] for each in ("v1", "v9", "v4")}
    assert boots["v1"] == {"base": ["../base", "../base-2"], "patched": ["patched", "patched-2"]}
    assert boots["v9"] == {"base": ["../base", "../base-3"], "patched": ["patched", "patched-2"]}
    assert boots["v4"]["base"] == boots["v1"]["base"]
    assert (ran_tests(ran, "base-2"), ran_tests(ran, "base-3")) == (["mm/extra"], ["mm/good", "mm/extra"])
    assert len(world.lab.qemu.calls) == 7
    assert isinstance(verify.read_verified(ran.out), SweepRun)


def test_versions_that_change_the_same_tests_share_the_later_boot_of_the_base_too(world: World) -> None:
    world.lab.qemu.plan({"kernel": OTHER, **FAILS["extra"]}, {"kernel": PATCHED, **FAILS["extra"]})
    ran = world.test("v1", "v9", *BOTH)
    assert ran.status == 1
    assert [BASE in call["kernel"] for call in world.lab.qemu.calls] == [True, False, True, False, False, False]


def test_an_interrupted_sweep_keeps_the_later_boots_too(world: World) -> None:
    world.lab.qemu.plan({"kernel": OTHER, **ALL_FAIL}, {"kernel": PATCHED, **FAILS["extra"]})
    ran = world.test("v1", "v9", *BOTH)
    before = {path: path.stat().st_mtime_ns for path in ran.out.rglob("run.json")}
    told = ran.summary["versions"]
    for path in ran.out.rglob("summary.json"):
        path.unlink()
    again = world.test("v1", "v9", *BOTH, out=ran.out)
    assert (again.status, again.summary["versions"]) == (1, told)
    assert {path: path.stat().st_mtime_ns for path in ran.out.rglob("run.json")} == before
    assert len(world.lab.qemu.calls) == 7


def test_a_merge_takes_all_boots_along(world: World, tmp_path: Path) -> None:
    world.lab.qemu.plan({"kernel": OTHER, **ALL_FAIL}, {"kernel": PATCHED, "with": "mm/good", **FAILS["extra"]})
    parts = [world.test(label, *BOTH).out for label in ("v1", "v9")]
    out = tmp_path / "merged"
    words = [*map(str, parts), "--series", str(world.lab.manifest), "--version", "v1", "--version", "v9"]
    assert main(["merge", *words, "--out", str(out)]) == 1
    found = verify.read_verified(out)
    assert isinstance(found, SweepRun)
    assert [[boot.folder for boot in run.base_boots] for run in found.runs] == [
        ["../base", "../base-2", "../base-3"],
        ["../base.2", "../base.2-2"],
    ]


# A kernel that hangs before /init, and comes up when it is started again.


def hang(monkeypatch: pytest.MonkeyPatch, world: World, kernel: str, number: int = 1) -> None:
    """Let time pass in the so-many-th boot of a kernel, once its console says so."""

    def hangs() -> bool:
        calls = [call for call in world.lab.qemu.calls if kernel in call["kernel"]]
        last = world.lab.qemu.calls[-1:]
        if len(calls) != number or not last or kernel not in last[0]["kernel"]:
            return False
        argv = last[0]["argv"]
        console = Path(argv[argv.index("-serial") + 1].removeprefix("file:"))
        return console.is_file() and "the last words" in console.read_text()

    monkeypatch.setattr(watchdog, "time", Clock(hangs))


NEVER = {"end": "never", "console": "[    1.0] the last words\n"}


def test_a_patched_kernel_that_hangs_once_is_flaky_and_its_console_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, "boot": 1, **NEVER})
    hang(monkeypatch, world, PATCHED)
    ran = world.test("v1", *BOTH)
    assert ran.status == 0
    assert ran.changes["boot"] == ("PASS", "PASS", "FLAKY")
    assert "TIMEOUT in a guest that was started again: the kernel printed nothing more" in reasons(ran.summary)["boot"]
    [retried] = ran.summary["retried"]
    assert (retried["kernel"], retried["folder"], retried["ended"]) == ("patched", "patched/try-1", "HANG")
    assert "the last words" in (ran.out / "patched/try-1/console.log").read_text()
    # Both kernels were booted once more, without a test.
    assert ran_tests(ran, "patched-2") == ran_tests(ran, "base-2") == []
    assert len(world.lab.qemu.calls) == 5
    assert verify.read_verified(ran.out) == read.read(ran.out)


def test_a_base_that_hangs_once_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.lab.qemu.plan({"kernel": BASE, "boot": 1, **NEVER})
    hang(monkeypatch, world, BASE)
    ran = world.test("v1", *BOTH)
    assert ran.changes["boot"] == ("PASS", "PASS", "SAME")
    assert [each["folder"] for each in ran.summary["retried"]] == ["base/try-1"]
    assert read_run(ran.out / "base/run.json").attempts[0].ended is Ended.HANG
    assert verify.read_verified(ran.out) == read.read(ran.out)
