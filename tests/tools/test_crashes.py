"""Which crashes there are, what consoles say of each, and what is made of both. The crashes are real elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

import crashes
from crashes import Crash, Verdict
from fakes import outcomes
from series_ci.errors import UsageError
from series_ci.guest import qemu, record
from series_ci.kernel import kconfig
from series_ci.results.model import Splat
from series_ci.results.splat import find

LIST = """\
#PANIC
BUG kernel BUG at
#LOOP Hangs the system
ARRAY_BOUNDS call trace:|UBSAN: array-index-out-of-bounds
#REFCOUNT_TIMING timing only
"""
CONSOLE = """\
[    1.000000] series-ci: start 2
[    1.100000] lkdtm: Performing direct entry BUG
[    1.200000] kernel BUG at drivers/misc/lkdtm/bugs.c:105!
[    1.300000] Call Trace:
[    1.400000] series-ci: start 4
[    1.500000] lkdtm: XFAIL: this test is arm64-only
[    1.600000] series-ci: done 4
[    1.700000] Call Trace:
"""


def test_types_are_those_of_the_list_the_deadly_ones_last() -> None:
    assert crashes.types(LIST, ()) == ["BUG", "ARRAY_BOUNDS", "PANIC", "LOOP"]
    assert crashes.types(LIST, ("BUG",)) == ["BUG"]
    with pytest.raises(UsageError, match="no such type: NIX"):
        crashes.types(LIST, ("NIX",))


def test_a_guest_that_follows_a_crash_begins_with_a_test_that_passes() -> None:
    assert [(test.name, test.args) for test in crashes.tests(["BUG", "PANIC"])] == [
        ("calm/BUG", ()),
        ("lkdtm/BUG", ("BUG",)),
        ("calm/PANIC", ()),
        ("lkdtm/PANIC", ("PANIC",)),
    ]


def test_consoles_come_in_the_order_of_the_guests(tmp_path: Path) -> None:
    for number, folder in ((1, tmp_path), *((n, tmp_path / f"{record.GUEST}{n}") for n in (10, 2))):
        folder.mkdir(exist_ok=True)
        qemu.Files(folder).console.write_text(f"guest {number}\n")
    assert [line.strip() for line in crashes.consoles(tmp_path)] == ["guest 1", "guest 2", "guest 10"]


def test_what_was_printed_and_not_found_is_missed() -> None:
    said = crashes.sections(CONSOLE.splitlines(keepends=True))
    assert "kernel BUG" in said[2]
    assert "Call Trace" not in said[4]
    found = Splat("BUG", "kernel BUG at x.c:1!", "ff", test="lkdtm/BUG", function="lkdtm_BUG")
    nothing, something = outcomes.run("x"), outcomes.run("x", splats=(found,))
    assert crashes.judge(["BUG", "CFI"], nothing, said) == [
        Crash("BUG", Verdict.MISSED),
        Crash("CFI", Verdict.QUIET, said="XFAIL: this test is arm64-only"),
    ]
    assert crashes.judge(["BUG"], something, said) == [
        Crash("BUG", Verdict.FOUND, "BUG", "kernel BUG at x.c:1!", "lkdtm_BUG")
    ]
    assert find.find(CONSOLE.splitlines())


def test_what_a_hanging_guest_says_when_asked_is_no_complaint() -> None:
    asked = ["Uhhuh. NMI received for unknown reason 21 on CPU 0.", "Kernel panic - not syncing: NMI: Not continuing"]
    said = {2: "\n".join(["lkdtm: Performing direct entry LOOP", *asked])}
    assert crashes.judge(["LOOP"], outcomes.run("x"), said) == [Crash("LOOP", Verdict.QUIET)]


def test_the_table() -> None:
    out = io.StringIO()
    crashes.show(
        [Crash("BUG", Verdict.FOUND, "BUG", "kernel BUG at x.c:1!", "lkdtm_BUG")], Console(file=out, width=100)
    )
    assert out.getvalue().splitlines()[1].split() == [
        "BUG",
        "FOUND",
        "BUG",
        "kernel",
        "BUG",
        "at",
        "x.c:1!",
        "lkdtm_BUG",
    ]
    assert out.getvalue().splitlines()[-1] == "1 FOUND, 0 MISSED, 0 QUIET"


def test_the_configuration_asks_for_the_crashes_and_for_those_who_tell() -> None:
    options = kconfig.parse(crashes.CONFIG.read_text())
    assert {"LKDTM", "KASAN", "UBSAN", "PROVE_LOCKING", "SOFTLOCKUP_DETECTOR", "DETECT_HUNG_TASK"} <= options.keys()
