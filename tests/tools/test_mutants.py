"""The mutants against the kernel's real source, what is made of their boots, the program on a kernel in miniature."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import mutants
from exit_skip_mutants import MUTANTS, Mutant
from fakes import fakelinux, lab, labtools, outcomes
from fakes.here import ROOT
from fakes.lab import Lab
from fakes.labtools import Program
from mutants import Verdict
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import files
from series_ci.results.model import Ended, Result, Run, Splat, Status

SOURCE = Path("/usr/src/linux-source-6.12.tar.xz")
UNPACKED = Path(os.environ.get("SERIES_CI_KERNEL_TREE") or "/nonexistent") / "mm/rmap.c"

BLOCK = """\
		if ((!atomic_read(&vma->vm_mm->mm_users) ||
			check_stable_address_space(vma->vm_mm)) &&
			folio_test_anon(folio) && folio_test_swapbacked(folio) &&
			!folio_likely_mapped_shared(folio)) {
			pra->referenced = -1;
			page_vma_mapped_walk_done(&pvmw);
			return false;
		}
"""
"""What Linux 6.12 has, but for the white space."""


def words(text: str) -> str:
    return " ".join(text.split())


def changed(*pairs: tuple[str, str]) -> str:
    """The block with some of its words replaced, each of them once."""
    text = words(BLOCK)
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return words(text)


AFTER = {
    "no-anon": changed(("folio_test_anon(folio) && ", "")),
    "no-swapbacked": changed(("folio_test_swapbacked(folio) && ", "")),
    "no-sharing": changed((" && !folio_likely_mapped_shared(folio)", "")),
    "users-inverted": changed(("!atomic_read", "atomic_read")),
    "no-users": changed(("(!atomic_read(&vma->vm_mm->mm_users) || ", ""), ("space(vma->vm_mm))", "space(vma->vm_mm)")),
    "no-address-space": changed(("((!atomic", "(!atomic"), (" || check_stable_address_space(vma->vm_mm))", "")),
    "returns-zero": changed(("referenced = -1", "referenced = 0")),
    "walk-goes-on": changed(("return false", "return true")),
    "feature-off": "",
}
"""The block as each mutant should have it."""


def mutant(name: str) -> Mutant:
    return next(each for each in MUTANTS if each.name == name)


@pytest.fixture(scope="module")
def rmap(request: pytest.FixtureRequest) -> str:
    """mm/rmap.c of Linux 6.12, from what tools/test unpacked, else from the package."""
    if UNPACKED.is_file():
        return UNPACKED.read_text("utf-8")
    if not SOURCE.exists():
        pytest.skip(f"no {SOURCE}: Debian's linux-source-6.12 is not installed")
    # It takes ten seconds to read so far into the package: once for each.
    kept = request.config.cache.mkdir("linux-source-6.12") / f"{SOURCE.stat().st_mtime_ns}-rmap.c"
    if not kept.is_file():
        argv = ["tar", "-x", "-O", "--occurrence", "-f", SOURCE, "linux-source-6.12/mm/rmap.c"]
        files.write(kept, subprocess.run(argv, capture_output=True, check=True).stdout)
    return kept.read_text("utf-8")


class TestEdits:
    @pytest.mark.parametrize("name", [each.name for each in MUTANTS])
    def test_the_block_says_what_it_should_and_nothing_else_is_touched(self, rmap: str, name: str) -> None:
        before = words(rmap)
        assert before.count(words(BLOCK)) == 1
        assert words(mutant(name).apply(rmap, "tree")) == words(before.replace(words(BLOCK), AFTER[name]))

    def test_each_has_its_own_name_and_one_line_that_says_what_it_is(self) -> None:
        assert sorted(AFTER) == sorted({each.name for each in MUTANTS}) == sorted(each.name for each in MUTANTS)
        assert all(each.change and "\n" not in each.change for each in MUTANTS)

    @pytest.mark.parametrize("space", [" ", "\n", "\n\t\t    "])
    def test_white_space_does_not_matter(self, space: str) -> None:
        source = f"first\n{space.join(BLOCK.split())}\nlast\n"
        for each in MUTANTS:
            assert words(each.apply(source, "tree")) == words(f"first {AFTER[each.name]} last")

    @pytest.mark.parametrize("times", [0, 2])
    def test_a_tree_with_another_text_is_named_with_file_and_text(self, times: int) -> None:
        with pytest.raises(UsageError) as caught:
            mutant("returns-zero").apply(f"int x;\n{BLOCK * times}", "debian:linux-source-9.9")
        assert caught.value.message == (
            "debian:linux-source-9.9: mm/rmap.c has the text that mutant returns-zero replaces "
            f"{times} times, expected once"
        )
        assert caught.value.details == "pra->referenced = -1;"


def ran(*results: Result, ended: Ended = Ended.POWEROFF, splats: tuple[Splat, ...] = ()) -> Run:
    boot = Result(
        "boot", Status.PASS if ended is Ended.POWEROFF else Status.CRASH, "" if ended is Ended.POWEROFF else "why"
    )
    return outcomes.run("x", boot, *results, ended=ended, splats=splats)


def exit_skip(**statuses: str) -> tuple[Result, ...]:
    """The results of the program, which fails if one of its cases does."""
    cases = [Result(f"mm/exit_skip:{name}", Status(status)) for name, status in statuses.items()]
    return Result("mm/exit_skip", Status.FAIL if "FAIL" in statuses.values() else Status.PASS), *cases


CONTROL = ran(*exit_skip(private="PASS", shmem="PASS", limit="XFAIL", thp="SKIP"), Result("mm/other", Status.NOTBUILT))


class TestCaughtBy:
    @pytest.mark.parametrize(
        ("mutated", "caught"),
        [
            (exit_skip(private="PASS", shmem="PASS", limit="XFAIL", thp="SKIP"), ()),
            (exit_skip(private="FAIL", shmem="FAIL", limit="XFAIL", thp="SKIP"), ("private", "shmem")),
            # A documented limit that is gone is a difference, too.
            (exit_skip(private="PASS", shmem="PASS", limit="PASS", thp="SKIP"), ("limit",)),
            # What skips has not looked, neither here nor there.
            (exit_skip(private="SKIP", shmem="PASS", limit="XFAIL", thp="FAIL"), ()),
            # A result that is not there was not seen: the program says what became of it.
            ((Result("mm/exit_skip", Status.TIMEOUT),), ("mm/exit_skip: TIMEOUT",)),
            ((Result("mm/exit_skip", Status.PASS),), ()),
        ],
    )
    def test_cases_with_another_result(self, mutated: tuple[Result, ...], caught: tuple[str, ...]) -> None:
        assert mutants.caught_by(CONTROL, ran(*mutated)) == caught

    def test_a_lost_guest_and_what_was_seen_before(self) -> None:
        results = (*exit_skip(private="FAIL")[1:], Result("mm/exit_skip", Status.CRASH))
        found = mutants.caught_by(CONTROL, ran(*results, ended=Ended.PANIC))
        assert found == ("guest PANIC: why", "private")

    def test_a_complaint_that_the_unmutated_kernel_has_not(self) -> None:
        old, new = Splat("WARNING", "WARNING at a", "aa"), Splat("BUG", "BUG at b", "bb")
        same = CONTROL.results[1:]
        assert mutants.caught_by(ran(*same, splats=(old,)), ran(*same, splats=(old, new))) == (
            "kernel complaint: BUG at b",
        )

    def test_other_programs_do_not_matter(self) -> None:
        assert mutants.caught_by(CONTROL, ran(*CONTROL.results[1:-1], Result("mm/other", Status.FAIL))) == ()


class TestControl:
    @pytest.mark.parametrize(
        ("control", "said"),
        [
            (ran(*exit_skip(private="PASS", shmem="FAIL")), "mm/exit_skip:shmem: FAIL"),
            (ran(*exit_skip(private="PASS", shmem="CRASH")), "mm/exit_skip:shmem: CRASH"),
            (ran(Result("mm/exit_skip", Status.NOTBUILT, "no such header")), "mm/exit_skip: NOTBUILT  no such header"),
            (ran(*exit_skip(private="PASS"), ended=Ended.HANG), "boot: CRASH  why"),
            (ran(*exit_skip(private="SKIP", shmem="SKIP")), "no case passed"),
        ],
    )
    def test_one_that_cannot_catch_anything_is_an_error(self, control: Run, said: str) -> None:
        with pytest.raises(InfrastructureError, match="does not pass on the unmutated kernel") as caught:
            mutants.require_good(control, outcomes.request())
        assert said in caught.value.details.splitlines()
        assert caught.value.hint == "see /runs/1/base"

    def test_skips_expected_failures_and_other_programs_are_fine(self) -> None:
        mutants.require_good(CONTROL, outcomes.request())


KNOWN, HARD = Mutant("known", "is caught", "a", "b"), Mutant("hard", "is not", "a", "b", uncatchable="for a reason")
CASES = ("a.exiting", "b.exiting", "c.exiting", "d.alive", "e.alive")


REASON = "because " + " ".join(f"word{number}" for number in range(60))


def table(*verdicts: Verdict, width: int = 200, all_names: bool = False, terminal: bool = False) -> str:
    out = Console(width=width, force_terminal=terminal, soft_wrap=True, highlight=False)
    with out.capture() as said:
        mutants.show(verdicts, out, all_names=all_names)
    return said.get()


class TestVerdicts:
    @pytest.mark.parametrize(
        ("verdicts", "status", "said"),
        [
            ([(KNOWN, CASES[:1])], 0, "1 of 1 mutants caught"),
            ([(KNOWN, CASES), (HARD, ())], 0, "1 of 2 mutants caught; the others for the reason given"),
            ([(KNOWN, ()), (HARD, ())], 1, "0 of 2 mutants caught; otherwise than expected: known"),
            ([(KNOWN, CASES), (HARD, CASES)], 1, "2 of 2 mutants caught; otherwise than expected: hard"),
        ],
    )
    def test_exit_status_and_last_line(
        self, verdicts: list[tuple[Mutant, tuple[str, ...]]], status: int, said: str
    ) -> None:
        made = [Verdict(each, CONTROL, caught) for each, caught in verdicts]
        assert mutants.status(made) == status
        assert table(*made).splitlines()[-1] == said

    @pytest.mark.parametrize(
        ("verdict", "all_names", "said"),
        [
            (Verdict(KNOWN, CONTROL, CASES[:3]), False, "a.exiting, b.exiting, c.exiting"),
            (Verdict(KNOWN, CONTROL, CASES), False, "a.exiting, b.exiting, c.exiting and 2 more"),
            (Verdict(KNOWN, CONTROL, CASES), True, "a.exiting, b.exiting, c.exiting, d.alive, e.alive"),
            (Verdict(HARD, CONTROL, ()), False, "not caught: for a reason"),
            (Verdict(KNOWN, CONTROL, ()), False, "SURVIVED: nothing caught it"),
            (Verdict(HARD, CONTROL, CASES[:1]), False, "CAUGHT by a.exiting, though this is said: for a reason"),
        ],
    )
    def test_row(self, verdict: Verdict, all_names: bool, said: str) -> None:
        row = table(verdict, all_names=all_names).splitlines()[1]
        assert words(row) == f"{verdict.mutant.name} {verdict.mutant.change} {said}"

    def test_a_log_loses_no_word_whatever_its_width(self) -> None:
        made = table(*(Verdict(replace(each, uncatchable=REASON), CONTROL, ()) for each in MUTANTS), width=40)
        assert "\x1b" not in made
        assert max(map(len, made.splitlines()[:-1])) <= mutants.LOG_WIDTH
        assert all(word in made for word in REASON.split())

    def test_a_terminal_keeps_its_width_and_gets_colours(self) -> None:
        made = table(Verdict(replace(KNOWN, uncatchable=REASON), CONTROL, ()), width=70, terminal=True)
        assert "\x1b[" in made
        bare = made.replace("\x1b[2m", "").replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[1;32m", "")
        assert max(map(len, bare.splitlines())) <= 70


MINIATURE = {
    "include/linux/mm.h": """\
