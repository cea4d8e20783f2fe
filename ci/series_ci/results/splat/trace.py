"""The lines of the kernel's reports after the first one."""

from __future__ import annotations

import re

_NAME = r"(?P<name>\.?[A-Za-z_][\w.$]*(?:::[\w.$]+)*)"
"""A function. The leading dot is how big-endian ppc64 distinguishes code from function descriptors."""

_PLACE = r"(?:\+0x[0-9a-f]| \([\w./+-]+:\d+[ ):])"
"""A place in a function: its offset, or file and line as the kernel's decode_stacktrace.sh writes them."""

_ADDRESS = r"(?:\[?<?[0-9a-fA-F]{8,16}>?\]? +|\[<[^<>]{1,20}>\] +)"
FRAME = re.compile(
    rf"\s*(?:<{{1,2}}/?[A-Z#]{{2,6}}>{{1,2}}\s+)?{_ADDRESS}*(?P<guess>\? )?"
    rf"\(?(?:\[<[0-9a-f]+>\] )?{_NAME}\)?"
    r"(?:\+0x(?P<at>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)| \([\w./+-]+:\d+[ ):]| from (?:\[<[0-9a-f]+>\] \()?[\w.$]+\+0x"
    r"| [\w./+-]+:\d+(?P<inline> \[inline\]|\s*$))"
)
"""A function of a trace. An `inline` one has no frame of its own, and occurs in decoded traces only.

A guess whose offset (`at`) is the very end of a function is a leftover of a pointer to the next function.
"""
INLINED = re.compile(r" [\w./+-]+:\d+ \[inline\](?:, CPU#\d.*)?\s*$")
"""A line that comes again, for the function that this one is inlined into."""
IP = re.compile(
    r"\s*(?:R?IP: (?:(?:0010|e030):)?(?:\[<[0-9a-f]+>\]\s+)*(?::\w+:)?|EIP: (?:0060:)?(?:\[<[0-9a-f]+>\]\s+)?"
    r"|[ER]IP is at |(?:\w+ )?(?:pc|epc) ?: "
    r"(?:[0-9a-f]{8,16} )?|PC is at |NIP \[[0-9a-fA-F]+\] |ERA: [0-9a-f]+ |epc {1,4}: [0-9a-f]+ "
    r"|Krnl PSW : [0-9a-f]+ [0-9a-f]+ \(|TPC: <| ?IAOQ\[0\]: |PC: (?:\[<[0-9a-f]+>\] )?)"
    rf"{_NAME}{_PLACE}"
)
HELD = re.compile(rf".*, at: (?:\[<[^<>]{{1,20}}>\] +)?{_NAME}{_PLACE}")
"""Where a lock was taken: the only functions in a report without a trace."""
ACQUIRES = re.compile(r".{1,80} (?:is trying to (?:acquire lock|lock|acquire)|takes):\s*$")
"""The function in the line after this one takes the lock that the complaint is about."""
ELSEWHERE = re.compile(
    r"\s*(?:[Aa]llocated by|[Ff]reed by|Object at|Allocated:|Freed:|Last potentially|Uninit was|and the second"
    r"|Showing all locks held)"
)
"""What follows happened at another time, or to others: its frames do not identify the complaint."""
CONTEXT = re.compile(r"\s*<{1,2}(?:(?P<end>/[A-Z#0-9]+|EO[A-Z])|[A-Z#0-9]+)>")
"""Where the stack of a task or of an interrupt begins or ends."""
TRACE = re.compile(
    r" ?(?:Call [Tt]race|[Ss]tack backtrace|Backtrace|Stack Trace)\b"
    r"|\s*(?:\[<[0-9a-f]+>\] )?\(?(?:unwind_backtrace|dump_backtrace)\b"  # arm prints no heading
)
GOES_ON = re.compile(
    r"\s*$|\s*</?[A-Z#/ ]{2,6}>|\s*(?:R[A-Z0-9]{1,2}|RIP|RSP|E[A-Z]{2}|CR\d|DR\d|FS|CS|PKRU|ORIG_RAX|[CD]S|Code|CPU|PID"
    r"|Hardware name|Workqueue|Modules linked|Call [Tt]race|Tainted|note|Kernel Offset|Memory Limit|irq event stamp"
    r"|(?:hard|soft)irqs last|page|flags|raw|page dumped|Disabling lock|INFO: lockdep is|addr|file|Object|Slab|Padding"
    r"|[a-z]?p[cs]?|lr|epc|ra|[xsta]\d+|pstate|badaddr|status|cause|FIX|Redzone|Allocated|Freed|backtrace|Sending NMI"
    r"|NMI backtrace|Rebooting|Showing|no locks held|\d+ locks? held|#\d+|#PF|PGD|pgd|task|Process|lock"
    r"|(?:Mem|Data) abort info|ESR|EC|SET|EA|FSC|ISV|CM|(?:swapper|user) pgtable)\b"
    r"|All code$|Code starting with|\s*[0-9a-f]+:\*?\t"  # as decode_stacktrace.sh disassembles it
    r"|---\[|=+$|-+$| [ \t]?\S+: [0-9a-f]{2} "
    # The contents of memory, as several architectures print them.
    r"|(?:Exception s|S)tack(?:\(|: ?(?:\(|$))|\s*(?:[0-9a-f]{4,16}: ?)?(?: ?[0-9a-f]{8,16}\b| \*{8})+ *$"
    r"|(?:SP|FP|LR|PC|[XR]\d+): 0x[0-9a-f]+:$|\[[0-9a-f]{8,16}\] \*?(?:pgd|address)"
    # Which CPUs a stall is about. A recorder may have replaced the tab.
    r"|(?:rcu: )?[\t ?]*(?:\d+-\S+: \(|\((?:detected by|t=)"
    r"|Tasks blocked on|RCU grace-period|Unless rcu|Possible timer)"
)
"""Lines that belong to a report besides its frames."""

NAMED = re.compile(
    rf"(?:WARNING: .{{0,200}}:\d+ (?:at )?|\bin |corrupted in: |CFI failure at |LOCKUP @ |called from ){_NAME}{_PLACE}"
    r"|BUG: KCSAN: .{0,60}race in (?P<racer>[\w.$]+)"
)
"""A first line that names the function or place itself."""

TOLD = re.compile(r"\s*(?:last function: |caller is |preempt=.{1,60} workfn=)" + _NAME + r"(?![\w.$:]| \S+ \[inline\])")
"""A line after the first that names the function to blame, such as that of a worker that returned with a lock held."""

CLONE = r"\.(?:isra|constprop|part|cold|llvm|lto_priv|localalias)(?:\.\d+)?\b"
"""What compilers append to the name of a function that they split or clone."""


_CRATE = re.compile(r"(?<=Cs)[0-9A-Za-z]+(?=_)")
"""What rustc adds to the name of a crate. It differs in each build."""


def bare(function: str) -> str:
    """Return the function's name as in the source."""
    name = re.sub(rf"{CLONE}|\.\d+$", "", function.removeprefix("."))
    return _CRATE.sub("", name) if name.startswith("_R") else name
