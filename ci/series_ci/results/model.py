"""The result of booting one kernel: test results, kernel complaints, and how the guest ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

BOOT_RESULT = "boot"
"""The name of the result that every run has: whether the guest booted and came to its end."""


class Status(StrEnum):
    """The outcome of one test on one kernel.

    The test itself reports only PASS, FAIL, SKIP and XFAIL. CRASH means that its result line never came, NOTBUILT that
    its program did not compile in the tree, NOTRUN that the guest ended before its turn, ERROR that it could not be set
    up.
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

    POWEROFF = "POWEROFF"  # /init reported that all was done
    PANIC = "PANIC"  # the guest reset itself without that report
    HANG = "HANG"  # the deadline passed, and QEMU was killed
    LOST = "LOST"  # QEMU itself failed or was killed: nothing is known of the kernel


@dataclass(frozen=True)
class Result:
    """One test on one kernel.

    `name` is the full path, unique in its run: `mm/exit_skip:private_anon.exiting`. `reason` is what the test said
    after `# SKIP`, or why there is no result. `log` holds its diagnostic lines without KTAP prefixes. `seconds` is the
    duration of the test, None if it was not measured. `notes` tell what changed in the guest's state: a tainted kernel,
    processes that are left. `held` is the memory and swap, in MiB, that was not free again after the test.
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
    """A guest that was given up and replaced by a new one.

    Its QEMU failed (LOST), or its kernel never reached /init (HANG). `folder` holds its files, relative to the folder
    of the boot. `results` are those seen in it, including that of the boot itself if the kernel hung.
    """

    folder: str
    ended: Ended
    why: str
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Splat:
    """One complaint of the kernel.

    `kind` is a short word (`BUG`, `WARNING`, `KASAN`, `EMERG` ...). `title` is the first line without time stamp and
    addresses. `fingerprint` is a hexadecimal digest, equal for the same complaint on another boot or build. `lines` is
    the text. `trace` holds the first few functions of the call trace, without those that only report. `function` is the
    one that is blamed, "" if none is known: the first of the trace, or the second if the first only serves its caller.
    `test` names the test that ran at that time, "" if none did. `decoded` holds the lines with files and line numbers
    in place of offsets, if a vmlinux was at hand.
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
    """Everything that one boot of one kernel reported, and what is needed to repeat it.

    `label` is `base` or the version's label. `commit` names the tested tree. `environment` holds compiler, QEMU version
    and argv, accelerator and config digest. `seconds` is wall time from QEMU's start to its end; `boot_seconds` is the
    time from its start to the first sign of life of the guest's /init, None if that never came. `started` is when QEMU
    was started, with a time zone; None in records without it. `attempts` are the guests that were given up and
    replaced.
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
