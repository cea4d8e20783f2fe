"""Functions that a stack trace shows but that are not at fault: they allocate, wait for others, or only call.

Each row covers one part of the kernel, and says why its functions are not blamed.
"""

from __future__ import annotations

from series_ci.results.splat.role import Role, RoleRow

ROWS = (
    RoleRow(
        "printing",
        "a string that they print is their caller's",
        Role.HELPS,
        "v?s?n?c?n?printf v?scnprintf string string_nocheck pointer va_format k?v?asprintf* seq_v?printf"
        " hex_dump_to_buffer print_hex_dump*",
    ),
    RoleRow(
        "allocators",
        "what they find broken, others broke; what they refuse, others asked for; what leaks, others lost",
        Role.HELPS,
        "slab_(free|alloc|post_alloc|pre_alloc|out_of)* memcg_slab_* kv?z?free kv?free_(sensitive|const|rcu*)"
        " kmem_cache_(free|alloc|destroy|shutdown|shrink)*"
        " k(m|z|c|re)alloc(_array|_node|_trace|_order|_large|_track_caller|_reserve|_bulk|_cache|_slab|_fix_flags){0,3}"
        " do_k(v)?malloc* free_large_kmalloc kv(m|z|c|re)alloc(_*)?"
        " v(m|z|c|re)alloc(_(node|huge|user|32|array|area)*)? vfree(_atomic)? do_slab_free new_slab allocate_slab"
        " alloc_slab_page setup_object* deactivate_slab get_(any_)?partial* get_freelist get_freepointer*"
        " cache_from_obj (un)?freeze_partials put_(cpu_)?partials* free_to_partial_list free_slab discard_slab ksize"
        " alloc_(frozen_)?pages(_*)? alloc_page(_(interleave|vma|mpol)*)? get_page_from_freelist rmqueue*"
        " prep_new_page prep_compound_page post_alloc_hook del_page_from_free_list folio_alloc(_mpol*)?"
        " filemap_alloc_folio get_(free_pages|zeroed_page)"
        " free_(frozen_)?pages?(_(ok|prepare|exact|bulk|core|nolock)*)? free_(one_page|tail_page_prepare) free_unref_*"
        " free_pcppages_bulk page_frag_(free|alloc|cache)* alloc_vmap_area get_vm_area(_*)? k(mem|str|strn|vmem)dup*"
        " v?memdup_* strndup_user mempool_(alloc|free)* mempool_(kmalloc|kfree) pcpu_alloc* alloc_percpu* free_percpu"
        " alloc_skb (netdev_|napi_)alloc_skb* build_skb(_around)? fs_reclaim_(acquire|release)",
    ),
    RoleRow(
        "interfaces that check what they are given",
        "they warn of what a driver hands to them",
        Role.HELPS,
        "usb_submit_urb usb_start_wait_urb usb_internal_control_msg usb_(control|bulk|interrupt)_msg*"
        " kobject_(get|put|cleanup|add_internal|add_varg|add|init|init_and_add|del) proc_(register|create*|mkdir*)"
        " sysfs_(add|create)_*_ns sysfs_do_create_link* internal_create_group* skb_(put|push|put_data)"
        " find_(first|next|last)_((zero|and|andnot|or)_)?bit*",
    ),
    RoleRow(
        "waiting for RCU, work and pages",
        "others do not finish; who waits for them is found below",
        Role.CALLS,
        "synchronize_(s?rcu|net|irq|hardirq)* s?rcu_barrier* rcu_exp_(sel_wait|wait)* sync_rcu_exp_* exp_funnel_lock"
        " wait_rcu_gp* call_s?rcu* kv?free_call_rcu rcutree_enqueue"
        " (start_)?flush_(work|workqueue|delayed_work|rcu_work)* touch_w(ork|q)_lockdep_map cancel_(delayed_)?work*"
        " (dis|en)able_(delayed_)?work* drain_workqueue check_flush_dependency insert_wq_barrier schedule_on_each_cpu"
        " kthread_(stop|park|flush|cancel|create_on_node)* folio_wait_* wait_on_page_* folio_lock(_killable)?"
        " lock_page(_killable|_or_retry)? wait_on_buffer lock_buffer lock_sock percpu_ref_kill*sync do_nanosleep"
        " hrtimer_nanosleep",
    ),
    RoleRow(
        "timers and queues of work",
        "they take what others have not initialised, or freed",
        Role.CALLS,
        "(try_to_)?del_timer* (mod|add|reduce)_timer* timer_(delete|shutdown|reduce)* init_timer_*"
        " (internal_add|enqueue|detach|lock)_(hr)?timer* detach_if_pending hrtimer_(start|cancel|try_to_cancel|init)*"
        " (enqueue|remove)_hrtimer (mod_|queue_)?(delayed_)?work_on (mod|queue|schedule)_(delayed_)?work(_on)?"
        " insert_work init_work delayed_work_timer_fn try_to_grab_pending raise_softirq*",
    ),
    RoleRow(
        "other CPUs",
        "they wait until every CPU has answered, and one did not",
        Role.CALLS,
        "smp_call_function* smp_call_on_cpu csd_* generic_exec_single on_each_cpu* (native_)?flush_tlb_*"
        " arch_tlbbatch_flush kick_all_cpus_sync stop_(machine|one_cpu|cpus|two_cpus)* multi_cpu_stop cpu_stop*"
        " (smp_)?text_poke* arch_jump_label_transform* jump_label_update static_key_(enable|disable|slow)*"
        " membarrier_*expedited",
    ),
    RoleRow(
        "where work begins",
        "they call what others left to be done: workers, softirqs, timers, RCU, tasks that end, booting",
        Role.CALLS,
        "process_(one_work|scheduled_works) worker_thread rescuer_thread bh_worker workqueue_softirq_action"
        " smpboot_thread_fn run_ksoftirqd do_softirq* handle_softirqs invoke_softirq local_bh_(enable|disable)*"
        " rcu_(core*|do_batch|process_callbacks*) rcu_cpu_kthread rcu_gp_(kthread|fqs*|init|cleanup) force_qs_rnp"
        " note_gp_changes rcu_nocb_* process_srcu srcu_(invoke_callbacks|gp_*) rcu_tasks_kthread rcu_boost_kthread"
        " tasklet_(hi_)?action* call_timer_fn expire_timers collect_expired_timers run_timers run_timer_*"
        " timer_expire_remote process_timeout task_work_run get_signal (arch_)?do_signal(_or_restart)? do_exit"
        " do_group_exit make_task_dead irq_thread* kthread_worker_fn do_one_initcall do_initcalls do_basic_setup"
        " kernel_init(_freeable)? do_idle cpu_startup_entry start_secondary* secondary_startup* rest_init"
        " start_kernel* x86_64_start_* (native_|acpi_|pv_native_|xen_)safe_halt xen_hypercall_sched_op acpi_idle_*"
        " default_idle* arch_cpu_idle* cpuidle_* (mwait|intel)_idle*",
    ),
)
