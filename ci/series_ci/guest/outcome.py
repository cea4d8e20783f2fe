"""Read what guests left into results: of the tests that ran, of those that did not, and of the boot itself."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from pathlib import Path

from series_ci.guest import bounded_log
from series_ci.guest.initramfs import GuestTest
from series_ci.guest.qemu import Files
from series_ci.guest.status import Told
from series_ci.guest.taint import BAD_TAINTS, in_words, taints
from series_ci.guest.vm import GuestBoot
from series_ci.results import once
from series_ci.results.ktap import stream
from series_ci.results.model import BOOT_RESULT, Attempt, Ended, Result, Splat, Status
from series_ci.results.quota import Quota
from series_ci.results.splat import find

TAINT = "kernel-taint"
"""The last part of the name of a test's extra result, which says that it tainted the kernel."""

CONSOLE_LINES = 120
"""Lines of the end of the console that are shown for a guest that died."""

_PLACEHOLDER = re.compile(r":?#\d+")


_SAID = frozenset({Status.PASS, Status.FAIL, Status.SKIP, Status.XFAIL})
"""The statuses that a test itself can report."""


@dataclass(frozen=True)
class GuestRun:
    """One guest of a run: how it ended, its files, and the kernel complaints in the lines that its console lost.

    `attempts` are the guests that it replaced, in the order in which they were started.
    """

    boot: GuestBoot
    outputs: Files
    passed: tuple[Splat, ...] = ()
    attempts: tuple[GuestRun, ...] = ()


def results(tests: Sequence[GuestTest], parts: Sequence[GuestRun], notbuilt: Sequence[Result]) -> list[Result]:
    """Return all results of a run: exactly one for each test."""
    quota = Quota([test.name for test in tests])
    taken = [result for part in parts for each in _of_part(tests, part) if (result := quota.take(each))]
    parsed = [*once.results([test.name for test in tests], taken), *quota.dropped()]
    return [_boot_result(tests, parts), *parsed, *_not_run(tests, parsed, parts[-1].boot), *notbuilt]


def splats(tests: Sequence[GuestTest], part: GuestRun) -> list[Splat]:
    """Return the kernel's complaints in a guest and in those that it replaced.

    The panic that was caused to see what a hanging guest was doing is left out.
    """
    lines = bounded_log.lines(part.outputs.console, 0, part.boot.console_end)
    earlier = [found for each in part.attempts for found in splats(tests, each)]
    return [*earlier, *part.passed, *find.find(lines, [test.name for test in tests])]


def attempts(tests: Sequence[GuestTest], parts: Sequence[GuestRun], folder: Path) -> Iterator[Attempt]:
    """Yield the guests of a run that were replaced; `folder` is that of the boot."""
    for each in (attempt for part in parts for attempt in part.attempts):
        where = str(each.outputs.folder.relative_to(folder))
        yield Attempt(where, each.boot.ended, each.boot.why, tuple(_seen(tests, each)))


def _seen(tests: Sequence[GuestTest], attempt: GuestRun) -> list[Result]:
    """Return what a replaced guest says of the kernel: that it hung, or the results of tests before QEMU failed."""
    if attempt.boot.ended is Ended.HANG:
        return [Result(BOOT_RESULT, Status.TIMEOUT, attempt.boot.why)]
    quota = Quota([test.name for test in tests])
    taken = (quota.take(each) for each in _of_part(tests, attempt))
    return [result for result in taken if result and result.status in _SAID]


def _of_part(tests: Sequence[GuestTest], part: GuestRun) -> Iterator[Result]:
    """Yield the results that one guest has written, in its order."""
    told = part.boot.told
    by_name = {test.name: told.get(number) for number, test in enumerate(tests, 1)}
    running = part.boot.running
    died_in = tests[running - 1].name if running and running <= len(tests) else None
    for result in _parsed(part.outputs.results, {test.title for test in tests}):
        if _PLACEHOLDER.fullmatch(result.name):
            continue
        test_status = by_name.get(result.name)
        completed = _completed(result, test_status) if result.name in by_name else result
        yield _died(completed, part.boot) if result.name == died_in else completed
        if test_status and (bad := [bit for bit in taints(_taint(test_status)) if bit[0] in BAD_TAINTS]):
            yield Result(f"{result.name}:{TAINT}", Status.FAIL, f"the kernel was tainted: {in_words(bad)}")


def _parsed(path: Path, titles: Collection[str]) -> Iterator[Result]:
    """Yield the results in the file of a results port; a name without a collection loses the prefix `selftests: `."""
    for result in stream.read(_announcing(bounded_log.lines(path), titles)):
        short = result.name.removeprefix("selftests: ")
        yield result if short is result.name else replace(result, name=short)


