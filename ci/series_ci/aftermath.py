"""What a guest left behind, read into results: of the tests, of those it never got to, and of the boot itself."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from series_ci import growing, ktap, splat, watch
from series_ci.guest import Test
from series_ci.machine import Files
from series_ci.results import BOOT_RESULT, Ended, Result, Splat, Status
from series_ci.vm import Boot

TAINT = "kernel-taint"
"""The last part of the name of a result that a test only has if the kernel was tainted while it ran."""

CONSOLE_LINES = 120
"""How much of a console's end is shown with a guest that died."""

_PLACEHOLDER = re.compile(r":?#\d+")

_TAINTS = (
    ("P", "a proprietary module was loaded"),
    ("F", "a module was loaded by force"),
    ("S", "the CPU is out of specification"),
    ("R", "a module was unloaded by force"),
    ("M", "the CPU reported a machine check"),
    ("B", "a page was in a bad state"),
    ("U", "user space asked for it"),
    ("D", "the kernel died: an oops or BUG"),
    ("A", "an ACPI table was overridden"),
    ("W", "a warning was issued"),
    ("C", "a staging driver was loaded"),
    ("I", "a bug of the firmware was worked around"),
    ("O", "a module from outside of the tree was loaded"),
    ("E", "an unsigned module was loaded"),
    ("L", "a soft lockup happened"),
    ("K", "the kernel was live-patched"),
    ("X", "the distributor says so"),
    ("T", "struct randomisation"),
    ("N", "an in-kernel test ran"),
    ("J", "a fwctl device was used to debug"),
)
"""By the number of the bit, as Documentation/admin-guide/tainted-kernels.rst has them."""

_BAD_TAINTS = frozenset("MBDWL")
"""Those that mean that something went wrong."""


@dataclass(frozen=True)
class Part:
    """One guest of a run: how it ended, what it left, and the complaints in what its console lost."""

    boot: Boot
    outputs: Files
    passed: tuple[Splat, ...] = ()


@dataclass
class Told:
    """What /init told of one test: when it began and how long it took, in seconds, and how it left the guest."""

    began: float
    seconds: float | None = None
    notes: list[str] = field(default_factory=list)
    taint: int = 0


def results(tests: Sequence[Test], parts: Sequence[Part], notbuilt: Sequence[Result]) -> list[Result]:
    """All results of a run: nothing that should have one is without."""
    parsed = [result for part in parts for result in _of_part(tests, part)]
    return [_boot_result(tests, parts), *parsed, *_not_run(tests, parsed, parts[-1].boot), *notbuilt]


def splats(tests: Sequence[Test], part: Part) -> list[Splat]:
    """The kernel's complaints in a guest; not among them is the panic that we caused to see what it was doing."""
    lines = growing.lines(part.outputs.console, 0, part.boot.console_end)
    return [*part.passed, *splat.find(lines, [test.name for test in tests])]


def _of_part(tests: Sequence[Test], part: Part) -> list[Result]:
    # A name without a collection comes back as it was announced.
    parsed = ktap.parse(growing.lines(part.outputs.results))
    found = [replace(result, name=result.name.removeprefix("selftests: ")) for result in parsed]
    said_of = told(part.outputs.status)
    by_name = {tests[number - 1].name: each for number, each in said_of.items() if 0 < number <= len(tests)}
    running = part.boot.running
    died_in = tests[running - 1].name if running and running <= len(tests) else None
    hung = {died_in} if part.boot.ended is Ended.HANG else set()
    complete = []
    for result in found:
        if _PLACEHOLDER.fullmatch(result.name):
            continue
        said = by_name.get(result.name)
        complete.append(_completed(result, said, part.boot.why if result.name in hung else ""))
        if said and (bad := [each for each in taints(said.taint) if each[0] in _BAD_TAINTS]):
            complete.append(Result(f"{result.name}:{TAINT}", Status.FAIL, f"the kernel was tainted: {_in_words(bad)}"))
    return complete


def _completed(result: Result, told: Told | None, hang: str) -> Result:
    """A result with all that is known of it beside its line."""
    if hang:
        result = replace(result, status=Status.TIMEOUT, reason=f"the guest hung: {hang}")
    return replace(result, seconds=told.seconds, notes=tuple(told.notes)) if told else result


def taints(bits: int) -> list[tuple[str, str]]:
    """The letters and meanings of a value of /proc/sys/kernel/tainted."""
    return [each for number, each in enumerate(_TAINTS) if bits >> number & 1]


def _in_words(found: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{letter} ({why})" for letter, why in found)


def told(status: Path) -> dict[int, Told]:
    """By the number of the test, what /init told on its status port. Foreign lines do not count."""
    found: dict[int, Told] = {}
    for line in watch.words(status):
        match line:
            case ["start", at, number, *_] if _is_time(at) and number.isdecimal():
                found[int(number)] = Told(float(at))
            case ["done", at, number] if _is_time(at) and number.isdecimal() and int(number) in found:
                each = found[int(number)]
                each.seconds = round(float(at) - each.began, 2)
            case ["note", number, what, *rest] if number.isdecimal() and int(number) in found:
                _note(found[int(number)], what, rest)
    return found


def _is_time(word: str) -> bool:
    return re.fullmatch(r"\d{1,9}\.\d{1,9}", word) is not None


def _note(told: Told, what: str, rest: Sequence[str]) -> None:
    if what == "left" and rest:
        told.notes.append(f"left running: {' '.join(rest)}")
    if what not in ("memory", "taint") or len(rest) != 1 or not rest[0].isdecimal():
        return
    value = int(rest[0])
    if what == "memory":
        told.notes.append(f"did not give back {value // 1024} MiB of memory and swap")
    else:
        told.taint = value
        told.notes.append(f"tainted the kernel: {_in_words(taints(value))}")


def _boot_result(tests: Sequence[Test], parts: Sequence[Part]) -> Result:
    died = [part for part in parts if part.boot.ended is not Ended.POWEROFF]
    cut = [f"cut out of the middle: {each}" for part in parts for each in part.boot.cut]
    if not died:
        return Result(BOOT_RESULT, Status.PASS, log=tuple(cut))
    status = Status.TIMEOUT if died[0].boot.ended is Ended.HANG else Status.CRASH
    why = "; ".join(_where(tests, part) for part in died)
    if len(parts) > 1:
        why += f"; what was left ran in {len(parts) - 1} more"
    return Result(BOOT_RESULT, status, why, tuple(cut + [line for part in died for line in _evidence(part)]))


def _where(tests: Sequence[Test], part: Part) -> str:
    boot = part.boot
    if boot.running and boot.running <= len(tests):
        return f"{boot.why} (in {tests[boot.running - 1].name})"
    return f"{boot.why} (tests started: {boot.started}, finished: {boot.done})"


def _evidence(part: Part) -> list[str]:
    """The end of the console, and of a guest that hung what its CPUs were doing."""
    console = [line.rstrip() for line in deque(growing.lines(part.outputs.console), CONSOLE_LINES)]
    remains = part.boot.remains
    return [*console, *remains.registers.splitlines(), *filter(None, [remains.trouble])]


def _not_run(tests: Sequence[Test], parsed: Sequence[Result], last: Boot) -> list[Result]:
    """The tests that no guest got to, or whose very beginning was lost."""
    known = {result.name for result in parsed}
    lost = [test.name for test in tests if test.name not in known]
    return [Result(name, Status.NOTRUN, f"the guest ended before: {last.why}") for name in lost]
