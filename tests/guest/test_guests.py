"""Every way a real guest can end, on a real kernel under a real QEMU: the verdicts, and how soon they come."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fakes.fakeqemu import script
from fakes.here import ROOT
from series_ci import arch
from series_ci.arch import Accel
from series_ci.cli.options import Options
from series_ci.cli.request import make_request
from series_ci.errors import InfrastructureError
from series_ci.guest import boot, initramfs, qemu, vm
from series_ci.guest.accel import Accelerator
from series_ci.guest.boot import BootSetup
from series_ci.host import process
from series_ci.kernel.kernel import Kernel
from series_ci.kernel.selftests import Installed
from series_ci.pipeline import shell
from series_ci.progress import Progress
from series_ci.results.model import Ended, Result, Run, Status

SOURCE = Path("/usr/src/linux-source-6.12.tar.xz")

pytestmark = [
    pytest.mark.boot,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not SOURCE.exists(), reason=f"no {SOURCE}: Debian's linux-source-6.12 is not installed"),
]

PROGRAMS = {
    "passes": "echo fine",
    "fails": "echo 'TAP version 13'; echo 1..2; echo ok 1 good; echo not ok 2 bad; exit 1",
    "hangs": "echo waits; exec /bin/busybox sleep 1000000",
    "crashes": "echo c >/proc/sysrq-trigger",
    "reboots": "/bin/busybox reboot -f",
    "forges": "echo ok 1 selftests: lab: forges >/proc/1/fd/3; echo done 1.0 1 >/proc/1/fd/4; exit 1",
    "floods": "i=0; while [ $i -lt 3000 ]; do echo \"$i $(printf '%0900d' 7)\" >/dev/kmsg; i=$((i+1)); done",
    "eats": "printf -v much '%01048576d' 7; all=(); while :; do all+=(\"$much\"); done",
    "jumps": "date -s 2040-01-01; date -s 1999-01-01; echo 'TAP version 13'; echo 1..1; echo ok 1 late",
    "counts": """before=${EPOCHREALTIME/./}
for round in 1 2; do
	for ((i = 0; i < 60000; i++)); do :; done
	now=${EPOCHREALTIME/./}
	echo "took $(((now - before) / 1000)) ms"
	before=$now
done""",
    "leaves": "setsid sleep 1000000 & exit 0",
    "stops": "printf half; setsid sleep 1000000 & exit 0",
    "tells": "seq 20000; echo c >/proc/sysrq-trigger",
    "keeps": "dd if=/dev/zero of=/dev/shm/kept bs=1M count=64 2>/dev/null",
}


@dataclass
class Lab:
    """A kernel, and small programs in place of selftests."""

    kernel: Kernel
    boot_setup: BootSetup
    folder: Path

    def boot(self, *names: str, timeout: int = 60, append: Sequence[str] = (), memory: int = 256 << 20) -> Run:
        tests = tuple(initramfs.GuestTest(f"lab/{name}", "lab", name, (), timeout) for name in names)
        size = replace(self.boot_setup.machine, memory=memory)
        boot_setup = replace(self.boot_setup, tests=tests, append=tuple(append), machine=size)
        return boot.boot_kernel(boot_setup, self.kernel, self.folder / "run", Progress(), "boot")

    def verdicts(self, *names: str, timeout: int = 60) -> dict[str, Status]:
        return {result.name: result.status for result in self.boot(*names, timeout=timeout).results}

    def log(self, name: str) -> str:
        return (self.folder / "run" / name).read_text("utf-8", "replace")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[BootSetup, Kernel]:
    """The kernel of the demo's base, from the cache if it is there."""
    options = replace(Options("demo"), out=str(tmp_path_factory.mktemp("made") / "run"))
    return shell.prepare(make_request("v10", options), Progress(), base_only=True)


