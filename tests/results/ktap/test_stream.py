from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import here
from series_ci.results.ktap import stream
from series_ci.results.logline import plain
from series_ci.results.model import Result, Status

DATA = here.DATA / "ktap"
TREE = os.environ.get("SERIES_CI_KERNEL_TREE", "")


def read(text: str) -> list[Result]:
    return stream.parse(text.strip("\n").splitlines())


def short(results: list[Result]) -> list[str]:
    return [f"{each.status} {each.name}" for each in results]


def child(line: str) -> str:
    """A result line of a program, in a report that is complete but for that line."""
    return f"TAP version 13\n1..1\n# selftests: mm: prog\n# TAP version 13\n# {line}\nok 1 selftests: mm: prog"


RESULT_LINES = {
    "ok 1 a": ("PASS", "mm/prog:a", ""),
    "not ok 1 a": ("FAIL", "mm/prog:a", ""),
    "ok 1 - a": ("PASS", "mm/prog:a", ""),
    "ok a": ("PASS", "mm/prog:a", ""),
    "not ok - a b": ("FAIL", "mm/prog:a b", ""),
    "ok 77 a": ("PASS", "mm/prog:a", ""),
    "ok 1": ("PASS", "mm/prog:#1", ""),
    "ok 1  a \t b ": ("PASS", "mm/prog:a b", ""),
    "ok 1 map at 0x7f12ab34cd56": ("PASS", "mm/prog:map at 0x7f12ab34cd56", ""),
    "ok 1 a #5 b": ("PASS", "mm/prog:a #5 b", ""),
    "ok 1 prog.fixture.case": ("PASS", "mm/prog:fixture.case", ""),
    "ok 1 prog.": ("PASS", "mm/prog:prog.", ""),
    "ok 1 programme.case": ("PASS", "mm/prog:programme.case", ""),
    "ok 1 a # SKIP no swap": ("SKIP", "mm/prog:a", "no swap"),
    "not ok 1 a # SKIP no swap": ("SKIP", "mm/prog:a", "no swap"),
    "ok 1 a # skipped: no swap": ("SKIP", "mm/prog:a", "no swap"),
    "ok 1 a #SKIP": ("SKIP", "mm/prog:a", ""),
    "ok 1 # SKIP named after the directive": ("SKIP", "mm/prog:named after the directive", "named after the directive"),
    "ok 1 # SKIP": ("SKIP", "mm/prog:#1", ""),
    "ok 1 # XFAIL known": ("XFAIL", "mm/prog:known", "known"),
    "ok 1 a # XFAIL known": ("XFAIL", "mm/prog:a", "known"),
    "not ok 1 a # XFAIL known": ("XFAIL", "mm/prog:a", "known"),
    "ok 1 a # TODO later": ("PASS", "mm/prog:a", "later"),
    "not ok 1 a # TODO later": ("XFAIL", "mm/prog:a", "later"),
    "not ok 1 a # TIMEOUT 30 seconds": ("TIMEOUT", "mm/prog:a", "30 seconds"),
    "not ok 1 a # ERROR set-up": ("ERROR", "mm/prog:a", "set-up"),
    "not ok 1 # error fork failed": ("ERROR", "mm/prog:fork failed", "fork failed"),
    "ok 1 a # XPASS unexpected": ("PASS", "mm/prog:a", "XPASS unexpected"),
    "not ok 1 a # exit=1": ("FAIL", "mm/prog:a", "exit=1"),
    "not ok 1 a # exit=4": ("SKIP", "mm/prog:a", "exit=4"),
    "ok 1 a # rcode=0": ("PASS", "mm/prog:a", "rcode=0"),
    "ok 1 a # skip=3 of 4": ("PASS", "mm/prog:a", "skip=3 of 4"),
    "not ok 1 a #  message": ("FAIL", "mm/prog:a", "message"),
}

NOT_RESULTS = [
    "okay 1 a",
    "ok",
    "ok.",
    "nok 1 a",
    "OK  a",
    "  ok",
    "      ok 1 too deep for a level that nothing declared",
    "it is ok 1 a",
    "not  ok 1 a",
    "#ok 1 a",
    "ok 1 a[   12.345678] BUG: something",
    "ok 1 a[    T7] b",
    "ok 1 a------------[ cut here ]------------",
    "ok 1 a\0\0\0",
    "ok 1 aok 2 selftests: mm: other",
    "ok 1 aTAP version 13",
]


@pytest.mark.parametrize("line", RESULT_LINES)
def test_result_line(line: str) -> None:
    status, name, reason = RESULT_LINES[line]
    first, parent = read(child(line))
    assert (first.status, first.name, first.reason) == (status, name, reason)
    assert (parent.status, parent.name) == (Status.PASS, "mm/prog")


@pytest.mark.parametrize("line", NOT_RESULTS)
def test_text_is_no_result(line: str) -> None:
    assert short(read(child(line))) == ["PASS mm/prog"]


