# ruff: noqa: E501 (the kernel's lines are long)
"""Every kind of complaint, as kernels of each age and architecture print it, through all that a log may come by."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise, zip_longest
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from series_ci.results.splat import find, shapes


class Sample(NamedTuple):
    """A first line, what follows it, and what is to be made of the two."""

    kind: str
    first: str
    rest: str = ""
    blamed: str = ""


HEAD = "CPU: 1 PID: 77 Comm: walker Not tainted 5.4.0 #1\nHardware name: example board\n"
X86 = (
    HEAD
    + """\
RIP: 0010:walk_leaf+0x12/0x340
Code: 48 8b 47 18 c3 cc cc cc
RSP: 0018:ffffc90000123e00 EFLAGS: 00010246
Call Trace:
 <TASK>
 walk_branch+0x31/0x90
 do_syscall_64+0x5d/0x90
 </TASK>
"""
)
X86_OLD = """\
CPU: 1 PID: 77 Comm: walker Not tainted 4.4.0 #1
task: ffff880012345678 ti: ffff880012340000 task.ti: ffff880012340000
RIP: 0010:[<ffffffff81234567>]  [<ffffffff81234567>] walk_leaf+0x12/0x340
RSP: 0018:ffff880012343e00  EFLAGS: 00010246
Call Trace:
 [<ffffffff81234599>] ? walk_guess+0x12/0x30
 [<ffffffff81234588>] walk_branch+0x31/0x90
 [<ffffffff81800000>] entry_SYSCALL_64_fastpath+0x12/0x6a
"""
DUMP = (
    HEAD
    + """\
Call Trace:
 dump_stack_lvl+0x5d/0x80
 walk_leaf+0x12/0x340
 walk_branch+0x31/0x90
"""
)
DUMP_OLD = """\
CPU: 1 PID: 77 Comm: walker Not tainted 4.4.0 #1
 ffff880012343d00 ffffffff81345678 0000000000000000
Call Trace:
 [<ffffffff81345678>] dump_stack+0x63/0x85
 [<ffffffff81234567>] walk_leaf+0x12/0x340
 [<ffffffff81234588>] walk_branch+0x31/0x90
"""
SYMBOLISED = (
    HEAD
    + """\
Call Trace:
 __dump_stack lib/dump_stack.c:77 [inline]
 dump_stack+0x1b1/0x24f lib/dump_stack.c:113
 walk_leaf+0x12/0x340 mm/walk.c:12
 walk_branch mm/walk.c:31 [inline]
 walk_tree+0x11/0x77 mm/walk.c:41
"""
)
ARM64 = """\
Mem abort info:
  ESR = 0x0000000096000004
CPU: 1 PID: 77 Comm: walker Not tainted 6.1.0 #1
pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)
pc : walk_leaf+0x12/0x340
lr : walk_branch+0x31/0x90
sp : ffff800012343e00
Call trace:
 walk_leaf+0x12/0x340
 walk_branch+0x31/0x90
 el0_svc+0x2c/0x88
Code: f9400c00 d65f03c0 (d4210000)
"""
ARM = """\
Modules linked in:
CPU: 1 PID: 77 Comm: walker Not tainted 4.19.0 #1
Hardware name: Generic DT based system
PC is at walk_leaf+0x12/0x340
LR is at walk_branch+0x31/0x90
pc : [<c0123456>]    lr : [<c0123477>]    psr: 60000013
[<c0123456>] (walk_leaf) from [<c0123477>] (walk_branch+0x31/0x90)
[<c0123477>] (walk_branch) from [<c0101000>] (ret_fast_syscall+0x0/0x28)
"""
PPC = """\
LE PAGE_SIZE=64K MMU=Hash SMP NR_CPUS=2048 NUMA pSeries
CPU: 1 PID: 77 Comm: walker Not tainted 5.10.0 #1
NIP:  c000000000123456 LR: c000000000123477 CTR: 0000000000000000
NIP [c000000000123456] walk_leaf+0x12/0x340
LR [c000000000123477] walk_branch+0x31/0x90
Call Trace:
[c000000012343e00] [c000000000123477] walk_branch+0x31/0x90 (unreliable)
[c000000012343e30] [c00000000000bb14] system_call_common+0xf4/0x258
"""
S390 = """\
CPU: 1 PID: 77 Comm: walker Not tainted 5.14.0 #1
Krnl PSW : 0704c00180000000 0000000000123456 (walk_leaf+0x12/0x340)
           R:0 T:1 IO:1 EX:1 Key:0 M:1 W:0 P:0 AS:3 CC:0 PM:0 RI:0 EA:3
Call Trace:
 [<0000000000123456>] walk_leaf+0x12/0x340
([<0000000000123444>] walk_leaf+0x0/0x340)
 [<0000000000123477>] walk_branch+0x31/0x90
"""
RISCV = """\
CPU: 1 PID: 77 Comm: walker Not tainted 6.6.0 #1
Hardware name: riscv-virtio,qemu (DT)
epc : walk_leaf+0x12/0x340
 ra : walk_branch+0x31/0x90
status: 0000000200000120 badaddr: 0000000000000018 cause: 000000000000000d
[<ffffffff80123456>] walk_leaf+0x12/0x340
[<ffffffff80123477>] walk_branch+0x31/0x90
"""
MIPS = """\
CPU: 1 PID: 77 Comm: walker Not tainted 4.14.0 #1
epc   : 80123456 walk_leaf+0x12/0x340
ra    : 80123477 walk_branch+0x31/0x90
Call Trace:
[<80123456>] walk_leaf+0x12/0x340
[<80123477>] walk_branch+0x31/0x90
"""
LOONGARCH = """\
CPU: 1 PID: 77 Comm: walker Not tainted 6.6.0 #1
   ra: 9000000000123477 walk_branch+0x31/0x90
  ERA: 9000000000123456 walk_leaf+0x12/0x340
