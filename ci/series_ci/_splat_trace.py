"""What the kernel's reports consist of after their first line, and the functions that only do the reporting."""

from __future__ import annotations

import re

_NAME = r"(?P<name>\.?[A-Za-z_][\w.$]*)"
"""A function; with a dot before it where that is how big-endian ppc64 tells code from descriptors."""

_ADDRESS = r"(?:\[?<?[0-9a-fA-F]{8,16}>?\]? +|\[<[^<>]{1,20}>\] +)"
FRAME = re.compile(
    rf"\s*(?:<{{1,2}}/?[A-Z#]{{2,6}}>{{1,2}}\s+)?{_ADDRESS}*(?P<guess>\? )?"
    rf"\(?(?:\[<[0-9a-f]+>\] )?{_NAME}\)?"
    r"(?:\+0x[0-9a-f]+/0x[0-9a-f]+| \([\w./+-]+:\d+[ ):]| from (?:\[<[0-9a-f]+>\] \()?[\w.$]+\+0x"
    r"| [\w./+-]+:\d+(?: \[inline\]|\s*$))"
)
IP = re.compile(
    r"\s*(?:R?IP: (?:0010:)?(?:\[<[0-9a-f]+>\]\s+)*(?::\w+:)?|EIP: (?:0060:)?(?:\[<[0-9a-f]+>\]\s+)?|[ER]IP is at "
    r"|(?:\w+ )?(?:pc|epc) ?: "
    r"(?:[0-9a-f]{8,16} )?|PC is at |NIP \[[0-9a-fA-F]+\] |ERA: [0-9a-f]+ |epc {1,4}: [0-9a-f]+ "
    r"|Krnl PSW : [0-9a-f]+ [0-9a-f]+ \(|TPC: <| ?IAOQ\[0\]: |PC: (?:\[<[0-9a-f]+>\] )?)"
    rf"{_NAME}\+0x"
)
HELD = re.compile(rf".*, at: (?:\[<[^<>]{{1,20}}>\] +)?{_NAME}\+0x")
"""Where a lock was taken: all that a report without a trace says of functions."""
ELSEWHERE = re.compile(
    r"\s*(?:</TASK>|[Aa]llocated by|[Ff]reed by|Object at|Allocated:|Freed:|Last potentially|Uninit was|and the second)"
)
"""What comes after it happened at another time: its frames do not tell this complaint from others."""
TRACE = re.compile(
    r"(?:Call [Tt]race|[Ss]tack backtrace|Backtrace|Stack Trace)\b"
    r"|\s*(?:\[<[0-9a-f]+>\] )?\(?(?:unwind_backtrace|dump_backtrace)\b"  # an arm has no word for it
)
GOES_ON = re.compile(
    r"\s*$|\s*</?[A-Z#/ ]{2,6}>|\s*(?:R[A-Z0-9]{1,2}|RIP|RSP|E[A-Z]{2}|CR\d|DR\d|FS|CS|PKRU|ORIG_RAX|[CD]S|Code|CPU|PID"
    r"|Hardware name|Workqueue|Modules linked|Call [Tt]race|Tainted|note|Kernel Offset|Memory Limit|irq event stamp"
    r"|(?:hard|soft)irqs last|page|flags|raw|page dumped|Disabling lock|INFO: lockdep is|addr|file|Object|Slab|Padding"
    r"|[a-z]?p[cs]?|lr|epc|ra|[xsta]\d+|pstate|badaddr|status|cause|FIX|Redzone|Allocated|Freed|backtrace|Sending NMI"
    r"|NMI backtrace|Rebooting|Showing|no locks held|\d+ locks? held|#\d+|#PF|PGD|pgd|task|Process|lock"
    r"|(?:Mem|Data) abort info|ESR|EC|SET|EA|FSC|ISV|CM|(?:swapper|user) pgtable)\b"
    r"|---\[|=+$|-+$| [ \t]?\S+: [0-9a-f]{2} "
    # What is in memory, by words, as several architectures print it.
    r"|(?:Exception s|S)tack(?:\(|: ?(?:\(|$))|\s*(?:[0-9a-f]{4,16}: ?)?(?: ?[0-9a-f]{8,16}\b| \*{8})+ *$"
    r"|(?:SP|FP|LR|PC|[XR]\d+): 0x[0-9a-f]+:$|\[[0-9a-f]{8,16}\] \*?(?:pgd|address)"
    # Which CPUs a stall is about. A recorder may have put something in place of the tab.
    r"|(?:rcu: )?[\t ?]*(?:\d+-\S+: \(|\((?:detected by|t=)"
    r"|Tasks blocked on|RCU grace-period|Unless rcu|Possible timer)"
)
"""Lines that belong to a report beside its frames."""