def test_words_after_ok_are_no_result_where_nothing_was_declared() -> None:
    assert read("ok then\nnot ok at all") == []
    assert short(read("# selftests: mm: x\n# ok then\nok 1 selftests: mm: x")) == ["PASS mm/x"]
    assert short(read("# ok 1 a\n# ok then\nok 1 x")) == ["PASS x:a", "PASS x"]


def test_coloured_verdict() -> None:
    assert short(read("1..1\n\x1b[1;32mok\x1b[0m 1 a")) == ["PASS a"]


def test_tabs_and_spaces_are_compared_by_column() -> None:
    log = "KTAP version 1\n1..1\n    KTAP version 1\n\tKTAP version 1\n\tok 1 a\n    ok 1 b\nok 1 c"
    assert short(read(log)) == ["PASS c:b/a", "PASS c:b", "PASS c"]


def test_harness_before_6_9_names_a_skipped_test_only_where_it_starts() -> None:
    log = (
        "# selftests: mm: x\n# 1..2\n# #  RUN           x.shmem.exiting ...\n# #      SKIP      needs swap\n"
        "# ok 1 # SKIP needs swap\n# #  RUN           x.memfd.exiting ...\n# ok 2 # SKIP needs swap\n"
        "ok 1 selftests: mm: x"
    )
    results = read(log)
    assert short(results) == ["SKIP mm/x:shmem.exiting", "SKIP mm/x:memfd.exiting", "PASS mm/x"]
    assert {each.reason for each in results[:2]} == {"needs swap"}
    # A name of its own counts for more.
    assert short(read("1..1\n#  RUN           x.a ...\nok 1 x.b # SKIP why")) == ["SKIP x.b"]


def test_runner_log() -> None:
    results = stream.parse((DATA / "runner.log").read_text().splitlines())
    assert short(results) == [
        "PASS mm/exit_skip:private_anon.exiting",
        "FAIL mm/exit_skip:shmem.exiting",
        "SKIP mm/exit_skip:swap.exiting",
        "FAIL mm/exit_skip",
        "PASS mm/run_vmtests.sh:cow/child sees the old page",
        "SKIP mm/run_vmtests.sh:cow/parent sees the old page",
        "PASS mm/run_vmtests.sh:cow",
        "PASS mm/run_vmtests.sh:gup_test -u/fast",
        "CRASH mm/run_vmtests.sh:gup_test -u/#2",
        "CRASH mm/run_vmtests.sh:gup_test -u/#3",
        "CRASH mm/run_vmtests.sh:gup_test -u/#4",
        "CRASH mm/run_vmtests.sh:gup_test -u",
        "TIMEOUT mm/run_vmtests.sh",
        "SKIP mm/hugepage-shm",
    ]
    by_name = {each.name: each for each in results}
    assert by_name["mm/exit_skip"].reason == "exit=1"
    assert by_name["mm/run_vmtests.sh"].reason == "180 seconds"
    assert by_name["mm/exit_skip:shmem.exiting"].log == (
        " RUN           exit_skip.shmem.exiting ...",
        "exit_skip.c:101:exiting:Expected 0 (0) == skips (7)",
        "         FAIL  exit_skip.shmem.exiting",
    )
    assert "no huge pages here" in "\n".join(by_name["mm/hugepage-shm"].log)


def test_kunit_log_with_parameters_and_a_panic() -> None:
    results = stream.parse((DATA / "kunit.log").read_text().splitlines())
    assert short(results) == [
        "PASS folio_order:order_zero",
        "PASS folio_order:order_many/order=1",
        "FAIL folio_order:order_many/order=9",
        "FAIL folio_order:order_many",
        "SKIP folio_order:order_max",
        "FAIL folio_order",
        "PASS vma_merge:merge_left",
        "CRASH vma_merge:#2",
        "CRASH vma_merge",
    ]
    assert "NULL pointer" in results[-1].log[-1]