@pytest.fixture
def lab(made: tuple[BootSetup, Kernel], tmp_path: Path) -> Lab:
    boot_setup, kernel = made
    for name, text in PROGRAMS.items():
        script(tmp_path / "installed/lab", name, f"#!/bin/bash\n{text}\n")
    installed = Installed(tmp_path / "installed", (), tmp_path / "log", 0.0, cached=True)
    size = arch.Machine(arch.get("x86_64"), 256 << 20, 2, 0)
    return Lab(replace(kernel, tests=installed), replace(boot_setup, machine=size), tmp_path)


def named(run: Run, name: str) -> Result:
    return next(result for result in run.results if result.name == name)


def test_pass_fail_hang_and_crash_each_cost_one_test_and_the_rest_goes_on(lab: Lab) -> None:
    run = lab.boot("passes", "crashes", "fails", "hangs", "reboots", "jumps", timeout=20)
    assert {result.name: result.status for result in run.results} == {
        "boot": Status.CRASH,
        "lab/passes": Status.PASS,
        "lab/crashes": Status.CRASH,
        "lab/fails:good": Status.PASS,
        "lab/fails:bad": Status.FAIL,
        "lab/fails": Status.FAIL,
        "lab/hangs": Status.TIMEOUT,
        "lab/reboots": Status.CRASH,
        "lab/jumps:late": Status.PASS,
        "lab/jumps": Status.PASS,
    }
    assert run.ended is Ended.PANIC
    reason = named(run, "boot").reason
    assert "the kernel panicked: sysrq triggered crash (in lab/crashes)" in reason
    assert "the guest reset itself before its tests were through (in lab/reboots)" in reason
    assert reason.endswith("what was left ran in 2 more")
    assert [(splat.kind, splat.test) for splat in run.splats] == [("PANIC", "lab/crashes")]
    assert any("Kernel panic" in line for line in named(run, "boot").log)
    assert named(run, "lab/hangs").seconds == pytest.approx(20, abs=15)


def test_what_a_test_leaves_behind_is_told_with_it(lab: Lab) -> None:
    run = lab.boot("leaves", "passes", "keeps")
    assert {result.status for result in run.results} == {Status.PASS}
    assert named(run, "lab/leaves").notes == ("left running: sleep",)
    assert (named(run, "lab/passes").notes, named(run, "lab/passes").held) == ((), 0)
    assert 60 <= named(run, "lab/keeps").held <= 68


def test_a_program_that_writes_on_the_ports_of_init_does_not_pass(lab: Lab) -> None:
    run = lab.boot("forges", "passes")
    assert named(run, "lab/forges").status in (Status.FAIL, Status.CRASH)
    assert named(run, "lab/passes").status is Status.PASS


def test_next_to_nothing_is_lost_of_what_was_printed_before_a_crash(lab: Lab) -> None:
    """Of 109 KB, as much as was in the smallest pipe and in the hands of the one who reads it."""
    assert lab.verdicts("tells")["lab/tells"] is Status.CRASH
    told = re.findall(r"^# ([0-9]+)$", lab.log("results.ktap"), re.MULTILINE)
    assert told == [str(number) for number in range(1, len(told) + 1)]
    assert len(told) >= 20000 - 2 * 4096 // len("20000\n")


def test_a_line_without_an_end_does_not_take_the_verdict_along(lab: Lab) -> None:
    run = lab.boot("stops", "passes")
    assert [(each.name, each.status) for each in run.results if each.name != "boot"] == [
        ("lab/stops", Status.PASS),
        ("lab/passes", Status.PASS),
    ]
    assert "\n# half\n" in lab.log("results.ktap")


def test_a_test_that_eats_all_memory_dies_and_nothing_else(lab: Lab) -> None:
    run = lab.boot("eats", "passes")
    assert named(run, "boot").status is Status.PASS
    assert named(run, "lab/eats").status is Status.FAIL
    assert named(run, "lab/passes").status is Status.PASS
    assert "Out of memory: Killed process" in lab.log("console.log")


def test_of_a_console_that_is_flooded_beginning_and_end_are_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "CONSOLE", vm.CONSOLE.__class__(256 << 10, 256 << 10))
    run = lab.boot("floods", timeout=600)
    assert named(run, "lab/floods").status is Status.PASS
    text = lab.log("console.log")
    assert "Linux version" in text
    assert text.count("bytes were cut out here]") == 1
    assert "reboot: Restarting system" in text
    assert len(text) < 1200 << 10
    assert named(run, "boot").log[0].endswith("bytes of console.log")


