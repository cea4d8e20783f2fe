from __future__ import annotations

import random
import re
from collections import Counter
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import here
from series_ci.results.model import Splat
from series_ci.results.splat import find
from series_ci.results.splat.title import title

DATA = here.DATA / "splat"


def stamped(text: str, caller: str = "", start: float = 10.0) -> list[str]:
    lines = text.strip("\n").splitlines()
    tag = f"[{caller:>6}]" if caller else ""
    return [f"[{start + n / 1000:12.6f}]{tag} {line}" for n, line in enumerate(lines)]


def only(text: str, caller: str = "") -> Splat:
    (found,) = find.find(stamped(text, caller))
    return found


FIRST_LINES = {
    "BUG: unable to handle page fault for address: ffff888012345678": (
        "OOPS",
        "BUG: unable to handle page fault for address: *",
    ),
    "BUG: kernel NULL pointer dereference, address: 0000000000000008": (
        "OOPS",
        "BUG: kernel NULL pointer dereference, address: *",
    ),
    "Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP PTI": (
        "OOPS",
        "Oops: general protection fault, probably for non-canonical address *",
    ),
    "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#2] PREEMPT SMP": (
        "OOPS",
        "general protection fault, probably for non-canonical address *",
    ),
    "divide error: 0000 [#1] PREEMPT SMP": ("OOPS", "divide error"),
    "Unable to handle kernel paging request at virtual address dead000000000108": (
        "OOPS",
        "Unable to handle kernel paging request at virtual address *",
    ),
    "Internal error: Oops: 0000000096000004 [#1] SMP": ("OOPS", "Internal error: Oops"),
    "kernel BUG at mm/rmap.c:1234!": ("BUG", "kernel BUG at mm/rmap.c:1234!"),
    "BUG: spinlock bad magic on CPU#1, cat/77": ("BUG", "BUG: spinlock bad magic on CPU, cat"),
    "BUG: some text of a driver": ("BUG", "BUG: some text of a driver"),
    "WARNING: CPU: 1 PID: 77 at mm/rmap.c:900 folio_walk+0x12/0x340": (
        "WARNING",
        "WARNING at mm/rmap.c:900 folio_walk",
    ),
    "WARNING: mm/rmap.c:900 at folio_walk+0x12/0x340, CPU#1: cat/77": (
        "WARNING",
        "WARNING at mm/rmap.c:900 folio_walk",
    ),
    "WARNING: possible circular locking dependency detected": (
        "LOCKDEP",
        "WARNING: possible circular locking dependency detected",
    ),
    "WARNING: possible recursive locking detected": ("LOCKDEP", "WARNING: possible recursive locking detected"),
    "WARNING: possible irq lock inversion dependency detected": (
        "LOCKDEP",
        "WARNING: possible irq lock inversion dependency detected",
    ),
    "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected": (
        "LOCKDEP",
        "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected",
    ),
    "WARNING: inconsistent lock state": ("LOCKDEP", "WARNING: inconsistent lock state"),
    "WARNING: bad unlock balance detected!": ("LOCKDEP", "WARNING: bad unlock balance detected!"),
    "WARNING: held lock freed!": ("LOCKDEP", "WARNING: held lock freed!"),
    "WARNING: cat/77 still has locks held!": ("LOCKDEP", "WARNING: cat still has locks held!"),
    "WARNING: lock held when returning to user space!": ("LOCKDEP", "WARNING: lock held when returning to user space!"),
    "WARNING: suspicious RCU usage": ("LOCKDEP", "WARNING: suspicious RCU usage"),
    "[ BUG: Invalid wait context ]": ("LOCKDEP", "BUG: Invalid wait context"),
    "[ INFO: possible circular locking dependency detected ]": (
        "LOCKDEP",
        "INFO: possible circular locking dependency detected",
    ),
    "INFO: trying to register non-static key.": ("LOCKDEP", "INFO: trying to register non-static key."),
    "BUG: KASAN: slab-use-after-free in folio_walk+0x12/0x340": (
        "KASAN",
        "BUG: KASAN: slab-use-after-free in folio_walk",
    ),
    "BUG: KCSAN: data-race in walk / unwalk": ("KCSAN", "BUG: KCSAN: data-race in walk / unwalk"),
    "BUG: KMSAN: uninit-value in walk+0x12/0x340": ("KMSAN", "BUG: KMSAN: uninit-value in walk"),
    "BUG: KFENCE: out-of-bounds read in walk+0x12/0x340": ("KFENCE", "BUG: KFENCE: out-of-bounds read in walk"),
    "UBSAN: array-index-out-of-bounds in mm/rmap.c:12:3": (
        "UBSAN",
        "UBSAN: array-index-out-of-bounds in mm/rmap.c:12:3",
    ),
    "INFO: task cat:77 blocked for more than 120 seconds.": ("HUNG", "INFO: task cat blocked for long."),
    "INFO: task kworker/u8:3:77 blocked for more than 245 seconds.": (
        "HUNG",
        "INFO: task kworker/u8:3 blocked for long.",
    ),
    "watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [cat:77]": (
        "LOCKUP",
        "watchdog: BUG: soft lockup - CPU stuck! [cat]",
    ),
    "watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3": (
        "LOCKUP",
        "watchdog: CPU: Watchdog detected hard LOCKUP on cpu",
    ),
    "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0": (
        "LOCKUP",
        "NMI watchdog: Watchdog detected hard LOCKUP on cpu",
    ),
    "rcu: INFO: rcu_preempt self-detected stall on CPU": ("STALL", "rcu: INFO: rcu_preempt self-detected stall on CPU"),
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:": (
        "STALL",
        "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks",
    ),
    "rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 1-... } 99 jiffies": (
        "STALL",
        "rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks",
    ),
    "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 31s!": (
        "STALL",
        "BUG: workqueue lockup - pool cpus=1 node=0 flags=* nice=0 stuck!",
    ),
    "BUG: scheduling while atomic: cat/77/0x00000002": ("ATOMIC", "BUG: scheduling while atomic: cat"),
    "BUG: sleeping function called from invalid context at mm/rmap.c:12": (
        "ATOMIC",
        "BUG: sleeping function called from invalid context at mm/rmap.c:12",
    ),
    "BUG: using smp_processor_id() in preemptible [00000000] code: cat/77": (
        "ATOMIC",
        "BUG: using smp_processor_id() in preemptible [*] code: cat",
    ),
    "refcount_t: underflow; use-after-free.": ("REFCOUNT", "refcount_t: underflow; use-after-free."),
    "list_add corruption. prev->next should be next (ffff888012345678), but was 00000000. (prev=ffff888012345688).": (
        "LIST",
        "list_add corruption. prev->next should be next (*), but was *. (prev=*).",
    ),
    "list_del corruption, ffff888012345678->next is NULL": ("LIST", "list_del corruption, *->next is NULL"),
    "BUG: Bad page state in process cat  pfn:12345": ("PAGE", "BUG: Bad page state in process cat pfn:*"),
    "BUG: Bad page map in process cat  pte:00000012 pmd:00003456": (
        "PAGE",
        "BUG: Bad page map in process cat pte:* pmd:*",
    ),
    "BUG: Bad rss-counter state mm:0000000012345678 type:MM_ANONPAGES val:2": (
        "PAGE",
        "BUG: Bad rss-counter state mm:* type:MM_ANONPAGES val:*",
    ),
    "BUG: TASK stack guard page was hit at 0000000012345678 (stack is 0000000012345000..0000000012349000)": (
        "STACK",
        "BUG: TASK stack guard page was hit at * (stack is *..*)",
    ),
    "Insufficient stack space to handle exception!": ("STACK", "Insufficient stack space to handle exception!"),
    "Kernel panic - not syncing: corrupted stack end detected inside scheduler": (
        "STACK",
        "Kernel panic - not syncing: corrupted stack end detected inside scheduler",
    ),
    "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: walk+0x12/0x340": (
        "STACK",
        "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: walk",
    ),
    "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)": (
        "PANIC",
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
    ),
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)": (
        "LEAK",
        "kmemleak: new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    ),
    "unreferenced object 0xffff888012345678 (size 64):": ("LEAK", "unreferenced object * (size 64)"),
    "BUG kmalloc-64 (Not tainted): Right Redzone overwritten": (
        "SLAB",
        "BUG kmalloc-64 (Not tainted): Right Redzone overwritten",
    ),
    "BUG walk_cache (Tainted: G    B   W         ): Objects remaining in walk_cache on __kmem_cache_shutdown()": (
        "SLAB",
        "BUG walk_cache (Tainted: G B W ): Objects remaining in walk_cache on __kmem_cache_shutdown()",
    ),
    "kmem_cache_destroy walk_cache: Slab cache still has objects when called from walk_exit+0x12/0x34": (
        "SLAB",
        "kmem_cache_destroy walk_cache: Slab cache still has objects when called from walk_exit",
    ),
    "ref_tracker: veth0@ffff888012345678 has 1/3 users at": ("LEAK", "ref_tracker: veth0@* has users at"),
    "ref_tracker: reference already released.": ("LEAK", "ref_tracker: reference already released."),
    "BUG: Dentry ffff888012345678{i=60ab,n=.index}  still in use (1) [unmount of ramfs ramfs]": (
        "BUG",
        "BUG: Dentry *{i=*,n=.index} still in use (*) [unmount of ramfs ramfs]",
    ),
    "Division by zero in kernel.": ("OOPS", "Division by zero in kernel."),
    "unregister_netdevice: waiting for veth0 to become free. Usage count = 2": (
        "NETDEV",
        "unregister_netdevice: waiting for veth0 to become free. Usage count = *",
    ),
    " *** DEADLOCK ***": ("LOCKDEP", "*** DEADLOCK ***"),
}