PREFIXES = {
    "none": "",
    "printk": "[    1.234567] ",
    "caller": "[    1.234567][   T12] ",
    "spaced caller": "[    1.234567] [   T12] ",
    "caller alone": "[    T1] ",
    "level": "<6>",
    "level and time": "<6>[    1.234567] ",
    "syslog": "Jan  2 03:04:05 guest kernel: [    1.234567] ",
    "iso syslog": "2025-01-02T03:04:05.678901+00:00 guest kernel: [    1.234567] ",
    "journal": "[    1.234567] guest kernel: ",
    "dmesg -x": "kern  :info  : [    1.234567] ",
    "dmesg -T": "[Mon Jan  6 03:04:05 2025] ",
    "CI log": "2024-05-01T12:00:00.1234567Z ",
    "CI log of a console": "2024-05-01T12:00:00.1234567Z [    1.234567] ",
    "LAVA": "07:17:34.056125  ",
    "LAVA, with dates": "2024-05-01T12:00:00.123456  ",
    "LAVA's page": "7154 12:46:54.650451  ",
    "ts": "Nov 25 04:42:23 ",
    "terminal": "[2024-05-01T12:00:00] ",
    "journal, precise": "Jan 02 03:04:05.678901 guest kernel: ",
    "journal, unix": "1717236000.123456 guest kernel: ",
    "journal, full": "Sat 2024-06-01 12:00:00 CEST guest kernel: ",
    "journal, delta": "[   12.345678 <    0.001000 >] guest kernel: ",
    "journal of a service, precise": "Nov 25 04:42:23.123456 guest run[12]: ",
    "syslog, RFC 5424": "<6>1 2024-06-01T12:00:00.123Z guest kernel - - - [    1.234567] ",
    "no more than the name": "kernel: [    1.234567] ",
    "dmesg -H": "[Jun 1 12:00] ",
    "dmesg -x, ISO dates": "kern  :info  : 2024-06-01T12:00:00,123456+02:00 ",
    "ts -i": "0.000123 ",
    "autotest": "18:56:54 DEBUG| [stdout] ",
    "avocado": "2024-06-09 09:22:11,123 process          L0416 DEBUG| [stdout] ",
    "avocado, its job": "[stdlog] 2024-06-09 19:36:47,911 avocado.utils.process process L0592 DEBUG| [stdout] ",
    "GitLab": "2024-06-01T12:00:00.123456Z 00O ",
    "GitLab, its log of a console": "2024-06-01T12:00:00.123456Z 01E [    1.234567] ",
    "Buildkite": "\x1b_bk;t=1717236000123\x07",
    "labgrid": "12:00:00.123456 ",
    "two recorders": "2024-06-01T12:00:00Z [12:00:00.123] ",
    "a guest of Xen's": "(d12) ",
    "television": "[    1.234567@3] ",
    "journal of a service": "Nov 25 04:42:23 guest run[12]: ",
    "colour": "\x1b[0;32m",
    "colour in letters": "^[[0;32m",
}


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r\r\n", "^M\n"])
@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
@pytest.mark.parametrize("name", ["runner.log", "kunit.log"])
def test_prefixes_and_line_ends_change_nothing(name: str, prefix: str, end: str) -> None:
    lines = [re.sub(r"^\[.*?\]\[.*?\] ", "", line) for line in (DATA / name).read_text().splitlines()]
    assert stream.parse(prefix + line + end for line in lines) == stream.parse(lines)


@pytest.mark.parametrize("said", ["# Success", "# Success ", "# ok 1 a", "Terminated", "# 12 of"])
def test_result_behind_what_a_test_said_last(said: str) -> None:
    log = ["TAP version 13", "1..2", "# selftests: net: reuse", "# Opening 127.0.0.1:9999"]
    (one, lost) = stream.parse([*log, f"{said}not ok 1 selftests: net: reuse # exit=1"])
    assert (one.name, one.status, one.reason) == ("net/reuse", Status.FAIL, "exit=1")
    assert one.log[-1].strip() == said.removeprefix("# ").strip()
    assert lost.name == "#2"
    (another, *_) = stream.parse([*log, f"{said}not ok 1 selftests: net: other # exit=1"])
    assert (another.name, another.status) == ("net/reuse", Status.CRASH)


def test_plan_that_many_processes_print_is_one_plan() -> None:
    log = ["TAP version 13", "1..1", "# selftests: mm: forks", *["# 1..2"] * 5]
    lost = [("mm/forks:#1", Status.CRASH), ("mm/forks:#2", Status.CRASH), ("mm/forks", Status.TIMEOUT)]
    said = stream.parse([*log, "not ok 1 selftests: mm: forks # TIMEOUT 45 seconds"])
    assert [(each.name, each.status) for each in said] == lost
    both = stream.parse([*log, "# ok 1 a", "# ok 2 b", "# 1..2", "# ok 1 c", "# ok 2 d", "ok 1 selftests: mm: forks"])
    assert [each.name for each in both] == [*(f"mm/forks:{name}" for name in "abcd"), "mm/forks"]


@pytest.mark.parametrize("indent", ["  ", "    ", "\t"])
@pytest.mark.parametrize("name", ["runner.log", "kunit.log"])
def test_log_that_a_mail_quotes_by_its_indentation(name: str, indent: str) -> None:
    lines = (DATA / name).read_text().splitlines()
    quoted = stream.parse(["This is what it says:", "", *(indent + line for line in lines)])
    assert [(each.name, each.status) for each in quoted] == [(each.name, each.status) for each in stream.parse(lines)]