@pytest.mark.parametrize(
    ("append", "why"),
    [
        (["rdinit=/none", "init=/none"], "the kernel panicked: "),  # /init is missing
        (
            ["panic_on_oops=1", "rdinit=/kselftest/lab/reboots"],
            "the guest reset itself",
        ),  # again and again, if it could
    ],
)
def test_a_kernel_that_dies_before_init_is_a_crash_at_once(lab: Lab, append: list[str], why: str) -> None:
    run = lab.boot("passes", append=append)
    assert (run.ended, run.boot_seconds) == (Ended.PANIC, None)
    assert named(run, "boot").reason.startswith(why)
    assert named(run, "lab/passes").status is Status.NOTRUN


def test_a_guest_that_hangs_tells_what_its_cpus_were_doing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    # /init itself waits for ever: no test of its own would be ended by anybody.
    monkeypatch.setattr(boot, "_limits", lambda _tests: vm.Limits(first=40, boot=40, idle=20, total=300))
    run = lab.boot("passes", append=["rdinit=/kselftest/lab/hangs"])
    result = named(run, "boot")
    assert (result.status, run.ended) == (Status.TIMEOUT, Ended.HANG)
    text = "\n".join(result.log)
    assert "CPU#0" in text
    assert "CPU#1" in text
    assert "RIP=" in text
    assert text.count("NMI backtrace for cpu") == 4  # of both CPUs, in the first guest and in the one in its place
    # We made it panic to see that.
    assert run.splats == ()


def test_a_kernel_that_never_prints_is_ended_and_tried_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "_limits", lambda _tests: vm.Limits(first=5))
    plain = qemu.command_line
    monkeypatch.setattr(qemu, "command_line", lambda *args, **more: [*plain(*args, **more), "-S"])  # no CPU starts
    run = lab.boot("passes")
    assert (run.ended, named(run, "boot").status) == (Ended.HANG, Status.TIMEOUT)
    assert named(run, "boot").reason.startswith("the kernel printed nothing within 5 s")


def kill_qemu(lab: Lab, times: int) -> Callable[[str], None]:
    """Kill the guest that runs a test, as a machine without memory would; `times` over."""
    killed: list[str] = []

    def act(text: str) -> None:
        pid = re.search(r"\d+", "".join(process_of(lab)))
        if text.startswith("test") and pid and len(killed) < times and pid[0] not in killed:
            killed.append(pid[0])
            os.kill(int(pid[0]), 9)

    return act


