"""What is no complaint, though it has the words of one: boots, command lines, programs, the kernel's own banners."""

from __future__ import annotations

import pytest

from series_ci.results.splat import find

BOOT = """\
Linux version 6.12.0 (builder@host) (gcc 12.2.0) #1 SMP PREEMPT_DYNAMIC
Command line: root=/dev/vda console=ttyS0 oops=panic panic_on_warn=1 panic=-1 hung_task_panic=1 debug="BUG: WARNING: at"
Kernel command line: root=/dev/vda earlyprintk=serial oops=panic nmi_watchdog=panic panic_on_warn=1 kasan.fault=panic
x86/fpu: x87 FPU will use FXSAVE
Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!
Spectre V2 : Mitigation: Retpolines
RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!
Speculative Store Bypass: Vulnerable
MDS CPU bug present and SMT on, data leak possible. See https://example.org/mds.html for more details.
Speculative Return Stack Overflow: WARNING: See https://example.org/srso.html for mitigation options.
Speculative Return Stack Overflow: WARNING: kernel not compiled with MITIGATION_SRSO.
WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!
KASLR disabled: 'nokaslr' on cmdline.
KernelAddressSanitizer initialized
kasan: KernelAddressSanitizer initialized (generic)
**********************************************************
**   NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE   **
** trace_printk() being used. Allocating extra memory.  **
Running RCU self tests
Lock dependency validator: Copyright (c) 2006 the authors
... MAX_LOCKDEP_SUBCLASSES:  8
... MAX_LOCK_DEPTH:          48
rcu: RCU lockdep checking is enabled.
rcu: \tRCU callback double-/use-after-free debug is enabled.
rcu: INFO: Stall ended before state dump start
rcu: \tRCU CPU stall warnings timeout set to 100 (rcu_cpu_stall_timeout).
rcu: Max phase no-delay instances is 1000.
NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.001 msecs
INFO: lockdep is turned off.
perf: interrupt took too long (2505 > 2500), lowering kernel.perf_event_max_sample_rate to 79750
clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:
workqueue: vmstat_update hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
ACPI BIOS Error (bug): Could not resolve symbol [\\_SB.PCI0], AE_NOT_FOUND (20240827/psargs-332)
[Firmware Bug]: TSC_DEADLINE disabled due to Errata; please update microcode to version: 0xb2 (or later)
[Hardware Error]: Machine check events logged
pstore: Registered ramoops as persistent store backend
ramoops: using 0x100000@0x3f000000, ecc: 0
kmemleak: Kernel memory leak detector initialized (mem pool available: 15786)
kmemleak: Automatic memory scanning thread started
Kernel memory protection disabled.
EXT4-fs (vda1): INFO: recovery required on readonly filesystem
EXT4-fs (vda1): warning: mounting fs with errors, running e2fsck is recommended
EXT4-fs error (device vda1): ext4_lookup:1603: inode #2: comm walker: iget: checksum invalid
EXT4-fs (sda): WARNING: quota inconsistent
XFS (loop0): WARNING: Reset corrupted AGFL on AG 0. 4 blocks leaked. Please unmount and run xfs_repair.
BTRFS warning (device vda): checksum verify failed
WARNING: The mand mount option has been deprecated and
warning: `walker' uses wireless extensions which will stop working for Wi-Fi 7 hardware; use nl80211
warning: process `walker' used the deprecated sysctl system call with 1.
traps: walker[77] general protection fault ip:7f1234567890 sp:7ffc12345678 error:0 in libc.so.6[7f1234500000+195000]
traps: walker[77] trap invalid opcode ip:55d412345678 sp:7ffc12345678 error:0 in walker[55d412345000+1000]
walker[77]: segfault at 18 ip 000055d412345678 sp 00007ffc12345678 error 4 in walker[55d412345000+1000]
Code: 48 8b 47 18 c3 cc cc cc cc
walker: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO), nodemask=(null)
CPU: 1 PID: 77 Comm: walker Not tainted 6.12.0 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x5d/0x80
 warn_alloc+0x12/0x340
 </TASK>
Mem-Info:
walker invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
CPU: 1 PID: 77 Comm: walker Not tainted 6.12.0 #1
Call Trace:
 dump_stack_lvl+0x5d/0x80
 dump_header+0x12/0x340
oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task=walker,pid=77,uid=0
Memory cgroup out of memory: Killed process 77 (walker) total-vm:1234kB, anon-rss:12kB, file-rss:0kB, UID:0
Out of memory: Killed process 1234 (walker) total-vm:1234kB, anon-rss:12kB, file-rss:0kB, shmem-rss:0kB, UID:0
Out of memory and no killable processes...
Tasks state (memory values in pages):
FAULT_INJECTION: forcing a failure.
name failslab, interval 1, probability 0, space 0, times 0
CPU: 1 PID: 77 Comm: walker Not tainted 6.12.0 #1
Call Trace:
 dump_stack_lvl+0x5d/0x80
 should_fail_ex+0x12/0x340
BPF: \t BTF_INFO: 7
sysrq: Show Blocked State
task:walker state:D stack:0 pid:77 ppid:1 flags:0x4000
Call Trace:
 __schedule+0x12/0x340
sysrq: Resetting
CPU1: Core temperature above threshold, cpu clock throttled (total events = 1)
Bluetooth: BUG_ON is a name here
debug: unmapping init [mem 0xffff]
module walker: BUG() handling is built in
reboot: Restarting system
"""
PROGRAMS = """\
[  OK  ] Started Daily BUG report.
systemd[1]: Starting kernel oops collector...
systemd[1]: kerneloops.service: WARNING: nothing to do
WARNING: /etc/ssh/moduli does not exist, using fixed modulus
WARNING: CPU-side cache is cold
WARNING: at least one leaf is missing
WARNING: apt does not have a stable CLI interface. Use with caution in scripts.
WARNING: 12 tests were skipped, see walk.c:12
INFO: task 12 of 40 done
INFO: rcutorture has ended
INFO: possible values: a, b
BUG: walker said so
BUG=1234 make check
BUG 1234 was fixed in this version
Oops! The walker did not find its tree.
Oops, try again
Oops: the tree is gone
Oops - once more
Internal error: cannot open the tree: 12
Unhandled fault: the leaf fell
WARNING: walk.c:12 is too long
WARNING: possible deadlock of the author
BUG: using a hammer
BUG: soft boiled
BUG: memory leak in walker
BUG: assertion failed
Backtrace:
#0  walk_leaf () at walk.c:12
stack backtrace:
   0: walker::leaf
panic: runtime error: index out of range [3] with length 3
Kernel BUG hunters of the world, unite
Kernel panics are counted here
A kernel panic would be shown here
UBSAN: on
general protection is a matter of taste
kernel BUGs are reported elsewhere
lockdep: no complaints
Unhandled exception in walker.py
Unhandled promise rejection
Internal errors: 0
unreferenced objects: 3
refcount of the leaf: 3
Modules linked: 3
# WARNING: CPU: 1 PID: 77 at mm/walk.c:12 walk_leaf+0x12/0x340
# BUG: KASAN: use-after-free in walk_leaf+0x12/0x340
ok 12 # SKIP BUG: KASAN: needs CONFIG_KASAN
not ok 13 kernel BUG at is not printed
CONFIG_BUG=y
CONFIG_DEBUG_BUGVERBOSE=y
CONFIG_BUG_ON_DATA_CORRUPTION=y
"""