@pytest.mark.parametrize("step", ["  ", "    ", "\t", "# "])
def test_nesting_of_any_kind_and_depth(step: str) -> None:
    lines = ["KTAP version 1", "1..1"]
    for depth in range(1, 6):
        lines += [f"{step * depth}KTAP version 1", f"{step * depth}1..1"]
    lines += [f"{step * depth}ok 1 level{depth}" for depth in range(5, -1, -1)]
    assert [each.name for each in stream.parse(lines)] == [
        "level0:level1/level2/level3/level4/level5",
        "level0:level1/level2/level3/level4",
        "level0:level1/level2/level3",
        "level0:level1/level2",
        "level0:level1",
        "level0",
    ]


def test_kunit_inside_kselftest() -> None:
    log = """
TAP version 13
1..1
# selftests: lib: kunit.sh
#     KTAP version 1
#     # Subtest: suite
#     1..2
#     ok 1 one
#     not ok 2 two
# not ok 1 suite
not ok 1 selftests: lib: kunit.sh # exit=1
"""
    assert short(read(log)) == [
        "PASS lib/kunit.sh:suite/one",
        "FAIL lib/kunit.sh:suite/two",
        "FAIL lib/kunit.sh:suite",
        "FAIL lib/kunit.sh",
    ]


def test_kernel_and_program_report_at_the_same_time() -> None:
    log = """
TAP version 13
1..1
# selftests: lib: load.sh
[    1.000000] KTAP version 1
[    1.000000] 1..1
[    1.000000]     # Subtest: suite
[    1.000000]     ok 1 case
# ok 1 loaded
[    1.000000] ok 1 suite
ok 1 selftests: lib: load.sh
"""
    assert short(read(log)) == ["PASS suite:case", "PASS lib/load.sh:loaded", "PASS suite", "PASS lib/load.sh"]


def test_folder_of_a_folder() -> None:
    log = "# selftests: net/forwarding: router.sh\nok 1 selftests: net/forwarding: router.sh"
    assert short(read(log)) == ["PASS net/forwarding/router.sh"]


def test_equal_names_are_numbered_and_their_children_follow() -> None:
    log = "1..3\n" + "    ok 1 case\n    ok 2 case\nok 1 suite\n" * 3
    assert [each.name for each in read(log)] == [
        "suite:case",
        "suite:case (2)",
        "suite",
        "suite (2):case",
        "suite (2):case (2)",
        "suite (2)",
        "suite (3):case",
        "suite (3):case (2)",
        "suite (3)",
    ]


def test_a_number_that_a_test_has_in_its_own_name_is_not_given_twice() -> None:
    assert [each.name for each in read("ok 1 a (2)\nok 2 a\nok 3 a")] == ["a (2)", "a", "a (3)"]


def test_parent_keeps_its_own_word() -> None:
    assert short(read("1..1\n# not ok 1 child\nok 1 parent")) == ["FAIL parent:child", "PASS parent"]


