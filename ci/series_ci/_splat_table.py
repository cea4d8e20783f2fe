"""How the kernel complains: the first lines of its reports."""

from __future__ import annotations

import re
from typing import NamedTuple


class Shape(NamedTuple):
    """A report's first line: its kind, and how the report goes on.

    `end` is `line` (nothing follows), `next` (nothing, but a report may begin in the next line whose message this is),
    `trace` (a stack trace, and what comes with it), or `rule` (up to a line of `=`).
    A `sure` one is a complaint whatever follows; any other only with a stack trace, or what comes with one, behind it.
    """

    kind: str
    pattern: re.Pattern[str]
    end: str = "trace"
    sure: bool = True


def shaped(kind: str, pattern: str, end: str = "trace", *, sure: bool = True) -> Shape:
    """A shape, of the text of its pattern."""
    return Shape(kind, re.compile(pattern), end, sure)


HINT = re.compile(
    r"BUG|kernel memory [elo]|Unexpected gfp|WARNING: |INFO: |Oops|Kernel (?:panic|bug|memory [elo]|stack)|PANIC"
    r"|UBSAN: |LOCKUP|\[ cut here|\[#[0-9]|Internal error|Unable to handle"
    r"|Unhandled |Unexpected kernel|Unrecoverable |Insufficient stack|Slab c|SError|Synchronous Ext|Bad mode|Bad kernel"
    r"|Bad swap|Unused swap|Badness at|Busy inodes|CFI failure|CSD lock|Corrupt kernel|Kernel Fault|Machine check in"
    r"|Thread overran"
    r"|Out of memory|ASSERT FAILED|Rebooting in|Modules linked in:|\[ end |->next |->prev |NULL|\(size [0-9]"
    r"|ker: (?:leaked ref|reference al|\S+@)|<[02]>|kern *[:.](?:emerg|crit)|zero in kernel\."
    r"|\(see /sys/|\(try booting|\(\): cache|; use-after|; leaking|, entered softirq|jiffies!|Usage count"
    r"|c:\d+: bad p|corruption|gle bit error|general protection|cannot create dup|\*\* DEADLOCK|\] series-ci: "
)
"""A quick look: every first line below contains this, and so do the marks that /init makes between tests. What it
begins with is rare: it is sought in every line."""

END = re.compile(r"---\[ end (?:trace|Kernel panic)")
PANIC = re.compile(r"Kernel panic - not syncing: ?")
RULE = re.compile(r"={20,}$")
CUT = re.compile(r"-+\[ cut here \]-+")
UNDERLINED = re.compile(r"(?:All code|Code starting with the faulting instruction)$")
"""A heading of decode_stacktrace.sh's, whose rule is no report's."""
ASKS = re.compile(r"Sending NMI from CPU \d+ to CPUs? ")
ANSWER = re.compile(r"NMI backtrace for cpu \d+")

FOLLOWS = re.compile(
    r"(?:\w+: )?(?:panic_on_|Fatal exception|Fatal trap|blocked tasks|hung tasks|Hard LOCKUP|RCU Stall|Oops)"
    r"|k[am]san\.(?:panic|fault)|scheduling while atomic"
)
DEATHS = re.compile(r"Attempted to kill|Aiee, killing interrupt")
"""What a panic says when it is the consequence of an earlier complaint; of an oops."""

LEAD = re.compile(
    r"(?:\*\* \d+ printk messages dropped \*\* )?(?:(?:kernel|rcu|watchdog|NMI watchdog|NMI|traps|workqueue|hung_task"
    r"|kasan|kfence|lockdep|sched|mm|slub|usercopy|csd|smp|softirq|sysfs|VFS|EMERG|EXT4-fs|CPU ?\d+): ?)*"
    r"(?:CPU \d+ (?=Unable))?"
)
"""The part of the kernel that speaks; also of boots and tests, so that a line is not suspect for it."""

