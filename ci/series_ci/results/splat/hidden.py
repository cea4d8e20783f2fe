"""Functions that are left out of a stack trace: they report, check, lock, wait, or handle the fault.

Each row covers one part of the kernel, and says why its functions are not blamed.
"""

from __future__ import annotations

from series_ci.results.splat.role import Role, RoleRow

ROWS = (
    RoleRow(
        "reports",
        "they print what was found out, and stand above it in every trace",
        Role.REPORTS,
        "dump_stack* show_stack* show_regs* show_trace(_log_lvl)? show_state* show_pte dump_backtrace*"
        " unwind_backtrace* c_backtrace dump_mem dump_instr* warn warn_slowpath* warn_alloc* warn_printk report_bug*"
        " handle_bug* die die_* oops* panic vpanic nmi_panic* panic_bad_stack panic_unhandled panic_on_rcu_stall"
        " print_*(report|bug|description|stall|trace|usage|backtrace|collision)*"
        " print_(trailer|track|section|tainted)* check_panic_on_warn end_report* start_report* stacktrace* save_stack*"
        " stack_trace_save* arch_stack_walk* walk_stackframe* (arch_)?trigger_*backtrace nmi_cpu_backtrace*"
        " nmi_trigger_*backtrace sched_show_task dump_cpu_task dump_task* kmem_dump_obj mem_dump_obj arc_unwind_core*"
        " arm64_serror_panic arm64_is_fatal_ras* do_serror abort report_bad_irq* note_interrupt*"
        " debug_show_(all|held)_locks sysfs_warn_dup skb_(over_|under_)?panic ass(fail|warn) (btrfs_)?assertfail"
        " fail_dump should_fail* should_failslab",
    ),
    RoleRow(
        "rust",
        "the panic handler calls BUG(), and core's checks call the handler",
        Role.REPORTS,
        "rust_(begin_unwind|panic|helper_BUG)* R*(rust_begin_unwind|rust_panic|4core9panicking)*"
        " R*4core(6option|6result)13(unwrap|expect)_failed* ZN4core9panicking* ZN4core(6option|6result)13*_failed*"
        " ZN*rust_begin_unwind* core::panicking::* core::(option|result)::(unwrap|expect)_failed*",
    ),
    RoleRow(
        "sanitizers",
        "the compiler calls them at every access, and they find the fault of their caller; tag checks of arm64 trap",
        Role.REPORTS,
        "kasan_(?!*(test|helper|oob|bitops|atomics|strings|memcmp|memchr))* asan_* hwasan_* kcsan_(?!*test)* tsan_*"
        " kmsan_(?!*test)* msan_* kfence_(?!*test)* ubsan_* sanitizer_* kcov_* write_comp_data check_kcov_mode"
        " handle_overflow handle_(null_ptr_deref|misaligned_access|object_size_mismatch) check_memory_region*"
        " check_region_inline check_(slab|page)_allocation* poison_slab_object* unpoison_slab_object"
        " memory_is_(poisoned|nonzero)* bytes_is_nonzero instrument_* find_watchpoint check_access do_tag_(check|rec)*"
        " report_tag_fault tag_mismatch quarantine_(put|reduce|remove)* qlist_(free|move)* qlink_free"
        " cfi_(check|slowpath|fail)* report_cfi_failure handle_cfi_failure",
    ),
    RoleRow(
        "checks",
        "they are asked whether all is well, and say that it is not",
        Role.REPORTS,
        "debug_(object|print_object|check_no|obj_init|smp_processor_id|spin_|rt_|init|activate|deactivate|assert_init)*"
        " debug_(hr)?timer_* debug_work_(activate|deactivate) lookup_object_or_alloc check_preemption_disabled*"
        " this_cpu_preempt_check* might_(resched|sleep|fault)* cant_(sleep|migrate)* refcount_(?!test)* kref_*"
        " list_(add|del)(_entry|_init|_rcu|_tail|_valid|_or_report|_head){0,3} plist_check* usercopy_(abort|warn)*"
        " check_(heap_object|object_size|stack_object|bogus_address|kernel_text_object)* fortify_* stack_chk_fail*"
        " slab_(err|bug|fix|pad_check)* object_err bad_page page_bad_reason bad_range print_bad_pte spin_(bug|dump)*"
        " rwlock_bug* kmemleak_(?!scan)* schedule_debug check_(un)?map check_for_stack check_bytes_and_report*"
        " check_object check_slab check_pad_bytes check_valid_pointer on_freelist (free|alloc)_debug_processing"
        " (free|alloc)_consistency_checks create_object create_object_percpu check_new_page* check_element"
        " poison_error free_pages?_(check|is)_bad* debug_dma_* dma_(free|unmap)_* rcu_*sleep_check"
        " ref_tracker_(alloc|free) net(dev|ns)_tracker_(alloc|free) div0 Ldiv0* readwrite_bug",
    ),
    RoleRow(
        "locks",
        "who takes a lock is to blame, not how it is taken; lockdep is in the middle of that",
        Role.REPORTS,
        "lockdep_* lock_(acquired?|release|contended)(_*nested)?"
        " lock_(is_held_type|set_class|downgrade|pin_lock|repin_lock|unpin_lock|sync) validate_chain"
        " check_(prevs?_add|noncircular|wait|deadlock|irq_usage|usage|no_collision|chain_key)* mark_(lock|usage|held)*"
        " reacquire_held* register_lock_class assign_lock_key hlock_(class|id) look_?up_(lock_class|chain)*"
        " add_(chain|lock)_* (find|match)_held_lock bfs bfs_next save_trace check_flags zap_class"
        " debug_lockdep_rcu_enabled rcu_(is_watching|lockdep_current_cpu_online) s?rcu_read_(un)?lock*"
        " (raw_|rt_|bit_)?(spin|read|write)_(un)?(try)?lock(_(irq|bh|nest|slow|debug|wait|common)*)?"
        " queued_(spin|read|write)_* do_raw_(spin|read|write)_* (native|pv)_queued_(spin|read|write)_*"
        " pv_(wait|kick|hash)* kvm_wait virt_spin_lock (ww_|rt_)?mutex_(un)?(try)?(lock|slow)*"
        " mutex_(optimistic|spin|can_spin)* ww_mutex_* rwsem_* downgrade_write rwbase_* (down|up)_(read|write)*"
        " percpu_(down|up)_* percpu_rwsem_* down(_(interruptible|killable|trylock|timeout|common*))? up osq_* rtlock_*"
        " rt_(mutex|spin|read|write)_* task_blocks_on_rt_mutex debug_(rt_)?mutex_* hlist_bl_lock call_rwsem_* ldsem_*"
        " lock_text_start",
    ),
    RoleRow(
        "memory and strings",
        "they copy, compare and clear what they were given",
        Role.REPORTS,
        "mem(cpy|set|move|cmp|chr|scan|chr_inv)(_(erms|orig|rep|fast*|fromio|toio|explicit|flushcache|generic|mc*|avx*))?"
        " memset(16|32|64) bcmp (sized_)?str[nlscr]{0,2}(case)?(cpy|cmp|len|cat|chr|str|dup|pbrk|spn|nlen|chrnul|sep)"
        " stpcpy (inline_|arch_)?_?copy_(to|from|in)_user(_(?!iter)*)? raw_copy_*"
        " (get|put)_user(_([0-9]|nocheck|asm|bad)*)? (copy|clear)_page(_erms|_rep|_orig|_mc)?"
        " copy_user_(generic|enhanced|short)* rep_(movs|stos)_alternative fallback_scalar_usercopy* clear_user*"
        " asm_copy_(to|from)_user* arm_copy_(to|from)_user* strn(cpy_from|len)_user csum_and_copy_*_user",
    ),
    RoleRow(
        "thunks",
        "compilers and patches of the running text put them between a caller and what it calls",
        Role.REPORTS,
        "x86_(indirect|return|call)_*thunk* srso_* retbleed_* entry_ibpb *_thunk fentry__ mcount return_to_handler"
        " ftrace_(graph_)?(regs_)?(caller|call|stub) SC[TK]__* bpf_dispatcher_*func bpf_trampoline_[0-9]*"
        " trace_(hardirqs|irq)_(on|off)* trace_preempt_(on|off)",
    ),
    RoleRow(
        "scheduler",
        "who waits calls it; who waits is to blame",
        Role.WAITS,
        "schedule(_bug|_timeout*|_preempt_disabled|_idle|_hrtimeout*|_rtlock)? io_schedule* context_switch switch_to*"
        " preempt_schedule* cond_resched* (do_)?wait_for_common* wait_for_completion* bit_wait* wait_on_bit*"
        " out_of_line_wait* do_sched_yield yield_to msleep* usleep_range* ssleep fsleep prepare_to_wait* finish_wait"
        " do_wait_intr* wait_woken rcu_note_context_switch sched_text_start",
    ),
    RoleRow(
        "faults and interrupts",
        "they stand between what was interrupted and what reports",
        Role.WAITS,
        "(asm_)?(exc|sysvec)_* (asm_)?(sysvec|common_interrupt)* do_(error_)?trap* bad_area* no_context"
        " page_fault_oops mm_fault_error"
        " do_(kern_addr_fault|user_addr_fault|page_fault|kernel_fault|mem_abort|translation_fault|bad_area)*"
        " do_(bad|sea|sp_pc_abort|exception) do_(debug_exception|alignment_fault|invalid_op|int3|general_protection)*"
        " do_(divide_error|double_fault|program_check|report_trap)*"
        " do_(DataAbort|PrefetchAbort|undefinstr|IRQ|irq|nmi|bp|ri|vint|ov|bounds|stack_segment|overflow)"
        " (hash_|handle|async|spurious|bad)?_*page_fault* kernelmode_fixup_or_oops spurious_kernel_fault"
        " handle_(invalid_op|stack_overflow|bad_stack|fault_error*|riscv_irq) math_error bad_mode"
        " (irq|dabt|und|pabt|fiq)_(svc|usr)* arm(64)?_notify_die el[01]* do_el[01]_* bad_el0_sync bug_handler"
        " call_break_hook *brk_handler (enter|exit)_(from|to)_(kernel|user)_mode* debug_exception_(enter|exit)"
        " arm64_(enter|exit)_* handle_(exception|break)* ret_from_(exception|intr)* fixup_bug* notify_die"
        " kernel_fault* invalid_op* divide_error int3 error_entry general_protection (smp_)?apic_timer* retint_*"
        " irq_(exit|enter)* irqentry_* gic_handle* generic_handle* call_on_irq_stack"
        " handle_(domain|percpu|irq|fasteoi|edge|level)* do_interrupt_handler"
        " (asm_)?call_(irq_)?on_(irq_|soft)?*stack* do_softirq_own_stack arch_timer_handler* riscv_*_irq"
        " program_check_* rewind_stack* interrupt_return* exception_common exception_pkey unrecoverable_exception"
        " machine_check_* (data_access|decrementer|hardware_interrupt|instruction_access)_common*"
        " replay_soft_interrupts* pgm_check_handler do_pgm_check (io|ext|mcck)_int_handler do_(io|ext)_irq"
        " do_(dat|protection)_exception monitor_event_exception illegal_op (plat_)?irq_dispatch tlb_do_page_fault*"
        " handle_*_int except_vec* (generic_)?smp_call_function_(single_)?interrupt flush_smp_call_function_queue"
        " (irq|softirq)entry_text_(start|end) (rcu|ct)_(nmi|irq|user|idle|kernel|eqs)_(enter|exit)* (xen_)?evtchn_*"
        " xen_(do_hypervisor_callback|pv_evtchn_do_upcall|hvm_callback)*",
    ),
    RoleRow(
        "system calls",
        "every call of a program begins there",
        Role.WAITS,
        "do_syscall_(64|32|x64|x32)* do_(fast|int80)_syscall* do_int80_emulation entry_(SYSCALL|SYSENTER|INT80)*"
        " (x64|ia32)_sys_call invoke_syscall* syscall_(enter|exit|return|trace)* exit_to_user_mode* do_notify_resume"
        " system_call(_(exception|common|vectored)*)? sysenter* ret_(fast|slow)_syscall* ret_to_user* tracesys*"
        " swapgs_restore* do_syscall handle_sys(call|64*)? ret_from_syscall*",
    ),
    RoleRow(
        "clocks and watchdogs",
        "they are the interrupt in which it is seen that somebody does not go on",
        Role.WAITS,
        "watchdog(_(timer|overflow|check|hardlockup|interrupt|nmi|fire)*)? hrtimer_(interrupt|run_)* run_hrtimer*"
        " update_process_times* tick_(sched_|handle_|periodic|do_update|nohz_*handler|nohz_highres)* timer_interrupt*"
        " nmi_* perf_event_(overflow|nmi)* (default_)?do_nmi end_repeat_nmi (intel|amd|x86)_pmu_handle*"
        " handle_pmi_common rcu_((dump|sched_clock|check|print|stall)_*|pending|iw_handler|exp_handler)"
        " check_cpu_stall* (smp_)?local_apic* irq_work_(run|single)* sched(uler)?_tick check_hung_* ktime_get*"
        " run_local_timers lapic_next_* clockevents_program_* tick_program_event hrtimer_(reprogram|update)*"
        " native_(write_msr|apic_*write)* (native_)?sched_clock(_cpu)? local_clock trace_clock* pvclock_* kvm_clock_*"
        " read_(hpet|tsc) timekeeping_get* xen_timer_interrupt hv_stimer*",
    ),
    RoleRow(
        "stacks",
        "sanitizers keep the stack of every allocation, and find it by walking it",
        Role.WAITS,
        "unwind_(next_frame|start|get_return_address)* orc_find* stack_depot_* depot_* stack_trace_consume*"
        " filter_irq_stacks get_stack_info* in_task_stack stack_access_ok deref_stack_*"
        " (kernel|is_module)_text_address* module_address is_bpf_text_address",
    ),
    RoleRow(
        "consoles and delays",
        "who prints much, or waits in a loop, calls them",
        Role.WAITS,
        "_?printk printk_* vprintk* dev_v?printk* console_(unlock|flush|emit|trylock|lock)* call_console_driver*"
        " io_serial_(in|out) mem32_serial_(in|out) serial8250_console_* univ8250_console_* uart_console_write"
        " pl011_console_* wait_for_(xmitr|lsr) (const_)?[un]delay delay_(tsc|loop|mwaitx|halt)* delay",
    ),
    RoleRow(
        "threads",
        "every thread of the kernel begins there",
        Role.WAITS,
        "kthread kthreadd ret_from_(fork|kernel_thread)*",
    ),
)
