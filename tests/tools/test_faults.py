"""The tool that kills the program: what it counts and looks at, and whole chains of kills on a kernel in miniature."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

import faults
import faults_disk
import faults_traces
import faults_trials
from fakes import lab
from fakes.here import ROOT
from fakes.lab import Lab
from faults_bench import Bench, Loss, Ran, Verdict, killed_in, read_verdict
from faults_trials import Plan, Reference, Trial
from series_ci import cli
from series_ci.host import scratch
from series_ci.kernel import interrupted

SAID = """\
✓ fetch               0.0 s  cached; 2 patches: mm/rmap
✓ tree                0.1 s  cached
  another series-ci (process 12) uses /x; waiting for it
✓ apply               0.2 s  cached
✓ build base         61.5 s  301 objects
✗ selftests a-very-long-label    2.0 s
"""
ORDER = ["fetch", "tree", "apply", "build base", "selftests a-very-long-label", "build v1", "boot base"]
GOOD = Verdict(0, "no regression", (("boot", "PASS", "PASS", "SAME"),))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with lab.world(tmp_path / "world") as found:
        monkeypatch.setenv("PYTHONPATH", str(ROOT / "ci"))
        yield found


def ran(said: str = SAID, status: int | None = None, out: Path = Path("/nowhere"), left: tuple[str, ...] = ()) -> Ran:
    return Ran(out, status, 70.0, said, left)


# Its pure parts.


def test_the_steps_of_a_run_are_read_from_its_progress() -> None:
    assert ran().steps == {"fetch": 0.0, "tree": 0.1, "apply": 0.2, "build base": 61.5, ORDER[4]: 2.0}


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("", "fetch"),
        ("✓ fetch               0.0 s\n", "tree"),
        (SAID, "build v1"),
        ("✓ boot base          18.0 s\n", "the report"),
    ],
)
def test_a_kill_hits_the_step_after_the_last_one_that_was_finished(said: str, step: str) -> None:
    assert killed_in(ran(said), ORDER) == step


def test_what_is_lost_has_to_be_done_again() -> None:
    assert Loss.RUN.folders == []
    assert Loss.KERNELS.folders == ["mail", "work", "builds", "selftests"]
    assert set(Loss.ALL.folders) > set(Loss.FOLDER.folders)
    known = Reference("v1", ran(SAID + "✓ boot base           5.0 s\n"), GOOD)
    start = 70.0 - 68.8
    assert known.expected(Loss.RUN) == pytest.approx(start + 5.0)
    assert known.expected(Loss.KERNELS) == pytest.approx(start + 5.0 + 61.5 + 2.0)
    assert known.expected(Loss.ALL) == pytest.approx(70.0)


def test_the_same_seed_gives_the_same_kills_and_the_first_trial_begins_with_nothing() -> None:
    first, again, other = (list(islice(faults_trials.plans(50, seed), 40)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first[0].loss is other[0].loss is Loss.ALL
    assert {plan.loss for plan in first} == set(Loss)
    assert {len(plan.moments) for plan in first} == set(range(1, faults_trials.MOST_KILLS + 1))
    assert all(0 <= moment < 1 for plan in first for moment in plan.moments)
    assert [len(plan.moments) for plan in islice(faults_trials.plans(1, 1), 5)] == [1] * 5


def test_verdicts_differ_by_status_words_and_tests(tmp_path: Path) -> None:
    assert GOOD.differences(GOOD) == []
    bad = Verdict(1, "regression", (("boot", "PASS", "CRASH", "BROKEN"), ("mm/a", None, "PASS", "NEW")))
    assert GOOD.differences(bad) == [
        "regression (status 1) instead of no regression (status 0)",
        "boot: PASS CRASH BROKEN instead of PASS PASS SAME",
        "mm/a: absent PASS NEW instead of not there",
    ]
    assert read_verdict(tmp_path, 0) is None
    row = {"name": "boot", "base": "PASS", "patched": "PASS", "change": "SAME"}
    (tmp_path / "summary.json").write_text(json.dumps({"verdict": "no regression", "changes": [row]}))
    assert read_verdict(tmp_path, 0) == GOOD


def test_a_run_without_a_verdict_is_wrong_and_so_is_one_with_another(tmp_path: Path) -> None:
    known = Reference("v1", ran(), GOOD)
    assert faults_trials.judge(known, ran("error: x\n", 2, tmp_path)) == ["no verdict, status 2: error: x"]
    (tmp_path / "summary.json").write_text(json.dumps({"verdict": "regression", "changes": []}))
    assert len(faults_trials.judge(known, ran(status=1, out=tmp_path))) == 2


RESTS = [
    "cache/builds/.0123.a1b2c3d4" + scratch.END,
    "cache/mail/ab/.series.json.a1b2c3d4" + scratch.END,
    "cache/downloads/.linux.tar.xz.part",
    "cache/trees/a.git/refs/series-ci/applied/x.lock",
    "cache/trees/a.git/objects/pack/tmp_pack_1",
    "cache/trees/a.git/worktrees/a/index.lock",
    "cache/trees/a.git/worktrees/a/rebase-apply",
    "cache/build/x86_64-1/.series-ci-building",
    "out/base/swap.img",
    "out/base/initramfs.cpio",
    "out/.summary.json.a1b2c3d4" + scratch.END,
    "tmp/anything",
]
FINE = [
    "cache/trees/a.git/series-ci.lock",
    "cache/trees/a.git/worktrees/a/HEAD",
    "cache/mail/.lock",
    "cache/downloads/0123-linux-6.12.tar.xz.lock",
    "cache/builds/0123/build.json",
    "cache/work/a/yarn.lock",
    "cache/build/x86_64-1/.config",
    "out/summary.json",
]


@pytest.mark.parametrize("name", [*RESTS, *FINE])
def test_what_is_left_behind(tmp_path: Path, name: str) -> None:
    for folder in ("cache/work/a", "out", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    found = faults_traces.rests(tmp_path / "cache", tmp_path / "out", tmp_path / "tmp")
    assert found == ([str(tmp_path / name)] if name in RESTS else [])


def test_the_mark_of_a_build_stays_where_the_disk_had_no_room_for_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "logs", ())
    for folder in ("cache/build/x86_64-1", "cache/work", "tmp", "out"):
        (tmp_path / folder).mkdir(parents=True)
    mark = tmp_path / "cache/build/x86_64-1" / interrupted.MARK
    mark.touch()
    assert bench.complaints(Ran(tmp_path / "out", 5, 1.0, "", ())) == []
    assert bench.complaints(Ran(tmp_path / "out", 0, 1.0, "", ())) == [f"left behind: {mark}"]


def test_a_second_worktree_of_a_store_is_left_behind(tmp_path: Path) -> None:
    for folder in ("cache/trees/a.git/worktrees/a", "cache/trees/a.git/worktrees/a1", "cache/work/a", "out", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
    found = faults_traces.rests(tmp_path / "cache", tmp_path / "out", tmp_path / "tmp")
    assert found == [str(tmp_path / "cache/trees/a.git/worktrees/a1")]


def test_json_that_is_half_is_found_and_that_of_others_is_not_read(tmp_path: Path) -> None:
    for name, text in {
        "cache/builds/1/build.json": '{"a": 1}',
        "cache/builds/2/build.json": '{"a": ',
        "cache/work/a/half.json": "{",
        "out/summary.json": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = faults_traces.damaged(tmp_path / "cache", tmp_path / "out")
    assert [Path(each).relative_to(tmp_path).as_posix() for each in found] == [
        "cache/builds/2/build.json",
        "out/summary.json",
    ]


def test_a_process_is_known_by_its_mark_also_where_a_child_of_a_child_has_it() -> None:
    script = "import subprocess, sys; subprocess.run(['sh', '-c', 'echo up; read x']); sys.exit()"
    environment = {**os.environ, faults_traces.MARK: "7-it"}
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout
        assert started.stdout.readline() == b"up\n"
        found = faults_traces.processes("7-it")
        assert faults_traces.processes("7-i") == ()
        started.communicate(b"\n")
    assert {each.split()[1][:6] for each in found} == {"python", "sh"}
    assert faults_traces.processes("7-it") == ()


def test_disks_end_in_the_middle_of_each_part() -> None:
    mb = 1 << 20
    found = faults_disk.sizes({"tree": 100 * mb, "worktree": 1000 * mb}, 512 * mb)
    assert [(what, size // mb) for what, size in found[:2]] == [("tree", 51), ("worktree", 602)]
    assert [size for _what, size in found] == sorted(size for _what, size in found)
    assert found[-1][0] == "nothing"
    assert found[-1][1] > 1100 * mb + 4 * 512 * mb


def test_a_summary_counts_kills_and_names_the_steps_that_were_hit() -> None:
    good = Trial(Plan(Loss.RUN, (0.5,)), (("boot base", 3.0), ("boot base", 4.0), ("fetch", 0.2)), 30.0, ())
    bad = Trial(Plan(Loss.RUN, (0.5,)), (), 10.0, ("left behind: x", "y"))
    assert faults_trials.summary([good]) == (
        "3 kills in 1 trial, 30 s: each came to the same verdict and left nothing behind; "
        "killed in boot base 2, fetch 1"
    )
    assert "1 of them went wrong" in faults_trials.summary([good, bad])
    assert (faults_trials.outcome(good), faults_trials.outcome(bad)) == ("the same verdict", "2 wrong: left behind: x")
    assert (faults.wrong([good]), faults.wrong([good, bad])) == (False, True)


# Whole chains of kills.


def run(world: Lab, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, list[dict[str, object]]]]:
    argv = [*words, "--series", str(world.manifest), "--accel", "tcg", "--json", "-q"]
    status = cli.run(faults.main, argv)
    said = capsys.readouterr()
    assert said.out, said.err
    return status, json.loads(said.out)


def test_kills_change_no_verdict(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = run(world, capsys, "v1", "--kills", "6", "--seed", "3")
    assert [trial["wrong"] for trial in found["trials"]] == [[] for _ in found["trials"]]
    assert status == 0
    assert sum(len(trial["kills"]) for trial in found["trials"]) == 6  # type: ignore[arg-type, misc]
    assert not (world.folder / "cache/faults/bench").exists()


def test_two_at_once_come_to_their_verdicts_and_one_waits(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = run(world, capsys, "v4", "--kills", "0", "--together")
    assert [pair["versions"] for pair in found["pairs"]] == [["v4", "v4"], ["v4", "v3"]]
    assert [pair["wrong"] for pair in found["pairs"]] == [[], []]
    assert all(pair["waited"] for pair in found["pairs"])
    assert status == 0


def may_mount(folder: Path) -> bool:
    try:
        with faults_disk.small_disk(folder):
            return True
    except Exception:
        return False


def test_a_full_disk_is_named_and_more_space_is_enough(
    world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not may_mount(tmp_path / "mount"):
        pytest.skip("mounting a tmpfs is not allowed here")
    status, found = run(world, capsys, "v1", "--kills", "0", "--disk-full")
    assert [disk["wrong"] for disk in found["disks"]] == [[] for _ in found["disks"]]
    assert [disk["status"] for disk in found["disks"]][-1] == 0
    statuses = {disk["what"]: disk["status"] for disk in found["disks"]}
    assert statuses["a guest's swap"] == statuses[faults_disk.RUNNING] == 5
    assert status == 0


def test_what_goes_wrong_is_told(
    world: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Bench.run

    def with_a_trace(self: Bench, version: str, out: Path, kill_after: float | None = None) -> Ran:
        ended = whole(self, version, out, kill_after)
        (self.cache / "half.json").write_text("{")
        return ended

    monkeypatch.setattr(Bench, "run", with_a_trace)
    argv = ["v1", "--kills", "1", "--series", str(world.manifest), "--accel", "tcg", "-q"]
    assert cli.run(faults.main, argv) == 1
    said = capsys.readouterr().out
    assert "half-written: " in said
    assert "of them went wrong" in said
    assert (world.folder / "cache/faults/bench/cache/half.json").exists()
