"""Every way a guest can end, told apart by a QEMU that ends that way."""

from __future__ import annotations

import errno
import os
import signal
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakes import fakeqemu
from fakes.fakeqemu import Clock, Qemu, alive
from series_ci import arch
from series_ci.errors import InfrastructureError
from series_ci.guest import bounded_log, cpio, initramfs, postmortem, qemu, vm, watchdog
from series_ci.results.model import Ended

PATIENT = vm.Limits(boot=60, idle=60, total=60)
SWAP = 8 << 20
TESTS = [initramfs.GuestTest(f"mm/{name}", "mm", name, (), 10) for name in ("one", "two")]


@dataclass
class Lab:
    """A machine with a kernel and two tests, in a folder of its own."""

    qemu: Qemu
    folder: Path

    @property
    def outputs(self) -> qemu.Files:
        return qemu.Files(self.folder / "run")

    @property
    def argv(self) -> list[str]:
        kernel, initrd = self.folder / "image", self.folder / "initrd"
        kernel.write_text("a kernel")
        initrd.write_bytes(cpio.archive([cpio.program("tests.sh", initramfs.script(TESTS).encode())]))
        size = arch.Machine(arch.get("x86_64"), 256 << 20, 1, SWAP)
        return qemu.command_line(size, "tcg", kernel, initrd, self.outputs)

    def run(self, limits: vm.Limits = PATIENT, progress: Callable[[str], None] = lambda _text: None) -> vm.GuestBoot:
        return vm.run(self.argv, self.outputs, swap=SWAP, limits=limits, progress=progress)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(fakeqemu.install(tmp_path, monkeypatch), tmp_path)


def gone(lab: Lab) -> bool:
    return not any(alive(call["pid"]) for call in lab.qemu.calls)


def test_a_guest_that_says_end_has_come_to_its_end(lab: Lab) -> None:
    said: list[str] = []
    boot = lab.run(progress=said.append)
    assert (boot.ended, boot.why, boot.started, boot.done) == (Ended.POWEROFF, "", 2, 2)
    assert boot.boot_seconds is not None
    assert 0 < boot.boot_seconds <= boot.seconds
    assert said
    assert lab.outputs.status.read_text().splitlines()[-1].startswith("end ")
    assert "ok 2 selftests: mm: two" in lab.outputs.results.read_text()
    assert "Linux version" in lab.outputs.console.read_text()


def test_the_command_line_is_kept_as_a_shell_reads_it(lab: Lab) -> None:
    import shlex

    lab.run()
    assert shlex.split((lab.outputs.folder / "qemu.cmd").read_text()) == lab.argv
    assert lab.qemu.calls[0]["argv"][1:] == lab.argv[1:]


def test_a_reset_before_the_end_is_a_panic(lab: Lab) -> None:
    lab.qemu.plan({"end": "panic", "dies in": "mm/two"})
    boot = lab.run()
    assert (boot.ended, boot.started, boot.done) == (Ended.PANIC, 2, 1)
    assert "reset" in boot.why


@pytest.mark.parametrize("words", ["en", "end 1.2", "end", "# end\n", "friend 1\n", "ending 1\n"])
def test_a_half_written_end_is_no_end(lab: Lab, words: str) -> None:
    lab.qemu.plan({"end": "panic", "last words": words})
    assert lab.run().ended is Ended.PANIC


def test_half_written_and_foreign_lines_of_the_status_do_not_count(lab: Lab) -> None:
    lab.qemu.plan(
        {"end": "panic", "last words": "\n   \nsta\udcff\udcferrt 3\nstart 9.0 3 10\ndone 9.5 3\nstart 9.9 4 10"}
    )
    boot = lab.run()
    assert (boot.started, boot.done) == (3, 3)


