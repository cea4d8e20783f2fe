"""Is every crash found, and the right function blamed? Real ones, of every type that the kernel's LKDTM can cause.

The kernel is built with what complains of such things (crashes.config); each type is written
to LKDTM's file in a guest. What a type does to the kernel is known from the console: it prints a stack trace, or ends.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

import mutants
from series_ci import cli
from series_ci.cli import options, terminal
from series_ci.errors import ExitStatus, InfrastructureError, UsageError
from series_ci.guest import bounded_log, qemu, record
from series_ci.guest.boot import BootSetup, boot_kernel
from series_ci.guest.initramfs import GuestTest
from series_ci.host import locks, requirements, scratch
from series_ci.kernel.kernel import Kernel
from series_ci.kernel.selftests import Installed
from series_ci.kernel.store import Store
from series_ci.kernel.toolchain import Toolchain
from series_ci.manifest.request import Request
from series_ci.pipeline import shell, stages
from series_ci.progress import Progress
from series_ci.results.model import Run, Splat

CONFIG = Path(__file__).with_name("crashes.config")
TYPES = "tools/testing/selftests/lkdtm/tests.txt"
"""The tree's list of types: those that its selftests leave out, as they hang or crash, stand behind a `#`."""

TREE = "debian:linux-source-6.12"
MEMORY = 1 << 30
SECONDS = 75
"""What a type may take. A lockup has to last twice the watchdog's threshold, a hung task is looked for every 20 s."""

ARGUMENTS = (
    "sysctl.kernel.panic_on_oops=0",  # of one guest many crashes can be had
    "kasan_multi_shot",  # or it tells of the first one alone
    "no_timer_check",  # a busy host is no reason to panic
    "watchdog_thresh=5",
    "rcupdate.rcu_cpu_stall_timeout=15",
    "workqueue.watchdog_thresh=10",
)

TRIGGER = b"""\
#!/bin/bash
# Cause the crash of this type; without one, do nothing. What warns once in a boot may do so for each type.
echo 1 >/sys/kernel/debug/clear_warn_once
[ -z "${1:-}" ] || echo "$1" >/sys/kernel/debug/provoke-crash/DIRECT
"""
PROGRAM = "lkdtm"
_MARK = re.compile(r"series-ci: (start|done) (\d+)\s*$")
_TRACE = re.compile(r"call trace|Kernel panic - not syncing|---\[ end trace", re.IGNORECASE)
_ASKED = re.compile(r"NMI received for unknown reason")
"""What comes after this, a guest says because it was asked what it hangs in."""
_SAID = re.compile(r"lkdtm: (.*(?:FAIL|XFAIL|ok|OK|Skipping|not enabled|unsupported|Unable).*)")


class Verdict(StrEnum):
    """What came of a type."""

    FOUND = "FOUND"
    MISSED = "MISSED"  # the kernel printed a stack trace, or ended, and no complaint was found
    QUIET = "QUIET"  # the kernel did not complain: it cannot do this, or does not mind


@dataclass(frozen=True)
class Crash:
    """One type, and what was made of it: of the complaint that came first its kind, title and the function blamed."""

    name: str
    verdict: Verdict
    kind: str = ""
    title: str = ""
    function: str = ""
    said: str = ""


def types(text: str, only: Sequence[str]) -> list[str]:
    """The types in the tree's list, or those asked for; what ends a guest comes last. Raises UsageError for others."""
    listed = sorted(text.splitlines(), key=lambda line: line.startswith("#"))
    known = [match[1] for line in listed if (match := re.match(r"#?([A-Z_]+)\b", line))]
    known = [each for each in known if not each.endswith("_TIMING")]
    if unknown := [each for each in only if each not in known]:
        raise UsageError(f"no such type: {', '.join(unknown)}", hint=f"there are: {', '.join(known)}")
    return [each for each in known if each in only or not only]


def tests(names: Sequence[str]) -> tuple[GuestTest, ...]:
    """Each type as a test, and one that does nothing before it: a fresh guest begins with that."""
    found = []
    for name in names:
        found.append(GuestTest(f"calm/{name}", PROGRAM, "trigger", (), 10))
        found.append(GuestTest(f"lkdtm/{name}", PROGRAM, "trigger", (name,), SECONDS))
    return tuple(found)


def boot(kernel: Kernel, names: Sequence[str], asked: Request, progress: Progress) -> Run:
    """Cause all crashes, in as many guests as it takes."""
    chosen = stages.choose_accelerator(asked.accel, asked.arch, kernel.build.image, progress)
    with scratch.folder("crashes") as installed:
        program = installed / PROGRAM / "trigger"
        program.parent.mkdir()
        program.write_bytes(TRIGGER)
        program.chmod(0o755)
        log = installed / "log"
        log.write_bytes(b"")
        known = replace(kernel, tests=Installed(installed, (), log, 0.0, cached=True))
        tools = Toolchain(asked.arch, (), "", ccache=False)
        boot_setup = BootSetup(asked.machine, chosen, tests(names), tools, "", append=ARGUMENTS)
        return boot_kernel(boot_setup, known, asked.out, progress, "boot")


