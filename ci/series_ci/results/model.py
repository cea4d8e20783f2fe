"""What a boot of one kernel gave: test results, kernel complaints, and how the guest ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

BOOT_RESULT = "boot"
"""The name of the result that every run has: whether the guest came up and came to its end."""


class Status(StrEnum):
    """The outcome of one test on one kernel.

    Only PASS, FAIL, SKIP and XFAIL were said by the test itself. CRASH means that its result line never came; NOTBUILT
    that its program did not compile in the tree; NOTRUN that the guest ended before its turn; ERROR that it could
    not be set up.
    """

    PASS = "PASS"
    FAIL = "FAIL"
    SKIP = "SKIP"
    XFAIL = "XFAIL"
    TIMEOUT = "TIMEOUT"
    CRASH = "CRASH"
    ERROR = "ERROR"
    NOTBUILT = "NOTBUILT"
    NOTRUN = "NOTRUN"


class Ended(StrEnum):
    """How a guest ended."""

    POWEROFF = "POWEROFF"  # its /init said that all was done
    PANIC = "PANIC"  # it reset itself without having said so
    HANG = "HANG"  # the deadline passed, and we ended it
    LOST = "LOST"  # QEMU itself failed or was killed: nothing is known of the kernel


@dataclass(frozen=True)
class Result:
    """One test on one kernel.

    `name` is the full path, unique in its run: `mm/exit_skip:private_anon.exiting`. `reason` is what the test said
    after `# SKIP`, or why there is no result. `log` are the diagnostic lines that belong to it, without KTAP prefixes.
    `seconds` is how long the guest needed for it, where that was measured; `notes` say in what state it left the guest,
    where that was not as before: a tainted kernel, processes that it left behind. `held` are MiB of memory and swap
    that the guest did not have back after it.
    """

    name: str
    status: Status
    reason: str = ""
    log: tuple[str, ...] = ()
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    held: int = 0


@dataclass(frozen=True)
class Attempt:
    """A guest that came to nothing, in whose place another one was started.

    Its QEMU failed (LOST), or its kernel never reached /init (HANG). `folder` is where its files lie, relative to that
    of the boot; `results` are those that were seen in it, that of the boot itself included where the kernel hung.
    """

    folder: str
    ended: Ended
    why: str
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Splat:
    """One complaint of the kernel.

    `kind` is a short word (`BUG`, `WARNING`, `KASAN`, `EMERG` ...), `title` its first line without time stamp and
    addresses, `fingerprint` a hexadecimal digest that is the same for the same complaint on another boot or build,
    `lines` the text. `trace` are the first few functions of its call trace, without those that only report; `function`
    is the one that is blamed, "" where none is known: the first of the trace, or the second where that only helps
    others. `test` names the test that ran when it came, "" outside of any. `decoded` are the lines with files and line
    numbers in the place of offsets, where a vmlinux was at hand.
    """

    kind: str
    title: str
    fingerprint: str
    lines: tuple[str, ...] = ()
    function: str = ""
    trace: tuple[str, ...] = ()
    test: str = ""
    decoded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """Everything that one boot of one kernel said, with all that is needed to do it again.

    `label` is `base` or the version's label; `commit` names the tested tree; `environment` holds compiler, QEMU version
    and argv, accelerator, config digest; `seconds` is wall time from QEMU's start to its end; `boot_seconds` from its
    start to the first sign of life of the guest's /init (None if it never came); `started` is when QEMU was started
    (aware; None in records that do not have it). `attempts` are the guests that had to be started again.
    """

    label: str
    commit: str
    ended: Ended
    seconds: float
    boot_seconds: float | None
    results: tuple[Result, ...]
    splats: tuple[Splat, ...]
    environment: dict[str, str] = field(default_factory=dict)
    started: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