#include <stdbool.h>
#define atomic_read(at) (*(at))
struct mm_struct { int mm_users; bool reaped; };
struct vm_area_struct { struct mm_struct *vm_mm; };
struct folio { bool anon, swapbacked; int mapcount; };
struct page_vma_mapped_walk { bool locked; };
struct folio_referenced_arg { int referenced; };
static inline bool check_stable_address_space(struct mm_struct *mm) { return mm->reaped; }
static inline bool folio_test_anon(struct folio *folio) { return folio->anon; }
static inline bool folio_test_swapbacked(struct folio *folio) { return folio->swapbacked; }
static inline bool folio_likely_mapped_shared(struct folio *folio) { return folio->mapcount > 1; }
static inline void page_vma_mapped_walk_done(struct page_vma_mapped_walk *pvmw) { pvmw->locked = false; }
int folio_referenced(struct folio *folio, struct vm_area_struct *vma);
""",
    "mm/rmap.c": f"""\
#include <linux/mm.h>
static bool folio_referenced_one(struct folio *folio, struct vm_area_struct *vma, struct folio_referenced_arg *pra)
{{
	struct page_vma_mapped_walk pvmw = {{ true }};
	do {{
{BLOCK}\t}} while (false);
	return true;
}}

int folio_referenced(struct folio *folio, struct vm_area_struct *vma)
{{
	struct folio_referenced_arg pra = {{ 0 }};
	folio_referenced_one(folio, vma, &pra);
	return pra.referenced;
}}
""",
    "mm/vmscan.c": "int nothing;\n",
    "init/main.c": """\