@pytest.mark.parametrize("line", FIRST_LINES)
def test_first_line_gives_kind_and_title(line: str) -> None:
    found = only(line)
    assert (found.kind, found.title) == FIRST_LINES[line]
    assert found.lines == (line,)


@pytest.mark.parametrize("line", [line for line in FIRST_LINES if not line.startswith("BUG: some text")])
def test_first_line_is_known_without_time_stamps_too(line: str) -> None:
    (found,) = find.find([line])
    assert (found.kind, found.title) == FIRST_LINES[line]


@pytest.mark.parametrize("line", FIRST_LINES)
@pytest.mark.parametrize(
    "before", ["walker: ", "# ", "ok 1 ", "systemd[1]: ", "Command line: ", 'x="', "Kernel command line: "]
)
def test_first_line_inside_another_line_is_no_complaint(before: str, line: str) -> None:
    assert find.find(stamped(before + line)) == []
    assert find.find([before + line]) == []


def test_unknown_bug_without_time_stamps_may_be_a_program_s() -> None:
    assert find.find(["BUG: the program says so"]) == []


def test_clean_boot_and_talking_programs_give_nothing() -> None:
    assert find.find((DATA / "boot.log").read_text().splitlines()) == []


REPORTS = {
    "oops.log": [("OOPS", 29, "---[ end Kernel panic - not syncing: Fatal exception ]---")],
    "kasan.log": [("KASAN", 27, "=" * 66)],
    "lockdep.log": [("LOCKDEP", 37, " </TASK>")],
    "arm64.log": [("OOPS", 19, "---[ end trace 0000000000000000 ]---")],
    "warn.log": [
        ("WARNING", 14, "---[ end trace 0000000000000000 ]---"),
        ("REFCOUNT", 9, "---[ end trace 0000000000000000 ]---"),
        ("LIST", 8, "---[ end trace 0000000000000000 ]---"),
        ("UBSAN", 8, "---[ end trace ]---"),
    ],
}


@pytest.mark.parametrize("name", REPORTS)
def test_report_is_one_splat_and_ends_where_it_ends(name: str) -> None:
    found = find.find((DATA / name).read_text().splitlines())
    assert [(each.kind, len(each.lines), each.lines[-1]) for each in found] == REPORTS[name]


PREFIXES = [
    "",
    "<4>",
    "Jan  2 03:04:05 guest kernel: ",
    "2025-01-02T03:04:05.678901+00:00 guest kernel: ",
    "kern  :warn  : ",
    "\x1b[1m",
]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", REPORTS)
def test_prefixes_and_line_ends_change_nothing(name: str, prefix: str, end: str) -> None:
    lines = (DATA / name).read_text().splitlines()
    assert find.find(prefix + line + end for line in lines) == find.find(lines)


@pytest.mark.parametrize("name", REPORTS)
def test_time_stamps_are_not_needed(name: str) -> None:
    lines = (DATA / name).read_text().splitlines()
    assert find.find(line[15:] for line in lines) == find.find(lines)