_REPORTING = (
    r"dump_stack|show_(?:stack|regs|trace)|dump_backtrace|unwind_backtrace|warn(?:$|_slowpath|_alloc$)|report_bug|handle_bug|die(?:$|_)"
    r"|oops|v?panic$|nmi_panic|print_\w*(?:report|bug|description|stall|trace|usage|backtrace)|check_panic_on_warn"
    r"|end_report|start_report|stacktrace|save_stack|stack_trace_save|arch_stack_walk|walk_stackframe|print_tainted"
    r"|(?:arch_)?trigger_\w*backtrace|arc_unwind_core|arm64_(?:serror_panic|is_fatal_ras)|do_serror|abort$|print_trailer"
    r"|report_bad_irq|note_interrupt"
)
_CHECKERS = (
    r"kasan_(?!\w*(?:test|helper))|asan_|hwasan_|kcsan_|tsan_|kmsan_|msan_|kfence_(?:report|handle)|ubsan_|check_memory_region"
    r"|check_(?:slab|page)_allocation|poison_slab_object"
    r"|debug_(?:object|print_object|check_no_obj|obj_init|smp_processor_id|spin_|rt_)|check_preemption_disabled"
    r"|this_cpu_preempt_check|might_(?:resched|sleep|fault)|cant_sleep|refcount_(?!test)|kref_|list_(?:add|del)(?:_entry|_init|_rcu|_tail|_valid|_or_report|_head)*$"
    r"|usercopy_(?:abort|warn)|check_(?:heap_object|object_size)|fortify_|stack_chk_fail|slab_(?:err|bug)|object_err"
    r"|bad_page$|print_bad_pte|spin_(?:bug|dump)|rwlock_bug|kmemleak_(?!scan)|slab_free|kfree$|kvfree$|kmem_cache_(?:free|alloc)\w*$"
    r"|k[mzcr]alloc(?:_array|_node|_trace|_order|_large|_noprof|_track_caller|_reserve|_bulk|_cache)*$|slab_(?:alloc|post_alloc)|schedule_debug"
    r"|check_(?:un)?map$|check_for_stack$|check_bytes_and_report|check_object$|(?:free|alloc)_debug_processing|create_object$"
    r"|check_new_page|free_pages?_(?:check|is)_bad|debug_dma_|dma_(?:free|unmap)_\w+$|rcu_\w*sleep_check$"
)
_LOCKING = (
    r"lockdep_|lock_(?:acquired?|release|contended)(?:_\w*nested)?$|validate_chain|check_(?:prev|noncircular|wait|deadlock|irq_usage|usage)"
    r"|mark_(?:lock|usage|held)|reacquire_held|(?:raw_|rt_)?(?:spin|read|write)_(?:un)?(?:try)?lock|queued_(?:spin|read|write)_"
    r"|do_raw_|native_queued_spin|(?:ww_|rt_)?mutex_(?:un)?(?:try)?lock|mutex_optimistic|rwsem_|(?:down|up)_(?:read|write)"
    r"|down(?:_\w+)?$|osq_lock|rtlock_"
)
_WAITING = (
    r"schedule(?:_bug|_timeout\w*|_preempt_disabled|_idle)?$|io_schedule\w*|context_switch|switch_to|preempt_schedule\w*"
    r"|cond_resched\w*|synchronize_s?rcu\w*|(?:do_)?wait_for_common|wait_for_completion\w*|bit_wait\w*|wait_on_bit\w*|out_of_line_wait"
)
_TRAPS = (
    r"(?:asm_)?(?:exc|sysvec)_|(?:asm_)?(?:sysvec|common_interrupt)|do_error_trap|do_trap|bad_area|no_context"
    r"|page_fault_oops|do_(?:kern_addr_fault|user_addr_fault|page_fault|kernel_fault)|(?:async_)?page_fault$"
    r"|do_(?:mem_abort|translation_fault|bad_area|debug_exception|alignment_fault|trap_break|trap_insn_illegal)"
    r"|(?:irq|dabt|und|pabt|fiq)_(?:svc|usr)|do_(?:DataAbort|PrefetchAbort|undefinstr)|arm_notify_die"
    r"|el[01]\w*_|bug_handler|call_break_hook|brk_handler|handle_(?:exception|break)|ret_from_(?:exception|intr)"
    r"|fixup_bug|notify_die|kernel_fault|invalid_op|error_entry|general_protection$|(?:smp_)?apic_timer|retint_|irq_exit"
    r"|gic_handle|generic_handle|handle_(?:domain|percpu|irq)|do_exit$|make_task_dead|rewind_stack|program_check_"
)
_CLOCKS = (
    r"watchdog(?:$|_(?:timer|overflow|check|hardlockup|interrupt|nmi|fire))|hrtimer_(?:interrupt|run_)|run_hrtimer|update_process_times"
    r"|tick_(?:sched_|handle_|periodic|do_update|nohz_(?:\w*handler|highres))|timer_interrupt|nmi_|perf_event_overflow"
    r"|(?:default_)?do_nmi|end_repeat_nmi|(?:intel|amd|x86)_pmu_handle|perf_event_nmi|rcu_(?:dump|sched_clock|check|pending)|check_cpu_stall|local_apic|irq_work_run"
)
_BOTTOMS = r"kthread$|ret_from_(?:fork|kernel_thread)\w*$"
_HELPERS = (
    r"mem(?:cpy|set|move|cmp|chr)(?:_\w+)?$|str[nls]{0,2}(?:cpy|cmp|len|cat|chr|str|dup)$|(?:_?copy|raw_copy)_(?:to|from)_"
    r"|(?:get|put)_user|(?:copy|clear)_page(?:_erms|_rep|_orig|_mc)?$"
)
_NEVER_AT_FAULT = rf"{_REPORTING}|{_CHECKERS}|{_LOCKING}|{_HELPERS}"
_MACHINERY = re.compile(rf"_*(?:{_NEVER_AT_FAULT}|{_WAITING}|{_TRAPS}|{_CLOCKS}|{_BOTTOMS})")
_NO_FAULT = re.compile(rf"_*(?:{_NEVER_AT_FAULT})")


def is_machinery(function: str, *, instruction: bool = False) -> bool:
    """Whether a function of the trace only reports, checks, locks or waits, and says nothing of the fault.

    One that waits, or serves an interrupt, does where an `instruction` of its own faulted.
    """
    return (_NO_FAULT if instruction else _MACHINERY).match(function) is not None


NAMED = re.compile(r"(?:WARNING: .{0,200}:\d+ (?:at )?|\bin |corrupted in: )" + _NAME + r"\+0x[0-9a-f]")
"""A first line that says by itself where it was."""

TOLD = re.compile(r"\s*(?:last function: |caller is |preempt=.{1,60} workfn=)" + _NAME)
"""A line behind it that says who is to blame, whatever the trace is of: of the worker that found a lock held, say."""

CLONE = r"\.(?:isra|constprop|part|cold|llvm|lto_priv|localalias)(?:\.\d+)?\b"
"""What compilers add to the name of a function that they split or clone."""


def bare(function: str) -> str:
    """The function's name as in the source."""
    return re.sub(rf"{CLONE}|\.\d+$", "", function.removeprefix("."))