LOST = {
    "header without a line": (
        "TAP version 13\n1..1\n# selftests: mm: a\n# some text",
        ["CRASH mm/a"],
    ),
    "header, then another header": (
        "1..2\n# selftests: mm: a\n# ok 1 x\n# selftests: mm: b\n# ok 1 y\nok 2 selftests: mm: b",
        ["PASS mm/a:x", "CRASH mm/a", "PASS mm/b:y", "PASS mm/b"],
    ),
    "header said twice": (
        "1..1\n# selftests: mm: a\n# selftests: mm: a\nok 1 selftests: mm: a",
        ["PASS mm/a"],
    ),
    "header, then another test's line": (
        "1..2\n# selftests: mm: a\nok 2 selftests: mm: b",
        ["CRASH mm/a", "PASS mm/b"],
    ),
    "plan at the top": ("1..3\nok 1 a", ["PASS a", "CRASH #2", "CRASH #3"]),
    "plan at the top and nothing else": ("TAP version 13\n1..2", ["CRASH #1", "CRASH #2"]),
    "plan of a parent with a line": (
        "1..1\n# 1..3\n# ok 1 a\n# ok 3 c\nnot ok 1 p # exit=139",
        ["PASS p:a", "PASS p:c", "CRASH p:#2", "FAIL p"],
    ),
    "plan with wrong numbers": ("1..3\nok 1 a\nok 1 b", ["PASS a", "PASS b", "CRASH #3"]),
    "plan at the end": ("ok 1 a\nok 2 b\n1..3", ["PASS a", "PASS b", "CRASH #3"]),
    "plan at the end, fulfilled": ("ok 1 a\nok 2 b\n1..2", ["PASS a", "PASS b"]),
    "a program that skips its rest, without a runner": (
        "TAP version 13\n1..3\nok 1 a\nok 2 # SKIP not root\n# Planned tests != run tests (3 != 2)\n"
        "# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:1 error:0",
        ["PASS a", "SKIP not root", "SKIP #3"],
    ),
    "a program that forgets its rest, without a runner": (
        "TAP version 13\n1..3\nok 1 a\nok 2 b # SKIP not root\n# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:1 error:0",
        ["PASS a", "SKIP b", "CRASH #3"],
    ),
    "a program that skips after a failure, without a runner": (
        "TAP version 13\n1..3\nnot ok 1 a\nok 2 # SKIP x\n# Totals: pass:0 fail:1 xfail:0 xpass:0 skip:1 error:0",
        ["FAIL a", "SKIP x", "CRASH #3"],
    ),
    "more results than planned": ("1..1\nok 1 a\nok 2 b", ["PASS a", "PASS b"]),
    "no plan": ("TAP version 13\nok 1 a", ["PASS a"]),
    "no tests planned": ("TAP version 13\n1..0", []),
    "header counts for the plan": ("1..2\nok 1 selftests: mm: a\n# selftests: mm: b", ["PASS mm/a", "CRASH mm/b"]),
    "children of a parent without a name": (
        "TAP version 13\n1..2\nok 1 a\n# TAP version 13\n# 1..2\n# ok 1 x",
        ["PASS a", "PASS #2:x", "CRASH #2:#2", "CRASH #2"],
    ),
    "suite without a line, then the next suite": (
        "1..2\n    # Subtest: a\n    1..2\n    ok 1 x\n    # Subtest: b\n    1..1\n    ok 1 y\nok 2 b",
        ["PASS a:x", "CRASH a:#2", "CRASH a", "PASS b:y", "PASS b"],
    ),
    "suite with a version line, but without a line of its own": (
        "1..2\n    KTAP version 1\n    # Subtest: a\n    KTAP version 1\n    # Subtest: b\n    ok 1 y\nok 2 b",
        ["CRASH a", "PASS b:y", "PASS b"],
    ),
    "suites without names": (
        "KTAP version 1\n1..2\n  KTAP version 1\n  ok 1 x\n  KTAP version 1\n  ok 1 y\nok 2 b",
        ["PASS #1:x", "CRASH #1", "PASS b:y", "PASS b"],
    ),
    "next report begins": (
        "TAP version 13\n1..2\n# selftests: mm: a\nTAP version 13\n1..1\nok 1 b",
        ["CRASH mm/a", "CRASH #2", "PASS b"],
    ),
    "script that runs two programs": (
        "# selftests: x: s\n# TAP version 13\n# 1..2\n# ok 1 a\n# TAP version 13\n# 1..1\n# ok 1 b\n"
        "ok 1 selftests: x: s",
        ["PASS x/s:a", "CRASH x/s:#2", "PASS x/s:b", "PASS x/s"],
    ),
    "bail out": (
        "1..1\n# selftests: mm: a\n# 1..3\n# ok 1 x\n# Bail out! no memory\nnot ok 1 selftests: mm: a # exit=1",
        ["PASS mm/a:x", "CRASH mm/a:#2", "CRASH mm/a:#3", "FAIL mm/a"],
    ),
    "bail out at the top": ("1..2\nok 1 a\nBail out! no disk", ["PASS a", "CRASH #2"]),
    "second report without a plan": (
        "TAP version 13\n1..2\nok 1 a\nTAP version 13\nok 1 b\nok 2 c",
        ["PASS a", "CRASH #2", "PASS b", "PASS c"],
    ),
    "second plan without a version line": ("1..2\nok 1 a\n1..1\nok 1 b", ["PASS a", "CRASH #2", "PASS b"]),
    "results below a plan that is fulfilled": ("1..1\nok 1 a\n# ok 1 stray", ["PASS a", "PASS stray"]),
    "a banner, and a result of another name": (
        "TAP version 13\n# TAP version 13\n# # ------\n# # running ./cow\n# # ------\n# ok 1 other\nok 1 s",
        ["PASS s:other", "PASS s"],
    ),
    "a program that names what it runs last": (
        "TAP version 13\n# TAP version 13\n# ok 1 x\n# # running ./helper\nok 1 s",
        ["PASS s:x", "PASS s"],
    ),
    "a program that names what it runs": (
        "TAP version 13\n# selftests: mm: a\n# TAP version 13\n# # running ./helper\n# ok 1 x\nok 1 selftests: mm: a",
        ["PASS mm/a:x", "PASS mm/a"],
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_results_that_never_came(case: str) -> None:
    log, expected = LOST[case]
    assert short(read(log)) == expected


def test_reasons_of_what_never_came() -> None:
    assert {each.reason for each in read("1..2\n# selftests: mm: a\n# text")} == {stream.LOST}
    log = "1..2\n# selftests: mm: a\n# 1..2\n# Bail out! no memory# Totals: pass:0 fail:0"
    assert [each.reason for each in read(log)][:3] == ["Bail out! no memory"] * 3


def test_plan_of_nothing_skips_the_parent() -> None:
    for line, expected in {
        "ok 1 selftests: mm: a # SKIP": ("SKIP", "no swap here"),
        "ok 1 selftests: mm: a": ("SKIP", "no swap here"),
        "ok 1 selftests: mm: a # SKIP own words": ("SKIP", "own words"),
        "not ok 1 selftests: mm: a # exit=1": ("FAIL", "exit=1"),
    }.items():
        (result,) = read(f"1..1\n# selftests: mm: a\n# TAP version 13\n# 1..0 # SKIP no swap here\n{line}")
        assert (result.status, result.reason) == expected


def test_program_that_skips_all_after_its_plan() -> None:
    log = "# selftests: mm: a\n# 1..3\n# ok 1 x\n# ok 2 # SKIP no swap\n{} selftests: mm: a # {}"
    assert short(read(log.format("ok 1", "SKIP")))[2:] == ["SKIP mm/a:#3", "SKIP mm/a"]
    assert short(read(log.format("not ok 1", "exit=1")))[2:] == ["CRASH mm/a:#3", "FAIL mm/a"]


def test_cut_last_line_says_nothing() -> None:
    assert short(stream.parse(["1..2\n", "ok 1 a\n", "ok 2 b\n"])) == ["PASS a", "PASS b"]
    assert short(stream.parse(["1..2\n", "ok 1 a\n", "ok 2 b"])) == ["PASS a", "CRASH #2"]


SAVED = {  # by the last lines, of which the last has no end: what is believed of it
    "1..1\n# selftests: mm: a\nok 1 selftests: mm: a": ["PASS mm/a"],
    "# selftests: mm: a\nnot ok 1 selftests: mm: a": ["FAIL mm/a"],
    "# selftests: mm: a\nnot ok 1 selftests: mm: a # exit=1": ["FAIL mm/a"],
    "# selftests: mm: a\nok 1 selftests: mm: a # SKIP": ["SKIP mm/a"],
    "1..2\nok 1 a\nok 2 b": ["PASS a", "PASS b"],
    "[    1.000000] 1..1\n[    1.000001] ok 1 suite": ["PASS suite"],
    # Cut: within a name, within a directive, before what was planned, before the parent's line.
    "# selftests: mm: abc\nok 1 selftests: mm: ab": ["CRASH mm/abc"],
    "# selftests: mm: a\nok 1 selftests: mm: a # SK": ["CRASH mm/a"],
    "# selftests: mm: a\nok 1 selftests: mm: a #": ["CRASH mm/a"],
    "# selftests: mm: a\nok 1 selftests: mm: a ": ["CRASH mm/a"],
    "# selftests: mm: a\nnot ok 1 selftests: mm: a # TIMEOU": ["CRASH mm/a"],
    "1..3\nok 1 a\nok 2 b": ["PASS a", "CRASH #2", "CRASH #3"],
    "# selftests: mm: a\n# ok 1 x": ["CRASH mm/a"],
    "1..1\nok 1": ["CRASH #1"],
}


@pytest.mark.parametrize("log", SAVED)
def test_last_line_of_a_saved_log_needs_no_end(log: str) -> None:
    reader = stream.Stream(saved=True)
    for line in log.splitlines(keepends=True):
        reader.feed(line)
    reader.end()
    assert short(reader.take()) == SAVED[log]


AGAIN = {
    "by forks": ("1..2\nok 1 a\nok 1 a\nok 1 a\nok 2 b", ["PASS a", "PASS b"]),
    "after others": ("1..2\nok 1 a\nok 2 b\nok 1 a\nok 2 b", ["PASS a", "PASS b"]),
    "one level deeper": ("# selftests: mm: p\n# ok 1 a\n# ok 1 a\nok 1 selftests: mm: p", ["PASS mm/p:a", "PASS mm/p"]),
    "of a skipped test": ("ok 1 a # SKIP why\nok 1 a # SKIP why", ["SKIP a"]),
    "no result for what the plan lost": ("1..2\nok 1 a\nok 1 a", ["PASS a", "CRASH #2"]),
    "with another verdict": ("ok 1 a\nnot ok 1 a", ["PASS a", "FAIL a (2)"]),
    "with another number": ("ok 1 a\nok 2 a", ["PASS a", "PASS a (2)"]),
    "without a number": ("TAP version 13\nok a\nok a", ["PASS a", "PASS a (2)"]),
    "by the next program": ("TAP version 13\nok 1 a\nTAP version 13\nok 1 a", ["PASS a", "PASS a (2)"]),
    "with children": ("# ok 1 x\nok 1 a\n# ok 1 x\nok 1 a", ["PASS a:x", "PASS a", "PASS a (2):x", "PASS a (2)"]),
    "by the runner": ("ok 1 selftests: mm: a\nok 1 selftests: mm: a", ["PASS mm/a", "PASS mm/a (2)"]),
    "announced": ("# selftests: mm: a\nok 1 selftests: mm: a\n" * 2, ["PASS mm/a", "PASS mm/a (2)"]),
}


@pytest.mark.parametrize("case", AGAIN)
def test_result_line_printed_again(case: str) -> None:
    log, expected = AGAIN[case]
    assert short(read(log)) == expected


def test_result_line_printed_again_stays_in_the_log() -> None:
    (first, second) = read("1..2\nok 1 a\nwords\nok 1 a\nok 2 b")
    assert (first.log, second.log) == ((), ("words", "ok 1 a"))


BAILED = {
    "TAP version 13\nBail out!": ["ERROR Bail out!"],
    "Bail out! no disk": ["ERROR Bail out!"],
    "ok 1 a\nBail out! no disk": ["PASS a", "ERROR Bail out!"],
    "1..1\nok 1 a\nBail out! no disk": ["PASS a", "ERROR Bail out!"],
    "# selftests: mm: p\n# Bail out! z\nnot ok 1 selftests: mm: p # exit=1": ["ERROR mm/p:Bail out!", "FAIL mm/p"],
    "# selftests: mm: p\n# Bail out! z\nok 1 selftests: mm: p": ["ERROR mm/p:Bail out!", "PASS mm/p"],
    "TAP version 13\nBail out!\nTAP version 13\nok 1 a": ["ERROR Bail out!", "PASS a"],
    "[    1.000000] TAP version 13\n[    1.000000] Bail out!": ["ERROR Bail out!"],
}


@pytest.mark.parametrize("log", BAILED)
def test_bail_out_that_lost_nothing_is_an_error(log: str) -> None:
    results = read(log)
    assert short(results) == BAILED[log]
    assert {each.reason for each in results if each.status is Status.ERROR} <= {"", "no disk", "z"}


QUOTED = "[   12.345678] foo: Summary: 7 done"


def test_a_test_that_prints_a_line_of_dmesg() -> None:
    head = "TAP version 13\n1..1\n# selftests: mm: p\n"
    parent = "ok 1 selftests: mm: p"
    assert short(read(f"{head}# {QUOTED}\n{parent}")) == ["PASS mm/p"]
    inner = f"# TAP version 13\n# 1..2\n# {QUOTED}\n# ok 1 a\n# {QUOTED}\n# not ok 2 b\n"
    assert short(read(f"{head}{inner}{parent}")) == ["PASS mm/p:a", "FAIL mm/p:b", "PASS mm/p"]
    indented = f"#     {QUOTED}\n# ok 1 a\n# \t{QUOTED}\n# ok 2 b\n"
    assert short(read(f"{head}{indented}{parent}")) == ["PASS mm/p:a", "PASS mm/p:b", "PASS mm/p"]
    deeper = f"# TAP version 13\n# # TAP version 13\n# # ok 1 x\n# # {QUOTED}\n# # ok 2 y\n# # {QUOTED}\n# ok 1 a\n"
    assert short(read(f"{head}{deeper}{parent}")) == ["PASS mm/p:a/x", "PASS mm/p:a/y", "PASS mm/p:a", "PASS mm/p"]
    for line in ("# 1..1", "# TAP version 13", "# selftests: mm: q"):
        assert "#1" not in str(read(f"{head}# {QUOTED}\n{line}\n# ok 1 a\n{parent}"))


@pytest.mark.parametrize("tail", ["exit_sk", "exit_skipWARNING: CPU: 0", "exit_skip[   12.345678] text"])
def test_line_that_is_not_its_header_s_says_nothing(tail: str) -> None:
    log = f"1..1\n# selftests: mm: exit_skip\n# ok 1 a\nok 1 selftests: mm: {tail}"
    assert short(read(log)) == ["PASS mm/exit_skip:a", "CRASH mm/exit_skip"]


def test_absurd_plans_are_bounded() -> None:
    started = time.monotonic()
    assert len(read("1..999999999\nok 1 a")) == 1 + 1000
    assert len(read("1..3\nok 999999999 a")) == 3
    assert read("1..9999999999999999999999") == []
    assert time.monotonic() - started < 5


def test_names_and_reasons_are_bounded() -> None:
    one, two, three = read(f"ok 1 {'a:' * 30_000}\nok 2 {'a:' * 30_000}b\nnot ok 3 c # {'x' * 60_000}")
    assert (len(one.name), one.name[-1]) == (500, "…")
    assert two.name == f"{one.name} (2)"
    assert len(three.reason) == 2000


def test_long_logs_keep_head_and_tail() -> None:
    (result,) = stream.parse([*(f"# line {n}" for n in range(1000)), "x" * 5000, "ok 1 a"])
    assert result.log[0] == "line 0"
    assert len(result.log[-1]) == 1000
    assert "... 801 lines left out ..." in result.log
    assert len(result.log) == 201


def test_lines_are_streamed() -> None:
    def endless() -> object:
        yield "TAP version 13"
        yield "1..1"
        for number in range(300_000):
            yield f"# nothing of note {number}"
        yield "ok 1 a"

    assert short(stream.parse(endless())) == ["PASS a"]  # type: ignore[arg-type]


def test_depth_is_bounded() -> None:
    lines = [f"{'# ' * depth}TAP version 13" for depth in range(3000)]
    lines += [f"{'# ' * depth}ok 1 a" for depth in reversed(range(3000))]
    assert 0 < len(stream.parse(lines)) < 100


PIECES = st.sampled_from(
    [
        "ok 1 a",
        "not ok 2 b # SKIP why",
        "ok",
        "1..3",
        "1..0 # SKIP x",
        "TAP version 13",
        "KTAP version 1",
        "Bail out! z",
        "# ",
        "# selftests: mm: p",
        "# Subtest: s",
        "# running ./r",
        "----",
        "ok 1 selftests: mm: p",
        "[    1.234567] ",
        "\x1b[1m",
        *("\t", "    ", "\r", "\n", "\0", "1..99999999", "ok 12345678901 c", "# # ", "not ", " # TODO", "exit=4"),
    ]
)
LINES = st.lists(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=5).map("".join)), max_size=30)