@pytest.mark.parametrize("name", REPORTS)
def test_interleaved_cpus_are_kept_apart_by_caller(name: str) -> None:
    random.seed(4)
    queues = [[line[15:] for line in (DATA / each).read_text().splitlines()] for each in (name, "kasan.log")]
    mixed = []
    while any(queues):
        which = random.choice([n for n, queue in enumerate(queues) if queue])
        mixed.append(f"[   99.000000][{'T12' if which else 'C1':>6}] {queues[which].pop(0)}")
    alone = [find.find((DATA / each).read_text().splitlines()) for each in (name, "kasan.log")]
    assert sorted(find.find(mixed), key=str) == sorted([*alone[0], *alone[1]], key=str)


STALL = """\
[   48.000001][    C0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
[   48.000002][    C0] rcu: \t1-...!: (0 ticks this GP) idle=32bc/1/0x4000000000000000 softirq=718/718 fqs=0
[   48.000003][    C0] Sending NMI from CPU 0 to CPUs 1:
[   48.000004][    C1] NMI backtrace for cpu 1
[   48.000005][    C1] CPU: 1 UID: 0 PID: 78 Comm: spins Not tainted 6.12.117 #1
[   48.000006][    C1] RIP: 0010:spins_for_ever+0x14/0x16
[   48.000007][    C1] Call Trace:
[   48.000008][    C1]  <TASK>
[   48.000009][    C1]  asks_for_it+0x40/0x45
[   48.000010][    C1]  </TASK>
[   48.000011][    C0] rcu: rcu_preempt kthread starved for 5016 jiffies! g149 f0x0 ->state=0x402 ->cpu=1
[   48.000012][    C0] rcu: RCU grace-period kthread stack dump:
[   48.000013][    C0] task:rcu_preempt     state:I stack:0     pid:15    tgid:15    ppid:2      flags:0x00004000
[   48.000014][    C0] Call Trace:
[   48.000015][    C0]  <TASK>
[   48.000016][    C0]  schedule_timeout+0x193/0x21b
[   48.000017][    C0]  rcu_gp_fqs_loop+0x1a0/0x9e0
[   48.000018][    C0]  </TASK>
""".splitlines()


def test_the_cpu_that_was_asked_for_its_backtrace_is_blamed() -> None:
    (found,) = find.find(STALL)
    assert (found.kind, found.function, len(found.lines)) == ("STALL", "spins_for_ever", len(STALL))
    assert found.trace[:2] == ("spins_for_ever", "asks_for_it")


def test_a_cpu_that_nobody_asked_adds_nothing_to_a_report() -> None:
    (found,) = find.find(line for line in STALL if "Sending NMI" not in line)
    assert (found.function, len(found.lines)) == ("rcu_gp_fqs_loop", 10)


def test_a_stall_that_comes_again_and_again_is_counted_once_each_time() -> None:
    assert len(find.find(STALL * (find.MAX_SAME + 5))) == find.MAX_SAME


def test_program_s_lines_do_not_break_a_report() -> None:
    lines = (DATA / "warn.log").read_text().splitlines()
    mixed = [each for line in lines for each in (line, "# the test goes on", "BUG: it says")]
    assert find.find(mixed) == find.find(lines)


def trace(*frames: str, before: str = "BUG: sleeping function called from invalid context at mm/x.c:1") -> str:
    return "\n".join([before, "Call Trace:", " <TASK>", *(f" {frame}" for frame in frames), " </TASK>"])


