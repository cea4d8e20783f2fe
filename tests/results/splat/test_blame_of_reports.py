"""Reports of many kinds and machines, each with the function that a kernel developer would name.

In tests/data/blame, a report begins with a line `=== NAME | KIND | FUNCTION`.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest

from fakes import here
from series_ci.results.splat import find
from series_ci.results.splat.blame import ROWS, is_blamed, is_shown, role
from series_ci.results.splat.role import Role

DATA = here.DATA / "blame"


class Report(NamedTuple):
    name: str
    kind: str
    function: str
    lines: list[str]


def reports() -> list[Report]:
    found = []
    for path in sorted(DATA.glob("*.log")):
        for part in f"\n{path.read_text()}".split("\n=== ")[1:]:
            head, *lines = part.splitlines()
            name, kind, function = head.split(" | ")
            found.append(Report(f"{path.stem}: {name}", kind, function, lines))
    return found


REPORTS = reports()

PRINTERS: dict[str, Callable[[int, str], str]] = {
    "bare": lambda _n, line: line,
    "stamps": lambda n, line: f"[{100 + n / 1e3:12.6f}] {line}",
    "callers": lambda n, line: f"[{100 + n / 1e3:12.6f}][ T1234] {line}",
    "levels": lambda n, line: f"<4>[{100 + n / 1e3:12.6f}] {line}",
}


@pytest.mark.parametrize("printer", PRINTERS)
@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_the_function_that_a_developer_would_name_is_blamed(report: Report, printer: str) -> None:
    (found,) = find.find([PRINTERS[printer](n, line) for n, line in enumerate(report.lines)])
    assert (found.kind, found.function) == (report.kind, report.function)
    assert report.function in found.trace[:3] or found.trace == ()


def test_different_reports_have_different_fingerprints() -> None:
    fingerprints = Counter(find.find(report.lines)[0].fingerprint for report in REPORTS)
    assert set(fingerprints.values()) == {1}
    assert len(REPORTS) > 120


def test_reports_of_two_cpus_are_told_by_their_callers() -> None:
    random.seed(17)
    for one, two in zip(REPORTS, REPORTS[1:] + REPORTS[:1], strict=True):
        queues = {"C0": list(one.lines), "T77": list(two.lines)}
        mixed = []
        while any(queues.values()):
            caller = random.choice([caller for caller, queue in queues.items() if queue])
            mixed.append(f"[   99.000000][{caller:>6}] {queues[caller].pop(0)}")
        found = {(each.kind, each.function) for each in find.find(mixed)}
        assert found == {(one.kind, one.function), (two.kind, two.function)}, (one.name, two.name)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_fingerprint_is_the_same_on_another_boot_and_build(report: Report) -> None:
    other = [re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,16}\b", lambda m: m[0][::-1], line) for line in report.lines]
    other = [re.sub(r"(?<=\w)\+0x([0-9a-f]+)/0x(?!\1\b)", r".isra.0+0x1/0x", line) for line in other]
    other = [re.sub(r"CPU: \d+|PID: \d+|CPU#\d+|T:\d+", lambda m: f"{m[0]}1", line) for line in other]
    one, two = find.find(report.lines)[0], find.find(other)[0]
    assert (one.fingerprint, one.function) == (two.fingerprint, two.function)


def undecoded(line: str) -> str:
    """The line as the kernel had printed it, before its script decoded it."""
    return re.sub(r"\b([a-z_]\w+) \((?:\S+:\d+(?: \(discriminator \d+\))? ?)+\)", r"\1+0x12/0x340", line)


@pytest.mark.parametrize("report", [each for each in REPORTS if "decode_stacktrace" in each.name])
def test_decoded_report_is_the_same_complaint_as_before(report: Report) -> None:
    raw = [undecoded(line) for line in report.lines]
    code = next((n for n, line in enumerate(raw) if line == "All code"), None)
    if code is not None:  # what the script disassembled
        raw[code:] = [line for line in raw[code:] if "\t" not in line and not re.match(r"All code|Code st|=+$", line)]
    assert raw != report.lines
    one, two = find.find(raw)[0], find.find(report.lines)[0]
    assert (one.title, one.fingerprint, one.trace) == (two.title, two.fingerprint, two.trace)
    assert two.lines[-1] == report.lines[-1]


@pytest.mark.parametrize("report", [each for each in REPORTS if "inlined" in each.name], ids=lambda each: each.name)
def test_function_that_only_a_decoder_knows_of_changes_nothing(report: Report) -> None:
    plain = [re.sub(r"(?<=[0-9a-f]) \S+:\d+(?=,|$)", "", line) for line in report.lines if "[inline]" not in line]
    one, two = find.find(plain)[0], find.find(report.lines)[0]
    assert (one.title, one.fingerprint, one.trace) == (two.title, two.fingerprint, two.trace)


def test_every_row_of_the_machinery_has_a_reason_and_matches_what_it_lists() -> None:
    for row in ROWS:
        assert row.part
        assert row.why
        for name in row.names.split():
            if re.fullmatch(r"[\w*]+", name):
                assert role(name.replace("*", "")) is not None, name


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("__kasan_report", Role.REPORTS),
        ("do_tag_check_fault", Role.REPORTS),
        ("__x86_indirect_thunk_rax", Role.REPORTS),
        ("_RNvCscSpY9Juk0HT_7___rustc17rust_begin_unwind", Role.REPORTS),
        ("_RNvNtCs5QSdWC790r4_4core9panicking9panic_fmt", Role.REPORTS),
        ("_RNvNtCs5QSdWC790r4_4core6result13unwrap_failed", Role.REPORTS),
        ("_RNvMNtCsaBcD1234_4rtree4leaf4read", None),
        ("__schedule", Role.WAITS),
        ("asm_exc_page_fault", Role.WAITS),
        ("kmem_cache_alloc_lru_noprof", Role.HELPS),
        ("usb_submit_urb", Role.HELPS),
        ("synchronize_rcu", Role.CALLS),
        ("process_one_work", Role.CALLS),
        ("do_raw_setsockopt", None),
        ("memcpy_extent_buffer", None),
        ("folio_alloc_buffers", None),
        ("kfree_skb", None),
        ("_copy_to_iter", None),
        ("rcu_pending_enqueue", None),
    ],
)
def test_role_of_a_function(function: str, expected: Role | None) -> None:
    assert role(function) is expected


def test_who_waits_or_calls_is_at_fault_where_its_own_instruction_is() -> None:
    for function in ("__schedule", "process_one_work"):
        assert is_blamed(function, own=True)
        assert not is_blamed(function, own=False)
    assert is_shown("process_one_work", own=False)
    assert not is_shown("__schedule", own=False)
    assert not is_blamed("kmalloc", own=True)


INTERRUPTED = """\
WARNING: CPU: 1 PID: 0 at net/walk.c:12 walk_leaf+0x12/0x340
CPU: 1 PID: 0 Comm: swapper/1 Not tainted 6.1.0 #1
RIP: 0010:walk_leaf+0x12/0x340
Call Trace:
 <IRQ>
 walk_branch+0x12/0x340
 net_rx_action+0x12/0x340
 </IRQ>
 <TASK>
 asm_common_interrupt+0x12/0x340
