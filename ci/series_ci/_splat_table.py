"""How the kernel complains: the first lines of its reports, and the functions that only do the reporting."""

from __future__ import annotations

import re
from typing import NamedTuple


class Shape(NamedTuple):
    """A report's first line: its kind, and how the report goes on.

    `end` is `line` (nothing follows), `trace` (a stack trace, and what comes with it), or `rule` (up to a line of `=`).
    """

    kind: str
    pattern: re.Pattern[str]
    end: str = "trace"


def _shape(kind: str, pattern: str, end: str = "trace") -> Shape:
    return Shape(kind, re.compile(pattern), end)


HINT = re.compile(
    r"BUG|WARNING: |INFO: |Oops|cut here|Kernel panic|general protection|Internal error: |Unable to handle kernel"
    r"|(?:list_add|list_del) corruption|refcount_t: |UBSAN: |LOCKUP|kmemleak: [0-9]|unreferenced object"
    r"|unregister_netdevice: |Slab cache still has objects|Insufficient stack|: [0-9a-f]{4,16} \[#[0-9]|soft lockup"
    r"|DEADLOCK \*"
)
"""A quick look: every first line below contains this."""

END = re.compile(r"---\[ end (?:trace|Kernel panic)")
PANIC = re.compile(r"Kernel panic - not syncing: ?")
WARNING = re.compile(r"WARNING: (?:CPU: \d+ PID: \d+ at |[\w./+-]+:\d+ at |\S+\+0x[0-9a-f]+/0x[0-9a-f]+ at )")
RULE = re.compile(r"={20,}$")

FOLLOWS = re.compile(
    r"(?:\w+: )?(?:panic_on_|Fatal exception|Fatal trap|blocked tasks|hung tasks|Hard LOCKUP|RCU Stall|Oops)"
    r"|kmsan\.panic|scheduling while atomic"
)
DEATHS = re.compile(r"Attempted to kill|Aiee, killing interrupt")
"""What a panic says when it is the consequence of an earlier complaint; of an oops."""

_OOPS = (
    r"Oops\b|Internal error: |general protection fault|(?:divide error|invalid opcode|stack segment|double fault|int3"
    r"|invalid TSS|segment not present|alignment check|bounds|overflow|control protection fault): [0-9a-f]{4,16} \[#"
)

_LOCKS = (
    r"possible (?:circular|recursive|irq lock|nested|deadlock)|inconsistent lock state"
    r"|bad (?:unlock balance|contention)|held lock freed|lock held when returning|(?:\S+ )?still has locks held"
    r"|locks? held at|\S+-(?:READ-)?safe -> "
    r"|Nested lock was not taken|chain_key collision|suspicious RCU usage|Invalid wait context"
    r"|trying to register non-static|MAX_LOCK|MAX_STACK_TRACE_ENTRIES|looking up invalid subclass"
    r"|key \S+ has not been registered|.{1,60} lock held at task exit"
)

