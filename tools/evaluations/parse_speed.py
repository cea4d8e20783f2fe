"""How fast `series-ci parse` reads logs, against its targets: lines per second, growth with the length, memory.

The logs are made up on the fly, of the lines that real ones consist of. Time is the
processor's, of one core, so that a busy machine changes little; the best of a few rounds counts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from figures import Figure, finish
from series_ci import cli
from series_ci.errors import ExitStatus, InfrastructureError
from series_ci.host import process
from series_ci.results import logs

LINES = 50_000
"""Lines of the short log; the long one has ten times as many."""

ROUNDS = 5
SMALL = 16
"""Megabytes of the small log that the memory of a large one is compared with."""

CONSOLE = """\
[{t}.000001] audit: type=1334 audit(1589802941.021:{n}): prog-id=10 op=UNLOAD
[{t}.000014] usb 1-1: new high-speed USB device number {n} using xhci_hcd
[{t}.000203] EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.
[{t}.000311] systemd[1]: Starting Load Kernel Module configfs...
[{t}.000412] pci 0000:00:1f.2: reg 0x20: [io  0xc080-0xc09f]
[{t}.000513] IPv6: ADDRCONF(NETDEV_CHANGE): veth{n}: link becomes ready
[{t}.000614][  T{n}] virtio_net virtio0 enp1s0: renamed from eth0
[{t}.000715] random: crng init done
"""
SPLAT = """\
[{t}.100000] ------------[ cut here ]------------
[{t}.100001] WARNING: CPU: 1 PID: {n} at mm/page_alloc.c:{n} get_page_from_freelist+0x1f/0x{n:x}
[{t}.100002] Modules linked in: test_module(E) virtio_net
[{t}.100003] CPU: 1 UID: 0 PID: {n} Comm: test Tainted: G            E      6.12.0 #1
[{t}.100004] Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-1 04/01/2014
[{t}.100005] RIP: 0010:get_page_from_freelist+0x1f/0x1a20
[{t}.100006] RSP: 0018:ffffc900001b7c20 EFLAGS: 00010246
[{t}.100007] Call Trace:
[{t}.100008]  <TASK>
[{t}.100009]  __alloc_pages_noprof+0x182/0x350
[{t}.100010]  alloc_pages_mpol_noprof+0xd7/0x1f0
[{t}.100011]  folio_alloc_noprof+0x5b/0xb0
[{t}.100012]  do_anonymous_page+0x45c/0x830
[{t}.100013]  handle_mm_fault+0x7ae/0xd10
[{t}.100014]  </TASK>
[{t}.100015] ---[ end trace 0000000000000000 ]---
"""
CASES = 40


def program(number: int) -> str:
    """What the runner prints for one program that is built with kselftest_harness.h."""
    name = f"prog_{number}"
    text = f"# timeout set to 45\n# selftests: mm: {name}\n# TAP version 13\n# 1..{CASES}\n"
    text += f"# # Starting {CASES} tests from 2 test cases.\n"
    for case in range(1, CASES + 1):
        test = f"{name}.fixture.case_{case}"
        text += f"# #  RUN           {test} ...\n"
        if case % 10:
            text += f"# #            OK  {test}\n# ok {case} {test}\n"
        else:
            text += f"# # prog.c:{case}:Expected 0 (0) == left (7)\n# #          FAIL  {test}\n# not ok {case} {test}\n"
    text += f"# # FAILED: 36 / {CASES} tests passed.\n# # Totals: pass:36 fail:4 xfail:0 xpass:0 skip:0 error:0\n"
    return f"{text}not ok {number} selftests: mm: {name} # exit=1\n"


def ktap_log() -> Iterator[str]:
    """Test results without an end, in pieces of some lines."""
    yield "TAP version 13\n"
    number = 0
    while number := number + 1:
        yield program(number)


def plain_log() -> Iterator[str]:
    """Nothing but result lines without an end: the most that a log can have of them."""
    yield "TAP version 13\n"
    number = 0
    while number := number + 1:
        yield f"ok {number} name_{number}\n"


def mixed_log() -> Iterator[str]:
    """A console without an end: of 1000 lines, some 100 are of tests, and 15 of a complaint."""
    yield "TAP version 13\n"
    number = 0
    while number := number + 1:
        stamp = f"{number:5}"
        yield CONSOLE.format(t=stamp, n=number) * 100
        yield SPLAT.format(t=stamp, n=number)
        yield program(number)


def seconds(lines: Sequence[str], rounds: int) -> float:
    """Processor time to read a log for results and complaints; the best of some rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        logs.scan(iter(lines), lambda _results: None)
        taken.append(time.process_time() - start)
    return min(taken)


