"""The first lines of the kernel's complaints."""

from __future__ import annotations

import re
from typing import NamedTuple


class Shape(NamedTuple):
    """A report's first line: its kind, and how the report continues.

    `end` is `line` (nothing follows), `next` (nothing follows, but the line may be the message of a report that begins
    with the next line), `trace` (a stack trace follows, and what comes with it), or `rule` (the report ends with a line
    of `=`). If `sure`, it is a complaint whatever follows; otherwise only if a stack trace, or what comes with one,
    follows.
    """

    kind: str
    pattern: re.Pattern[str]
    end: str = "trace"
    sure: bool = True


def _shape(kind: str, pattern: str, end: str = "trace", *, sure: bool = True) -> Shape:
    return Shape(kind, re.compile(pattern), end, sure)


HINT = re.compile(
    r"BUG|kernel memory [elo]|Unexpected gfp|WARNING: |INFO: |Oops|Kernel (?:panic|bug|memory [elo]|stack)|PANIC"
    r"|UBSAN: |LOCKUP|\[ cut here|\[#[0-9]|Internal error|Unable to handle"
    r"|Unhandled |Unexpected kernel|Unrecoverable |Insufficient stack|Slab c|SError|Synchronous Ext|Bad mode|Bad kernel"
    r"|Bad swap|Unused swap|Badness at|Busy inodes|CFI failure|CSD lock|Corrupt kernel|Kernel Fault|Machine check in"
    r"|Thread overran|double add: "
    r"|Out of memory|ASSERT FAILED|Rebooting in|Modules linked in:|\[ end |->next |->prev |NULL|\(size [0-9]"
    r"|ker: (?:leaked ref|reference al|\S+@)|<[02]>|kern *[:.](?:emerg|crit)|zero in kernel\."
    r"|\(see /sys/|\(try booting|\(\): cache|; use-after|; leaking|, entered softirq|jiffies!|Usage count"
    r"|c:\d+: bad p|corruption|gle bit error|general protection|cannot create dup|\*\* DEADLOCK|\] series-ci: "
)
"""A quick test: every first line below contains this, and so do the marks that /init writes between tests.

It is searched for in every line, so each alternative begins with something rare.
"""

END = re.compile(r"---\[ end (?:trace|Kernel panic)")
PANIC = re.compile(r"Kernel panic - not syncing: ?")
RULE = re.compile(r"={20,}$")
CUT = re.compile(r"-+\[ cut here \]-+")
UNDERLINED = re.compile(r"(?:All code|Code starting with the faulting instruction)$")
"""A heading of decode_stacktrace.sh. The rule below it does not belong to a report."""
ASKS = re.compile(r"Sending NMI from CPU \d+ to CPUs? ")
ANSWER = re.compile(r"NMI backtrace for cpu \d+")

FOLLOWS = re.compile(
    r"(?:\w+: )?(?:panic_on_|Fatal exception|Fatal trap|blocked tasks|hung tasks|Hard LOCKUP|RCU Stall|Oops)"
    r"|k[am]san\.(?:panic|fault)|scheduling while atomic"
)
DEATHS = re.compile(r"Attempted to kill|Aiee, killing interrupt")
"""FOLLOWS and DEATHS are the reasons of a panic that follows from an earlier complaint; DEATHS, from an oops."""

LEAD = re.compile(
    r"(?:\*\* \d+ printk messages dropped \*\* )?(?:(?:kernel|rcu|watchdog|NMI watchdog|NMI|traps|workqueue|hung_task"
    r"|kasan|kfence|lockdep|sched|mm|slub|usercopy|csd|smp|softirq|sysfs|VFS|EMERG|EXT4-fs|CPU ?\d+): ?)*"
    r"(?:CPU \d+ (?=Unable))?"
)
"""The part of the kernel that prints the line. Boot and test messages have this too, so it makes no line suspect."""

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
"""Begins a report; it never continues one."""

ANNOUNCED = re.compile(r"[Uu]nable to handle|NULL pointer dereference|Unhandled (?:fault|prefetch abort)")
NUMBERED = re.compile(r"\[#\d+\]")
"""The number of an oops. If the oops was announced, its number comes some lines later."""