SAME = {
    "offsets": ("a+0x1/0x2\n b+0x3/0x4", "a+0x7/0x9\n b+0x8/0x9"),
    "guesses": ("a+0x1/0x2\n b+0x3/0x4", "? z+0x1/0x2\n a+0x1/0x2\n ? y+0x1/0x2\n b+0x3/0x4"),
    "clones": ("a+0x1/0x2\n b+0x3/0x4", "a.isra.0+0x1/0x2\n b.constprop.0.cold+0x3/0x4"),
    "parts": ("a+0x1/0x2\n b+0x3/0x4", "a.part.0+0x1/0x2\n b.cold+0x3/0x4"),
    "modules": ("a+0x1/0x2\n b+0x3/0x4", "a+0x1/0x2 [walker]\n b+0x3/0x4 [walker]"),
    "machinery": (
        "a+0x1/0x2\n b+0x3/0x4",
        "dump_stack_lvl+0x1/0x2\n __might_resched+0x1/0x2\n asm_exc_page_fault+0x1/0x2\n __warn+0x1/0x2"
        "\n kasan_report+0x1/0x2\n print_report+0x1/0x2\n show_stack+0x1/0x2\n a+0x1/0x2\n b+0x3/0x4",
    ),
    "addresses": ("a+0x1/0x2\n b+0x3/0x4", "[<ffffffff81234567>] a+0x1/0x2\n [<ffffffff81234568>] b+0x3/0x4"),
    "decoded": ("a+0x1/0x2\n b+0x3/0x4", "a (mm/x.c:12)\n b (mm/x.c:13 (discriminator 1))"),
    "decoded with inlines": ("a+0x1/0x2\n b+0x3/0x4", "a (/src/mm/x.c:12 /src/mm/y.h:3) (T)\n b (mm/x.c:13)"),
    "symbolised": ("b+0x3/0x4\n c+0x1/0x2", "a mm/x.c:12 [inline]\n b+0x3/0x4 mm/x.c:13\n c+0x1/0x2 mm/x.c:14"),
    "decoded with offsets": ("a+0x1/0x2\n b+0x3/0x4", "a+0x1/0x2 (mm/x.c:12) walker\n b+0x3/0x4 (mm/x.c:13 mm/x.h:1)"),
    "addresses that are hidden": ("a+0x1/0x2\n b+0x3/0x4", "[<(ptrval)>] a+0x1/0x2\n [<(____ptrval____)>] b+0x3/0x4"),
    "symbolised long ago": (
        "b+0x3/0x4\n c+0x1/0x2",
        "[<     inline     >] a mm/x.c:12\n [<ffffffff81234568>] b+0x3/0x4\n [<ffffffff81234569>] c+0x1/0x2",
    ),
    "arm": ("a+0x1/0x2\n b+0x3/0x4", "a from b+0x1/0x2\n b from c+0x1/0x2"),
    "sixth frame": (
        "a+0x1/0x2\n b+0x1/0x2\n c+0x1/0x2\n d+0x1/0x2\n e+0x1/0x2\n f+0x1/0x2",
        "a+0x1/0x2\n b+0x1/0x2\n c+0x1/0x2\n d+0x1/0x2\n e+0x1/0x2\n g+0x1/0x2",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_fingerprint_is_the_same(case: str) -> None:
    one, two = (only(trace(text)) for text in SAME[case])
    assert one.fingerprint == two.fingerprint
    assert re.fullmatch(r"[0-9a-f]{16}", one.fingerprint)


def test_fingerprint_differs_with_kind_and_with_frames() -> None:
    found = [
        only(trace("a+0x1/0x2", "b+0x1/0x2")),
        only(trace("a+0x1/0x2", "c+0x1/0x2")),
        only(trace("a+0x1/0x2")),
        only(trace("a+0x1/0x2", "b+0x1/0x2", before="BUG: Bad page state in process cat  pfn:12345")),
    ]
    assert len({each.fingerprint for each in found}) == 4


@pytest.mark.parametrize("folder", ["", "../", "../../", "/root/linux-6.12/", "/home/x/build/"])
def test_where_a_kernel_was_built_is_not_in_the_title(folder: str) -> None:
    for source in ("drivers/misc/x.c:406:16", "mm/x.c:4", "arch/x86/kernel/x.c:1"):
        assert title(f"UBSAN: array-index-out-of-bounds in {folder}{source}").endswith(f"out-of-bounds in {source}")
        assert title(f"kernel BUG at {folder}{source}!") == f"kernel BUG at {source}!"


def test_fingerprint_without_frames_is_the_title_s_without_numbers() -> None:
    one, two, three = (
        only(f"unregister_netdevice: waiting for {name} to become free. Usage count = {count}")
        for name, count in (("veth0", 2), ("veth1", 3), ("lo", 2))
    )
    assert one.fingerprint == two.fingerprint != three.fingerprint


def test_faulting_function_counts_even_without_a_trace() -> None:
    text = "Oops: 0000 [#1] SMP\nRIP: 0010:{}+0x1/0x2\n---[ end trace 0000000000000000 ]---"
    assert only(text.format("a")).fingerprint != only(text.format("b")).fingerprint


def test_faulting_function_counts_beside_a_trace() -> None:
    text = "Oops: 0000 [#1] SMP\nRIP: 0010:{}+0x1/0x2\nCall Trace:\n c+0x1/0x2\n---[ end trace 0000000000000000 ]---"
    assert only(text.format("a")).fingerprint != only(text.format("b")).fingerprint


def test_faulting_function_that_the_trace_repeats_counts_once() -> None:
    text = (DATA / "arm64.log").read_text()
    (one,), (two,) = find.find(text.splitlines()), find.find(text.replace("pc : walk_leaf", "pc : 0x12").splitlines())
    assert one.fingerprint == two.fingerprint


def test_second_oops_is_its_own() -> None:
    text = "Oops: 0000 [#1] SMP\nCall Trace:\n a+0x1/0x2\nOops: 0002 [#2] SMP\nCall Trace:\n b+0x1/0x2"
    assert len(find.find(stamped(text))) == 2


def test_stacks_of_allocation_do_not_count() -> None:
    text = (DATA / "kasan.log").read_text()
    assert (
        find.find(text.splitlines())[0].fingerprint
        == find.find(text.replace("walk_free", "other_free").splitlines())[0].fingerprint
    )


def test_kcsan_has_no_call_trace_line() -> None:
    text = "BUG: KCSAN: data-race in a / b\n\n"
    text += "write to 0xffff888012345678 of 4 bytes by task 7 on cpu 0:\n a+0x1/0x2\n {}+0x1/0x2\n\n{}"
    rule = "=" * 66
    assert only(text.format("x", rule)).fingerprint != only(text.format("y", rule)).fingerprint


FOLDED = [
    ("Oops: 0000 [#1] SMP", "Fatal exception in interrupt"),
    ("Oops: 0000 [#1] SMP", "Attempted to kill init! exitcode=0x00000009"),
    ("WARNING: CPU: 0 PID: 7 at mm/x.c:1 a+0x1/0x2", "kernel: panic_on_warn set ..."),
    ("BUG: KASAN: slab-out-of-bounds in a+0x1/0x2", "KASAN: panic_on_warn set ..."),
    ("BUG: KASAN: slab-out-of-bounds in a+0x1/0x2", "kasan.fault=panic set ..."),
    ("INFO: task cat:77 blocked for more than 120 seconds.", "hung_task: blocked tasks"),
    ("watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [cat:77]", "softlockup: hung tasks"),
    ("watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3", "Hard LOCKUP"),
    ("rcu: INFO: rcu_preempt self-detected stall on CPU", "RCU Stall"),
]


@pytest.mark.parametrize(("first", "reason"), FOLDED)
@pytest.mark.parametrize("between", ["---[ end trace 0000000000000000 ]---", "CPU: 0 PID: 7 Comm: cat"])
def test_panic_that_follows_is_folded(first: str, reason: str, between: str) -> None:
    panic = f"Kernel panic - not syncing: {reason}"
    found = only(f"{first}\n{between}\n{panic}\nCPU: 0\n foreign+0x1/0x2\n---[ end {panic} ]---")
    assert found.lines[0] == first
    assert panic in found.lines
    assert found.fingerprint == only(f"{first}\n{between}").fingerprint


@pytest.mark.parametrize(
    "reason", ["VFS: Unable to mount root fs", "sysrq triggered crash", "Attempted to kill init! exitcode=0x0"]
)
def test_panic_of_its_own(reason: str) -> None:
    found = find.find(
        stamped(f"BUG: Bad rss-counter state mm:(____ptrval____) type:X val:1\nKernel panic - not syncing: {reason}")
    )
    assert [each.kind for each in found] == ["PAGE", "PANIC"]


def test_stack_overflow_is_told_by_the_trace_of_its_panic() -> None:
    text = "Insufficient stack space to handle exception!\n"
    text += "Kernel panic - not syncing: kernel stack overflow\nCall trace:\n {}+0x1/0x2"
    assert only(text.format("a")).kind == "STACK"
    assert only(text.format("a")).fingerprint != only(text.format("b")).fingerprint


def test_panic_without_a_complaint() -> None:
    assert only("Kernel panic - not syncing: Fatal exception").kind == "PANIC"


def test_cut_here_takes_its_kind_from_what_follows() -> None:
    cut = "------------[ cut here ]------------"
    assert only(cut).kind == "WARNING"
    assert only(f"{cut}\nsome message").title == "some message"
    assert (
        only(f"{cut}\nkernel BUG at mm/x.c:1!\nOops: invalid opcode: 0000 [#1] SMP").title == "kernel BUG at mm/x.c:1!"
    )
    two = f"{cut}\nWARNING: CPU: 0 PID: 1 at mm/x.c:1 a+0x1/0x2\nCall Trace:\n a+0x1/0x2\n"
    assert len(find.find(stamped(two * 2))) == 2


def test_lone_cut_here_is_no_complaint_beside_another() -> None:
    cut = "------------[ cut here ]------------"
    assert [each.kind for each in find.find(stamped(f"{trace('a+0x1/0x2')}\n{cut}", caller="C0"))] == ["ATOMIC"]
    found = find.find(stamped(f"{trace('a+0x1/0x2')}\n{cut}\nKernel panic - not syncing: Fatal exception"))
    assert [(each.kind, len(each.lines)) for each in found] == [("ATOMIC", 6)]
    assert [each.kind for each in find.find(stamped(f"{cut}\n{cut}\n{trace('a+0x1/0x2')}"))] == ["ATOMIC"]
    boot = "\n".join(f"device {number} is fine" for number in range(30))
    panic = "Kernel panic - not syncing: Fatal exception"
    found = find.find([*stamped(trace("a+0x1/0x2")), *stamped(cut, "C0"), *stamped(boot), *stamped(panic, "C0")])
    assert any(panic in each.lines for each in found)


@pytest.mark.parametrize(
    "line", [line for line, (kind, _) in FIRST_LINES.items() if kind in {"NETDEV", "LEAK", "PAGE"}]
)
@pytest.mark.parametrize("caller", ["", "T12"])
def test_complaint_of_one_line_does_not_end_the_report_that_it_lands_in(line: str, caller: str) -> None:
    hung = ["INFO: task cat:77 blocked for more than 120 seconds.", "Call Trace:", " schedule+0x1/0x2", " walk+0x1/0x2"]
    alone = find.find(stamped("\n".join(hung), caller))
    for at in range(1, len(hung)):
        found = find.find(stamped("\n".join([*hung[:at], line, *hung[at:]]), caller))
        if len(found) == 2 and found[1].lines == (line,):
            assert found[0] == alone[0]
            continue
        assert FIRST_LINES[line][0] in {"PAGE", "LEAK"}  # it has a trace of its own
        assert "page" in line or "object" in line or "ref_tracker" in line, line


def test_report_without_an_end_ends_with_its_trace() -> None:
    found = only(trace("a+0x1/0x2") + "\n" + "\n".join(f"device {n} is fine" for n in range(50)))
    assert found.lines[-1] == " </TASK>"


def test_report_without_a_trace_ends_in_time() -> None:
    found = only("Oops: 0000 [#1] SMP\n" + "\n".join(f"device {n} is fine" for n in range(500)))
    assert len(found.lines) == 1


def test_long_report_is_capped() -> None:
    found = only(trace(*["deep+0x1/0x2"] * 1000))
    assert len(found.lines) == find.MAX_LINES


def test_flood_is_capped_but_hides_no_other_complaint() -> None:
    flood = stamped("\n".join(["unregister_netdevice: waiting for lo to become free. Usage count = 2"] * 3000))
    other = stamped("BUG: Bad rss-counter state mm:(____ptrval____) type:MM_ANONPAGES val:2")
    found = find.find([*flood, *other])
    assert [each.kind for each in found] == ["NETDEV"] * find.MAX_SAME + ["PAGE"]


def test_new_complaint_ends_the_one_before() -> None:
    text = "\n".join(
        ["INFO: task a:1 blocked for more than 120 seconds.", trace("x+0x1/0x2", before="task:a state:D")] * 3
    )
    assert [each.kind for each in find.find(stamped(text))] == ["HUNG"] * 3


def test_rule_between_two_reports_belongs_to_the_second() -> None:
    lines = (DATA / "lockdep.log").read_text().splitlines()[:-2]
    found = find.find([*lines, *lines])
    assert [each.lines[-1] for each in found] == [" </TASK>", " </TASK>"]


PIECES = st.sampled_from(
    [*FIRST_LINES, "------------[ cut here ]------------", "Call Trace:", " <TASK>", " a+0x1/0x2", "=" * 60, " </TASK>"]
)
TEXT = st.one_of(st.text(max_size=60), PIECES, PIECES.map(lambda line: f"[   12.345678][   T12] {line}"))


@settings(max_examples=400)
@given(st.lists(TEXT, max_size=40))
def test_never_an_exception_nor_a_line_from_nowhere(lines: list[str]) -> None:
    text = "\n".join(line.strip("\r\n") for line in lines)
    for each in find.find(lines):
        assert each.kind
        assert each.lines
        assert all(line in text for line in each.lines if "\x1b" not in text)


def test_a_complaint_names_its_functions_and_the_test_that_it_came_in() -> None:
    log = """\
[    1.000000] series-ci: start 1
[    1.100000] series-ci: done 1
[    1.200000] series-ci: start 2
[    1.300000] ------------[ cut here ]------------
[    1.300001] WARNING: CPU: 0 PID: 99 at mm/rmap.c:12 folio_walk+0x10/0x20
[    1.300002] series-ci: done 1 of them
[    1.300003] RIP: 0010:folio_walk+0x10/0x20
[    1.300004] Call Trace:
[    1.300005]  <TASK>
[    1.300006]  shrink_list+0x1/0x2
[    1.300007]  </TASK>
[    1.300008] ---[ end trace 0000000000000000 ]---
[    1.400000] series-ci: done 2
[    1.500000] BUG: kernel NULL pointer dereference, address: 0
[    1.600000] series-ci: start 3
[    1.700000] BUG: Bad rss-counter state mm:00 type:MM_ANONPAGES val:1
"""
    first, second, third = find.find(log.splitlines(), ["mm/a", "mm/b"])
    assert (first.test, first.function, first.trace) == ("mm/b", "folio_walk", ("folio_walk", "shrink_list"))
    assert (second.test, second.function, second.trace) == ("", "", ())
    assert third.test == ""  # nobody knows a third test
    assert first.fingerprint == find.find(log.splitlines()[3:12])[0].fingerprint


# What real logs of other people's machines have that was not read well.


def test_two_cpus_that_complain_one_right_after_the_other_are_two() -> None:
    first, second = find.find(
        stamped("""
BUG: spinlock lockup suspected on CPU#7, one/11
BUG: spinlock lockup suspected on CPU#5, two/12
 lock: rq_lock+0x0/0x40, .magic: dead4ead, .owner: three/13, .owner_cpu: 1
""")
    )
    assert (first.title, second.title) == (
        "BUG: spinlock lockup suspected on CPU, one",
        "BUG: spinlock lockup suspected on CPU, two",
    )
    assert (len(first.lines), len(second.lines)) == (1, 2)


@pytest.mark.parametrize(
    "checker",
    ["__irq_svc", "do_DataAbort", "spin_dump", "spin_bug", "rwlock_bug", "__cond_resched", "synchronize_srcu"],
)
def test_who_checks_or_waits_is_not_blamed(checker: str) -> None:
    found = only(f"""
BUG: spinlock lockup suspected on CPU#3, cat/77
Call trace:
 {checker}+0x84/0xa8
 do_raw_spin_lock+0x194/0x1c8
 wakes_somebody+0x420/0x5b0
""")
    assert found.function == "wakes_somebody"


def test_a_function_that_waits_is_blamed_where_it_faulted() -> None:
    oops = """
{first}
CPU: 1 PID: 7 Comm: cat
RIP: 0010:__schedule+0x488/0x830
Call Trace:
 wait_for_completion+0x42/0x120
 unregisters+0x4f/0x60
"""
    fault = "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#2] SMP PTI"
    assert only(oops.format(first=fault)).function == "__schedule"
    assert only(oops.format(first="BUG: workqueue lockup - pool cpus=1")).function == "unregisters"


def test_an_oops_is_one_though_others_print_for_long_between_its_lines() -> None:
    others = "\n".join(f"some driver {number} says this" for number in range(40))
    found = only(f"""
BUG: unable to handle page fault for address: 0000000000200286
{others}
#PF: supervisor read access in kernel mode
PGD 800000 P4D 800000 PUD 800001 PMD 0
Oops: 0000 [#1] PREEMPT SMP PTI
RIP: 0010:reads_it+0x19/0x3d
Call Trace:
 calls_it+0x10/0x20
""")
    assert found.title == "BUG: unable to handle page fault for address: *"
    assert found.trace == ("reads_it", "calls_it")
    later = "\n".join(f"and {number} that" for number in range(40))
    assert (
        len(find.find(stamped(f"{chr(10).join(found.lines)}\n{later}\nOops: 0002 [#2] SMP\nRIP: 0010:x+0x1/0x2"))) == 2
    )


def test_words_of_memory_between_registers_and_trace_are_the_report_s() -> None:
    words = "\n".join(f"{64 * row:04x}: 0977{row:04x} ffffff80 7bed2e18 ffffffc0 ********" for row in range(30))
    stack = "\n".join(f"{64 * row:04x}: ffffffc06f4fa680 ffffffc07bed2e00" for row in range(30))
    found = only(f"""
kernel BUG at kernel/sched/own.c:109!
Internal error: Oops - BUG: 0 [#1] PREEMPT SMP
PC is at owns+0x40/0x48
SP: 0xffffffc07233b730:
{words}
Stack: (0xffffffc07233b7b0 to 0xffffffc07233c000)
{stack}
Call trace:
 [<ffffff80080f4b30>] owns+0x40/0x48
 [<ffffff80080f4b88>] leaves+0x10/0x20
""")
    assert found.trace == ("owns", "leaves")


@pytest.mark.parametrize("tab", ["\t", "?", " "])
def test_which_cpu_stalls_is_in_the_report_of_a_stall(tab: str) -> None:
    found = only(f"""
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: {tab}7-...0: (14 ticks this GP) idle=3c14/1/0x4000000000000000 softirq=1/2 fqs=10993
rcu: {tab}(detected by 5, t=65022 jiffies, g=-383, q=816 ncpus=8)
""")
    assert len(found.lines) == 3


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: CPU: 3 PID: 25 at drivers/gpu/own.c:84 destroys.part.8+0xec/0xf0 [own]",
        "WARNING: drivers/gpu/own.c:84 at destroys+0xec/0xf0, CPU#3: cat/25",
        "BUG: KASAN: slab-use-after-free in destroys+0xec/0xf0",
        "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: destroys+0xec/0xf0",
    ],
)
def test_a_first_line_alone_may_name_the_function(line: str) -> None:
    found = only(f"{line}\nsd 3:0:0:0: [sdb] Starting disk")
    assert (found.function, found.trace) == ("destroys", ())
    assert "part" not in found.title


