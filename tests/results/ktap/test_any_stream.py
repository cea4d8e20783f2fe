"""KTAP as a stream, in other words, torn apart, and a generator of reports that knows what stands in them."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from series_ci.results.ktap import reader
from series_ci.results.ktap.levels import Block
from series_ci.results.ktap.names import Names
from series_ci.results.ktap.stream import Stream, parse
from series_ci.results.model import Result


def short(results: list[Result]) -> list[str]:
    return [f"{each.status} {each.name}" for each in results]


def read(text: str) -> list[str]:
    return short(parse(f"{text.strip()}\n".splitlines(keepends=True)))


def test_the_runner_up_to_linux_5_1() -> None:
    log = """
TAP version 13
selftests: kvm: sync_regs_test
========================================
TAP version 13
ok 1 a
ok 2 # skip b
1..2
ok 1..1 selftests: kvm: sync_regs_test [PASS]
selftests: kvm: platform_info_test
========================================
==== Test Assertion Failure ====
not ok 1..2 selftests: kvm: platform_info_test [FAIL]
selftests: ftrace: ftracetest
========================================
not ok 1..3 selftests: ftrace: ftracetest [SKIP]
selftests: mm: words, not a header
ok 1 top
"""
    assert read(log) == [
        "PASS kvm/sync_regs_test:a",
        "SKIP kvm/sync_regs_test:b",
        "PASS kvm/sync_regs_test",
        "FAIL kvm/platform_info_test",
        "SKIP ftrace/ftracetest",
        "PASS top",
    ]


def test_an_old_runner_s_log_that_somebody_has_indented() -> None:
    log = """
    TAP version 13
    selftests: kvm: sync_regs_test
    ========================================
    ok 1 a
    not ok 1..1 selftests: kvm: sync_regs_test [FAIL]
    selftests: ftrace: ftracetest
    ========================================
    not ok 1..2 selftests: ftrace: ftracetest [SKIP]
"""
    found = short(parse(log.lstrip("\n").splitlines(keepends=True)))
    assert found == ["PASS kvm/sync_regs_test:a", "FAIL kvm/sync_regs_test", "SKIP ftrace/ftracetest"]


def test_a_plan_behind_counts_announces_nothing() -> None:
    """An old test might count its results without a line for each, and write the plan at its end."""
    counts = "Pass 2 Fail 0 Xfail 0 Xpass 0 Skip 0 Error 0\n1..2\n"
    head = "TAP version 13\nselftests: own: counts\n========================================\n"
    assert read(f"{head}{counts}ok 1..1 selftests: own: counts [PASS]") == ["PASS own/counts"]
    assert read(f"TAP version 13\nok 1 a\nok 2 b\n{counts}") == ["PASS a", "PASS b"]


def test_in_linux_4_16_make_alone_tells_the_folder() -> None:
    log = """
make[1]: Entering directory '/src/linux/tools/testing/selftests/own'
TAP version 13
selftests: first
========================================
1) is anybody's text
ok 1..1 selftests: first [PASS]
selftests: second
========================================
not ok 1..2 selftests: second [FAIL]
make[1]: Leaving directory '/src/linux/tools/testing/selftests/own'
"""
    assert read(log) == ["PASS own/first", "FAIL own/second"]
    assert read("\n".join(log.strip().splitlines()[1:-1])) == ["PASS first", "FAIL second"]


def test_up_to_linux_4_13_a_result_was_a_header_with_a_word() -> None:
    log = """