def speed(what: str, log: Iterator[str], count: int) -> list[Figure]:
    """Lines per second of a short log, and how its time compares with that of one ten times as long."""
    lines = list(islice(chain.from_iterable(piece.splitlines(keepends=True) for piece in log), 10 * count))
    short, long = seconds(lines[:count], ROUNDS), seconds(lines, 2)
    return [
        Figure(f"{what}: speed", count / short, 200_000, "lines/s", at_least=True),
        Figure(f"{what}: time for ten times the length / ten times the time", long / short / 10, 1.25),
    ]


def memory(size: int) -> float:
    """Peak memory, in MB, of `series-ci parse` with so many megabytes of a mixed log coming through a pipe."""
    reads, writes = os.pipe()
    with process.started([sys.executable, "-m", "series_ci", "parse", "--format", "json"], stdin=reads) as child:
        os.close(reads)
        with os.fdopen(writes, "wb") as pipe:
            written = 0
            for piece in mixed_log():
                written += pipe.write(piece.encode())
                if written >= size * 1_000_000:
                    break
            pipe.flush()
            # Of the process, without what it had before it was this program.
            status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
        if child.wait() != ExitStatus.REGRESSION:
            raise InfrastructureError(f"series-ci parse ended with {child.returncode}, which is no result of this log")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def measure(size: int, lines: int) -> list[Figure]:
    """All figures."""
    small, large = memory(SMALL), memory(size)
    return [
        *speed("console with tests and complaints", mixed_log(), lines),
        *speed("test results alone", ktap_log(), lines),
        *speed("plain result lines alone", plain_log(), lines),
        Figure(f"peak memory for {size} MB / for {SMALL} MB", large / small, 1.5),
        Figure(f"peak memory for {size} MB", large, 250, "MB"),
    ]


def show(figures: Sequence[Figure], out: Console) -> None:
    """Print one line per figure, not narrower than its content."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "measured", "bar", ""):
        rows.add_column(heading, no_wrap=True)
    for each in figures:
        number = f"{each.measured:,.0f}" if each.measured > 1000 else f"{each.measured:.2f}"
        bar = "" if each.bar is None else f"{'>=' if each.at_least else '<='} {each.bar:,g}"
        rows.add_row(each.what, f"{number} {each.unit}".rstrip(), bar, "ok" if each.good else "missed")
    rows.width = rows.__rich_measure__(out, out.options.update(max_width=10_000)).maximum
    out.print(rows, crop=False)


@click.command("parse-speed", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--size", metavar="MB", type=click.IntRange(min=1), default=1024, show_default=True)
@click.option("--lines", type=click.IntRange(min=100), default=LINES, show_default=True, help="of the short log")
@click.option("--json", "as_json", is_flag=True, help="print the figures as JSON")
def main(*, size: int, lines: int, as_json: bool) -> int:
    """Measure how fast logs are read, against the targets; --size is that of the log whose memory is measured.

    Exit status: 0 all are met, 1 one is missed.
    """
    figures = measure(size, lines)
    return finish(figures, show, as_json=as_json)


if __name__ == "__main__":
    sys.exit(cli.run(main))