def test_an_i386_says_where_its_instruction_is_in_two_more_ways() -> None:
    for line in ("EIP is at reads_it+0x90/0x302 [own]", "IP: [<f88dec25>] :own:reads_it+0x90/0x302"):
        text = f"BUG: unable to handle kernel NULL pointer dereference at 00000000\n{line}\nOops: 0000 [#1] SMP"
        assert only(text).function == "reads_it"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Watchdog detected hard LOCKUP on cpu 0", "LOCKUP"),
        ("list_del corruption. prev->next should be c1, but was c2", "LIST"),
    ],
)
def test_the_message_of_an_old_kernel_s_warning_tells_what_it_is(message: str, kind: str) -> None:
    found = only(f"""
------------[ cut here ]------------
WARNING: at kernel/own.c:245 checks_it+0x9c/0xd0()
Hardware name: Bochs
{message}
Modules linked in: own
Pid: 0, comm: swapper/0 Not tainted 3.8.9 #1
Call Trace:
 <NMI>  [<ffffffff810eb800>] ? checks_it+0x60/0xd0
 [<ffffffff81028b02>] intel_pmu_handle_irq+0x1b2/0x370
 [<ffffffff816466f0>] do_nmi+0xd0/0x310
 [<ffffffff81645c41>] end_repeat_nmi+0x1e/0x2e
 <<EOE>>  [<ffffffff810944f0>] was_at_work+0x90/0xa0
 [<ffffffff810944f0>] kthread+0x90/0xa0
""")
    assert (found.kind, found.title) == (kind, title(message))
    assert found.trace == ("was_at_work",)