SHAPES = (
    _shape("", r"-+\[ cut here \]-+"),  # the kind is told by one of the next lines
    _shape("STACK", PANIC.pattern + r"(?:corrupted stack end|stack-protector|kernel stack overflow)"),
    _shape("PANIC", PANIC.pattern),
    _shape("KASAN", r"BUG: KASAN: ", "rule"),
    _shape("KCSAN", r"BUG: KCSAN: ", "rule"),
    _shape("KMSAN", r"BUG: KMSAN: ", "rule"),
    _shape("KFENCE", r"BUG: KFENCE: ", "rule"),
    _shape("UBSAN", r"UBSAN: \S+ in "),
    _shape("LOCKDEP", rf"(?:\[ ?)?(?:WARNING|INFO|BUG): (?:{_LOCKS})"),
    _shape("LOCKDEP", r"\s*\*\*\* DEADLOCK \*"),
    _shape("LOCKUP", r"(?:watchdog: )?(?:BUG: )?soft lockup - CPU"),
    _shape("LOCKUP", r"(?:NMI )?(?:watchdog: )?(?:CPU\d+: )?Watchdog detected hard LOCKUP"),
    _shape("STALL", r"(?:rcu: )?INFO: rcu\w* (?:self-)?detected (?:expedited )?stall"),
    _shape("STALL", r"BUG: workqueue lockup"),
    _shape("HUNG", r"INFO: task \S.*:\d+ (?:<\S+> )?(?:is )?blocked (?:in|for)"),
    _shape("ATOMIC", r"BUG: scheduling (?:while atomic|in a non-blocking)"),
    _shape(
        "ATOMIC", r"BUG: (?:sleeping function called|assuming (?:atomic|non migratable) context|using \S+ in preempt)"
    ),
    _shape("ATOMIC", r"BUG: workqueue leaked"),
    _shape("REFCOUNT", r"refcount_t: "),
    _shape("LIST", r"(?:list_add|list_del) corruption"),
    _shape("PAGE", r"BUG: (?:Bad rss-counter|non-zero pgtables_bytes)", "line"),
    _shape("PAGE", r"BUG: Bad page (?!\w+: \d+ messages suppressed)"),
    _shape("STACK", r"BUG: .{0,60}stack guard page|Insufficient stack space"),
    _shape("SLAB", r"BUG [\w-]+.{0,80}\([^)]*[Tt]ainted"),
    _shape("SLAB", r"kmem_cache_destroy \S+: Slab cache still has objects"),
    _shape("OOPS", r"BUG: (?:[Uu]nable to handle|kernel NULL pointer)"),
    _shape("OOPS", r"Unable to handle kernel "),
    _shape("OOPS", _OOPS),
    _shape("BUG", r"kernel BUG at "),
    _shape("WARNING", WARNING.pattern),
    _shape("LEAK", r"kmemleak: \d+ new suspected memory leaks?", "line"),
    _shape("LEAK", r"unreferenced object 0x[0-9a-f]+ \("),
    _shape("NETDEV", r"unregister_netdevice: waiting for", "line"),
    _shape("BUG", r"BUG: (?:spinlock|rwlock|soft|hard|rt|mutex|semaphore|using|sleeping)"),
)
GENERIC_BUG = _shape("BUG", r"BUG: (?!Bad page \w+: \d+ messages)(?!\s*\d+ unexpected failures)")
"""Any other `BUG:`; only under a kernel's time stamp, as programs say it too."""

FRAME = re.compile(
    r"\s*(?:\[?<[0-9a-f]{8,16}>\]? +|\[[0-9a-f]{8,16}\] )*(?P<guess>\? )?\(?(?P<name>[A-Za-z_][\w.$]*)\)?"
    r"(?:\+0x[0-9a-f]+/0x[0-9a-f]+| \([\w./+-]+:\d+(?: \([^)]*\))?\)| from (?:\[<[0-9a-f]+>\] \()?[\w.$]+\+0x)"
)
IP = re.compile(r"(?:RIP: 0010:|(?:\w+ )?(?:pc|epc) : |NIP \[[0-9a-f]+\] )(?P<name>[A-Za-z_][\w.$]*)\+0x")
ELSEWHERE = re.compile(r"\s*(?:</TASK>|Allocated by|Freed by|Last potentially|Uninit was|and the second)")
"""What comes after it happened at another time: its frames do not tell this complaint from others."""
TRACE = re.compile(r"(?:Call [Tt]race|stack backtrace|Backtrace|Stack backtrace)\b")
GOES_ON = re.compile(
    r"\s*$|\s*</?[A-Z#/ ]{2,6}>|\s*(?:R[A-Z0-9]{1,2}|RIP|RSP|E[A-Z]{2}|CR\d|DR\d|FS|CS|PKRU|ORIG_RAX|[CD]S|Code|CPU|PID"
    r"|Hardware name|Workqueue|Modules linked|Call [Tt]race|Tainted|note|Kernel Offset|Memory Limit|irq event stamp"
    r"|(?:hard|soft)irqs last|page|flags|raw|page dumped|Disabling lock|INFO: lockdep is|addr|file|Object|Slab|Padding"
    r"|[a-z]?p[cs]?|lr|epc|ra|[xsta]\d+|pstate|badaddr|status|cause|FIX|Redzone|Allocated|Freed|backtrace|Sending NMI"
    r"|NMI backtrace|Rebooting|Showing|no locks held|\d+ locks? held|#\d+)\b|---\[|=+$|-+$| [ \t]?\S+: [0-9a-f]{2} "
)
"""Lines that belong to a report after its trace has begun, beside the frames."""