#include <stdio.h>
#include <linux/mm.h>
static void look(const char *name, struct folio folio, struct mm_struct mm)
{
	struct vm_area_struct vma = { &mm };
	printf("%s=%s\\n", name, folio_referenced(&folio, &vma) == -1 ? "kept" : "taken");
}
int main(void)
{
	look("private.exiting", (struct folio) { true, true, 1 }, (struct mm_struct) { 0, false });
	look("shmem.exiting", (struct folio) { false, true, 1 }, (struct mm_struct) { 0, false });
	look("private.reaped", (struct folio) { true, true, 1 }, (struct mm_struct) { 1, true });
	return 0;
}
""",
}
"""Files of a kernel whose image tells which folios it keeps; the mutants are those of the real one."""

KTAP = ["TAP version 13", "1..3"]


def cases(private: str = "ok", shmem: str = "ok", reaped: str = "ok") -> dict[str, Any]:
    """A guest's behaviour: what the test printed, and its own result."""
    lines = [f"{private} 1 private.exiting", f"{shmem} 2 shmem.exiting", f"{reaped} 3 private.reaped"]
    failed = "not ok" in (private, shmem, reaped)
    return {"inner": {"mm/good": KTAP + lines}, "verdicts": {"mm/good": "not ok # exit=1" if failed else "ok"}}