WARNING = re.compile(rf"WARNING: (?:CPU: \d+ PID: \d+|{_AT}|\S+\+0x[0-9a-f]+/0x[0-9a-f]+ at )")
UNWINDER = re.compile(
    r"WARNING: (?:kernel stack (?:regs|frame pointer) at .{1,60} has bad |can't (?:access|dereference) registers at "
    r"|stack recursion on stack type )"
)
"""The stack unwinder has lost its way. In the middle of a report, this is one of the report's lines."""

_DIE = (
    r"(?:divide error|invalid opcode|stack segment|double[ -]fault|int3|invalid TSS|segment not present|alignment check"
    r"|bounds|overflow|debug|simd exception|control protection fault|general protection fault|exception)"
    r": [0-9a-f]{4,16} \[#"
)
_SLUB = r"Poison|(?:Left |Right )?Redzone|Object |Invalid|Free|Wrong|Not a valid|No metadata|Padding|Node "

SHAPES = (
    _shape("", CUT.pattern),  # one of the next lines says which kind it is
    _shape("STACK", PANIC.pattern + r"(?:corrupted (?:shadow )?stack|stack-protector|kernel stack overflow)"),
    _shape("OOM", PANIC.pattern + r"(?:System is deadlocked on memory|Out of memory)"),
    _shape("PANIC", r"Kernel panic(?: - |: |$)"),
    # The OOM killer chose the wrong task: init, or one that must never be killed.
    _shape("OOM", r"Out of memory.{0,30}: Kill(?:ed)? process (?:1[ ,:(]|\d+ .*oom_score_adj:-1000\b)", "line"),
    _shape("KASAN", r"BUG: KAS[Aa][Nn]: ", "rule"),
    _shape("KCSAN", r"BUG: KCSAN: ", "rule"),
    _shape("KMSAN", r"BUG: KMSAN: ", "rule"),
    _shape("KFENCE", r"BUG: KFENCE: ", "rule"),
    _shape("UBSAN", r"UBSAN: .{1,80} in \S"),
    _shape("LOCKDEP", rf"(?:\[ ?)?(?:WARNING|INFO|BUG): (?:{_LOCKS})"),
    _shape("LOCKDEP", r"\s*\*\*\* DEADLOCK \*"),
    _shape("LOCKUP", r"(?:BUG: )?soft lockup - CPU"),
    _shape("LOCKUP", r"(?:BUG: NMI )?Watchdog (?:CPU:\d+ )?(?:detected )?(?:hard|Hard)? ?LOCKUP"),
    _shape("LOCKUP", r"CPU \d+ (?:self-)?detected (?:hard|Hard) LOCKUP"),
    _shape("LOCKUP", r"Detected non-responsive CSD lock", "line"),
    _shape("STALL", r"INFO: (?:rcu|srcu)\w* (?:self-)?detected (?:expedited )?stall"),
    _shape("STALL", r"(?:INFO: )?rcu\w* kthread (?:starved|timer wakeup)"),
    _shape("STALL", r"BUG: workqueue lockup"),
    _shape("HUNG", r"INFO: task \S.*:\d+ (?:<\S+> )?(?:is )?(?:blocked (?:in|for)|can't die)"),
    _shape("ATOMIC", r"BUG: scheduling (?:while atomic|in a non-blocking)"),
    _shape(
        "ATOMIC", r"BUG: (?:sleeping function called|assuming (?:atomic|non migratable) context|using \S+ in preempt)"
    ),
    _shape("ATOMIC", r"BUG: workqueue leaked"),
    _shape("ATOMIC", r"huh, entered softirq ", "line"),
    _shape("REFCOUNT", r"refcount_t: "),
    _shape("LIST", r"(?:list_add|list_del)\w* (?:corruption|double add)"),
    _shape("PAGE", r"BUG: (?:Bad rss-counter|non-zero (?:pgtables_bytes|nr_p\wds|nr_ptes))", "line"),
    _shape("PAGE", r"BUG: Bad page (?!\w+: \d+ messages suppressed)"),
    _shape("PAGE", r"[\w./+-]+\.c:\d+: bad (?:pgd|p4d|pud|pmd|pte) [0-9a-f]{8}", "line"),
    _shape("PAGE", r"pagealloc: (?:memory corruption|single bit error)"),
    _shape("PAGE", r"\w+: (?:Bad|Unused) swap (?:file|offset) entry", "line"),
    _shape("STACK", r"BUG: .{0,60}stack guard page|Insufficient stack space|Thread overran stack|Corrupt kernel stack"),
    _shape("STACK", r"Kernel stack overflow(?:\.| in process )"),
    _shape("SLAB", rf"BUG [\w:.-]+(?:.{{0,80}}\([^)]*[Tt]ainted|: (?:{_SLUB}))"),
    _shape("SLAB", r"kmem_cache_destroy \S+: Slab cache still has objects"),
    _shape("SLAB", r"[Ss]lab (?:error in \w+\(\): cache|corruption(?: \(.*\))?: )"),
    _shape("CFI", r"CFI failure (?:at )?\S"),
    _shape("OOPS", r"BUG: (?:[Uu]nable to handle|[Kk]ernel NULL pointer)"),
    _shape("OOPS", r"Unable to handle kernel |Unable to handle #VC"),
    _shape("OOPS", r"PANIC: (?:double fault|early exception|invalid or fatal|.{1,80}exit-code 0x)"),
    _shape(
        "OOPS", r"Oops(?:: (?:[0-9a-f]{4,16}\b|Oops: )|\[#| \[#|[: -].{1,100}\[#\d)|general protection fault(?! ip:)"
    ),
    _shape("OOPS", r"Internal error: .{0,80}(?:\[#\d|: [0-9a-f]{8,16}\b)"),
    _shape("OOPS", _DIE),
    _shape("OOPS", r"Kernel bug detected\[#\d+\]"),
    _shape(
        "OOPS", r"[A-Z][\w \-.()',/!?:]{3,70}(?:, sig: \d+ |: [0-9a-f]{4,16} (?:ilc:\d )?|: \d+ )?\[#\d+\]", sure=False
    ),
    _shape("OOPS", r"[a-z][\w \-()]{3,40}: [0-9a-f]{4} (?:ilc:\d )?\[#\d+\]", sure=False),
    _shape("OOPS", r"\S+\(\d+\): (?:Oops|Kernel|Unaligned|TL[01])\b.{0,60}", sure=False),
    # On arm the report of a program's own fault begins like this, too.
    _shape("OOPS", r"Unhandled (?:fault|prefetch abort): .{1,60} \(?0x", sure=False),
    _shape("OOPS", r"Unhandled [\w -]+ exception on CPU|Kernel Fault: Code=\d"),
    _shape("OOPS", r"Unexpected kernel \S+ exception"),
    _shape(
        "OOPS", r"Unrecoverable (?:exception|\S+ Unavailable)|Bad kernel stack pointer|Machine check in kernel mode"
    ),
    _shape("OOPS", r"Division by zero in kernel\."),
    _shape("OOPS", r"SError Interrupt on CPU|Bad mode in .{1,40} (?:handler )?detected|Synchronous External Abort"),
    _shape("LIST", r"kernel BUG at lib/list_debug\.c:"),
    _shape("BUG", r"[Kk]ernel (?:BUG|bug) (?:at |\[)"),
    _shape(
        "USERCOPY", r"(?:Bad or missing usercopy whitelist\? )?[Kk]ernel memory (?:exposure|overwrite|leak) attempt"
    ),
    _shape("WARNING", r"Unexpected gfp: 0x"),
    _shape("WARNING", WARNING.pattern),
    _shape("WARNING", r"Badness at \S+:\d+"),
    _shape("WARNING", UNWINDER.pattern, "line"),
    _shape("WARNING", r"cannot create duplicate filename '", sure=False),
    _shape("LEAK", r"kmemleak: \d+ new suspected memory leaks?", "line"),
    _shape("LEAK", r"BUG: memory leak", sure=False),
    _shape("LEAK", r"unreferenced object (?:\(percpu\) )?0x[0-9a-f]+ \("),
    _shape("LEAK", r"Busy inodes after unmount", "line"),
    _shape("LEAK", r"ref_tracker: (?:\S+ has \d+/\d+ users at|(?:\S+ )?leaked reference|reference already released)"),
    _shape("NETDEV", r"unregister_netdevice: waiting for", "line"),
    _shape("IRQ", r"irq \d+: nobody cared"),
    _shape("PANIC", r"trusty: panic .{0,40}ASSERT FAILED", "line"),
    _shape("BUG", r"BUG: (?:spinlock|rwlock) [a-z]|BUG: KTSAN: |BUG: Dentry .{1,80} still in use"),
)