CALM = """\
reboot: Restarting system
reboot: Restarting system with command 'bootloader'
reboot: Power down
reboot: System halted
Restarting system.
Power down.
kexec_core: Starting new kernel
watchdog: watchdog0: watchdog did not stop!
eCryptfs verbosity set to 1. Secret values will be written to the syslog!
CPU: Kernel compiled without mitigations, ignoring 'mitigations'; system may still be vulnerable
KGDB: Waiting for connection from remote gdb...
SMP: stopping secondary CPUs
CPU3: stopping
Kernel Offset: disabled
Memory Limit: none
** trace_printk() being used. Allocating extra memory.  **
{1}[Hardware Error]: section length: 80
"""
"""What the kernel says at its highest levels when nothing is wrong, or that is the rest of a report."""

LEVELS = {
    "raw, emergency": "<0>{}",
    "raw, critical": "<2>[   12.345678] {}",
    "dmesg -x, emergency": "kern  :emerg : [   12.345678] {}",
    "dmesg -x, critical": "kern  :crit  : [   12.345678] {}",
    "kmsg, critical": "2,1234,12345678,-;{}",
    "syslog, critical": "Jan  1 00:00:07 host kern.crit kernel: [   12.345678] {}",
}

PROGRAMS_OF_LEVELS = """\
user  :crit  : [   12.345678] walker: the leaf fell
daemon:emerg : [   12.345678] systemd[1]: Freezing execution.
<10>[   12.345678] walker: the leaf fell
<26>walker[77]: the leaf fell
10,1234,12345678,-;walker: the leaf fell
2,3,4
0,1,leaf
2,1234,leaf;fell
kern.crit is a level
kern  :crit  is another
<2> leaves of <0> trees
[   12.345678] walker: level <2> of kern:crit
Jan  1 00:00:07 host user.crit walker: the leaf fell
"""
"""Of these levels, but not the kernel's words; or none of these levels."""


def stamped(line: str) -> str:
    return f"[   12.345678] {line}"


@pytest.mark.parametrize("printer", [stamped, str, lambda line: f"<4>{line}", lambda line: f"{stamped(line)}\r\n"])
def test_boot_of_a_kernel_that_is_well(printer: object) -> None:
    assert callable(printer)
    assert find.find([printer(line) for line in BOOT.splitlines()]) == []
    for line in BOOT.splitlines():
        assert find.find([printer(line)]) == [], line


def test_programs_say_what_they_like() -> None:
    lines = PROGRAMS.splitlines()
    boot = [stamped(line) for line in BOOT.splitlines()[:20]]
    for log in (lines, [*boot, *lines], [each for line in lines for each in (line, stamped("walker: well"))]):
        assert find.find(log) == []
    for line in lines:
        assert find.find([line]) == [], line


@pytest.mark.parametrize("level", LEVELS)
def test_highest_levels_of_a_kernel_that_is_well(level: str) -> None:
    lines = [LEVELS[level].format(line) for line in CALM.splitlines()]
    assert find.find(lines) == []
    for line in lines:
        assert find.find([line]) == [], line


def test_programs_have_levels_too() -> None:
    lines = PROGRAMS_OF_LEVELS.splitlines()
    assert find.find(lines) == []
    for line in lines:
        assert find.find([stamped("walker: well"), line]) == [], line