_MACHINERY = re.compile(
    r"_*(?:dump_stack|show_(?:stack|regs|trace)|dump_backtrace|unwind_backtrace|warn(?:$|_)|report_bug|handle_bug"
    r"|(?:asm_)?(?:exc|sysvec)_|(?:asm_)?(?:sysvec|common_interrupt)|do_error_trap|do_trap|die(?:$|_)|oops|panic$|nmi_panic"
    r"|print_\w*(?:report|bug|description|stall|trace|usage|backtrace)|kasan_|asan_|hwasan_|kcsan_|tsan_|kmsan_|msan_"
    r"|kfence_(?:report|handle)|ubsan_|lockdep_|lock_acquire|lock_release|validate_chain|check_(?:prev|noncircular|wait)"
    r"|check_memory_region|mark_lock|mark_usage|might_(?:resched|sleep|fault)|schedule(?:_bug|_timeout|_preempt_disabled)?$"
    r"|switch_to|bad_area|no_context|page_fault_oops|do_(?:kern_addr_fault|user_addr_fault|page_fault|kernel_fault)"
    r"|do_(?:mem_abort|translation_fault|bad_area|debug_exception|alignment_fault|trap_break|trap_insn_illegal)"
    r"|el1\w*_|el[01]t?h?_|bug_handler|call_break_hook|brk_handler|handle_(?:exception|break)|ret_from_exception|refcount_warn"
    r"|list_(?:add|del_entry)_valid|bad_page$|print_bad_pte|spin_bug|rwlock_bug|slab_(?:err|bug)|object_err|watchdog"
    r"|hrtimer_|run_hrtimer|update_process_times|tick_|timer_interrupt|nmi_|perf_event_overflow|rcu_(?:dump|sched_clock|check)"
    r"|check_cpu_stall|fixup_bug|notify_die|kernel_fault|local_apic|irq_work_run|stack_chk_fail|fortify_panic"
    r"|check_panic_on_warn|end_report|start_report|invalid_op|stacktrace|save_stack|stack_trace_save)"
)


def is_machinery(function: str) -> bool:
    """Whether a function of the trace only reports, and says nothing of the fault."""
    return _MACHINERY.match(function) is not None


def bare(function: str) -> str:
    """The function's name as in the source: compilers split and clone functions."""
    return re.sub(r"\.(?:isra|constprop|part|cold|llvm|lto_priv|localalias)(?:\.\d+)?\b|\.\d+$", "", function)


_ROUNDS = tuple(
    (re.compile(pattern), into)
    for pattern, into in (
        (r"WARNING: CPU: \d+ PID: \d+ at (\S+:\d+) ", r"WARNING at \1 "),
        (r"WARNING: CPU: \d+ PID: \d+ at ", "WARNING at "),
        (r"WARNING: (\S+:\d+) at (\S+?),? CPU#\d+.*", r"WARNING at \1 \2"),
        (r"WARNING: (\S+:\d+) at ", r"WARNING at \1 "),
        (r"\+0x[0-9a-f]+/0x[0-9a-f]+", ""),
        (r"(?:: [0-9a-f]{4,16})? \[#\d+\].*", ""),
        (r": (\S+?)/\d+/(?:0x[0-9a-f]+|-?\d+)\b", r": \1"),
        (r"\btask (\S+):\d+ ", r"task \1 "),
        (r"(?<=[ ,])(\S+)/\d+(?= still|$)", r"\1"),
        (r"CPU[#: ]*\d+", "CPU"),
        (r"\b(cpu|pid|PID|pool) \d+(?::\d+)?", r"\1"),
        (r"stuck for \d+s", "stuck"),
        (r"(stalls on CPUs/tasks): \{.*", r"\1"),
        (r"for more than \d+ seconds", "for long"),
        (r"\[([^\[\]\s]+):\d+\]", r"[\1]"),
        (r"\b(pfn|pte|pmd|pgd|val|mm|pgoff):\S+", r"\1:*"),
        (r"Usage count = -?\d+", "Usage count = *"),
        (r"kmemleak: \d+ ", "kmemleak: "),
        (r"\b(?:0x[0-9a-f]+|(?=[0-9a-f]*\d)[0-9a-f]{8,16})\b", "*"),
        (r"\s+", " "),
        (r"^ ?\[ (.*) \]$", r"\1"),
    )
)


def title(line: str) -> str:
    """The line without what differs from boot to boot: addresses, offsets, CPUs, process ids, counters."""
    for pattern, into in _ROUNDS:
        line = pattern.sub(into, line)
    return line.strip(" :,")