_NO_BUG = r"(?!\s*(?:Bad page \w+: \d+ messages|\d+ unexpected failures))"
STAMPED_BUG = _shape("BUG", rf"BUG:(?: |$){_NO_BUG}")
"""Any other `BUG:` with the kernel's time stamp: programs print `BUG:` too."""

_NO_INFO = r"(?!.*(?:lockdep is turned off|Stall ended|took too long))"
DOUBTFUL = (
    _shape("BUG", rf"BUG:(?: |$){_NO_BUG}", sure=False),
    _shape("OOPS", r"Oops(?::| - )|Internal error: ", sure=False),
    _shape("WARNING", r"WARNING:(?: |$)", sure=False),
    _shape("WARNING", rf"INFO:(?: |$){_NO_INFO}", sure=False),
)
"""First lines that a program may print as well. If a stack trace follows, they are the kernel's."""

INSIDE = re.compile(
    r"(?<![A-Z_#])(?:\[ )?(?:(?:watchdog: )?BUG:? |WARNING: |INFO: |UBSAN: |[Kk]ernel BUG at |Kernel panic - |PANIC: "
    r"|Oops|Internal error: |[Uu]nable to handle |general protection fault|divide error: |stack segment: |int3: "
    r"|invalid opcode: |soft lockup - |Watchdog detected|irq \d+: nobody|refcount_t: |list_(?:add|del) "
    r"|unreferenced object|Insufficient stack|SError Interrupt|Bad mode in |Unhandled |Unexpected kernel |CFI failure"
    r"|-+\[ cut here)"
)
"""Where a first line may begin in the middle of another line, whose end the console has lost."""

