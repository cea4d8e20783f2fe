"""What the kernel calls an emergency, or critical, is a complaint by its level alone."""

from __future__ import annotations

import pytest

from series_ci.results.model import Splat
from series_ci.results.splat import find

EMERG = {
    "raw": "<0>[    1.230000] {}",
    "raw, with a caller": "<0>[    1.230000][   T12] {}",
    "raw, no stamps": "<0>{}",
    "dmesg -x": "kern  :emerg : [    1.230000] {}",
    "dmesg -x, LAVA": "2024-06-01T12:00:00.123456  kern  :emerg : [    1.230000] {}",
    "kmsg": "0,1234,1230000,-;{}",
    "syslog": "Jan  1 00:00:07 host kern.emerg kernel: [    1.230000] {}",
}
CRIT = {
    name: line.replace("<0>", "<2>").replace("emerg", "crit ").replace("0,1", "2,1") for name, line in EMERG.items()
}
CRIT["syslog"] = CRIT["syslog"].replace("crit ", "crit")
INTERRUPT = "__common_interrupt: 2.55 No irq handler for vector"
HEAT = "thermal thermal_zone0: critical temperature reached, shutting down"


def told(lines: list[str]) -> list[tuple[str, str]]:
    return [(each.kind, each.title) for each in find.find(lines)]


@pytest.mark.parametrize("printer", EMERG)
def test_emergencies_and_what_is_critical_are_said(printer: str) -> None:
    lines = [EMERG[printer].format(INTERRUPT), CRIT[printer].format(HEAT), CRIT[printer].format(HEAT)]
    assert told(lines) == [("EMERG", INTERRUPT), ("CRIT", HEAT), ("CRIT", HEAT)]
    calm = [line.replace("<2>", "<3>").replace("crit", "err ").replace("2,1", "3,1") for line in lines[1:]]
    assert told(calm) == []


def test_known_complaint_keeps_its_kind_at_any_level() -> None:
    line = "unregister_netdevice: waiting for lo to become free. Usage count = 2"
    assert [kind for kind, _ in told([f"<0>{line}"])] == ["NETDEV"]
    assert [kind for kind, _ in told(["<2>kernel BUG at mm/walk.c:12!"])] == ["BUG"]


ARM = """\
<1>[   10.000000] Unable to handle kernel paging request at virtual address dead0100
<1>[   10.000001] [dead0100] *pgd=00000000
<0>[   10.000002] Internal error: Oops: 5 [#1] SMP ARM
<4>[   10.000003] PC is at walk_leaf+0x12/0x340
<0>[   10.000004] Process walker (pid: 77, stack limit = 0x12345678)
<0>[   10.000005] Stack: (0xc1001e58 to 0xc1002000)
<0>[   10.000006] 1e40:                                     00000000 c0123456
<0>[   10.000007] Code: e5900018 e12fff1e (e5900000)
<4>[   10.000008] ---[ end trace 0000000000000000 ]---
<0>[   10.000009] Kernel panic - not syncing: Fatal exception in interrupt
<2>[   10.000010] SMP: stopping secondary CPUs
<0>[   10.000011] Kernel Offset: disabled
<0>[   10.000012] ---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---
<0>[   10.000013] Rebooting in 5 seconds..
"""


def test_emergencies_of_an_oops_and_of_its_panic_are_one_complaint() -> None:
    (found,) = find.find(ARM.splitlines())
    assert (found.kind, found.function) == ("OOPS", "walk_leaf")


def test_emergency_that_a_bug_begins_with_is_its_message() -> None:
    log = """\
<0>[   10.000000] skbuff: skb_over_panic: text:ffffffff88d2c4c4 len:84 put:84 dev:lo
<4>[   10.000001] ------------[ cut here ]------------
<2>[   10.000002] kernel BUG at net/core/skbuff.c:109!
<4>[   10.000003] invalid opcode: 0000 [#1] SMP
<4>[   10.000004] RIP: 0010:skb_panic+0x12/0x340
<4>[   10.000005] Call Trace:
<4>[   10.000006]  skb_put+0x12/0x340
<4>[   10.000007]  walk_skb+0x12/0x340
"""
    (found,) = find.find(log.splitlines())
    assert (found.kind, found.title) == ("BUG", "kernel BUG at net/core/skbuff.c:109!")
    assert found.function == "walk_skb"
    assert len(found.lines) == 8


def report(kind: str, line: str) -> list[Splat]:
    lines = ["<3>INFO: task cat:77 blocked for more than 120 seconds.", "<4>Call Trace:", line, "<4> walk_leaf+0x1/0x2"]
    found = find.find(lines)
    assert found[0].kind == "HUNG"
    assert found[0].function == "walk_leaf"
    return [each for each in found if each.kind == kind]


def test_emergency_in_the_middle_of_a_report_does_not_end_it() -> None:
    assert [each.title for each in report("EMERG", f"<0>{INTERRUPT}")] == [INTERRUPT]


def test_emergency_is_the_same_on_another_boot() -> None:
    one, two = (
        find.find([f"<2>EXT4-fs error (device vda1): walk:1603: inode #{number}: comm cat: bad leaf"])[0]
        for number in ("2", "77")
    )
    assert one.title == two.title == "EXT4-fs error (device vda1): walk:1603: inode #*: comm cat: bad leaf"
    assert one.fingerprint == two.fingerprint


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("inode 12", "inode 345"),
        ("ino=5f", "ino=ab"),
        ("inode: 1", "inode: 22"),
        ("ino 0x12", "ino 0x3a"),
        ("block 7", "block 8"),
    ],
)
def test_numbers_of_inodes_and_blocks_are_not_in_titles(one: str, two: str) -> None:
    first, second = (find.find([f"[   12.345678] BUG: the leaf of {each} is lost"])[0] for each in (one, two))
    assert (first.title, first.fingerprint) == (second.title, second.fingerprint)


@pytest.mark.parametrize("words", ["inode cache", "block device", "sector size", "inode table is bad"])
def test_words_behind_inodes_and_blocks_stay_in_titles(words: str) -> None:
    assert find.find([f"[   12.345678] BUG: the {words}"])[0].title == f"BUG: the {words}"