def process_of(lab: Lab) -> list[str]:
    """The QEMU that writes into the lab's folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if (
                str(lab.folder / "run") in (each / "cmdline").read_text().replace("\0", " ")
                and "qemu" in (each / "comm").read_text()
            ):
                found.append(each.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("times", [1, 2])
def test_a_qemu_killed_from_outside_is_tried_again_and_then_given_up(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    kill = kill_qemu(lab, times)
    run_guest = vm.run
    monkeypatch.setattr(vm, "run", lambda *args, **more: run_guest(*args, **{**more, "progress": kill}))
    if times == 1:
        assert named(lab.boot("hangs", timeout=5), "lab/hangs").status is Status.TIMEOUT
        return
    with pytest.raises(InfrastructureError, match="was lost 2 times: QEMU ended with signal 9"):
        lab.boot("hangs", timeout=5)


def stop_for_a_while(lab: Lab, seconds: float) -> None:
    """Stop the guest after the first line that its test says, for so long."""
    said = lab.folder / "run/results.ktap"
    end = time.monotonic() + 300
    while time.monotonic() < end and not (said.exists() and b"took" in said.read_bytes()):
        time.sleep(0.05)
    (pid,) = process_of(lab)
    os.kill(int(pid), signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(int(pid), signal.SIGCONT)


@pytest.mark.parametrize(("accel", "stands"), [("icount", True), ("tcg", False)])
def test_a_clock_that_counts_instructions_stands_still_with_the_guest(lab: Lab, accel: Accel, stands: bool) -> None:
    lab.boot_setup = replace(lab.boot_setup, accel=Accelerator(accel))
    with ThreadPoolExecutor() as beside:
        stopped = beside.submit(stop_for_a_while, lab, 6.0)
        lab.boot("counts", timeout=300)
        stopped.result()
    first, second = (int(ms) for ms in re.findall(r"took (\d+) ms", lab.log("results.ktap")))
    assert (second - first < 3000) is stands


def test_a_qemu_that_is_missing_is_no_verdict(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(arch.get("x86_64"), qemu="qemu-system-none")
    lab.boot_setup = replace(lab.boot_setup, machine=replace(lab.boot_setup.machine, arch=row))
    monkeypatch.setattr(qemu, "qemu_version", lambda _arch: "none")
    with pytest.raises(InfrastructureError, match="qemu-system-none: cannot start"):
        lab.boot("passes")


def run_boot(lab: Lab, *args: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "series_ci", "boot", str(lab.kernel.build.image), "--out", str(lab.folder / "out")]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "ci"), "CI": "true"}
    return subprocess.run([*argv, "--accel", "tcg", *args], capture_output=True, text=True, env=env, check=False)


def test_boot_runs_one_command(lab: Lab) -> None:
    done = run_boot(lab, "--with", str(lab.folder / "installed/lab"), "--", "sh", "-c", "pwd; ls; ./passes; exit 3")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["/kselftest/lab", *sorted(PROGRAMS), "fine"]
    assert "FAIL exit=3" in done.stderr


def test_boot_of_a_good_command_is_silent_about_all_else(lab: Lab) -> None:
    done = run_boot(lab, "--quiet", "--", "echo", "a  b")
    assert (done.returncode, done.stdout) == (0, "a  b\n")


def test_boot_tells_of_a_kernel_that_crashed(lab: Lab) -> None:
    done = run_boot(lab, "--", "sh", "-c", "echo before; sleep 1; echo c >/proc/sysrq-trigger")
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert "the kernel panicked: sysrq triggered crash" in done.stderr


def test_a_shell_is_the_guest_for_a_person(made: tuple[BootSetup, Kernel], tmp_path: Path) -> None:
    del made  # it has built the kernel
    argv = [sys.executable, "-m", "series_ci", "shell", "v10", "--series", "demo", "--base", "--accel", "tcg"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "ci"), "TERM": "dumb"}
    ours, theirs = pty.openpty()
    with subprocess.Popen([*argv, "--out", str(tmp_path / "out")], stdin=theirs, stdout=theirs, stderr=theirs, env=env):
        os.close(theirs)
        said = ""

        def until(words: str) -> None:
            nonlocal said
            end = time.monotonic() + 300
            while words not in said:
                ready, _, _ = select.select([ours], [], [], max(end - time.monotonic(), 0))
                assert ready, said
                said += os.read(ours, 65536).decode("utf-8", "replace")

        until("Ctrl-D ends the guest")
        until("#")
        os.write(ours, b"echo $((6 * 7)) $(uname -r) $(tty)\n")
        until("42 6.12")
        os.write(ours, b"cd /kselftest/mm && ls exit_skip\n")
        until("\nexit_skip")
        os.write(ours, b"exit\n")
        until("machine restart")
    os.close(ours)


def test_without_a_terminal_there_is_no_shell(made: tuple[BootSetup, Kernel], tmp_path: Path) -> None:
    boot_setup, kernel = made
    argv = [sys.executable, "-c", "import sys; from series_ci.cli import main; sys.exit(main())", "shell", "v10"]
    del boot_setup, kernel
    env = {**os.environ, "PYTHONPATH": str(ROOT / "ci"), "CI": "true"}
    done = subprocess.run(
        [*argv, "--series", "demo", "--base", "--accel", "tcg", "--out", str(tmp_path / "out")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 2
    assert "a shell needs a terminal" in done.stderr
    assert process.which("busybox")