KEEPS_SHMEM = {"kernel": "shmem.exiting=kept", **cases(shmem="not ok")}
FORGETS_REAPED = {"kernel": "private.exiting=kept\nshmem.exiting=taken\nprivate.reaped=taken", **cases(reaped="not ok")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("world"), MINIATURE) as found:
        yield found


@pytest.fixture
def world(shared: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    labtools.measure_mini(shared, monkeypatch)
    # In the miniature nothing is mapped twice.
    hard = [replace(each, uncatchable="no other mapping") if each.name == "walk-goes-on" else each for each in MUTANTS]
    monkeypatch.setattr(mutants, "MUTANTS", hard)
    shared.qemu.plan(KEEPS_SHMEM, FORGETS_REAPED, cases())
    return shared


@pytest.fixture
def program(world: Lab, capsys: pytest.CaptureFixture[str]) -> Program:
    return labtools.program(mutants.main, world, capsys)


NAMES = ("--only", "no-anon", "--only", "no-address-space", "--only", "walk-goes-on")


class TestProgram:
    def test_each_mutant_is_caught_or_not_for_its_reason(self, program: Program, world: Lab) -> None:
        status, out, _err = program(*NAMES)
        assert status == 0
        rows = [words(line) for line in out.splitlines()]
        assert f"no-anon {mutant('no-anon').change} shmem.exiting" in rows
        assert f"no-address-space {mutant('no-address-space').change} private.reaped" in rows
        assert f"walk-goes-on {mutant('walk-goes-on').change} not caught: no other mapping" in rows
        assert "2 of 3 mutants caught; the others for the reason given" in rows
        kept = [call["kernel"].count("kept") for call in world.qemu.calls]
        assert kept == [2, 3, 1, 2]  # the unmutated kernel first
        folder = Path(out.splitlines()[-1].removeprefix("results:").strip())
        assert sorted(path.name for path in folder.iterdir()) == ["base", "no-address-space", "no-anon", "walk-goes-on"]
        assert (folder / "no-anon/run.json").is_file()

    def test_a_second_run_builds_nothing_and_tells_the_same_as_json(self, program: Program) -> None:
        first = json.loads(program(*NAMES, "--json")[1])
        status, out, err = program(*NAMES, "--json")
        found = json.loads(out)
        assert {**found, "run_dir": ""} == {**first, "run_dir": ""}
        assert (status, found["status"], found["test"]) == (0, 0, "mm/good")
        assert [each["caught_by"] for each in found["mutants"]] == [["shmem.exiting"], ["private.reaped"], []]
        assert len({each["commit"] for each in found["mutants"]}) == 3
        builds = [line for line in err.splitlines() if "build " in line]
        assert len(builds) == 4
        assert all("cached" in line for line in builds)
        assert sum("selftests " in line for line in err.splitlines()) == 1  # the same for all

    def test_one_that_survives(self, program: Program, world: Lab) -> None:
        world.qemu.plan(cases())
        status, out, _err = program("--only", "no-anon")
        assert status == 1
        assert "SURVIVED" in out
        assert "0 of 1 mutants caught; otherwise than expected: no-anon" in out

    def test_a_reason_that_is_wrong(self, program: Program, world: Lab) -> None:
        world.qemu.plan({"boot": 1, **cases()}, cases(private="not ok"))  # both kernels do the same here
        status, out, _err = program("--only", "walk-goes-on")
        assert status == 1
        assert "CAUGHT by private.exiting, though this is said: no other mapping" in words(out)

    def test_a_guest_that_panics_is_caught(self, program: Program, world: Lab) -> None:
        world.qemu.plan({"kernel": "shmem.exiting=kept", "end": "panic", "dies in": "mm/good"}, cases())
        status, out, _err = program("--only", "no-anon")
        assert status == 0
        assert "guest PANIC: the guest reset itself before its tests were through" in words(out)

    def test_a_guest_that_qemu_loses_is_no_verdict(self, program: Program, world: Lab) -> None:
        world.qemu.plan({"kernel": "shmem.exiting=kept", "end": "lost", "dies in": "mm/good"}, cases())
        status, out, err = program("--only", "no-anon")
        assert (status, out) == (5, "")
        assert "the guest of no-anon was lost 2 times" in err

    def test_an_unmutated_kernel_that_fails_is_an_error(self, program: Program, world: Lab) -> None:
        world.qemu.plan(cases(shmem="not ok"))
        status, out, err = program("--only", "no-anon")
        assert (status, out) == (5, "")
        assert "mm/good does not pass on the unmutated kernel" in err
        assert "mm/good:shmem.exiting: FAIL" in err
        assert len(world.qemu.calls) == 1

    def test_a_case_that_skips_is_named(self, program: Program, world: Lab) -> None:
        guest = cases()
        guest["inner"]["mm/good"][2] += " # SKIP no such feature"
        world.qemu.plan(guest)
        assert "skipped, so no mutant is caught by them: mm/good:private.exiting" in program("--only", "no-anon")[2]

    def test_a_mutant_that_does_not_compile_is_an_error(
        self, program: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = Mutant("no-anon", "is no C", "pra->referenced = -1;", "pra->referenced = ;")
        monkeypatch.setattr(mutants, "MUTANTS", (broken,))
        status, out, err = program()
        assert (status, out) == (5, "")
        assert "error: mutant no-anon does not build: mm/rmap.c:10" in err

    def test_a_tree_without_the_feature_is_refused_before_anything_is_built(
        self, program: Program, tmp_path: Path, world: Lab
    ) -> None:
        other = fakelinux.repository(tmp_path / "other")
        status, out, err = program("--tree", str(other))
        assert (status, out) == (2, "")
        assert f"error: {other}: mm/rmap.c has the text that mutant no-anon replaces 0 times, expected once" in err
        assert "build" not in err
        assert world.qemu.calls == []

    def test_a_name_that_nobody_has_is_usage(self, program: Program) -> None:
        status, _out, err = program("--only", "no-such")
        assert status == 2
        assert "no-address-space" in err


def test_the_script_lists_the_mutants(tmp_path: Path) -> None:
    argv = [sys.executable, str(ROOT / "tools/evaluations/mutants.py"), "--list"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "ci")}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    listed = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert listed == [[each.name, each.change] for each in MUTANTS]


def test_it_asks_for_what_series_ci_test_would(home: Path, cache: Path) -> None:
    asked = mutants.request("debian:linux-source-6.12", "tcg")
    assert (asked.series, asked.accel) == ("exit-skip", "tcg")
    assert [test.program for test in asked.tests] == ["mm/exit_skip"]
    assert [path.name for path in asked.config] == ["exit-skip.config"]
    assert (asked.machine.memory, asked.machine.swap) == (512 << 20, 512 << 20)
    assert asked.out.name.startswith("mutants-exit-skip-")