def test_the_end_counts_though_qemu_failed_after_it(lab: Lab) -> None:
    lab.qemu.plan({"end": "poweroff", "code": 1, "stderr": "cannot close\n"})
    assert lab.run().ended is Ended.POWEROFF


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"end": "lost", "stderr": "some warning\nqemu: could not map memory\n"}, ["status 1", "could not map memory"]),
        ({"end": "lost", "code": 7}, ["status 7", "gave no reason"]),
        ({"end": "signal", "dies in": "mm/one"}, ["signal 9"]),
        (
            {"end": "panic", "stderr": "qemu: terminating on signal 15 from pid 1 (killall)\n"},
            ["terminating on signal 15"],
        ),
    ],
)
def test_a_qemu_that_fails_or_is_killed_is_lost_and_says_why(lab: Lab, rule: dict[str, str], why: list[str]) -> None:
    lab.qemu.plan(rule)
    boot = lab.run()
    assert boot.ended is Ended.LOST
    for words in why:
        assert words in boot.why


def test_somebody_elses_sigterm_is_no_panic(lab: Lab) -> None:
    """QEMU exits with 0 on SIGTERM, as it does when the guest resets itself."""
    lab.qemu.plan({"end": "hang", "dies in": "mm/one"})

    def end_it(text: str) -> None:
        if text == "test 1":
            os.kill(lab.qemu.calls[0]["pid"], signal.SIGTERM)

    assert lab.run(progress=end_it).ended is Ended.LOST