def _announcing(lines: Iterable[str], titles: Collection[str]) -> Iterator[str]:
    """Yield the lines with one announcement per test; others, which tests may print, too, become comments."""
    left = set(titles)
    for line in lines:
        if line.startswith("# selftests: "):
            title = line[2:].strip()
            yield line if title in left else f"# {line[1:]}"
            left.discard(title)
        else:
            yield line


def _completed(result: Result, told: Told | None) -> Result:
    """Return a test's result with what /init said of the test; /init writes one `start` and one `done` for it."""
    if told is None:
        return _doubted(result, "/init has not told that it began")
    done = replace(result, seconds=told.seconds, notes=tuple(_notes(told)), held=_held(told))
    if (times := max(told.starts, told.ends)) > 1:
        return replace(done, status=Status.CRASH, reason=f"its beginning or its end was told {times} times")
    return done


def _died(result: Result, boot: GuestBoot) -> Result:
    """Return the result of the test in which the guest ended."""
    if boot.ended is Ended.HANG:
        return replace(result, status=Status.TIMEOUT, reason=f"the guest hung: {boot.why}")
    return _doubted(result, boot.why or "/init has not told that it ended")


def _doubted(result: Result, why: str) -> Result:
    """Return CRASH in place of PASS, SKIP or XFAIL: the line was not written by /init, or before the test had ended."""
    if result.status not in (Status.PASS, Status.SKIP, Status.XFAIL):
        return result
    return replace(result, status=Status.CRASH, reason=f"{result.status} was reported, but {why}")


def _notes(told: Told) -> Iterator[str]:
    for what, *rest in told.notes:
        if what == "left" and rest:
            yield f"left running: {' '.join(rest)}"
        elif what == "taint" and (value := _value(rest)) is not None:
            yield f"tainted the kernel: {in_words(taints(value))}"
    if told.more_notes:
        yield f"{told.more_notes} more notes"


def _taint(told: Told) -> int:
    """Return all bits by which a test tainted the kernel."""
    values = [_value(rest) or 0 for what, *rest in told.notes if what == "taint"]
    return reduce(or_, values, 0)


def _held(told: Told) -> int:
    """Return the most memory that was reported missing after a test, in MiB."""
    return max((_value(rest) or 0 for what, *rest in told.notes if what == "memory"), default=0) // 1024


def _value(words: Sequence[str]) -> int | None:
    return int(words[0]) if len(words) == 1 and re.fullmatch("[0-9]{1,9}", words[0]) else None


def _boot_result(tests: Sequence[GuestTest], parts: Sequence[GuestRun]) -> Result:
    died = [part for part in parts if part.boot.ended is not Ended.POWEROFF]
    before = [f"cut out of the middle: {each}" for part in parts for each in part.boot.cut]
    before += [line for part in parts for attempt in part.attempts for line in _in_vain(attempt)]
    if not died:
        return Result(BOOT_RESULT, Status.PASS, log=tuple(before))
    status = Status.TIMEOUT if died[0].boot.ended is Ended.HANG else Status.CRASH
    why = "; ".join(_where(tests, part) for part in died)
    if len(parts) > 1:
        why += f"; what was left ran in {len(parts) - 1} more"
    return Result(BOOT_RESULT, status, why, tuple(before + [line for part in died for line in _evidence(part)]))


def _in_vain(attempt: GuestRun) -> Iterator[str]:
    """Yield the log lines of a guest that was replaced."""
    yield f"started again ({attempt.outputs.folder.name}): {attempt.boot.why}"
    yield from _evidence(attempt)


def _where(tests: Sequence[GuestTest], part: GuestRun) -> str:
    boot = part.boot
    if boot.running and boot.running <= len(tests):
        return f"{boot.why} (in {tests[boot.running - 1].name})"
    return f"{boot.why} (tests started: {boot.started}, finished: {boot.done})"


def _evidence(part: GuestRun) -> list[str]:
    """Return the end of the console and, for a guest that hung, the registers of its CPUs."""
    console = [line.rstrip() for line in deque(bounded_log.lines(part.outputs.console), CONSOLE_LINES)]
    remains = part.boot.remains
    return [*console, *remains.registers.splitlines(), *filter(None, [remains.trouble])]


def _not_run(tests: Sequence[GuestTest], parsed: Sequence[Result], last: GuestBoot) -> list[Result]:
    """Return a NOTRUN result for each test that no guest started, or whose announcement was lost."""
    known = {result.name for result in parsed}
    lost = [test.name for test in tests if test.name not in known]
    return [Result(name, Status.NOTRUN, f"the guest ended before: {last.why}") for name in lost]