def consoles(out: Path) -> Iterator[str]:
    """The lines of all guests of the run, in their order."""
    guests = sorted(out.glob(f"{record.GUEST}*"), key=lambda folder: int(folder.name.removeprefix(record.GUEST)))
    for folder in (out, *guests):
        yield from bounded_log.lines(qemu.Files(folder).console)


def sections(lines: Iterable[str]) -> dict[int, str]:
    """What the console says while each test runs, by its number."""
    found: dict[int, str] = {}
    number = 0
    for line in lines:
        if mark := _MARK.search(line):
            number = int(mark[2]) if mark[1] == "start" else 0
        elif number:
            found[number] = f"{found.get(number, '')}{line}"
    return found


def judge(names: Sequence[str], run: Run, said: dict[int, str]) -> list[Crash]:
    """What was made of each type."""
    crashes = []
    for place, name in enumerate(names):
        text = _ASKED.split(said.get(2 * place + 2, ""))[0]
        ours: list[Splat] = [each for each in run.splats if each.test == f"lkdtm/{name}"]
        if ours:
            crashes.append(Crash(name, Verdict.FOUND, ours[0].kind, ours[0].title, ours[0].function))
        else:
            words = _SAID.findall(text)
            verdict = Verdict.MISSED if _TRACE.search(text) else Verdict.QUIET
            crashes.append(Crash(name, verdict, said=words[-1].strip() if words else ""))
    return crashes


def request(spec: str, accel: str) -> Request:
    """The kernel of a tree with the crashes, and the machine that it boots on."""
    asked = mutants.request(spec, accel, "crashes")
    size = replace(asked.machine, memory=MEMORY, cpus=2)
    return replace(asked, tests=(), config=(CONFIG,), machine=size)


def measure(asked: Request, image: Path | None, only: Sequence[str], progress: Progress) -> list[Crash]:
    """Build the kernel, unless an image of it is there, and cause its crashes."""
    requirements.require(asked.arch, asked.toolchain)
    base, _refused = stages.find_base(asked, progress)
    store = Store(base.store)
    names = types(store.text(base.commit, TYPES) or "", only)
    if not names:
        raise InfrastructureError(f"{base.spec}: has no list of crashes in {TYPES}")
    if image is None:
        with locks.locked(store.lock, progress.say):
            kernel = stages.make_base(asked, base, progress)[1]
    else:
        asked.out.mkdir(parents=True, exist_ok=True)
        kernel = shell.given_kernel(image, asked.out)
    run = boot(kernel, names, replace(asked, out=asked.out / "boots"), progress)
    return judge(names, run, sections(consoles(asked.out / "boots")))


def show(crashes: Sequence[Crash], out: Console) -> None:
    """One line per type, and how many of what."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("type", "", "complaint", "blamed"):
        table.add_column(heading, overflow="fold")
    for each in crashes:
        table.add_row(each.name, each.verdict.value, f"{each.kind} {each.title}".strip() or each.said, each.function)
    out.print(table)
    out.print(", ".join(f"{sum(each.verdict is word for each in crashes)} {word}" for word in Verdict))


@click.command("crashes", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--tree", "spec", metavar="SPEC", default=TREE, show_default=True, help="the kernel")
@click.option(
    "--image",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a kernel of that tree which is built already, with tools/eval crashes.config",
)
@click.option("--only", metavar="TYPE", multiple=True, help="this type alone (repeatable)")
@click.option("--json", "as_json", is_flag=True, help="print the outcome as JSON")
@options.accel
def main(*, spec: str, image: Path | None, only: tuple[str, ...], as_json: bool, accel: str) -> int:
    """Cause every crash that the kernel's LKDTM knows, and show as what each was found and which function is blamed.

    Exit status: 0 all that the kernel complained of were found; 1 one was missed; 2 usage; 5 infrastructure.
    """
    asked = request(spec, accel)
    crashes = measure(asked, image.resolve() if image else None, only, terminal.Terminal())
    if as_json:
        click.echo(json.dumps([asdict(each) for each in crashes], indent=2))
    else:
        show(crashes, terminal.console(stderr=False))
        click.echo(f"results:  {asked.out}")
    missed = any(each.verdict is Verdict.MISSED for each in crashes)
    return int(ExitStatus.REGRESSION if missed else ExitStatus.OK)


if __name__ == "__main__":
    sys.exit(cli.run(main))