_LOCKS = (
    r"possible (?:circular|recursive|irq lock)|inconsistent (?:\{\S+\} -> \{\S+\} )?lock state"
    r"|bad (?:unlock balance|contention)|held lock freed|lock held (?:when returning|at task exit)"
    r"|(?:\S+ )?still has locks held|locks? held at|\S+-(?:READ-)?(?:safe|irq-safe) -> |circular locking deadlock"
    r"|Nested lock was not taken|chain_key collision|suspicious (?:RCU|rcu)|[Ii]nvalid wait context"
    r"|trying to register non-static|MAX_LOCK|MAX_STACK_TRACE_ENTRIES|looking up invalid subclass"
    r"|key \S+ has not been registered|.{1,60} lock held at task exit"
)
_AT = r"at [\w./+-]+:\d+|(?:\[.{0,200}\] )?[\w./+-]+:\d+ at \S"
BUG = re.compile(LEAD.pattern + r"BUG[: ]")
"""Never the next line of a report that was begun, but the first of another one."""

ANNOUNCED = re.compile(r"[Uu]nable to handle|NULL pointer dereference|Unhandled (?:fault|prefetch abort)")
NUMBERED = re.compile(r"\[#\d+\]")
"""An oops that was announced comes with its number some lines later."""

WARNING = re.compile(rf"WARNING: (?:CPU: \d+ PID: \d+|{_AT}|\S+\+0x[0-9a-f]+/0x[0-9a-f]+ at )")
UNWINDER = re.compile(
    r"WARNING: (?:kernel stack (?:regs|frame pointer) at .{1,60} has bad |can't (?:access|dereference) registers at "
    r"|stack recursion on stack type )"
)
"""Who walks a stack has lost the way; in the middle of a report that is one of its lines."""

_DIE = (
    r"(?:divide error|invalid opcode|stack segment|double[ -]fault|int3|invalid TSS|segment not present|alignment check"
    r"|bounds|overflow|debug|simd exception|control protection fault|general protection fault|exception)"
    r": [0-9a-f]{4,16} \[#"
)
_SLUB = r"Poison|(?:Left |Right )?Redzone|Object |Invalid|Free|Wrong|Not a valid|No metadata|Padding|Node "