def test_a_warning_without_a_message_says_so_without_brackets() -> None:
    assert title("WARNING: at kernel/own.c:245 checks_it+0x9c/0xd0()") == "WARNING at kernel/own.c:245 checks_it"


def test_where_every_thread_begins_nothing_is_to_blame() -> None:
    found = only("""
Kernel panic - not syncing: own: blocked tasks
Backtrace:
[<c0597910>] (dump_stack) from [<c05946f4>] (panic+0x98/0x218)
[<c00447b0>] (kthread) from [<c0010428>] (ret_from_fork+0x14/0x2c)
[<c0010414>] (ret_from_fork) from [<00000000>] (0x0)
""")
    assert found.function == ""


def test_an_offset_that_is_cut_is_none_of_the_title_s() -> None:
    assert title("WARNING: CPU: 3 PID: 2 at own.c:84 destroys+0x3c/#") == "WARNING at own.c:84 destroys"


def test_an_oops_and_its_panic_may_come_any_number_of_times() -> None:
    """A machine that reboots in a loop: each is counted once, whatever is opened again for its panic."""
    boot = """
BUG: kernel NULL pointer dereference, address: 0000000000000008
Oops: 0000 [#1] SMP
RIP: 0010:reads_it+0x19/0x3d
---[ end trace 0123456789abcdef ]---
Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009
---[ end Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009 ]---
"""
    found = find.find(stamped(boot * (find.MAX_SAME + 5)))
    assert [each.function for each in found] == ["reads_it"] * find.MAX_SAME