@pytest.fixture
def hasten(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the time fly as soon as the guest has said something, on whatever port."""

    def after(words: str) -> None:
        places = (lab.outputs.console, lab.outputs.status)
        monkeypatch.setattr(watchdog, "time", Clock(lambda: any(words in each.read_text() for each in places)))

    return after


def test_a_guest_that_never_reaches_init_is_ended(lab: Lab, hasten: Callable[[str], None]) -> None:
    lab.qemu.plan({"end": "never"})
    hasten("Linux version")
    boot = lab.run(vm.Limits(boot=150, idle=9000, total=9000))
    assert (boot.ended, boot.boot_seconds, boot.started) == (Ended.HANG, None, 0)
    assert boot.why == "its /init did not start within 150 s"
    assert lab.qemu.calls
    assert gone(lab)


def test_the_limit_for_the_boot_is_over_once_init_has_spoken(lab: Lab, hasten: Callable[[str], None]) -> None:
    lab.qemu.plan({"end": "hang"})
    hasten("init")
    assert lab.run(vm.Limits(boot=150, idle=9000, total=1000)).why == "no end after 1000 s"


def test_a_guest_that_falls_silent_is_ended(lab: Lab, hasten: Callable[[str], None]) -> None:
    lab.qemu.plan({"end": "hang", "dies in": "mm/two"})
    hasten("start 2")
    boot = lab.run(vm.Limits(boot=9000, idle=9000, grace=150, total=9000))
    assert (boot.ended, boot.started, boot.done, boot.running) == (Ended.HANG, 2, 1, 2)
    assert boot.why == "test 2 had 10 s, and was not ended 150 s after that"
    assert boot.boot_seconds is not None
    assert gone(lab)


def test_a_guest_that_talks_for_ever_is_ended(lab: Lab, hasten: Callable[[str], None]) -> None:
    lab.qemu.plan({"end": "hang"})
    hasten("start 1")

    def chatter(_text: str) -> None:
        """Called when there was output, it makes more of it."""
        with lab.outputs.console.open("a") as console:
            console.write("still here\n")

    boot = lab.run(vm.Limits(boot=9000, idle=150, grace=9000, total=1000), chatter)
    assert (boot.ended, boot.why) == (Ended.HANG, "no end after 1000 s")
    assert gone(lab)


def test_a_hang_after_the_end_was_said_is_an_end(lab: Lab, hasten: Callable[[str], None]) -> None:
    lab.qemu.plan({"end": "hang", "last words": "end 1.0\n"})
    hasten("end")
    assert lab.run(vm.Limits(boot=9000, idle=150, total=9000)).ended is Ended.POWEROFF


def test_a_guest_that_ended_between_two_looks_was_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only look comes before /init speaks, the next one after QEMU has ended."""

    def slowly(_watch: watchdog.Watch) -> bool:
        time.sleep(0.2)
        return False

    monkeypatch.setattr(watchdog.Watch, "over", slowly)
    boot = lab.run()
    assert boot.ended is Ended.POWEROFF
    assert boot.boot_seconds == boot.seconds


def test_the_swap_disk_is_reserved_and_does_not_stay(lab: Lab) -> None:
    lab.run()
    swap = lab.qemu.calls[0]["swap"]
    assert swap["size"] == SWAP
    assert swap["used"] >= SWAP
    assert not lab.outputs.swap.exists()


def test_a_kernel_that_never_prints_is_ended_early(
    lab: Lab, hasten: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.qemu.plan({"end": "silent"})
    hasten("")
    monkeypatch.setattr(postmortem, "examine", lambda *_args: postmortem.Remains("CPU#0 RIP=ffffffff81000000"))
    boot = lab.run(vm.Limits(first=150, boot=9000, idle=9000, total=9000))
    assert (boot.ended, boot.why) == (Ended.HANG, "the kernel printed nothing within 150 s")
    assert gone(lab)


def test_a_qemu_that_says_nothing_and_does_not_answer_is_lost(lab: Lab, hasten: Callable[[str], None]) -> None:
    """Its monitor is there as soon as it runs: nothing is known of a kernel then."""
    lab.qemu.plan({"end": "silent"})
    hasten("")
    boot = lab.run(vm.Limits(first=150, boot=9000, idle=9000, total=9000))
    assert boot.ended is Ended.LOST
    assert boot.why.startswith("the kernel printed nothing within 150 s; QEMU's monitor did not answer: ")
    assert boot.why.endswith(": QEMU itself hangs")
    assert gone(lab)


def test_a_kernel_that_prints_and_stops_is_ended(lab: Lab, hasten: Callable[[str], None]) -> None:
    lab.qemu.plan({"end": "never"})
    hasten("Linux version")
    boot = lab.run(vm.Limits(first=9000, boot=9000, idle=150, total=9000))
    assert boot.why == "the kernel printed nothing more for 150 s, and its /init had not started"


def test_a_guest_that_falls_silent_between_two_tests_is_ended(lab: Lab, hasten: Callable[[str], None]) -> None:
    lab.qemu.plan({"end": "hang"})
    hasten("done 2")
    boot = lab.run(vm.Limits(boot=9000, idle=150, grace=9000, total=9000))
    assert (boot.why, boot.running) == ("no output for 150 s", None)


def test_a_panic_that_does_not_reset_the_machine_is_one(lab: Lab, hasten: Callable[[str], None]) -> None:
    panic = "[    1.0] Kernel panic - not syncing: it is over\n"
    lab.qemu.plan({"end": "hang", "dies in": "mm/one", "console": panic})
    hasten("panic")
    boot = lab.run(vm.Limits(boot=9000, idle=9000, grace=9000, panic=150, total=9000))
    assert (boot.ended, boot.why) == (
        Ended.PANIC,
        "the kernel panicked (it is over), and the guest was not reset within 150 s",
    )


def test_a_reset_after_a_panic_says_that_it_was_one(lab: Lab) -> None:
    panic = "[    1.0] Kernel panic - not syncing: it is over\n"
    lab.qemu.plan({"end": "panic", "dies in": "mm/one", "console": panic})
    assert lab.run().why == "the kernel panicked: it is over"


def test_of_a_guest_that_floods_its_console_beginning_and_end_are_kept(lab: Lab) -> None:
    used: list[int] = []
    passed: list[int] = []

    def look(_text: str) -> None:
        used.append(lab.outputs.console.stat().st_blocks * 512)

    lab.qemu.plan({"flood": 1024, "console": "the first words\n"})
    limits, quiet = PATIENT, lambda lines: passed.append(sum(len(line) for line in lines))
    boot = vm.run(lab.argv, lab.outputs, swap=SWAP, limits=limits, progress=look, passing=quiet)
    assert boot.ended is Ended.POWEROFF
    text = lab.outputs.console.read_text()
    assert "the first words\n" in text
    cut = int(text.partition("[series-ci: ")[2].split()[0])
    assert cut == sum(passed)
    assert text.count("[series-ci: ") == 1
    assert all(len(line) == 1023 for line in text.splitlines() if line.startswith("x"))
    assert boot.cut == (f"{cut} bytes of console.log",)
    assert len(text) < 64 << 20
    assert max(used) < 512 << 20  # of 1 GiB


def test_a_disk_that_has_no_room_for_the_swap_is_said_to_be_full(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int, _offset: int, _length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(vm.os, "posix_fallocate", full)
    with pytest.raises(InfrastructureError, match=r"swap\.img: No space left on device"):
        lab.run()
    assert not lab.qemu.calls


def test_a_guest_whose_output_may_have_been_cut_by_a_full_disk_has_no_result(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vm.shutil, "disk_usage", lambda _path: SimpleNamespace(free=vm.LEAST_SPACE - 1))
    with pytest.raises(InfrastructureError, match="no space left on device") as caught:
        lab.run()
    assert str(lab.outputs.folder) in caught.value.message


def test_a_place_behind_what_was_cut_is_found_again(tmp_path: Path) -> None:
    log = bounded_log.Growing(tmp_path / "log", bounded_log.Bound(100, 100))
    log.path.write_text("".join(f"line {number}\n" for number in range(1000)) + "here", "utf-8")
    assert log.joined(7) == 7
    log.look()
    place = log.joined(log.path.stat().st_size - len("here"))
    log.finish()
    assert log.path.read_bytes()[place:] == b"here"


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, OSError])
def test_whatever_happens_neither_qemu_nor_the_swap_disk_stays(lab: Lab, trouble: type[BaseException]) -> None:
    lab.qemu.plan({"end": "hang"})

    def stumble(text: str) -> None:
        if text.startswith("test"):
            assert lab.outputs.swap.exists()
            assert not gone(lab)
            raise trouble

    with pytest.raises(trouble):
        lab.run(progress=stumble)
    assert gone(lab)
    assert not lab.outputs.swap.exists()


def test_a_missing_qemu_leaves_no_swap_disk(lab: Lab) -> None:
    with pytest.raises(InfrastructureError, match="does not exist"):
        vm.run(["/nonexistent/qemu"], lab.outputs, swap=SWAP, limits=PATIENT, progress=lambda _text: None)
    assert not lab.outputs.swap.exists()


def test_without_swap_there_is_no_disk(lab: Lab) -> None:
    seen: list[bool] = []
    argv = [word for word in lab.argv if "swap" not in word.rpartition("/")[2]]
    argv.remove("-drive")
    argv.remove("-device")
    vm.run(argv, lab.outputs, swap=0, limits=PATIENT, progress=lambda _t: seen.append(lab.outputs.swap.exists()))
    assert seen
    assert not any(seen)


def test_a_second_run_forgets_the_first(lab: Lab) -> None:
    lab.run()
    lab.qemu.plan({"end": "panic", "dies in": "mm/one"})
    boot = lab.run()
    assert (boot.ended, boot.started, boot.done) == (Ended.PANIC, 1, 0)
    assert "mm: two" not in lab.outputs.results.read_text()


def test_a_folder_that_cannot_be_made_is_named(lab: Lab) -> None:
    (lab.folder / "run").write_text("a file is in the way")
    with pytest.raises(InfrastructureError, match="run"):
        lab.run()


def test_what_qemu_says_is_kept_for_the_evidence(lab: Lab) -> None:
    lab.qemu.plan({"stderr": "qemu: a warning\n"})
    lab.run()
    log = lab.outputs.folder / "qemu.log"
    assert log.read_text() == "qemu: a warning\n"
    assert stat.S_ISREG(log.stat().st_mode)