HEADLESS = (
    _shape("PANIC", r"---\[ end Kernel panic|Rebooting in \d+ seconds\.\."),
    _shape("WARNING", r"---\[ end trace [0-9a-f]{16} \]---|Modules linked in:"),
)
"""Lines that occur only in reports. If one is seen first, the log begins in the middle of a report."""

EVIDENCE = re.compile(
    r"\bPID: \d+ Comm: |Call [Tt]race:|Modules linked in:|RIP: 00[16]0:|---\[ end (?:trace|Kernel)"
    r"|(?<![\w.$])\.?[A-Za-z_][\w.$]*\+0x[0-9a-f]+/0x[0-9a-f]+"
)
"""Only the kernel prints this after the first line of a report."""


_ANY = re.compile("|".join(f"(?:{each.pattern.pattern})" for each in (*SHAPES, STAMPED_BUG, *DOUBTFUL)))


def shape(line: str, start: int, *, stamped: bool) -> Shape | None:
    """Return the shape of the report that begins at `start`, or after the LEAD there, or None."""
    if lead := LEAD.match(line, start):
        start = lead.end()
    if not _ANY.match(line, start):
        return None
    for candidate in SHAPES:
        if candidate.pattern.match(line, start):
            return candidate
    if stamped and STAMPED_BUG.pattern.match(line, start):
        return STAMPED_BUG
    return next((candidate for candidate in DOUBTFUL if candidate.pattern.match(line, start)), None)


def headless(line: str) -> Shape | None:
    """Return the shape of the report whose middle or end this line is, or None."""
    return next((candidate for candidate in HEADLESS if candidate.pattern.match(line)), None)