make[1]: Entering directory `/src/linux/tools/testing/selftests/own/deeper'
selftests: own: first [FAIL]
selftests: second.sh [PASS]
make[1]: Entering directory '/src/linux/tools/testing/selftests/other'
some words
selftests: third [SKIP]
selftests: third is not to be had [because of something]
"""
    assert read(log) == ["FAIL own/first", "PASS own/deeper/second.sh", "SKIP other/third"]


@pytest.mark.parametrize(
    "before",
    [
        "TAP version 13\n",
        "ok 1 selftests: own: other\n",
        "ok 1..1 selftests: own: other [PASS]\n",
        "selftests: own: other\n====================\n",
    ],
)
def test_a_program_that_says_so_of_itself_is_no_second_test(before: str) -> None:
    found = read(f"{before}selftests: own_redirect drv [PASS]\nok 1..2 selftests: own: redirect.sh [PASS]")
    assert [each for each in found if "other" not in each] == ["PASS own/redirect.sh"]


def test_a_log_that_begins_with_a_suite_of_kunit_s() -> None:
    log = """
    KTAP version 1
    # Subtest: own
    # module: own_kunit
    1..2
    ok 1 a
    not ok 2 b
# own: pass:1 fail:1 skip:0 total:2
"""
    lines = log.lstrip("\n").splitlines(keepends=True)
    assert short(parse(lines)) == ["PASS own:a", "FAIL own:b", "CRASH own"]
    assert short(parse([*lines, "not ok 3 own\n"])) == ["PASS own:a", "FAIL own:b", "FAIL own"]
    stamped = [f"[    1.92{n}325] {line}" for n, line in enumerate(lines)]
    assert short(parse(stamped)) == ["PASS own:a", "FAIL own:b", "CRASH own"]


def test_bpf_s_test_progs() -> None:
    log = """
TAP version 13
1..1
# selftests: bpf: test_progs
# #1/1     align/mov:OK
# #1/2     align/shift:FAIL
# #1       align:FAIL
# #2/1     old_name_without_test:SKIP
# #2       arena:OK (SKIP: 1/2)
# #3       vmlinux:SKIP
# All error logs:
# #1/2     align/shift:FAIL
# #1       align:FAIL
# Summary: 1/1 PASSED, 2 SKIPPED, 1 FAILED
not ok 1 selftests: bpf: test_progs # exit=1
"""
    assert read(log) == [
        "PASS bpf/test_progs:align/mov",
        "FAIL bpf/test_progs:align/shift",
        "FAIL bpf/test_progs:align",
        "SKIP bpf/test_progs:arena/old_name_without_test",
        "PASS bpf/test_progs:arena",
        "SKIP bpf/test_progs:vmlinux",
        "FAIL bpf/test_progs",
    ]


@pytest.mark.parametrize("between", ["", "[   12.345679] more\n", "[   12.345679] ok 9 not this\n" * 3])
@pytest.mark.parametrize("at", range(1, len("# not ok 1 exit_skip.case") + 1))
def test_a_line_into_which_printk_wrote_is_put_together(at: int, between: str) -> None:
    line = "# not ok 1 exit_skip.case"
    torn = f"{line[:at]}[   12.345678][  T12] foo: bar\n{between}{line[at:]}\n"
    log = f"1..1\n# selftests: mm: exit_skip\n{torn}ok 1 selftests: mm: exit_skip"
    assert read(f"{log}\n")[-2:] == ["FAIL mm/exit_skip:case", "PASS mm/exit_skip"]


def test_a_torn_line_whose_rest_never_came_is_no_result() -> None:
    log = "1..2\n# selftests: mm: x\n# ok 1 ca[   12.345678] foo\n# selftests: mm: y\nok 2 selftests: mm: y"
    assert read(log) == ["CRASH mm/x", "PASS mm/y"]
    assert read("1..1\nsome te[   12.345678] foo\nok 1 a\n") == ["PASS a"]


def test_a_new_boot_ends_what_was_open() -> None:
    boot = "[    0.000000][    T0] Linux version 6.12.0\n"
    log = "TAP version 13\n1..1\n# selftests: mm: x\n# 1..2\n# ok 1 a\n"
    stream = Stream()
    for line in log.splitlines(keepends=True):
        stream.feed(line)
    assert short(stream.take()) == ["PASS mm/x:a"]
    assert stream.feed(boot)
    assert short(stream.take()) == ["CRASH mm/x:#2", "CRASH mm/x"]
    assert read(log + boot + log)[3:] == ["PASS mm/x (2):a", "CRASH mm/x (2):#2", "CRASH mm/x (2)"]
    assert read(log + "# Linux version 6.12.0\n# ok 2 b\nok 1 selftests: mm: x")[1:] == ["PASS mm/x:b", "PASS mm/x"]


def test_results_come_as_soon_as_their_names_are_certain() -> None:
    stream = Stream()
    came = {}
    for line in (
        "# selftests: mm: a",
        "# ok 1 x",
        "# # ok 1 deep",
        "# ok 2 y",
        "    # Subtest: suite",
        "    ok 1 case",
        "ok 2 suite",
        "    ok 1 of whom",
        "ok 3 late",
    ):
        came[line] = short(stream.take()) if stream.feed(line) else []
    stream.end()
    assert came["# ok 1 x"] == ["PASS mm/a:x"]
    assert came["# # ok 1 deep"] == []
    assert came["# ok 2 y"] == ["PASS mm/a:y/deep", "PASS mm/a:y"]
    assert came["    ok 1 case"] == ["PASS suite:case"]
    assert came["    ok 1 of whom"] == []
    assert came["ok 3 late"] == ["PASS late:of whom", "PASS late"]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WAITING", 100_000)
    stream, first = Stream(), 0
    stream.feed("KTAP version 1")
    for number in range(1, 1001):
        if stream.feed(f"    ok {number} case_{number}") and not first:
            first = number
    assert 150 < first < 250
    stream.feed("ok 1 suite")
    stream.end()
    results = stream.take()
    assert len(results) == 1001
    assert (results[0].name, results[-1].name) == ("case_1", "suite")


def test_of_more_names_than_the_limit_the_oldest_are_forgotten() -> None:
    names = Names(limit=4)
    assert [names.take(name) for name in "abcde"] == ["a", "b", "c", "d", "e"]
    assert names.take("a") == "a"
    assert names.take("c") == "c (2)"


def test_names_are_bounded() -> None:
    names = Names(limit=10)
    assert [names.take("a") for _ in range(3)] == ["a", "a (2)", "a (3)"]
    for number in range(20):
        names.take(f"n{number}")
    assert names.take("n19") == "n19 (2)"
    assert names.take("a") == "a"


def test_numbers_are_bounded_and_what_is_missing_is_told() -> None:
    block = Block(plan=10)
    for number in (1, 2, 5, 4, 9):
        block.add(number)
    assert list(block.missing()) == [3, 6, 7, 8, 10]
    block = Block(plan=6)
    for number in (1, 1, 1, None):
        block.add(number)
    assert list(block.missing()) == [5, 6]  # as many as came are taken to have come


# A generator of reports that knows what stands in them. Names are unique, so that each says where it came from.


def tree(draw: random.Random, depth: int, names: list[int]) -> list[tuple[str, str, list]]:
    tests = []
    for _ in range(draw.randint(1, 3)):
        names[0] += 1
        name = f"t{names[0]}"
        children = tree(draw, depth - 1, names) if depth and draw.random() < 0.6 else []
        tests.append((name, draw.choice(["PASS", "FAIL", "SKIP", "XFAIL", "TIMEOUT", "ERROR"]), children))
    return tests


WORDS = {
    "PASS": "ok {} {}",
    "FAIL": "not ok {} {}",
    "SKIP": "ok {} {} # SKIP no such thing",
    "XFAIL": "not ok {} {} # TODO later",
    "TIMEOUT": "not ok {} {} # TIMEOUT 45 seconds",
    "ERROR": "not ok {} {} # ERROR set-up",
}


def kselftest(tests: list, lead: str, draw: random.Random) -> list[str]:
    lines = [f"{lead}TAP version 13"]
    if plan := draw.random() < 0.8:
        lines.append(f"{lead}1..{len(tests)}")
    for number, (name, status, children) in enumerate(tests, start=1):
        called = name if lead else f"selftests: mm: {name}"
        lines += [] if lead else [f"# {called}"]
        lines += kselftest(children, f"{lead}# ", draw) if children else []
        lines += [f"{lead}# some words"] if draw.random() < 0.3 else []
        bare = lead and plan and draw.random() < 0.1
        lines.append(lead + WORDS[status].format("" if bare else number, called).replace("  ", " "))
    return lines


def kunit(tests: list, lead: str, draw: random.Random) -> list[str]:
    lines = [f"{lead}KTAP version 1", f"{lead}1..{len(tests)}"]
    for number, (name, status, children) in enumerate(tests, start=1):
        if children:
            head, *inner = kunit(children, f"{lead}    ", draw)
            lines += [head, f"{lead}    # Subtest: {name}", *inner]
        lines.append(lead + WORDS[status].format(number, name))
    return lines


def leaves(tests: list, before: str, style: str) -> dict[str, str]:
    found = {}
    for name, status, children in tests:
        path = f"{before}mm/{name}" if style == "kselftest" and not before else before + name
        found |= leaves(children, path + ("/" if ":" in path else ":"), style) if children else {path: status}
    return found


def noisy(lines: list[str], draw: random.Random) -> str:
    """With lines of the kernel's between those of the report."""
    text = ""
    for line in lines:
        stamp = f"[{draw.randint(0, 99999):5}.{draw.randint(0, 999999):06}]"
        if draw.random() < 0.15:
            text += f"{stamp} foo: ok then, 1..3 of them\n"
        text += f"{line}\n"
    return text


@settings(max_examples=300)
@given(st.randoms(use_true_random=False), st.sampled_from(["kselftest", "kunit"]), st.booleans())
def test_every_leaf_is_found_and_nothing_else(draw: random.Random, style: str, noise: bool) -> None:
    tests = tree(draw, depth=3, names=[0])
    lines = (kselftest if style == "kselftest" else kunit)(tests, "", draw)
    text = noisy(lines, draw) if noise else "\n".join(lines) + "\n"
    results = {each.name: str(each.status) for each in parse(text.splitlines(keepends=True))}
    wanted = leaves(tests, "", style)
    assert {name: results.get(name) for name in wanted} == wanted, text
    inner = {name for name in results if any(leaf.startswith((f"{name}:", f"{name}/")) for leaf in wanted)}
    assert set(results) - inner == set(wanted), text


@settings(max_examples=150)
@given(st.randoms(use_true_random=False), st.sampled_from(["kselftest", "kunit"]))
def test_of_a_log_that_is_cut_every_whole_line_is_found(draw: random.Random, style: str) -> None:
    tests = tree(draw, depth=3, names=[0])
    lines = (kselftest if style == "kselftest" else kunit)(tests, "", draw)
    whole = "\n".join(lines) + "\n"
    kept = whole[: draw.randint(0, len(whole))].splitlines(keepends=True)
    said = {word for line in kept for word in re.findall(r"ok (?:\d+ )?(?:selftests: mm: )?(t\d+)(?: # .*)?\n", line)}
    results = {re.split("[:/]", each.name)[-1]: str(each.status) for each in parse(kept)}
    for path, status in leaves(tests, "", style).items():
        name = re.split("[:/]", path)[-1]
        assert results.get(name, "CRASH") == (status if name in said else "CRASH"), "".join(kept)