@settings(max_examples=400)
@given(LINES)
def test_never_an_exception_nor_a_name_from_nowhere(lines: list[str]) -> None:
    whole = "\n".join(plain(line) for line in lines)
    whole += re.sub(r"\[ *\d+\.\d{6}\].*\n", "", whole)  # what printk tore apart may be put together again
    text = " ".join(whole.split())
    names = []
    for result in stream.parse(lines):
        names.append(result.name)
        last = re.split(r"[:/]", re.sub(r"( \(\d+\))+$", "", result.name))[-1].strip()
        assert last in text or re.fullmatch(r"#\d+", last), (result, text)
    assert len(names) == len(set(names))


@settings(max_examples=200)
@given(st.data())
def test_log_cut_anywhere_never_turns_a_result_into_another(data: st.DataObject) -> None:
    whole = (DATA / data.draw(st.sampled_from(["runner.log", "kunit.log"]))).read_text()
    full = {each.name: each.status for each in stream.parse(whole.splitlines(keepends=True))}
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    for each in stream.parse(cut.splitlines(keepends=True)):
        assert each.status is Status.CRASH or full[each.name] is each.status


KUNIT = {  # passed, failed, crashed, skipped: cases without children, as kunit.py counts them
    "test_config_printk_time": (10, 0, 0, 0),
    "test_insufficient_memory": (0, 0, 0, 0),
    "test_interrupted_tap_output": (10, 0, 0, 0),
    "test_is_test_passed-all_passed": (10, 0, 0, 0),
    "test_is_test_passed-all_passed_nested": (7, 0, 0, 0),
    "test_is_test_passed-failure": (9, 1, 0, 0),
    "test_is_test_passed-kselftest": (4, 0, 0, 0),
    "test_is_test_passed-missing_plan": (10, 0, 0, 0),
    "test_is_test_passed-no_tests_no_plan": (1, 0, 0, 0),
    "test_is_test_passed-no_tests_run_no_header": (0, 0, 0, 0),
    "test_is_test_passed-no_tests_run_with_header": (0, 0, 0, 0),
    "test_kernel_panic_interrupt": (8, 0, 2, 0),
    "test_multiple_prefixes": (10, 0, 0, 0),
    "test_output_isolated_correctly": (2, 0, 0, 0),
    "test_output_with_prefix_isolated_correctly": (10, 0, 0, 0),
    "test_parse_attributes": (1, 0, 0, 0),
    "test_parse_ktap_output": (3, 0, 0, 0),
    "test_parse_subtest_header": (1, 0, 0, 0),
    "test_pound_no_prefix": (10, 0, 0, 0),
    "test_pound_sign": (10, 0, 0, 0),
    "test_skip_all_tests": (0, 0, 0, 5),
    "test_skip_tests": (4, 0, 0, 1),
    "test_strip_hyphen": (2, 0, 0, 0),
}


@pytest.mark.skipif(not TREE, reason="SERIES_CI_KERNEL_TREE is not set")
@pytest.mark.parametrize("name", KUNIT)
def test_kunit_s_own_samples(name: str) -> None:
    log = Path(TREE, "tools/testing/kunit/test_data", f"{name}.log")
    if not log.exists():
        pytest.skip(f"{log.name} is not in this tree")
    results = stream.parse(log.read_text().splitlines())
    names = [each.name for each in results]
    cases = [each for each in results if not any(name.startswith((f"{each.name}:", f"{each.name}/")) for name in names)]
    statuses = [each.status for each in cases]
    assert tuple(statuses.count(each) for each in (Status.PASS, Status.FAIL, Status.CRASH, Status.SKIP)) == KUNIT[name]