SHAPES = (
    shaped("", CUT.pattern),  # the kind is told by one of the next lines
    shaped("STACK", PANIC.pattern + r"(?:corrupted (?:shadow )?stack|stack-protector|kernel stack overflow)"),
    shaped("OOM", PANIC.pattern + r"(?:System is deadlocked on memory|Out of memory)"),
    shaped("PANIC", r"Kernel panic(?: - |: |$)"),
    # The wrong task: init, or one that was never to be killed.
    shaped("OOM", r"Out of memory.{0,30}: Kill(?:ed)? process (?:1[ ,:(]|\d+ .*oom_score_adj:-1000\b)", "line"),
    shaped("KASAN", r"BUG: KAS[Aa][Nn]: ", "rule"),
    shaped("KCSAN", r"BUG: KCSAN: ", "rule"),
    shaped("KMSAN", r"BUG: KMSAN: ", "rule"),
    shaped("KFENCE", r"BUG: KFENCE: ", "rule"),
    shaped("UBSAN", r"UBSAN: .{1,80} in \S"),
    shaped("LOCKDEP", rf"(?:\[ ?)?(?:WARNING|INFO|BUG): (?:{_LOCKS})"),
    shaped("LOCKDEP", r"\s*\*\*\* DEADLOCK \*"),
    shaped("LOCKUP", r"(?:BUG: )?soft lockup - CPU"),
    shaped("LOCKUP", r"(?:BUG: NMI )?Watchdog (?:CPU:\d+ )?(?:detected )?(?:hard|Hard)? ?LOCKUP"),
    shaped("LOCKUP", r"CPU \d+ (?:self-)?detected (?:hard|Hard) LOCKUP"),
    shaped("LOCKUP", r"Detected non-responsive CSD lock", "line"),
    shaped("STALL", r"INFO: (?:rcu|srcu)\w* (?:self-)?detected (?:expedited )?stall"),
    shaped("STALL", r"(?:INFO: )?rcu\w* kthread (?:starved|timer wakeup)"),
    shaped("STALL", r"BUG: workqueue lockup"),
    shaped("HUNG", r"INFO: task \S.*:\d+ (?:<\S+> )?(?:is )?(?:blocked (?:in|for)|can't die)"),
    shaped("ATOMIC", r"BUG: scheduling (?:while atomic|in a non-blocking)"),
    shaped(
        "ATOMIC", r"BUG: (?:sleeping function called|assuming (?:atomic|non migratable) context|using \S+ in preempt)"
    ),
    shaped("ATOMIC", r"BUG: workqueue leaked"),
    shaped("ATOMIC", r"huh, entered softirq ", "line"),
    shaped("REFCOUNT", r"refcount_t: "),
    shaped("LIST", r"(?:list_add|list_del)\w* (?:corruption|double add)"),
    shaped("PAGE", r"BUG: (?:Bad rss-counter|non-zero (?:pgtables_bytes|nr_p\wds|nr_ptes))", "line"),
    shaped("PAGE", r"BUG: Bad page (?!\w+: \d+ messages suppressed)"),
    shaped("PAGE", r"[\w./+-]+\.c:\d+: bad (?:pgd|p4d|pud|pmd|pte) [0-9a-f]{8}", "line"),
    shaped("PAGE", r"pagealloc: (?:memory corruption|single bit error)"),
    shaped("PAGE", r"\w+: (?:Bad|Unused) swap (?:file|offset) entry", "line"),
    shaped("STACK", r"BUG: .{0,60}stack guard page|Insufficient stack space|Thread overran stack|Corrupt kernel stack"),
    shaped("STACK", r"Kernel stack overflow(?:\.| in process )"),
    shaped("SLAB", rf"BUG [\w:.-]+(?:.{{0,80}}\([^)]*[Tt]ainted|: (?:{_SLUB}))"),
    shaped("SLAB", r"kmem_cache_destroy \S+: Slab cache still has objects"),
    shaped("SLAB", r"[Ss]lab (?:error in \w+\(\): cache|corruption(?: \(.*\))?: )"),
    shaped("CFI", r"CFI failure (?:at )?\S"),
    shaped("OOPS", r"BUG: (?:[Uu]nable to handle|[Kk]ernel NULL pointer)"),
    shaped("OOPS", r"Unable to handle kernel |Unable to handle #VC"),
    shaped("OOPS", r"PANIC: (?:double fault|early exception|invalid or fatal|.{1,80}exit-code 0x)"),
    shaped(
        "OOPS", r"Oops(?:: (?:[0-9a-f]{4,16}\b|Oops: )|\[#| \[#|[: -].{1,100}\[#\d)|general protection fault(?! ip:)"
    ),
    shaped("OOPS", r"Internal error: .{0,80}(?:\[#\d|: [0-9a-f]{8,16}\b)"),
    shaped("OOPS", _DIE),
    shaped("OOPS", r"Kernel bug detected\[#\d+\]"),
    shaped(
        "OOPS", r"[A-Z][\w \-.()',/!?:]{3,70}(?:, sig: \d+ |: [0-9a-f]{4,16} (?:ilc:\d )?|: \d+ )?\[#\d+\]", sure=False
    ),
    shaped("OOPS", r"[a-z][\w \-()]{3,40}: [0-9a-f]{4} (?:ilc:\d )?\[#\d+\]", sure=False),
    shaped("OOPS", r"\S+\(\d+\): (?:Oops|Kernel|Unaligned|TL[01])\b.{0,60}", sure=False),
    # On arm a program's own fault, too, begins so.
    shaped("OOPS", r"Unhandled (?:fault|prefetch abort): .{1,60} \(?0x", sure=False),
    shaped("OOPS", r"Unhandled [\w -]+ exception on CPU|Kernel Fault: Code=\d"),
    shaped("OOPS", r"Unexpected kernel \S+ exception"),
    shaped(
        "OOPS", r"Unrecoverable (?:exception|\S+ Unavailable)|Bad kernel stack pointer|Machine check in kernel mode"
    ),
    shaped("OOPS", r"Division by zero in kernel\."),
    shaped("OOPS", r"SError Interrupt on CPU|Bad mode in .{1,40} (?:handler )?detected|Synchronous External Abort"),
    shaped("LIST", r"kernel BUG at lib/list_debug\.c:"),
    shaped("BUG", r"[Kk]ernel (?:BUG|bug) (?:at |\[)"),
    shaped(
        "USERCOPY", r"(?:Bad or missing usercopy whitelist\? )?[Kk]ernel memory (?:exposure|overwrite|leak) attempt"
    ),
    shaped("WARNING", r"Unexpected gfp: 0x"),
    shaped("WARNING", WARNING.pattern),
    shaped("WARNING", r"Badness at \S+:\d+"),
    shaped("WARNING", UNWINDER.pattern, "line"),
    shaped("WARNING", r"cannot create duplicate filename '", sure=False),
    shaped("LEAK", r"kmemleak: \d+ new suspected memory leaks?", "line"),
    shaped("LEAK", r"BUG: memory leak", sure=False),
    shaped("LEAK", r"unreferenced object (?:\(percpu\) )?0x[0-9a-f]+ \("),
    shaped("LEAK", r"Busy inodes after unmount", "line"),
    shaped("LEAK", r"ref_tracker: (?:\S+ has \d+/\d+ users at|(?:\S+ )?leaked reference|reference already released)"),
    shaped("NETDEV", r"unregister_netdevice: waiting for", "line"),
    shaped("IRQ", r"irq \d+: nobody cared"),
    shaped("PANIC", r"trusty: panic .{0,40}ASSERT FAILED", "line"),
    shaped("BUG", r"BUG: (?:spinlock|rwlock) [a-z]|BUG: KTSAN: |BUG: Dentry .{1,80} still in use"),
)

