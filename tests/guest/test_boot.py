"""From what a guest left behind to a run: nothing that should have a result is without one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fakes import fakeqemu
from fakes.fakeqemu import Clock, Qemu
from series_ci import arch
from series_ci.arch import Machine
from series_ci.errors import InfrastructureError, UsageError
from series_ci.guest import attempts, boot, initramfs, record, vm, watchdog
from series_ci.guest.accel import Accelerator
from series_ci.guest.boot import BootSetup
from series_ci.kernel.cache import Build
from series_ci.kernel.kernel import Kernel
from series_ci.kernel.selftests import Installed
from series_ci.kernel.toolchain import Toolchain
from series_ci.progress import Progress
from series_ci.results import quota
from series_ci.results.model import Attempt, Ended, Result, Run, Status

TOOLS = Toolchain(arch.get("x86_64"), ("ARCH=x86_64", "CC=gcc"), "gcc 12", ccache=False)


def test_of(name: str, program: str = "one") -> initramfs.GuestTest:
    return initramfs.GuestTest(name, "mm", program, (), 30)


test_of.__test__ = False  # type: ignore[attr-defined] # a helper, whatever its name


@dataclass
class Bench:
    """One kernel with two installed tests, one and two, and a third that did not build."""

    qemu: Qemu
    folder: Path
    kernel: Kernel
    boot_setup: BootSetup

    def boot(self, *guests: dict[str, Any]) -> Run:
        self.qemu.plan(*guests)
        return boot.boot_kernel(self.boot_setup, self.kernel, self.folder / "run", Progress(), "boot")

    def results(self, *guests: dict[str, Any]) -> dict[str, Status]:
        run = self.boot(*guests)
        names = [result.name for result in run.results]
        assert len(names) == len(set(names))
        return {result.name: result.status for result in run.results}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Bench:
    installed = tmp_path / "install"
    (installed / "mm").mkdir(parents=True)
    for name in ("one", "two"):
        fakeqemu.script(installed / "mm", name, "#!/bin/sh\n")
    for name in ("image", "config", "log"):
        (tmp_path / name).write_text(name)
    built = Build(tmp_path / "image", tmp_path / "config", tmp_path / "log", "key", 1.0, 0, cached=True)
    notbuilt = (Result("mm/three", Status.NOTBUILT, "three.c:1: error"),)
    kernel = Kernel("v1", "c" * 40, built, Installed(installed, notbuilt, tmp_path / "log", 1.0, cached=True))
    tests = (test_of("mm/one"), test_of("mm/two", "two"))
    size = Machine(arch.get("x86_64"), 64 << 20, 1, 0)
    boot_setup = BootSetup(size, Accelerator("tcg", "no reason"), tests, TOOLS, "digest")
    return Bench(fakeqemu.install(tmp_path, monkeypatch), tmp_path, kernel, boot_setup)


def said(path: Path, text: str) -> bool:
    return path.is_file() and text in path.read_text("utf-8", "replace")


def test_a_good_boot(bench: Bench) -> None:
    run = bench.boot()
    assert [(result.name, result.status) for result in run.results] == [
        ("boot", Status.PASS),
        ("mm/one", Status.PASS),
        ("mm/two", Status.PASS),
        ("mm/three", Status.NOTBUILT),
    ]
    assert (run.label, run.commit, run.ended, run.splats) == ("v1", "c" * 40, Ended.POWEROFF, ())
    assert run.boot_seconds is not None
    assert run.boot_seconds <= run.seconds


def test_the_environment(bench: Bench) -> None:
    environment = bench.boot().environment
    wanted = {"arch": "x86_64", "accelerator": "tcg", "accelerator_reason": "no reason", "compiler": "gcc 12"}
    wanted |= {"config": "digest", "memory": str(64 << 20), "cpus": "1", "swap": "0"}
    assert environment.items() >= wanted.items()
    assert environment["qemu"] == "QEMU emulator version 9.8.7 (fake)"
    assert len(environment["image"]) == 16


@pytest.mark.parametrize(("end", "status"), [("panic", Status.CRASH), ("hang", Status.TIMEOUT)])
def test_a_guest_that_dies_leaves_no_test_without_a_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, end: str, status: Status
) -> None:
    results, second = bench.folder / "run/results.ktap", bench.folder / "run/guest-2"
    if end == "hang":  # one that panics may be looked at between its last words and its end
        monkeypatch.setattr(watchdog, "time", Clock(lambda: "ok 1 a" in results.read_text() and not second.exists()))
    inner = {"mm/one": ["TAP version 13", "1..2", "ok 1 a"]}
    found = bench.results({"end": end, "dies in": "mm/one", "inner": inner, "boot": 1})
    assert found["boot"] is status
    assert found["mm/one"] is status
    assert found["mm/one:a"] is Status.PASS
    # The other test goes on in a fresh guest.
    assert found["mm/two"] is Status.PASS
    assert len(bench.qemu.calls) == 2
    assert (bench.folder / "run/guest-2/results.ktap").is_file()


def test_the_reason_says_how_far_it_came(bench: Bench) -> None:
    run = bench.boot({"end": "panic", "dies in": "mm/two"})
    reasons = {result.name: result.reason for result in run.results}
    assert reasons["boot"].endswith("(in mm/two)")
    (bench.folder / "run/run.json").unlink()
    run = bench.boot({"end": "panic"})
    reasons = {result.name: result.reason for result in run.results}
    assert reasons["boot"].endswith("(tests started: 2, finished: 2)")


def test_a_test_that_was_never_reached_says_why(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        watchdog, "time", Clock(lambda: said(bench.folder / "run/guest-2/console.log", "Linux version"))
    )
    run = bench.boot({"end": "panic", "dies in": "mm/one", "boot": 1}, {"end": "never"})
    assert "the guest ended before" in {result.name: result.reason for result in run.results}["mm/two"]


@pytest.mark.parametrize("name", ["smoke", "mm/a/b", "mm/x-1.2_3"])
def test_a_test_has_its_name_back_whatever_it_looks_like(bench: Bench, name: str) -> None:
    bench.boot_setup = replace(bench.boot_setup, tests=(test_of(name),))
    found = bench.results({"inner": {name: ["TAP version 13", "1..1", "ok 1 case"]}})
    assert set(found) == {"boot", name, f"{name}:case", "mm/three"}


def test_a_guest_that_never_comes_up_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    console = bench.folder / "run/console.log"
    first = Clock(lambda: len(bench.qemu.calls) == 1 and said(console, "the last words"))
    monkeypatch.setattr(watchdog, "time", first)
    run = bench.boot({"end": "never", "boot": 1, "console": "[    1.0] the last words\n"})
    assert run.ended is Ended.POWEROFF
    assert len(bench.qemu.calls) == 2
    # What the first one left is kept, and told.
    first = bench.folder / "run/try-1"
    assert "the last words" in (first / "console.log").read_text()
    assert {path.name for path in first.iterdir()} == set(record.GUEST_FILES)
    assert "the last words" not in console.read_text()
    why = "the kernel printed nothing more for 60 s, and its /init had not started"
    assert run.attempts == (Attempt("try-1", Ended.HANG, why, (Result("boot", Status.TIMEOUT, why),)),)
    boot = run.results[0]
    assert (boot.name, boot.status, boot.log[0]) == ("boot", Status.PASS, f"started again (try-1): {why}")
    assert "[    1.0] the last words" in boot.log


def test_a_complaint_of_a_guest_that_is_started_again_is_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    console = bench.folder / "run/console.log"
    first = Clock(lambda: len(bench.qemu.calls) == 1 and said(console, "Linux version"))
    monkeypatch.setattr(watchdog, "time", first)
    text = "[    1.000000] BUG: kernel NULL pointer dereference, address: 0\n"
    run = bench.boot({"end": "never", "boot": 1, "console": text})
    assert run.results[0].status is Status.PASS
    assert [splat.kind for splat in run.splats] == ["OOPS"]


def test_what_tests_said_in_a_guest_that_was_lost_is_kept(bench: Bench) -> None:
    inner = {"mm/one": ["TAP version 13", "1..2", "not ok 1 a"]}
    run = bench.boot({"end": "lost", "boot": 1, "dies in": "mm/one", "inner": inner, "stderr": "no memory\n"})
    assert {result.name: result.status for result in run.results}["mm/one"] is Status.PASS
    [attempt] = run.attempts
    assert (attempt.ended, attempt.why) == (Ended.LOST, "QEMU ended with status 1: no memory")
    assert [(each.name, each.status) for each in attempt.results] == [("mm/one:a", Status.FAIL)]
    assert "not ok 1 a" in (bench.folder / "run/try-1/results.ktap").read_text()


def test_a_later_guest_that_is_started_again_keeps_its_first_console(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = bench.folder / "run/guest-2/console.log"
    monkeypatch.setattr(watchdog, "time", Clock(lambda: len(bench.qemu.calls) == 2 and said(second, "Linux version")))
    run = bench.boot(
        {"end": "panic", "dies in": "mm/one", "boot": 1}, {"end": "never", "boot": 2, "console": "stuck\n"}
    )
    assert {result.name: result.status for result in run.results}["mm/two"] is Status.PASS
    assert [attempt.folder for attempt in run.attempts] == ["guest-2/try-1"]
    assert said(bench.folder / "run/guest-2/try-1/console.log", "stuck")


def test_a_guest_that_hung_and_was_lost_then_is_told_as_it_was(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    console = bench.folder / "run/console.log"
    first = Clock(lambda: len(bench.qemu.calls) == 1 and said(console, "Linux version"))
    monkeypatch.setattr(watchdog, "time", first)
    with pytest.raises(InfrastructureError, match=r"lost once: .*; before that: the kernel printed"):
        bench.boot({"end": "never", "boot": 1}, {"end": "lost"})
    assert (bench.folder / "run/try-1/console.log").is_file()


def test_a_kernel_that_never_comes_up_is_a_result_and_no_lost_machine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = bench.folder / "run/console.log"
    monkeypatch.setattr(watchdog, "time", Clock(lambda: "Linux version" in console.read_text()))
    found = bench.results({"end": "never"})
    assert found["boot"] is Status.TIMEOUT
    assert (found["mm/one"], found["mm/two"]) == (Status.NOTRUN, Status.NOTRUN)
    assert len(bench.qemu.calls) == attempts.TRIES


def test_a_panic_is_believed_at_once(bench: Bench) -> None:
    bench.results({"end": "panic", "dies in": "mm/two"})
    assert len(bench.qemu.calls) == 1


def test_a_kernel_that_dies_in_every_test_loses_each_and_is_given_up_in_the_end(bench: Bench) -> None:
    bench.boot_setup = replace(bench.boot_setup, tests=tuple(test_of(f"mm/{number}") for number in range(9)))
    found = bench.results(*({"end": "panic", "dies in": f"mm/{number}", "boot": number + 1} for number in range(9)))
    assert [found[f"mm/{number}"] for number in range(9)] == [Status.CRASH] * boot.BARREN + [Status.NOTRUN] * 4
    assert len(bench.qemu.calls) == boot.BARREN


def test_the_folders_of_an_earlier_run_do_not_stay(bench: Bench) -> None:
    bench.results({"end": "panic", "dies in": "mm/one", "boot": 1})
    assert (bench.folder / "run/guest-2").is_dir()
    (bench.folder / "run/try-1").mkdir()
    (bench.folder / "run/run.json").unlink()
    bench.results()
    assert not (bench.folder / "run/guest-2").exists()
    assert not (bench.folder / "run/try-1").exists()


def test_what_a_test_left_behind_is_told_with_it(bench: Bench) -> None:
    notes = {"mm/one": ["left sleep bash", "memory 51200", "taint 516", "taint x", "memory", "nonsense 1 2"]}
    run = bench.boot({"notes": notes})
    results = {result.name: result for result in run.results}
    assert results["mm/one"].status is Status.PASS
    assert results["mm/one"].seconds == 0.5
    assert results["mm/one"].notes == (
        "left running: sleep bash",
        "tainted the kernel: S (the CPU is out of specification), W (a warning was issued)",
    )
    assert (results["mm/one"].held, results["mm/two"].held) == (50, 0)
    taint = results["mm/one:kernel-taint"]
    assert (taint.status, taint.reason) == (Status.FAIL, "the kernel was tainted: W (a warning was issued)")
    assert results["mm/two"].notes == ()
    assert "mm/two:kernel-taint" not in results


def test_a_guest_that_died_shows_the_end_of_its_console(bench: Bench) -> None:
    run = bench.boot({"end": "panic", "dies in": "mm/two", "console": "[    2.0] the last words\n"})
    boot = next(result for result in run.results if result.name == "boot")
    assert "[    2.0] the last words" in boot.log


def test_a_machine_lost_each_time_is_an_error_that_names_the_evidence(bench: Bench) -> None:
    with pytest.raises(InfrastructureError, match=r"the guest of v1 was lost 2 times: .*no memory") as caught:
        bench.boot({"end": "lost", "stderr": "no memory\n"})
    assert "qemu.log" in caught.value.hint
    assert "console.log" in caught.value.hint
    assert not (bench.folder / "run/initramfs.cpio").exists()


def test_a_complaint_is_found_and_a_nasty_byte_does_no_harm(bench: Bench) -> None:
    run = bench.boot(
        {
            "console": "\udcff\udc80 not text\n[    1.000000] BUG: kernel NULL pointer dereference, address: 0\n",
            "inner": {},
        }
    )
    assert [splat.kind for splat in run.splats] != []


def test_what_did_not_compile_is_not_started(bench: Bench) -> None:
    bench.boot_setup = replace(bench.boot_setup, tests=(test_of("mm/one"), test_of("mm/three", "three")))
    found = bench.results()
    assert found["mm/three"] is Status.NOTBUILT
    assert "three" not in (bench.folder / "run/results.ktap").read_text()


def test_a_test_that_one_of_two_kernels_has_is_enough(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "other/mm").mkdir(parents=True)
    other = replace(bench.kernel, tests=Installed(tmp_path / "other", (), tmp_path / "log", 1.0, cached=True))
    boot.require(bench.boot_setup.tests, (other, bench.kernel))
    boot.require(bench.boot_setup.tests, (bench.kernel, other))
    boot.require((test_of("mm/three", "three"),), (bench.kernel, other))
    with pytest.raises(UsageError, match="no test mm/four") as caught:
        boot.require((test_of("mm/four", "four"),), (other, bench.kernel))
    assert caught.value.hint == "there are: one, two"


def test_a_silent_test_has_all_its_time(bench: Bench) -> None:
    slow = replace(bench.boot_setup.tests[0], timeout=5000)
    limits = boot._limits([slow, bench.boot_setup.tests[1]])
    assert limits.total > 5030 + limits.boot
    assert boot._limits([]).total >= vm.Limits.boot


FORGED = "ok 1 selftests: mm: one\n"
OTHER = "ok 2 selftests: mm: two\n"
FORGERIES: dict[str, tuple[dict[str, Any], dict[str, Status]]] = {
    "its own result": ({"forged": {"mm/one": {"results": FORGED}}}, {"mm/one": Status.CRASH, "mm/two": Status.PASS}),
    "its own result, to hide a failure": (
        {"forged": {"mm/one": {"results": FORGED}}, "verdicts": {"mm/one": "not ok"}},
        {"mm/one": Status.CRASH, "mm/two": Status.PASS},
    ),
    "its own result, before it kills the guest": (
        {"forged": {"mm/one": {"results": FORGED}}, "dies in": "mm/one", "end": "panic", "boot": 1},
        {"mm/one": Status.CRASH, "mm/two": Status.PASS, "boot": Status.CRASH},
    ),
    "its own result and the end": (
        {"forged": {"mm/one": {"results": FORGED, "status": "end 9.0\n"}}, "dies in": "mm/one", "boot": 1},
        {"mm/one": Status.CRASH, "mm/two": Status.NOTRUN},
    ),
    "another's result": (
        {"forged": {"mm/one": {"results": OTHER}}, "verdicts": {"mm/two": "not ok"}},
        {"mm/one": Status.CRASH, "mm/two": Status.CRASH},
    ),
    "another's result, before it kills the guest": (
        {"forged": {"mm/one": {"results": OTHER}}, "dies in": "mm/one", "end": "panic", "boot": 1},
        {"mm/one": Status.CRASH, "mm/two": Status.CRASH, "boot": Status.CRASH},
    ),
    "another's result and the end": (
        {"forged": {"mm/one": {"results": OTHER, "status": "end 9.0\n"}}, "dies in": "mm/one", "boot": 1},
        {"mm/one": Status.CRASH, "mm/two": Status.CRASH},
    ),
    "its own end": (
        {"forged": {"mm/one": {"status": "done 9.0 1\n"}}},
        {"mm/one": Status.CRASH, "mm/two": Status.PASS},
    ),
    "a beginning": ({"forged": {"mm/two": {"status": "start 9.0 1 9\n"}}}, {"mm/one": Status.CRASH}),
    "absurd numbers": (
        {
            "forged": {
                "mm/one": {"status": f"done 1.0 {'9' * 5000}\nstart 1.0 ² 9\nstart 1.0 0 9\nnote 1 taint {'9' * 99}\n"}
            }
        },
        {"mm/one": Status.PASS, "mm/two": Status.PASS},
    ),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_test_that_writes_where_init_does_gains_nothing(bench: Bench, what: str) -> None:
    plan, expected = FORGERIES[what]
    found = bench.results(plan)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("line", ["selftests: net: other", "selftests: net: other [PASS]", "selftests: mm: one"])
def test_a_test_that_prints_how_a_runner_begins_another_is_one_test(bench: Bench, line: str) -> None:
    found = bench.results({"inner": {"mm/one": ["TAP version 13", "1..1", line, "ok 1 a"]}})
    assert found == {
        "boot": Status.PASS,
        "mm/one:a": Status.PASS,
        "mm/one": Status.PASS,
        "mm/two": Status.PASS,
        "mm/three": Status.NOTBUILT,
    }


def test_a_flood_on_the_status_port_ends_the_guest(bench: Bench) -> None:
    flood = {"forged": {"mm/one": {"status": "note 1 left nothing\n" * 1000}}, "times": 400, "boot": 1}
    run = bench.boot({**flood, "dies in": "mm/one", "end": "hang"})
    results = {result.name: result for result in run.results}
    assert results["mm/one"].status is Status.TIMEOUT
    assert "more than 4 MiB" in results["boot"].reason
    assert results["mm/two"].status is Status.PASS
    assert (bench.folder / "run/status.txt").stat().st_size == 4 << 20


def test_of_a_million_results_some_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "PROGRAM", 100)
    run = bench.boot({"inner": {"mm/one": [f"ok {number} case" for number in range(1, 1001)]}})
    results = {result.name: result for result in run.results}
    assert len(results) == 1 + 1 + 100 + 1 + 1 + 1
    assert results["mm/one"].status is results["mm/two"].status is Status.PASS
    assert (results["mm/one:left out"].status, results["mm/one:left out"].reason[:16]) == (
        Status.ERROR,
        "900 more results",
    )
