"""Runs of a program that agree and runs that do not: what is made of them, and the program on a kernel in miniature."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import steady
from fakes import fakeqemu, labtools, outcomes
from fakes.here import ROOT
from fakes.lab import Lab
from fakes.labtools import Program
from series_ci import arch
from series_ci.results.model import Ended, Result, Run, Splat, Status
from steady import Plan, Sample, Series

PASS, FAIL, SKIP, CRASH = Status.PASS, Status.FAIL, Status.SKIP, Status.CRASH


def ran(*results: Result, ended: Ended = Ended.POWEROFF, splats: tuple[Splat, ...] = ()) -> Run:
    boot = Result("boot", PASS) if ended is Ended.POWEROFF else Result("boot", CRASH, "why")
    return outcomes.run("x", boot, *results, ended=ended, splats=splats)


def series(*verdicts: dict[str, Status], boots: tuple[Run, ...] = (ran(),)) -> Series:
    samples = [Sample(1, number, False, 70.0 + number, said) for number, said in enumerate(verdicts, 1)]
    return Series(tuple(samples), boots)


GOOD = {"mm/exit_skip": PASS, "private": PASS, "thp": SKIP}
BAD = {"mm/exit_skip": FAIL, "private": FAIL, "thp": SKIP}


class TestPlan:
    def test_every_second_boot_is_busy(self) -> None:
        assert [Plan(4, 1, busy=True).is_busy(boot) for boot in (1, 2, 3, 4)] == [False, True, False, True]
        assert not Plan(4, 1, busy=False).is_busy(2)


class TestSeries:
    @pytest.mark.parametrize(
        ("verdicts", "unsteady"),
        [
            ([GOOD, GOOD], []),
            ([BAD, BAD], []),  # it says the same each time
            ([GOOD, BAD, GOOD], ["mm/exit_skip", "private"]),
            ([GOOD, {**GOOD, "private": SKIP}], ["private"]),
            ([GOOD, {"mm/exit_skip": PASS, "thp": SKIP}], ["private"]),
            ([{"mm/exit_skip": CRASH}, {"mm/exit_skip": CRASH}], ["mm/exit_skip"]),
        ],
    )
    def test_cases_that_differ_or_gave_no_verdict(self, verdicts: list[dict[str, Status]], unsteady: list[str]) -> None:
        found = series(*verdicts)
        assert found.unsteady == unsteady
        assert found.status == (1 if unsteady else 0)

    def test_ends_that_are_none_and_complaints_of_the_kernel(self) -> None:
        boots = (ran(), ran(ended=Ended.PANIC), ran(splats=(Splat("BUG", "BUG at b", "bb"),)))
        found = series(GOOD, GOOD, GOOD, boots=boots)
        assert found.trouble == ["boot 2: PANIC  why", "boot 3: BUG at b"]
        assert (found.unsteady, found.status) == ([], 1)


class TestVerdicts:
    RUN = ran(
        Result("mm/exit_skip-1", PASS),
        Result("mm/exit_skip-1:private.exiting", PASS),
        Result("mm/exit_skip-10", FAIL),
        Result("mm/exit_skip-10:private.exiting", FAIL),
        Result("mm/other", FAIL),
    )

    def test_each_run_has_its_own(self) -> None:
        assert steady.verdicts(self.RUN, "mm/exit_skip-1") == {"mm/exit_skip": PASS, "private.exiting": PASS}
        assert steady.verdicts(self.RUN, "mm/exit_skip-10") == {"mm/exit_skip": FAIL, "private.exiting": FAIL}

    def test_a_program_that_does_not_build(self) -> None:
        run = ran(Result("mm/exit_skip", Status.NOTBUILT, "no such header"))
        assert steady.verdicts(run, "mm/exit_skip-1") == {"mm/exit_skip": Status.NOTBUILT}


def test_durations_are_those_of_the_tests_that_came_to_their_end(tmp_path: Path) -> None:
    status = tmp_path / "status.txt"
    status.write_text("init 2.9 6.12\nstart 3.10 1\ndone 75.35 1\nstart 75.4 2\ndone 150.4 2\nstart 151.0 3\n", "utf-8")
    assert steady.durations(status) == {1: 72.25, 2: 75.0}


def table(found: Series) -> list[str]:
    out = Console(width=100, soft_wrap=True, highlight=False)
    with out.capture() as said:
        steady.show(found, out)
    return [" ".join(line.split()) for line in said.get().splitlines()]


class TestShow:
    def test_all_the_same(self) -> None:
        assert table(series(GOOD, GOOD)) == [
            "boot run host seconds cases",
            "1 1 71.0 1 PASS, 1 SKIP",
            "1 2 72.0 1 PASS, 1 SKIP",
            "2 cases, 2 runs, 1 boot: no verdict differs; 71 to 72 s each, median 72 s, 12 s in all",
        ]

    def test_a_case_that_differs_is_named_with_the_runs_that_are_odd(self) -> None:
        busy = Sample(2, 1, True, None, {"mm/exit_skip": CRASH})
        found = series(GOOD, GOOD, boots=(ran(), ran(ended=Ended.HANG)))
        lines = table(Series((*found.samples, busy), found.boots))
        assert lines[3:] == [
            "2 1 busy -",
            "mm/exit_skip: 2 PASS, 1 CRASH",
            "boot 2, run 1: CRASH",
            "private: 2 PASS, 1 MISSING",
            "boot 2, run 1: MISSING",
            "thp: 2 SKIP, 1 MISSING",
            "boot 2, run 1: MISSING",
            "boot 2: HANG why",
            "2 cases, 3 runs, 2 boots: 3 verdicts not steady, trouble with the guests; "
            "71 to 72 s each, median 72 s, 25 s in all",
        ]

    def test_no_run_came_to_its_end(self) -> None:
        sample = Sample(1, 1, False, None, {"mm/exit_skip": CRASH})
        assert table(Series((sample,), (ran(),)))[-1] == "0 cases, 1 run, 1 boot: 1 verdict not steady; 12 s in all"


def cases(number: int, second: str = "ok") -> dict[str, list[str]]:
    """What the n-th run in a guest prints."""
    return {f"mm/good-{number}": ["TAP version 13", "1..2", "ok 1 private.exiting", f"{second} 2 shmem.exiting"]}


STEADY: dict[str, Any] = {"inner": {**cases(1), **cases(2), **cases(3)}}


@pytest.fixture
def world(shared: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    labtools.measure_mini(shared, monkeypatch)
    shared.qemu.plan(STEADY)
    return shared


@pytest.fixture
def program(world: Lab, capsys: pytest.CaptureFixture[str]) -> Program:
    return labtools.program(steady.main, world, capsys)


class TestProgram:
    def test_many_runs_in_one_guest(self, program: Program, world: Lab) -> None:
        status, out, _err = program("--inside", "3")
        assert status == 0
        assert "2 cases, 3 runs, 1 boot: no verdict differs; 0 to 0 s each" in out
        assert len(world.qemu.calls) == 1

    def test_many_guests_of_another_size_as_json(self, program: Program, world: Lab) -> None:
        status, out, _err = program("--boots", "2", "--cpus", "7", "--json")
        found = json.loads(out)
        assert (status, found["status"], found["cpus"], found["test"]) == (0, 0, 7, "mm/good")
        assert found["arch"] == arch.host()
        assert [(each["boot"], each["run"], each["busy"], each["seconds"]) for each in found["runs"]] == [
            (1, 1, False, 0.5),
            (2, 1, False, 0.5),
        ]
        assert found["runs"][0]["verdicts"] == {"mm/good": "PASS", "private.exiting": "PASS", "shmem.exiting": "PASS"}
        assert len(found["seconds"]) == 2
        assert [call["argv"][call["argv"].index("-smp") + 1] for call in world.qemu.calls] == ["7", "7"]
        folder = Path(found["run_dir"])
        assert folder.name.startswith("steady-mini-v1-")
        assert (folder / "boot-2/run.json").is_file()

    def test_an_architecture_that_there_is_not(self, program: Program) -> None:
        status, _out, err = program("--boots", "2", "--arch", "vax")
        assert status == 2
        assert "vax" in err

    def test_a_verdict_that_differs(self, program: Program, world: Lab) -> None:
        bad = {"inner": {**cases(1), **cases(2, "not ok")}, "verdicts": {"mm/good-2": "not ok # exit=1"}}
        world.qemu.plan({"boot": 2, **bad}, STEADY)
        status, out, _err = program("--boots", "2", "--inside", "2", "--json")
        found = json.loads(out)
        assert (status, found["status"]) == (1, 1)
        assert found["unsteady"] == {
            "mm/good": ["PASS", "PASS", "PASS", "FAIL"],
            "shmem.exiting": ["PASS", "PASS", "PASS", "FAIL"],
        }

    def test_a_guest_that_panics(self, program: Program, world: Lab) -> None:
        world.qemu.plan({"end": "panic", "dies in": "mm/good-2", **STEADY})
        status, out, _err = program("--inside", "3")
        assert status == 1
        assert "mm/good: 2 PASS, 1 CRASH" in out
        assert "boot 1: PANIC  the guest reset itself" in out

    def test_the_busy_process_is_there_for_every_second_boot_and_gone_afterwards(
        self, program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        told = tmp_path / "told"
        busy = fakeqemu.script(
            tmp_path, "busy", f"#!/bin/sh\necho $$ >{told}.new\nmv {told}.new {told}\nexec sleep 1000\n"
        )
        monkeypatch.setattr(steady, "BUSY", (str(busy),))
        seen = []
        boot = steady.boot_kernel

        def look(*args: Any) -> Run:
            run = boot(*args)
            end = time.monotonic() + 60
            while "busy" in args[-1] and not told.exists() and time.monotonic() < end:
                time.sleep(0.01)
            pids = [int(pid) for pid in told.read_text().split()] if told.exists() else []
            seen.append([fakeqemu.alive(pid) for pid in pids])
            return run

        monkeypatch.setattr(steady, "boot_kernel", look)
        status, out, err = program("--boots", "3", "--busy")
        assert status == 0
        assert seen == [[], [True], [False]]
        assert [" ".join(line.split()) for line in out.splitlines()[1:4]] == [
            "1 1 0.5 2 PASS",
            "2 1 busy 0.5 2 PASS",
            "3 1 0.5 2 PASS",
        ]
        assert "boot 2 busy" in err

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            ((), "one run has nothing to differ from"),
            (("--inside", "3", "--busy"), "--busy is for every second boot"),
            (("--boots", "0"), "0 is not in the range"),
        ],
    )
    def test_usage(self, argv: tuple[str, ...], said: str, program: Program, world: Lab) -> None:
        status, out, err = program(*argv)
        assert (status, out) == (2, "")
        assert said in err
        assert world.qemu.calls == []


def test_the_script_explains_itself(tmp_path: Path) -> None:
    argv = [sys.executable, str(ROOT / "tools/evaluations/steady.py"), "--help"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "ci")}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert "--inside" in done.stdout