PIECES = (
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    "Unable to handle kernel paging request at virtual address dead000000000108",
    "Oops: 0000 [#1] SMP",
    "------------[ cut here ]------------",
    "WARNING: CPU: 1 PID: 77 at mm/own.c:900 walks+0x12/0x340",
    "refcount_t: underflow; use-after-free.",
    "Watchdog detected hard LOCKUP on cpu 5",
    "RIP: 0010:reads_it+0x19/0x3d",
    "Call Trace:",
    " ? calls_it+0x10/0x20",
    "---[ end trace 0123456789abcdef ]---",
    "Kernel panic - not syncing: Fatal exception",
    "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009",
    "and this is anybody's",
    "Oops: 0 [#1]\nRIP: 0010:reads_it+0x1/0x3\n---[ end trace 0 ]---\nKernel panic - not syncing: Fatal exception",
    "WARNING: CPU: 1 PID: 7 at mm/own.c:9 walks+0x12/0x340\nKernel panic - not syncing: kernel: panic_on_warn set ...",
)


@given(st.lists(st.sampled_from(PIECES), max_size=80))
def test_pieces_of_reports_in_any_order_and_number(lines: list[str]) -> None:
    with mock.patch.object(find, "MAX_SAME", 2):
        found = find.find(stamped("\n".join(lines)))
    counts = Counter(each.fingerprint for each in found)
    assert max(counts.values(), default=0) <= 2
    assert all(each.lines for each in found)


@pytest.mark.parametrize("month", ["8月 25", "12月  3", "8월 25"])
def test_a_month_may_be_a_number(month: str) -> None:
    (found,) = find.find([f"{month} 13:52:23 host kernel: BUG: Bad page map in process tmux  pte:80 pmd:90"])
    assert found.title.startswith("BUG: Bad page map")


def test_a_program_s_own_fault_on_arm_is_no_complaint_and_hides_none() -> None:
    program = """
Unhandled fault: alignment exception (0x011) at 0x00508ae4
pgd = ec340000
[00508ae4] *pgd=fb0c2835
"""
    assert find.find(stamped(program)) == []
    found = only(f"""{program}
Unhandled fault: external abort on non-linefetch (0x008) at 0xfa21200c
pgd = c0204000
[fa21200c] *pgd=afffb841, *pte=48212653, *ppte=48212453
Internal error: : 8 [#1] SMP ARM
PC is at gic_handle_irq+0x58/0x9c
""")
    assert found.title == "Unhandled fault: external abort on non-linefetch (*) at *"
    assert found.function == "gic_handle_irq"


def test_names_of_big_endian_ppc64_begin_with_a_dot() -> None:
    found = only("""
Unable to handle kernel paging request for data at address 0x00000010
Oops: Kernel access of bad area, sig: 11 [#1]
NIP [c000000000157304] .reads_it+0x3e8/0x470
Call Trace:
[c0000000fe2b3a10] [c0000000001579b8] .calls_it+0x2f8/0x4c0
[c0000000fe2b3e30] [c000000000009e54] syscall_exit+0x0/0x98
""")
    assert found.trace[:2] == ("reads_it", "calls_it")


@pytest.mark.parametrize(
    "function",
    [
        "kmalloc_oob_right",
        "kasan_atomics_helper",
        "hrtimer_active",
        "warn_invalid_dmar",
        "list_add_leaf_cfs_rq",
        "list_del_event",
        "kmemleak_scan",
        "watchdog_ping",
        "lock_release_sock",
        "tick_setup_device",
        "copy_page_range",
    ],
)
def test_a_name_that_begins_like_a_helper_s_is_none(function: str) -> None:
    assert not find.is_machinery(function)


@pytest.mark.parametrize(
    "function",
    [
        *(
            "kmalloc",
            "__kmalloc_node_track_caller",
            "kzalloc_noprof",
            "warn_slowpath_fmt",
            "__warn",
            "hrtimer_interrupt",
        ),
        *("list_add_tail", "__list_del_entry_valid_or_report", "lock_acquire", "lock_release", "watchdog_timer_fn"),
        *(
            "rt_spin_lock",
            "rt_spin_trylock",
            "rtlock_slowlock",
            "tick_sched_handle",
            "check_unmap",
            "debug_dma_free_coherent",
        ),
        *("rcu_preempt_sleep_check", "copy_page", "clear_page_erms"),
    ],
)
def test_a_helper_is_never_blamed(function: str) -> None:
    assert find.is_machinery(function)


def test_where_all_frames_are_guesses_the_first_is_blamed() -> None:
    found = only("""
BUG: unable to handle kernel paging request at ffff9f434ab4fdb0
Oops: 0011 [#1] SMP
RIP: 0010:0xffff9f434ab4fdb0
Call Trace:
 <IRQ>
 ? calls_it_perhaps+0x1b2/0x500
 ? __do_softirq+0xe3/0x2ca
""")
    assert found.trace[:1] == ("calls_it_perhaps",)


def test_a_hard_lockup_and_its_warning_are_one() -> None:
    found = only("""
Watchdog detected hard LOCKUP on cpu 5
------------[ cut here ]------------
WARNING: at kernel/watchdog.c:352
Modules linked in: own
""")
    assert (found.kind, found.title) == ("LOCKUP", "Watchdog detected hard LOCKUP on cpu")