RIP: 0010:{0}+0x12/0x340
 {0}_calls+0x12/0x340
 </TASK>
"""


def test_what_an_interrupt_has_interrupted_does_not_tell_a_complaint_from_others() -> None:
    one, two = (find.find(INTERRUPTED.format(name).splitlines())[0] for name in ("reads", "writes"))
    assert one.fingerprint == two.fingerprint
    assert one.trace == ("walk_leaf", "walk_branch", "net_rx_action")
    lockup = "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [walker:77]"
    three, four = (
        find.find([lockup, *INTERRUPTED.format(name).replace("walk_leaf", "hrtimer_interrupt").splitlines()[1:]])[0]
        for name in ("reads", "writes")
    )
    assert three.fingerprint != four.fingerprint


@pytest.mark.parametrize("mark", ["Showing all locks held in the system:", "NMI backtrace for cpu 0"])
def test_stacks_of_others_do_not_tell_a_hung_task_from_others(mark: str) -> None:
    hung = "INFO: task walker:77 blocked for more than 143 seconds.\nCall Trace:\n schedule+0x1/0x2\n walk+0x1/0x2\n"
    one, two = (find.find(f"{hung}{mark}\nCall Trace:\n {name}+0x1/0x2".splitlines())[0] for name in ("a", "b"))
    assert one.fingerprint == two.fingerprint
    assert one.trace == ("walk",)


def test_guess_is_blamed_where_all_that_is_certain_only_calls_others() -> None:
    log = (
        "BUG: scheduling while atomic: walker/77/0x2\nCall Trace:\n ? walk+0x1/0x2\n do_exit+0x1/0x2\n kthread+0x1/0x2"
    )
    assert find.find(log.splitlines())[0].function == "walk"
    assert find.find(log.replace("? walk", "? schedule").splitlines())[0].function == "do_exit"


def test_trace_goes_on_behind_foreign_lines_while_nobody_is_to_blame() -> None:
    others = "".join(f"usb 1-{number}: new device\n" for number in range(10))
    log = (
        f"BUG: Bad page state in process walker  pfn:1\nCall Trace:\n free_unref_page+0x1/0x2\n{others} walk+0x1/0x2\n"
    )
    (found,) = find.find(log.splitlines())
    assert (found.function, found.trace) == ("walk", ("free_unref_page", "walk"))


def test_trace_has_the_one_to_blame_however_many_are_passed_over() -> None:
    helpers = "".join(
        f" kmalloc_{n}+0x1/0x2\n" for n in ("node", "trace", "order", "large", "reserve", "bulk", "cache")
    )
    log = f"BUG: sleeping function called from invalid context at mm/x.c:1\nCall Trace:\n{helpers} walk+0x1/0x2\n"
    (found,) = find.find(log.splitlines())
    assert (found.function, found.trace) == ("walk", ("kmalloc_node", "walk"))


def test_blank_before_a_call_trace_changes_nothing() -> None:
    for report in REPORTS:
        lines = [re.sub(r"^(?=Call [Tt]race|stack backtrace)", " ", line) for line in report.lines]
        assert find.find(report.lines)[0].trace == find.find(lines)[0].trace, report.name
