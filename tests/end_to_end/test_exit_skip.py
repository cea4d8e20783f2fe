"""The selftest exit_skip where what it needs is missing, and killed in the middle: on a real kernel in a real QEMU."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.fakeqemu import script
from series_ci.cli.options import Options
from series_ci.cli.request import make_request
from series_ci.guest import boot, initramfs
from series_ci.guest.boot import BootSetup
from series_ci.kernel.kernel import Kernel
from series_ci.kernel.selftests import Installed
from series_ci.pipeline import shell
from series_ci.progress import Progress
from series_ci.results.model import Run, Status

SOURCE = Path("/usr/src/linux-source-6.12.tar.xz")

pytestmark = [
    pytest.mark.boot,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not SOURCE.exists(), reason=f"no {SOURCE}: Debian's linux-source-6.12 is not installed"),
]

# One case that keeps its window open and holds all of the machine's state while it presses.
CASE = "./exit_skip -r exit_skip.private_anon.alive"

COMMON = r"""#!/bin/bash
cd /kselftest/mm
knobs="/sys/kernel/mm/lru_gen/enabled /sys/kernel/mm/transparent_hugepage/enabled
	/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled /sys/kernel/mm/ksm/run /sys/kernel/mm/ksm/sleep_millisecs
	/sys/kernel/mm/ksm/pages_to_scan /proc/sys/vm/percpu_pagelist_high_fraction /proc/sys/vm/watermark_boost_factor
	/proc/sys/vm/min_free_kbytes /sys/fs/cgroup/cgroup.subtree_control"
state() {
	for knob in $knobs; do
		echo "$knob: $(cat $knob)"
	done
	ls -d /sys/fs/cgroup/*/ /sys/kernel/config/nullb/*/ /dev/exit_skip* 2>/dev/null
	ps -o comm,args | grep '[e]xit_skip '
}
same() {
	state >/tmp/after
	diff /tmp/before /tmp/after
}
until_it() {
	for ((try = 0; try < 1500; try++)); do
		"$@" && return
		usleep 20000
	done
	echo "not in 30 s: $*"
	exit 1
}
youngest() { # the process that waits to put things back is older than the harness
	local children
	read -ra children </proc/$1/task/$1/children
	echo ${children[-1]}
}
presses() { # no process is started here: the moment may be short, and the machine slow
	local now
	read -r now </proc/sys/vm/min_free_kbytes
	[ -d /sys/fs/cgroup/exit_skip_victim ] && [ $now != $min_free ]
}
in_the_middle() { # of a case: one that was over before it was seen to press is run once more
	for ((try = 0; try < 5; try++)); do
		"$@" >/tmp/said &
		program=$!
		while kill -0 $program 2>/tmp/gone; do
			presses && return
		done
		wait $program
	done
	echo "not seen to press in $try runs: $*"
	exit 1
}
state >/tmp/before
read -r min_free </proc/sys/vm/min_free_kbytes
"""

# What is missing, how it is taken away and given back, and what each case has to say then.
MISSING = {
    "root": (
        "start-stop-daemon -S -c somebody -x",
        "echo somebody:x:1000:1000::/:/bin/bash >/etc/passwd",
        "rm /etc/passwd",
        "needs root",
    ),
    "swap": ("", "swapoff -a", "swapon /dev/vd*", "needs 12 MiB of free swap (CONFIG_SWAP)"),
    "cgroup": (
        "",
        "umount /sys/fs/cgroup",
        "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
        "needs cgroup v2, mounted (CONFIG_CGROUPS)",
    ),
    "null_blk": (
        "",
        "mount -t tmpfs tmpfs /sys/kernel/config",
        "umount /sys/kernel/config",
        "needs null_blk (CONFIG_BLK_DEV_NULL_BLK) in a mounted configfs",
    ),
}

WITHOUT = r"""
%(take)s
%(run)s /kselftest/mm/exit_skip >/tmp/said
code=$?
%(give)s
[ $code -eq 0 ] || { echo "exit status $code"; tail /tmp/said; exit 1; }
plan=$(grep -c '^ok .* # SKIP *%(reason)s$' /tmp/said)
grep -qx "1\.\.$plan" /tmp/said || { echo "$plan cases say so"; tail /tmp/said; exit 1; }
same
"""

# Who gets which signal in the middle of a case: the program, its harness, or the case itself.
KILLED = {
    "program-TERM": "kill -TERM $program",
    "program-INT": "kill -INT $program",
    "program-HUP": "kill -HUP $program",
    "harness-KILL": "kill -KILL $(youngest $program)",
    "case-KILL": "kill -KILL $(youngest $(youngest $program))",
    "case-SEGV": "kill -SEGV $(youngest $(youngest $program))",
}

DIES = r"""
set -m # or SIGINT would be ignored
in_the_middle %(case)s
%(kill)s || exit
wait $program
code=$?
[ $code -eq 1 ] || { echo "exit status $code"; cat /tmp/said; exit 1; }
same
"""

# The one that is waited for is gone at once then, and another one puts things back.
GONE = r"""
in_the_middle %(case)s
kill -KILL $program
wait $program
until_it same >/tmp/differs || cat /tmp/differs
"""


def programs() -> dict[str, str]:
    """The scripts by name: each fails if something is not as it should be, and says what."""
    found = {
        f"without-{what}": WITHOUT % {"run": run, "take": take, "give": give, "reason": reason}
        for what, (run, take, give, reason) in MISSING.items()
    }
    found |= {f"killed-{who}": DIES % {"case": CASE, "kill": kill} for who, kill in KILLED.items()}
    return {**found, "killed-program-KILL": GONE % {"case": CASE}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One guest on the kernel of the demo's base, from the cache if it is there, that runs all of the scripts."""
    folder = tmp_path_factory.mktemp("lab")
    options = replace(Options("demo"), out=str(folder / "made"))
    boot_setup, kernel = shell.prepare(make_request("v10", options), Progress(), base_only=True)
    return boot.boot_kernel(lab_boot_setup(boot_setup), lab_kernel(kernel, folder), folder / "run", Progress(), "boot")


def lab_kernel(kernel: Kernel, folder: Path) -> Kernel:
    shutil.copytree(kernel.tests.folder / "mm", folder / "installed/mm")
    for name, text in programs().items():
        script(folder / "installed/lab", name, COMMON + text)
    return replace(kernel, tests=Installed(folder / "installed", (), folder / "log", 0.0, cached=True))


def lab_boot_setup(boot_setup: BootSetup) -> BootSetup:
    tests = tuple(initramfs.GuestTest(f"lab/{name}", "lab", name, (), 120) for name in programs())
    return replace(boot_setup, tests=tests, also=("mm",))


@pytest.mark.parametrize("name", programs())
def test_what_is_missing_is_named_and_what_was_changed_is_put_back(run: Run, name: str) -> None:
    [result] = [each for each in run.results if each.name == f"lab/{name}"]
    assert result.status is Status.PASS, "\n".join(result.log)
    assert not result.notes


def test_the_guest_was_well(run: Run) -> None:
    assert not run.splats
    assert all(each.status is Status.PASS for each in run.results if each.name == "boot")