def test_where_kfence_s_memory_came_from_does_not_count() -> None:
    found = only("""
BUG: KFENCE: use-after-free read in reads_it+0x10/0x20
Use-after-free read at 0x0000000012345678 (in kfence-#10):
 reads_it+0x10/0x20
 calls_it+0x10/0x20
kfence-#10: 0x01-0x20, size=32, cache=kmalloc-32
allocated by task 285 on cpu 0 at 10.1s:
 makes_it+0x10/0x20
""")
    assert found.trace == ("reads_it", "calls_it")


@pytest.mark.parametrize("line", ["Oops[#2]:", "Oops: Oops: 0011 [#1] SMP NOPTI", "Oops: 0002 [#3] SMP"])
def test_the_number_of_an_oops_is_not_in_its_title(line: str) -> None:
    assert title(line) == "Oops"


@pytest.mark.parametrize("prompt", ["~ # ", "/ # ", "root@box:~# ", "root@box:/tmp# ", "[root@box ~]# "])
def test_the_prompt_of_a_shell_is_no_quotation(prompt: str) -> None:
    found = find.find(
        [
            "[    1.000000] Linux version 6.1.0",
            f"{prompt}[  100.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008",
            "[  100.000001] Oops: 0000 [#1] SMP",
            "[  100.000002] RIP: 0010:reads_it+0x19/0x3d",
        ]
    )
    assert [(each.title[:30], each.function) for each in found] == [("BUG: kernel NULL pointer deref", "reads_it")]


@pytest.mark.parametrize(
    "prefix",
    ["lis 02 20:23:06 box kernel: ", "lug. 02 20:23:06 box kernel: ", "May 25 07:29:42 x 0,16,4031,-,caller=C0;"],
)
def test_more_dates_and_hosts(prefix: str) -> None:
    text = "BUG: workqueue lockup - pool cpus=3\nCall Trace:\n works_on+0x10/0x20".splitlines()
    (found,) = find.find([prefix + line for line in text])
    assert found.function == "works_on"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Unexpected gfp: 0x4 (GFP_DMA32). Fixing up to gfp: 0xdc0 (GFP_KERNEL). Fix your code!", "WARNING"),
        (
            "Bad or missing usercopy whitelist? Kernel memory exposure attempt detected from SLUB object 'own'",
            "USERCOPY",
        ),
        ("usercopy: kernel memory overwrite attempt detected to 00000000abcdef01 (own) (16 bytes)", "USERCOPY"),
    ],
)
def test_more_first_lines(line: str, kind: str) -> None:
    assert only(line).kind == kind


def test_an_arm_s_trace_has_no_first_line() -> None:
    found = only("""
BUG: sleeping function called from invalid context at mm/slab.h:419
1 lock held by iptables/7660:
 #0: c1234567 (rtnl_mutex){+.+.}-{3:3}, at: rtnl_lock+0x18/0x1c
 unwind_backtrace from show_stack+0x20/0x24
 __might_resched from kmem_cache_alloc+0x40/0x48
 kmem_cache_alloc from own_xmit+0xc4/0x100
 own_xmit from calls_it+0xd8/0xf8
""")
    assert found.function == "own_xmit"


def test_a_loongarch_indents_the_place_of_its_instruction() -> None:
    found = only("""
CPU 3 Unable to handle kernel paging request at virtual address 0000000000000000, era == 90, ra == 91
Oops[#1]:
  ERA: 900000000410645c reads_it+0x1c/0x40
""")
    assert found.function == "reads_it"


@pytest.mark.parametrize(
    "line", ["WARNING: can't access registers at own_entry+0x12/0x340", "WARNING: stack recursion on stack type 4"]
)
def test_a_stack_that_cannot_be_walked_is_a_complaint_unless_it_is_a_report_s(line: str) -> None:
    assert only(line).kind == "WARNING"
    found = only(f"""
BUG: KASAN: slab-out-of-bounds in reads_it+0x19/0x3d
Call Trace:
 dump_stack+0x1/0x2
 reads_it+0x19/0x3d
{line}
 calls_it+0x10/0x20
""")
    assert (found.kind, found.trace) == ("KASAN", ("reads_it", "calls_it"))


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("BUG: workqueue leaked lock or atomic: kworker/0:1/0x00000000/24", "     last function: own_work"),
        (
            "BUG: workqueue leaked atomic, lock or RCU: kworker/0:1[24]",
            "     preempt=0x0 lock=0->1 RCU=0->0 workfn=own_work",
        ),
        ("BUG: using smp_processor_id() in preemptible [00000000] code: own/24", "caller is own_work+0x12/0x340"),
    ],
)
def test_the_lines_before_a_trace_may_say_who_it_was(first: str, told: str) -> None:
    found = only(
        f"{first}\n{told}\nCall Trace:\n dump_stack+0x1/0x2\n process_one_work+0x1/0x2\n worker_thread+0x1/0x2"
    )
    assert found.trace == ("own_work", "process_one_work", "worker_thread")
    assert found.function == "own_work"


def test_a_stall_s_numbers_are_not_in_its_title() -> None:
    title = "INFO: rcu_sched self-detected stall on CPU"
    for more in ("", " { 1}  (t=65000 jiffies g=12 c=11 q=1)", " 1 (t=0 jiffies)"):
        assert only(title + more).title == title


def test_oopses_of_other_numbers_are_others_though_no_trace_lies_between() -> None:
    log = [
        "Unable to handle kernel paging request at virtual address 0fffffdff5e14700",
        "Oops [#1]",
        "kernel BUG at mm/walk.c:102!",
        "Kernel BUG [#2]",
        "Internal error: Oops: 96000004 [#3] SMP",
        "Internal error: Oops: 96000004 [#4] SMP",
    ]
    found = find.find(f"[   12.345678] {line}" for line in log)
    assert [(each.kind, each.title) for each in found] == [
        ("OOPS", "Unable to handle kernel paging request at virtual address *"),
        ("BUG", "kernel BUG at mm/walk.c:102!"),
        ("OOPS", "Internal error: Oops"),
        ("OOPS", "Internal error: Oops"),
    ]


def test_kernel_without_symbols_on_mips() -> None:
    log = [
        "Kernel bug detected[#1]:",
        "Cpu 0",
        "$ 0   : 0000000000000000 0000000000000010",
        "epc   : ffffffff8138b594 0xffffffff8138b594",
        "    Not tainted",
    ]
    (found,) = find.find(log)
    assert (found.kind, found.title) == ("OOPS", "Kernel bug detected")