Call Trace:
[<9000000000123456>] walk_leaf+0x12/0x340
[<9000000000123477>] walk_branch+0x31/0x90
"""
LOCKS = """\
6.12.0 #1 Not tainted
------------------------------------------------------
walker/77 is trying to acquire lock:
ffff888012345678 (&tree->lock){+.+.}-{3:3}, at: walk_leaf+0x12/0x340

stack backtrace:
""" + DUMP.replace(" dump_stack", " print_circular_bug+0x1/0x2\n check_noncircular+0x1/0x2\n dump_stack")
LEAK = """\
  comm "walker", pid 77, jiffies 4294937296 (age 8.000s)
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace:
    [<00000000a1b2c3d4>] kmalloc_trace+0x2a/0x60
    [<00000000a1b2c3d5>] walk_leaf+0x12/0x340
    [<00000000a1b2c3d6>] walk_branch+0x31/0x90
"""
RULE = "=" * 66 + "\n"
SAMPLES = {
    # x86
    "gpf": Sample("OOPS", "general protection fault: 0000 [#1] SMP KASAN PTI", X86, "walk_leaf"),
    "gpf new": Sample(
        "OOPS",
        "Oops: general protection fault, probably for non-canonical address 0xdffffc0000000003: 0000 [#1] SMP",
        "KASAN: null-ptr-deref in range [0x0000000000000018-0x000000000000001f]\n" + X86,
        "walk_leaf",
    ),
    "paging request 4.x": Sample(
        "OOPS",
        "BUG: unable to handle kernel paging request at ffffc90001234000",
        "IP: walk_leaf+0x12/0x340\nPGD 12345067 P4D 12345067\nOops: 0002 [#1] SMP PTI\n" + X86,
        "walk_leaf",
    ),
    "paging request 4.4": Sample(
        "OOPS",
        "BUG: unable to handle kernel NULL pointer dereference at 0000000000000018",
        "IP: [<ffffffff81234567>] walk_leaf+0x12/0x340\nPGD 0 \nOops: 0000 [#1] SMP \n" + X86_OLD,
        "walk_leaf",
    ),
    "nx": Sample(
        "OOPS",
        "BUG: unable to handle page fault for address: ffffc90001234000",
        "#PF: supervisor instruction fetch in kernel mode\nOops: 0011 [#1] SMP\n" + X86,
        "walk_leaf",
    ),
    "divide": Sample("OOPS", "divide error: 0000 [#1] PREEMPT SMP", X86, "walk_leaf"),
    "divide new": Sample("OOPS", "Oops: divide error: 0000 [#1] PREEMPT SMP", X86, "walk_leaf"),
    "stack segment": Sample("OOPS", "stack segment: 0000 [#1] SMP", X86, "walk_leaf"),
    "invalid opcode": Sample("OOPS", "invalid opcode: 0000 [#1] SMP", X86, "walk_leaf"),
    "int3": Sample("OOPS", "int3: 0000 [#1] SMP", X86, "walk_leaf"),
    "double fault": Sample("OOPS", "PANIC: double fault, error_code: 0x0", X86, "walk_leaf"),
    "double fault 5.x": Sample("OOPS", "traps: PANIC: double fault, error_code: 0x0", X86, "walk_leaf"),
    "cfi": Sample("CFI", "CFI failure at walk_call+0x12/0x34 (target: f+0x0/0x10; expected type: 0x1234abcd)", X86),
    "guard page": Sample(
        "STACK",
        "BUG: stack guard page was hit at ffffc90000123ff8 (stack is ffffc90000124000..ffffc90000127fff)",
        "kernel stack overflow (double-fault): 0000 [#1] SMP\n" + X86,
        "walk_leaf",
    ),
    "stack 4.x": Sample("OOPS", "kernel stack overflow (double-fault): 0000 [#1] SMP", X86_OLD, "walk_leaf"),
    "stack powerpc": Sample("STACK", "Kernel stack overflow in process walker[77], r1=c000000012345678", PPC, "walk_leaf"),
    "overran": Sample("STACK", "Thread overran stack, or stack corrupted", "Oops: 0000 [#1] SMP\n" + X86_OLD, "walk_leaf"),
    "bug": Sample("BUG", "kernel BUG at mm/walk.c:12!", "invalid opcode: 0000 [#1] SMP\n" + X86, "walk_leaf"),
    "bug without file": Sample(
        "BUG", "Kernel BUG at walk_leaf+0x12/0x340 [verbose debug info unavailable]", "invalid opcode: 0000 [#1]\n" + X86
    ),
    "usercopy": Sample(
        "USERCOPY",
        "usercopy: Kernel memory exposure attempt detected from SLUB object 'walker' (offset 0, size 64)!",
        "------------[ cut here ]------------\nkernel BUG at mm/usercopy.c:102!\ninvalid opcode: 0000 [#1] SMP\n"
        + X86.replace("walk_leaf", "usercopy_abort"),
        "walk_branch",
    ),
    # other machines
    "arm64": Sample(
        "OOPS", "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000018", ARM64, "walk_leaf"
    ),
    "arm64 user": Sample(
        "OOPS", "Unable to handle kernel access to user memory outside uaccess routines at virtual address 0018", ARM64
    ),
    "arm64 brk": Sample("OOPS", "Unexpected kernel BRK exception at EL1", "Internal error: BRK handler: f20003e8 [#1] SMP\n" + ARM64),
    "arm64 die": Sample("OOPS", "Internal error: Oops - Undefined instruction: 0000000002000000 [#1] SMP", ARM64, "walk_leaf"),
    "arm64 abort": Sample("OOPS", "Internal error: synchronous external abort: 96000210 [#1] PREEMPT SMP", ARM64, "walk_leaf"),
    "arm64 abort 4.x": Sample(
        "OOPS", "Unhandled fault: synchronous external abort (0x96000210) at 0xffff000012345678", "Internal error: : 96000210 [#1]\n" + ARM64
    ),
    "arm64 serror": Sample("OOPS", "SError Interrupt on CPU1, code 0x00000000be000011 -- SError", ARM64, "walk_leaf"),
    "arm64 bad mode": Sample("OOPS", "Bad mode in Error handler detected on CPU1, code 0xbf000000 -- SError", ARM64, "walk_leaf"),
    "arm64 unhandled": Sample(
        "OOPS", "Unhandled 64-bit el1h sync exception on CPU1, ESR 0x0000000002000000 -- Unknown", ARM64, "walk_leaf"
    ),
    "arm64 stack": Sample("STACK", "Insufficient stack space to handle exception!", ARM64, "walk_leaf"),
    "arm": Sample(
        "OOPS",
        "Unable to handle kernel paging request at virtual address dead0100",
        "pgd = (ptrval)\n[dead0100] *pgd=00000000\nInternal error: Oops: 5 [#1] PREEMPT SMP ARM\n" + ARM,
        "walk_leaf",
    ),
    "arm fault": Sample(
        "OOPS", "Unhandled fault: external abort on non-linefetch (0x1008) at 0xf0123456", "Internal error: : 1008 [#1] SMP ARM\n" + ARM
    ),
    "arm undefined": Sample("OOPS", "Internal error: Oops - undefined instruction: 0 [#1] SMP ARM", ARM, "walk_leaf"),
    "powerpc": Sample(
        "OOPS",
        "BUG: Kernel NULL pointer dereference on read at 0x00000018",
        "Faulting instruction address: 0xc000000000123456\nOops: Kernel access of bad area, sig: 11 [#1]\n" + PPC,
        "walk_leaf",
    ),
    "powerpc 4.x": Sample(
        "OOPS",
        "Unable to handle kernel paging request for data at address 0x00000018",
        "Oops: Kernel access of bad area, sig: 11 [#1]\n" + PPC,
        "walk_leaf",
    ),
    "powerpc die": Sample("OOPS", "Oops: Exception in kernel mode, sig: 5 [#1]", PPC, "walk_leaf"),
    "powerpc lockup": Sample("LOCKUP", "watchdog: CPU 1 self-detected hard LOCKUP @ walk_leaf+0x12/0x340", PPC, "walk_leaf"),
    "powerpc unrecoverable": Sample("OOPS", "Unrecoverable exception 4100 at c000000000123456 (msr=8000000000001033)", PPC),
    "s390": Sample(
        "OOPS",
        "Unable to handle kernel pointer dereference in virtual kernel address space",
        "Failing address: 0000000000000000 TEID: 0000000000000483\nOops: 0004 ilc:2 [#1] SMP \nModules linked in:\n" + S390,
        "walk_leaf",
    ),
    "s390 die": Sample("OOPS", "illegal operation: 0001 ilc:1 [#1] PREEMPT SMP ", S390, "walk_leaf"),
    "s390 warn": Sample("OOPS", "monitor event: 0040 ilc:2 [#1] SMP ", S390, "walk_leaf"),
    "riscv": Sample(
        "OOPS",
        "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000018",
        "Oops [#1]\n" + RISCV,
        "walk_leaf",
    ),
    "riscv die": Sample("OOPS", "Oops - illegal instruction [#1]", RISCV, "walk_leaf"),
    "riscv bug": Sample("BUG", "kernel BUG at mm/walk.c:12!", "Kernel BUG [#1]\n" + RISCV, "walk_leaf"),
    "mips": Sample(
        "OOPS",
        "CPU 1 Unable to handle kernel paging request at virtual address 00000018, epc == 80123456, ra == 80123477",
        "Oops[#1]:\n" + MIPS,
        "walk_leaf",
    ),
    "mips bug": Sample("OOPS", "Kernel bug detected[#1]:", MIPS, "walk_leaf"),
    "mips die": Sample("OOPS", "Reserved instruction in kernel code[#1]:", MIPS, "walk_leaf"),
    "loongarch": Sample(
        "OOPS",
        "CPU 1 Unable to handle kernel paging request at virtual address 0000000000000018, era == 9000000000123456, ra == 0",
        "Oops[#1]:\n" + LOONGARCH,
        "walk_leaf",
    ),
    "alpha": Sample(
        "OOPS", "Unable to handle kernel paging request at virtual address 0000000000000018", "walker(77): Oops 0\n" + DUMP
    ),
    "sparc": Sample("OOPS", "Unable to handle kernel NULL pointer dereference", "walker(77): Oops [#1]\n" + DUMP),
    # warnings
    "warn": Sample("WARNING", "WARNING: CPU: 1 PID: 77 at mm/walk.c:12 walk_leaf+0x12/0x340", X86, "walk_leaf"),
    "warn in module": Sample(
        "WARNING", "WARNING: CPU: 1 PID: 77 at /build/walk.c:12 walk_leaf+0x12/0x340 [walker]", X86, "walk_leaf"
    ),
    "warn 4.4": Sample("WARNING", "WARNING: CPU: 1 PID: 77 at mm/walk.c:12 walk_leaf+0x12/0x340()", DUMP_OLD, "walk_leaf"),
    "warn 3.10": Sample("WARNING", "WARNING: at mm/walk.c:12 walk_leaf+0x12/0x340()", DUMP_OLD, "walk_leaf"),
    "warn without file": Sample("WARNING", "WARNING: CPU: 1 PID: 77 at walk_leaf+0x12/0x340", X86, "walk_leaf"),
    "warn 6.18": Sample("WARNING", "WARNING: mm/walk.c:12 at walk_leaf+0x12/0x340, CPU#1: walker/77", X86, "walk_leaf"),
    "warn with text": Sample("WARNING", "WARNING: [!tree] mm/walk.c:12 at walk_leaf+0x12/0x340, CPU#1: walker/77", X86),
    "warn cut off": Sample("WARNING", "WARNING: CPU: 1 PID: 77 at mm/wal"),
    "badness": Sample("WARNING", "Badness at mm/walk.c:12", PPC, "walk_leaf"),
    "bad bp": Sample("WARNING", "WARNING: kernel stack regs at ffffc90000123e00 in walker:77 has bad 'bp' value 00000000"),
    "odebug": Sample(
        "WARNING",
        "------------[ cut here ]------------",
        "ODEBUG: free active (active state 0) object type: timer_list hint: walk_timer+0x0/0x20\n"
        "WARNING: CPU: 1 PID: 77 at lib/debugobjects.c:329 debug_print_object+0x12/0x34\n"
        + X86.replace("walk_leaf", "debug_print_object"),
        "walk_branch",
    ),
    # sanitizers
    "kasan": Sample(
        "KASAN",
        "BUG: KASAN: slab-use-after-free in walk_leaf+0x12/0x340",
        "Read of size 8 at addr ffff888012345678 by task walker/77\n\n" + DUMP,
        "walk_leaf",
    ),
    "kasan 4.x": Sample(
        "KASAN",
        "BUG: KASAN: use-after-free in walk_leaf+0x12/0x340 at addr ffff880012345678",
        "Read of size 8 by task walker/77\n" + DUMP_OLD,
        "walk_leaf",
    ),
    "kasan 4.0": Sample(
        "KASAN", "BUG: KASan: use after free in walk_leaf+0x12/0x340 at addr ffff880012345678", DUMP_OLD, "walk_leaf"
    ),
    "kasan symbolised": Sample(
        "KASAN", "BUG: KASAN: use-after-free in walk_leaf+0x12/0x340 mm/walk.c:12", SYMBOLISED, "walk_leaf"
    ),
    "kasan double free": Sample("KASAN", "BUG: KASAN: double-free or invalid-free in walk_leaf+0x12/0x340", DUMP),
    "kasan double free 6.12": Sample(
        "KASAN",
        "BUG: KASAN: double-free in walk_leaf+0x12/0x340",
        DUMP.replace(" walk_leaf", " kasan_report_invalid_free+0x1/0x2\n check_slab_allocation+0x1/0x2\n kfree+0x1/0x2\n walk_leaf"),
        "walk_leaf",
    ),
    "kasan tags": Sample("KASAN", "BUG: KASAN: invalid-access in walk_leaf+0x12/0x340", DUMP, "walk_leaf"),
    "kcsan": Sample("KCSAN", "BUG: KCSAN: data-race in walk_leaf / walk_root", "\nwrite to 0xffff8880 of 4 bytes by task 7 on cpu 0:\n"),
    "kfence": Sample("KFENCE", "BUG: KFENCE: memory corruption in walk_leaf+0x12/0x340", DUMP, "walk_leaf"),
    "ubsan": Sample("UBSAN", "UBSAN: shift-out-of-bounds in mm/walk.c:12:3", DUMP, "walk_leaf"),
    "ubsan 4.x": Sample("UBSAN", "UBSAN: Undefined behaviour in mm/walk.c:12:3", DUMP_OLD, "walk_leaf"),
    # locks
    "circular": Sample("LOCKDEP", "WARNING: possible circular locking dependency detected", LOCKS, "walk_leaf"),
    "circular 4.x": Sample("LOCKDEP", "[ INFO: possible circular locking dependency detected ]", LOCKS, "walk_leaf"),
    "recursive 4.x": Sample("LOCKDEP", "[ INFO: possible recursive locking detected ]", LOCKS, "walk_leaf"),
    "state 4.x": Sample("LOCKDEP", "[ INFO: inconsistent lock state ]", LOCKS, "walk_leaf"),
    "irq 4.x": Sample("LOCKDEP", "[ INFO: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected ]", LOCKS, "walk_leaf"),
    "rcu use 4.x": Sample("LOCKDEP", "[ INFO: suspicious RCU usage. ]", LOCKS, "walk_leaf"),
    "unlock 4.x": Sample("LOCKDEP", "[ BUG: bad unlock balance detected! ]", LOCKS, "walk_leaf"),
    "held 4.x": Sample("LOCKDEP", "[ BUG: walker/77 still has locks held! ]", LOCKS, "walk_leaf"),
    "exit": Sample("LOCKDEP", "[ BUG: lock held at task exit time! ]", LOCKS, "walk_leaf"),
    "user space": Sample("LOCKDEP", "[ BUG: lock held when returning to user space! ]", LOCKS, "walk_leaf"),
    "user space without a trace": Sample(
        "LOCKDEP",
        "WARNING: lock held when returning to user space!",
        "6.12.0 #1 Not tainted\n------------------------------------------------\n"
        "walker/77 is leaving the kernel with locks still held!\n1 lock held by walker/77:\n"
        " #0: ffff888012345678 (leaf_lock){+.+.}-{2:2}, at: walk_leaf+0x12/0x340\n",
        "walk_leaf",
    ),
    "held": Sample("LOCKDEP", "WARNING: walker/77 still has locks held!", LOCKS, "walk_leaf"),
    "wait context": Sample("LOCKDEP", "[ BUG: Invalid wait context ]", LOCKS, "walk_leaf"),
    "static": Sample("LOCKDEP", "INFO: trying to register non-static key.", DUMP, "walk_leaf"),
    "lock depth": Sample("LOCKDEP", "BUG: MAX_LOCK_DEPTH too low!", DUMP, "walk_leaf"),
    "spinlock": Sample("BUG", "BUG: spinlock bad magic on CPU#1, walker/77", DUMP, "walk_leaf"),
    # time
    "soft": Sample("LOCKUP", "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [walker:77]", X86, "walk_leaf"),
    "soft 4.x": Sample("LOCKUP", "NMI watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [walker:77]", X86_OLD, "walk_leaf"),
    "soft 3.x": Sample("LOCKUP", "BUG: soft lockup - CPU#1 stuck for 67s! [walker:77]", X86_OLD, "walk_leaf"),
    "hard": Sample("LOCKUP", "watchdog: Watchdog detected hard LOCKUP on cpu 1", X86, "walk_leaf"),
    "hard 4.x": Sample("LOCKUP", "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1", X86_OLD, "walk_leaf"),
    "csd": Sample("LOCKUP", "smp: csd: Detected non-responsive CSD lock (#1) on CPU#1, waiting 5000000042 ns for CPU#00"),
    "rcu": Sample("STALL", "rcu: INFO: rcu_preempt self-detected stall on CPU", X86, "walk_leaf"),
    "rcu 4.x braces": Sample("STALL", "INFO: rcu_sched self-detected stall on CPU { 1}  (t=65000 jiffies g=12 c=11 q=1)", DUMP_OLD),
    "rcu 4.x": Sample("STALL", "INFO: rcu_preempt detected stalls on CPUs/tasks:", DUMP_OLD, "walk_leaf"),
    "rcu expedited": Sample(
        "STALL", "INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 1-... } 21 jiffies s: 1 root: 0x2/.", DUMP_OLD
    ),
    "rcu tasks": Sample("STALL", "rcu: INFO: rcu_tasks detected stalls on tasks:", DUMP, "walk_leaf"),
    "rcu tasks trace": Sample("STALL", "INFO: rcu_tasks_trace detected stalls on tasks:", DUMP, "walk_leaf"),
    "rcu kthread": Sample("STALL", "rcu: rcu_preempt kthread starved for 10502 jiffies! g1 f0x2 RCU_GP_WAIT_FQS(5)", DUMP),
    "workqueue": Sample("STALL", "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 31s!"),
    "hung": Sample(
        "HUNG",
        "INFO: task walker:77 blocked for more than 143 seconds.",
        "      Not tainted 6.1.0 #1\ntask:walker state:D stack:0 pid:77 ppid:1 flags:0x4000\nCall Trace:\n <TASK>\n"
        " context_switch kernel/sched/core.c:12 [inline]\n __schedule+0x12/0x340\n schedule+0x31/0x90\n"
        " __mutex_lock+0x1/0x2\n walk_leaf+0x12/0x340\n </TASK>\n",
        "walk_leaf",
    ),
    "hung io": Sample("HUNG", "INFO: task walker:77 blocked in I/O wait for more than 143 seconds.", DUMP, "walk_leaf"),
    "immortal": Sample("HUNG", "INFO: task walker:77 can't die for more than 143 seconds.", DUMP, "walk_leaf"),
    # contexts
    "atomic": Sample("ATOMIC", "BUG: scheduling while atomic: walker/77/0x00000002", DUMP, "walk_leaf"),
    "sleeping": Sample("ATOMIC", "BUG: sleeping function called from invalid context at mm/walk.c:12", DUMP, "walk_leaf"),
    "preemptible": Sample(
        "ATOMIC",
        "BUG: using __this_cpu_read() in preemptible [00000000] code: walker/77",
        "caller is walk_leaf+0x12/0x340\n" + DUMP.replace("dump_stack_lvl", "check_preemption_disabled"),
        "walk_leaf",
    ),
    "leaked": Sample("ATOMIC", "BUG: workqueue leaked lock or atomic: kworker/1:1/0x00000001/77", DUMP, "walk_leaf"),
    # data
    "refcount": Sample(
        "REFCOUNT",
        "refcount_t: addition on 0; use-after-free.",
        "WARNING: CPU: 1 PID: 77 at lib/refcount.c:25 refcount_warn_saturate+0x1/0x2\n"
        + X86.replace("walk_leaf", "refcount_warn_saturate"),
        "walk_branch",
    ),
    "list": Sample(
        "LIST",
        "list_add corruption. prev is NULL.",
        "------------[ cut here ]------------\nkernel BUG at lib/list_debug.c:33!\ninvalid opcode: 0000 [#1] SMP\n"
        + X86.replace("walk_leaf", "__list_add_valid"),
        "walk_branch",
    ),
    "list twice": Sample(
        "LIST",
        "------------[ cut here ]------------",
        "list_add double add: new=ffff888012345678, prev=ffff888012345678, next=ffff888012345690.\n"
        "WARNING: CPU: 1 PID: 77 at lib/list_debug.c:33 __list_add_valid+0x1/0x2\n"
        + X86.replace("walk_leaf", "__list_add_valid"),
        "walk_branch",
    ),
    "slub": Sample("SLAB", "BUG walk_cache (Tainted: G    B  ): Poison overwritten", DUMP, "walk_leaf"),
    "slub old": Sample("SLAB", "BUG kmalloc-64: Redzone overwritten", DUMP_OLD, "walk_leaf"),
    "slab": Sample(
        "SLAB", "slab error in verify_redzone_free(): cache `walk': double free, or memory outside object was overwritten", DUMP_OLD
    ),
    "slab corruption": Sample("SLAB", "Slab corruption (Not tainted): walk_cache start=ffff880012345678, len=64"),
    "slab leak": Sample("SLAB", "kmem_cache_destroy walk: Slab cache still has objects", DUMP, "walk_leaf"),
    "page state": Sample("PAGE", "BUG: Bad page state in process walker  pfn:12345", DUMP, "walk_leaf"),
    "page map": Sample("PAGE", "BUG: Bad page map in process walker  pte:12345 pmd:67890", DUMP, "walk_leaf"),
    "page cache": Sample("PAGE", "BUG: Bad page cache in process walker  pfn:12345", DUMP, "walk_leaf"),
    "rss": Sample("PAGE", "BUG: Bad rss-counter state mm:00000000abcdef01 type:MM_FILEPAGES val:1"),
    "rss 4.x": Sample("PAGE", "BUG: Bad rss-counter state mm:ffff880012345678 idx:0 val:1"),
    "ptes": Sample("PAGE", "BUG: non-zero nr_ptes on freeing mm: 1"),
    "pgtables": Sample("PAGE", "BUG: non-zero pgtables_bytes on freeing mm: 4096"),
    "entry": Sample("PAGE", "mm/pgtable-generic.c:44: bad pmd ffff888012345000(0000000012345067)"),
    "entry on arm": Sample("PAGE", "arch/arm/mm/walk.c:31: bad pgd c0004000."),
    "poison": Sample("PAGE", "pagealloc: memory corruption", "00000000abcdef01: 00 aa  ..\n" + DUMP, "walk_leaf"),
    "poison, one bit": Sample("PAGE", "pagealloc: single bit error", "00000000abcdef01: 2a  *\n" + DUMP, "walk_leaf"),
    "swap": Sample("PAGE", "get_swap_device: Bad swap file entry 3ffffffffffff"),
    "leak": Sample("LEAK", "unreferenced object 0xffff888012345678 (size 64):", LEAK, "walk_leaf"),
    "leak of a fuzzer": Sample("LEAK", "BUG: memory leak", "unreferenced object 0xffff888012345678 (size 64):\n" + LEAK, "walk_leaf"),
    "sysfs": Sample("WARNING", "sysfs: cannot create duplicate filename '/devices/virtual/walk'", DUMP, "walk_leaf"),
    "softirq": Sample("ATOMIC", "softirq: huh, entered softirq 3 NET_RX 00000000abcdef01 with preempt_count 00000101, exited with 00000102?"),
    "inodes": Sample("LEAK", "VFS: Busy inodes after unmount of vda1. Self-destruct in 5 seconds.  Have a nice day..."),
    "netdev": Sample("NETDEV", "unregister_netdevice: waiting for lo to become free. Usage count = 2"),
    "irq": Sample("IRQ", 'irq 9: nobody cared (try booting with the "irqpoll" option)', DUMP, "walk_leaf"),
    # the end
    "panic": Sample("PANIC", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", DUMP, "walk_leaf"),
    "panic on warn": Sample("PANIC", "Kernel panic - not syncing: panic_on_warn set ...", DUMP, "walk_leaf"),
    "corrupted end": Sample("STACK", "Kernel panic - not syncing: corrupted stack end detected inside scheduler", DUMP),
    "oom": Sample("OOM", "Kernel panic - not syncing: System is deadlocked on memory", DUMP, "walk_leaf"),
    "oom of init": Sample("OOM", "Out of memory: Killed process 1 (init) total-vm:1234kB, anon-rss:12kB, file-rss:0kB"),
    "oom of the runner": Sample(
        "OOM", "Out of memory: Killed process 77 (sshd) total-vm:12kB, anon-rss:1kB, UID:0 pgtables:4kB oom_score_adj:-1000"
    ),
    "trusty": Sample("PANIC", "trusty: panic (caller 0x12345678): DEBUG ASSERT FAILED at (walk.c:12): leaf"),
}  # fmt: skip


def text(sample: Sample) -> list[str]:
    """The report, between lines of a kernel that is well."""
    rule = sample.kind in {"KASAN", "KCSAN", "KFENCE", "LOCKDEP"}
    report = f"{RULE if rule else ''}{sample.first}\n{sample.rest}{RULE if rule else ''}"
    return ["walker: loading", *report.splitlines(), *(f"usb 1-{n}: new device" for n in range(30))]


PRINTERS: dict[str, Callable[[int, str], str]] = {
    "bare": lambda _n, line: line,
    "stamps": lambda n, line: f"[{1234.5 + n / 1e3:12.6f}] {line}",
    "thread ids": lambda n, line: f"[{1234.5 + n / 1e3:12.6f}][ T1234] {line}",
    "CPU ids": lambda n, line: f"[{1234.5 + n / 1e3:12.6f}][    C3] {line}",
    "levels": lambda n, line: f"<4>[{1234.5 + n / 1e3:12.6f}] {line}",
    "levels alone": lambda _n, line: f"<4>{line}",
    "syslog": lambda n, line: f"Jun  1 12:00:00 host kernel: [{1234.5 + n / 1e3:12.6f}] {line}",
    "syslog without stamps": lambda _n, line: f"Jun  1 12:00:00 host kernel: {line}",
    "busybox syslogd": lambda n, line: f"Jan  1 00:00:07 host kern.warn kernel: [{1234.5 + n / 1e3:12.6f}] {line}",
    "journal": lambda _n, line: f"2024-06-01T12:00:00+0200 host kernel: {line}",
    "journal, monotonic": lambda n, line: f"[{1234.5 + n / 1e3:12.6f}] host kernel: {line}",
    "kmsg": lambda n, line: f"4,{n},{1234000 + n},-;{line}",
    "kmsg with callers": lambda n, line: f"4,{n},{1234000 + n},-,caller=T77;{line}",
    "dmesg -x": lambda n, line: f"kern  :warn  : [{1234.5 + n / 1e3:12.6f}] {line}",
    "dmesg -T": lambda _n, line: f"[Sat Jun  1 12:00:00 2024] {line}",
    "dmesg -d": lambda n, line: f"[{1234.5 + n / 1e3:12.6f} <    0.001000>] {line}",
    "dmesg -e": lambda _n, line: f"[  +0.000123] {line}",
    "logcat": lambda _n, line: f"06-01 12:00:00.123     0     0 W         : {line}",
    "logcat with stamps": lambda n, line: f"06-01 12:00:00.123  root   0   0 W KERNEL: [{1234 + n / 1e3:12.6f}] {line}",
    "logcat, brief": lambda n, line: f"W/KERNEL  (    0): [{1234.5 + n / 1e3:12.6f}] {line}",
    "telephone": lambda n, line: f"<6>[{1234.5 + n / 1e3:12.6f}]  (3)[77:walker]{line}",
    "telephone, another": lambda n, line: f"<6>[{1234.5 + n / 1e3:12.6f}]I[3:         walker:   77] {line}",
    "CI": lambda n, line: f"2024-06-01T12:00:00.1234567Z [{1234.5 + n / 1e3:12.6f}] {line}",
    "LAVA": lambda n, line: f"2024-06-01T12:00:00.123456  [{1234.5 + n / 1e3:12.6f}] {line}",
    "kernelci": lambda _n, line: f"2024-06-01 12:00:00.123456+00:00  kern  :alert : {line}",
    "terminal program": lambda n, line: f"[2024-06-01 12:00:00] [{1234.5 + n / 1e3:12.6f}] {line}",
    "carriage returns": lambda n, line: f"[{1234.5 + n / 1e3:12.6f}] {line}\r\n",
    "colours in letters": lambda n, line: f"^[[32m[{1234.5 + n / 1e3:12.6f}] ^[[0m^[[1m{line}^[[0m^M",
    "colours": lambda n, line: f"\x1b[32m[{1234.5 + n / 1e3:12.6f}] \x1b[0m\x1b[1m{line}\x1b[0m",
    "syslogd's wall": lambda n, line: f" kernel:[{1234.5 + n / 1e3:12.6f}] {line}",
    "syslog in Cyrillic": lambda _n, line: f"\u0438\u044e\u043b 27 14:08:03 host kernel: {line}",
    "journal, precise": lambda _n, line: f"Jun 01 12:00:00.123456 host kernel: {line}",
    "journal, unix": lambda _n, line: f"1717236000.123456 host kernel: {line}",
    "journal, full": lambda _n, line: f"Sat 2024-06-01 12:00:00 CEST host kernel: {line}",
    "journal, delta": lambda n, line: f"[{1234.5 + n / 1e3:12.6f} <    0.001000 >] host kernel: {line}",
    "syslog, RFC 5424": lambda n, line: f"<4>1 2024-06-01T12:00:00Z host kernel - - - [{1234 + n / 1e3:12.6f}] {line}",
    "syslog with years": lambda _n, line: f"2024 Jun  1 12:00:00 host kernel: {line}",
    "no more than the name": lambda n, line: f"kernel: [{1234.5 + n / 1e3:12.6f}] {line}",
    "no more than the name, without stamps": lambda _n, line: f"kernel: {line}",
    "dmesg -H": lambda n, line: f"{'[Jun 1 12:00]' if n == 0 else '[  +0.000123]'} {line}",
    "dmesg -H, later": lambda n, line: f"{'[Jun12 12:00]' if n == 0 else '[  +0.000123]'} {line}",
    "dmesg -x, ISO dates": lambda _n, line: f"kern  :warn  : 2024-06-01T12:00:00,123456+02:00 {line}",
    "dmesg, ISO dates": lambda _n, line: f"2024-06-01T12:00:00,123456+02:00 {line}",
    "avocado": lambda n, line: f"2024-06-01 12:00:00,123 dmesg  L0041 ERROR| [{1234.5 + n / 1e3:12.6f}] {line}",
    "GitLab": lambda n, line: f"2024-06-01T12:00:00.123456Z 01O [{1234.5 + n / 1e3:12.6f}] {line}",
    "Buildkite": lambda n, line: f"\x1b_bk;t=1717236000123\x07[{1234.5 + n / 1e3:12.6f}] {line}",
    "ts -i": lambda n, line: f"0.000123 [{1234.5 + n / 1e3:12.6f}] {line}",
    "labgrid": lambda n, line: f"12:00:00.123456 [{1234.5 + n / 1e3:12.6f}] {line}",
    "two recorders": lambda n, line: f"2024-06-01T12:00:00Z [12:00:00.123] [{1234.5 + n / 1e3:12.6f}] {line}",
    "a guest of Xen's": lambda n, line: f"(d12) [{1234.5 + n / 1e3:12.6f}] {line}",
    "television": lambda n, line: f"[{1234.5 + n / 1e3:12.6f}@3] {line}",
    "telephone, a third": lambda n, line: f"[{1234.5 + n / 1e3:12.6f}]<3>.(3)[77:walker]{line}",
    "telephone, after the fall": lambda n, line: f"[{1234.5 + n / 1e3:12.6f} / 06-01 12:00:00.123] {line}",
    "quoted by its indentation": lambda n, line: f"    [{1234.5 + n / 1e3:12.6f}] {line}",
    "quoted by a tab": lambda n, line: f"\t[{1234.5 + n / 1e3:12.6f}] {line}",
    "openwrt": lambda n, line: f"Sat Jun  1 12:00:00 2024 kern.alert kernel: [{1234.5 + n / 1e3:12.6f}] {line}",
    "noise": lambda n, line: f"\x00\x07\ufffd[{1234.5 + n / 1e3:12.6f}] {line}",
    "prompt": lambda n, line: f"{'host login: ' if n == 2 else ''}[{1234.5 + n / 1e3:12.6f}] {line}",
    "torn": lambda n, line: f"{'# 12 of 3' if n % 4 == 2 else ''}[{1234.5 + n / 1e3:12.6f}][  T77] {line}",
    "dropped": lambda n, line: f"{'** 7 printk messages dropped ** ' if n == 2 else ''}[{1234 + n / 1e3:12.6f}] {line}",
}


def judged(sample: Sample, found: list[find.Splat]) -> str:
    """What is wrong with what was found; "" for nothing."""
    if [each.kind for each in found] != [sample.kind]:
        return f"{[(each.kind, each.title) for each in found]}"
    if sample.blamed and found[0].function != sample.blamed:
        return f"blames {found[0].function}"
    return "" if sample.first.strip() in "\n".join(found[0].lines) else f"says {found[0].lines}"


@pytest.mark.parametrize("printer", PRINTERS)
def test_every_kind_is_known_through_every_printer(printer: str) -> None:
    wrong = {}
    for name, sample in SAMPLES.items():
        lines = [PRINTERS[printer](n, line) for n, line in enumerate(text(sample))]
        if complaint := judged(sample, find.find(lines)):
            wrong[name] = complaint
    assert wrong == {}


TRACED = [name for name in SAMPLES if any(shapes.EVIDENCE.search(line) for line in text(SAMPLES[name])[1:])]


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.parametrize("indent", ["  ", "    ", "\t"])
def test_log_that_a_mail_quotes_by_its_indentation(name: str, indent: str) -> None:
    quoted = [f"{indent}{line}" for line in text(SAMPLES[name])]
    (found,) = find.find(["The kernel says:", "", *quoted, "", "Mended by asking for the leaf first."])
    (same,) = find.find(text(SAMPLES[name]))
    assert (found.kind, found.function, found.trace) == (same.kind, same.function, same.trace)


def test_what_a_program_indents_is_no_complaint_without_a_trace() -> None:
    said = ["walking:", "    BUG: Bad rss-counter state mm:00000000abcdef01 type:MM_FILEPAGES val:1", "    done"]
    assert find.find(said) == []
    boot = [f"[    1.{n:06}] walker: leaf {n}" for n in range(20)]
    assert find.find([*boot, *said]) == []


def test_two_cpus_without_caller_ids_hide_no_complaint() -> None:
    names = list(SAMPLES)
    for first, second in pairwise(names):
        pair = zip_longest(text(SAMPLES[first]), text(SAMPLES[second]), fillvalue="usb 1-1: new device")
        kinds = {each.kind for each in find.find(f"[   12.345678] {line}" for lines in pair for line in lines)}
        assert kinds & {SAMPLES[first].kind, SAMPLES[second].kind}, (first, second)


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if "Call" in sample.rest])
def test_a_first_line_behind_the_rest_of_another_one_counts_with_its_trace(name: str) -> None:
    sample = SAMPLES[name]
    if shapes.INSIDE.match(sample.first) is None:
        pytest.skip("nothing that is known in the middle of a line")
    report = [f"walker: loading the leaf {sample.first}", *sample.rest.splitlines()]
    (found,) = find.find(f"[   12.345678] {line}" for line in report)
    assert found.title == find.find([sample.first, *sample.rest.splitlines()])[0].title


@pytest.mark.parametrize("name", ["gpf", "warn", "bug", "arm64", "soft", "page state"])
def test_log_that_begins_in_the_middle_of_a_report_has_one(name: str) -> None:
    lines = [*SAMPLES[name].rest.splitlines(), "Modules linked in: walker", "---[ end trace 0000000000000000 ]---"]
    found = find.find([f"[   12.345678] {line}" for line in lines[2:]])
    assert [each.kind for each in found] == ["WARNING"]


@pytest.mark.parametrize("name", SAMPLES)
def test_programs_may_print_the_same_behind_a_mark(name: str) -> None:
    report = text(SAMPLES[name])
    for quote in ("# ", "    # ", "ok 1 # ", "| "):
        quoted = [f"{quote}{line}" for line in report]
        boot = [f"[    1.{n:06}] walker: leaf {n}" for n in range(20)]
        assert find.find([*boot, *quoted]) == []
        assert find.find([*boot, *(f"{quote}[   12.345678] {line}" for line in report)]) == []


KINDS = st.sampled_from(sorted(SAMPLES))


@settings(max_examples=60)
@given(
    KINDS, st.sampled_from(sorted(PRINTERS)), st.integers(1, 4096), st.sampled_from(["", ".isra.0", ".part.3", ".cold"])
)
def test_fingerprint_is_the_same_on_another_boot_and_build(name: str, printer: str, offset: int, clone: str) -> None:
    one = text(SAMPLES[name])
    two = [
        re.sub(r"(walk_\w+)\+0x[0-9a-f]+/0x[0-9a-f]+", rf"\1{clone}+{offset:#x}/{offset + 16:#x}", line) for line in one
    ]
    two = [re.sub(r"\b(ffff[0-9a-f]{4})[0-9a-f]{8}\b", rf"\g<1>{offset:08x}", line) for line in two]
    two = [re.sub(r"CPU: \d+ PID: \d+", f"CPU: {offset % 8} PID: {offset}", line) for line in two]
    before = find.find(one)[0].fingerprint
    assert find.find(PRINTERS[printer](n, line) for n, line in enumerate(two))[0].fingerprint == before


@settings(max_examples=60)
@given(KINDS, st.integers(0, 10_000), st.text(alphabet="\x00\x07\ufffd [].:0a", min_size=1, max_size=3))
def test_serial_noise_in_one_line_costs_no_exception_and_invents_no_second_complaint(
    name: str, at: int, noise: str
) -> None:
    lines = [f"[   12.345678] {line}" for line in text(SAMPLES[name])]
    whole = "\n".join(lines)
    at %= len(whole)
    found = find.find((whole[:at] + noise + whole[at:]).split("\n"))
    assert len(found) <= 2


OTHERS = (
    "BUG: KMSAN: uninit-value in walk_leaf+0x12/0x340",
    " *** DEADLOCK ***",
    "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1",
    "watchdog: Watchdog detected hard LOCKUP on cpu 1",
    "Watchdog CPU:1 Hard LOCKUP",
    "watchdog: CPU 1 self-detected hard LOCKUP @ walk_leaf+0x12/0x340",
    "CPU 1 self-detected hard LOCKUP @ walk_leaf+0x12/0x340",
    "smp: csd: Detected non-responsive CSD lock (#1) on CPU#1, waiting 5000000000 ns for CPU#00",
    "Detected non-responsive CSD lock (#1) on CPU#1, waiting 5000000000 ns for CPU#00",
    "rcu: rcu_sched kthread starved for 2502 jiffies! g1 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=0",
    "rcu_sched kthread starved for 2502 jiffies! g1 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=0",
    "huh, entered softirq 1 TIMER ffffffff81000000 with preempt_count 00000101, exited with 00000102?",
    "Division by zero in kernel.",
    "Kernel memory exposure attempt detected from SLUB object 'leaf' (offset 0, size 64)!",
    "Unexpected gfp: 0x2 (__GFP_HIGHMEM). Fixing up to gfp: 0xcc0. Fix your code!",
    "cannot create duplicate filename '/class/walker/leaf0'",
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "Busy inodes after unmount of loop0. Self-destruct in 5 seconds.  Have a nice day...",
    "ref_tracker: net notrefcnt@ffff888012345678 has 1/1 users at",
    "ref_tracker: leaked reference.",
)
"""First lines of which there is no whole report among the samples; several are as a kernel before or after printed them."""

LINES = [line for sample in SAMPLES.values() for line in text(sample)] + list(OTHERS)


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: f"{shape.kind}-{shape.pattern.pattern[:24]}")
def test_each_row_is_of_a_line_that_the_quick_test_lets_through(shape: shapes.Shape) -> None:
    lines = [line for line in LINES if shape.pattern.match(line)]
    assert lines, "give a line that begins such a report"
    assert [line for line in lines if shapes.HINT.search(line) is None] == []