_NO_BUG = r"(?!\s*(?:Bad page \w+: \d+ messages|\d+ unexpected failures))"
STAMPED_BUG = shaped("BUG", rf"BUG:(?: |$){_NO_BUG}")
"""Any other `BUG:`, under a kernel's time stamp: programs say it too."""

_NO_INFO = r"(?!.*(?:lockdep is turned off|Stall ended|took too long))"
DOUBTFUL = (
    shaped("BUG", rf"BUG:(?: |$){_NO_BUG}", sure=False),
    shaped("OOPS", r"Oops(?::| - )|Internal error: ", sure=False),
    shaped("WARNING", r"WARNING:(?: |$)", sure=False),
    shaped("WARNING", rf"INFO:(?: |$){_NO_INFO}", sure=False),
)
"""Anybody's words. Where a stack trace follows, they are the kernel's."""

INSIDE = re.compile(
    r"(?<![A-Z_#])(?:\[ )?(?:(?:watchdog: )?BUG:? |WARNING: |INFO: |UBSAN: |[Kk]ernel BUG at |Kernel panic - |PANIC: "
    r"|Oops|Internal error: |[Uu]nable to handle |general protection fault|divide error: |stack segment: |int3: "
    r"|invalid opcode: |soft lockup - |Watchdog detected|irq \d+: nobody|refcount_t: |list_(?:add|del) "
    r"|unreferenced object|Insufficient stack|SError Interrupt|Bad mode in |Unhandled |Unexpected kernel |CFI failure"
    r"|-+\[ cut here)"
)
"""Where a first line may begin in the middle of another line, whose end the console has lost."""

HEADLESS = (
    shaped("PANIC", r"---\[ end Kernel panic|Rebooting in \d+ seconds\.\."),
    shaped("WARNING", r"---\[ end trace [0-9a-f]{16} \]---|Modules linked in:"),
)
"""What only comes in reports: where it is the first to be seen, the log begins in the middle of one."""

EVIDENCE = re.compile(
    r"\bPID: \d+ Comm: |Call [Tt]race:|Modules linked in:|RIP: 00[16]0:|---\[ end (?:trace|Kernel)"
    r"|(?<![\w.$])\.?[A-Za-z_][\w.$]*\+0x[0-9a-f]+/0x[0-9a-f]+"
)
"""Only the kernel prints this, behind the first line of a report."""


_ANY = re.compile("|".join(f"(?:{each.pattern.pattern})" for each in (*SHAPES, STAMPED_BUG, *DOUBTFUL)))


def shape(line: str, start: int, *, stamped: bool) -> Shape | None:
    """The kind of report that begins at this place of a line, if one does, perhaps behind the name of who speaks."""
    if lead := LEAD.match(line, start):
        start = lead.end()
    if not _ANY.match(line, start):
        return None
    for each in SHAPES:
        if each.pattern.match(line, start):
            return each
    if stamped and STAMPED_BUG.pattern.match(line, start):
        return STAMPED_BUG
    return next((each for each in DOUBTFUL if each.pattern.match(line, start)), None)


def headless(line: str) -> Shape | None:
    """The kind of report whose middle or end this line is."""
    return next((each for each in HEADLESS if each.pattern.match(line)), None)
