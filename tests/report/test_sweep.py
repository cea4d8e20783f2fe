"""A sweep's table, and the four forms that it is shown in."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from fakes.outcomes import outcome, request, run
from series_ci.errors import ApplyError, BuildError, Error, ExitStatus, InfrastructureError, UsageError
from series_ci.manifest.allow import Allowed
from series_ci.pipeline.rows import Row, Sweep, status, sweep_run
from series_ci.report.junit import junit
from series_ci.report.markdown import markdown
from series_ci.report.sweep import MOST_DETAILS, show
from series_ci.results.compare import compare
from series_ci.results.model import Ended, Result, Run, Splat, Status
from series_ci.rundir.matrix import matrix, why_failed
from series_ci.rundir.run import Stage
from series_ci.rundir.sweep_run import SweepRow, SweepRun
from series_ci.rundir.sweep_summary import sweep_json

NAME = "mm/exit_skip"
SPLAT = Splat("WARNING", "WARNING: at mm/rmap.c:13", "ab" * 20, ("line",))


def kernel(label: str, anon: Status, shmem: Status, *more: Result, splats: tuple[Splat, ...] = ()) -> Run:
    whole = Status.PASS if anon is shmem is Status.PASS else Status.FAIL
    return run(
        label,
        Result("boot", Status.PASS),
        Result(NAME, whole),
        Result(f"{NAME}:anon", anon),
        Result(f"{NAME}:shmem", shmem, log=("first", "memory was not reclaimed")),
        Result("mm/other", Status.PASS),
        *more,
        splats=splats,
    )


BASE = kernel("base", Status.FAIL, Status.PASS)


def row(label: str, patched: Run | None = None, *, error: Error | None = None, stage: Stage = Stage.DONE) -> Row:
    known = patched is not None or isinstance(error, ApplyError | BuildError)
    found = outcome(BASE if patched else None, patched, error=error, label=label) if known else None
    return Row(request(label=label), found, error, stage, base="/src/linux")


GOOD = row("v5", kernel("v5", Status.PASS, Status.PASS))
BAD = row("v4", kernel("v4", Status.PASS, Status.FAIL))
APPLY = row("v1", error=ApplyError("patch x does not apply to y (12): hunk at mm/a.c:3"), stage=Stage.APPLY)
BUILD = row("v2", error=BuildError("does not build: mm/a.c:3:1: error: 'x' undeclared"), stage=Stage.BUILD)
LOST = row("v3", error=InfrastructureError("the guest of v3 was lost 2 times"), stage=Stage.BOOT)
GONE = row("v0", error=UsageError("a@example.org: no such mail"), stage=Stage.FETCH)
WAITS = row("v9", stage=Stage.BUILD)
ROWS = [
    GONE,
    APPLY,
    BUILD,
    LOST,
    BAD,
    replace(row("v4.2", kernel("v4", Status.PASS, Status.FAIL)), same_as="v4"),
    GOOD,
    WAITS,
]


def sweep(rows: list[Row]) -> SweepRun:
    repeat = "series-ci test --all --series demo"
    requests = tuple(each.request for each in rows)
    return sweep_run(Sweep("demo", "mm: skip <folios> of_exit", requests, Path("/runs/9"), repeat, True), rows)


def drawn(rows: list[Row]) -> tuple[SweepRow, ...]:
    return sweep(rows).rows


def shown(rows: list[Row]) -> str:
    out = io.StringIO()
    show(sweep(rows), Console(file=out, width=80))
    return out.getvalue()


def test_each_cell_says_how_far_a_version_came() -> None:
    found = matrix(drawn(ROWS))
    assert found.heading == ("version", "apply", "build", "compiled", "boot", NAME)
    assert found.lines == (
        ("v0", "not fetched", "-", "-", "-", "-"),
        ("v1", "does not apply", "-", "-", "-", "-"),
        ("v2", "ok", "does not build", "-", "-", "-"),
        ("v3", "ok", "ok", "-", "no result", "-"),
        ("v4", "ok", "ok", "1 of 1", "PASS", "BROKEN 1, FIXED 1"),
        ("v4.2 (= v4)", "ok", "ok", "1 of 1", "PASS", "BROKEN 1, FIXED 1"),
        ("v5", "ok", "ok", "1 of 1", "PASS", "FIXED 2"),
        ("v9", "-", "-", "-", "-", "-"),
    )
    assert found.steady == ("mm/other PASS",)


def test_below_the_table_is_what_went_wrong_first() -> None:
    assert matrix(drawn(ROWS)).notes == (
        ("v0", "a@example.org: no such mail"),
        ("v1", "does not apply: hunk at mm/a.c:3"),
        ("v2", "does not build: mm/a.c:3:1: error: 'x' undeclared"),
        ("v3", "the guest of v3 was lost 2 times"),
        ("v4 v4.2", f"BROKEN {NAME}:shmem: PASS -> FAIL\nmemory was not reclaimed"),
    )


HARNESS = (
    "exit_skip.c:1213:shmem:victim: 8192 K resident, 0 K in swap",
    "exit_skip.c:1218:shmem:Expected 0 (0) != is_seen(&cast, fate) (0)",
    "exit_skip.c:1219:shmem:memory was not swapped",
    "shmem: Test failed",
    "         FAIL  exit_skip.shmem.exiting",
)


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (HARNESS, HARNESS[2]),
        ((*HARNESS[:2], *HARNESS[3:]), HARNESS[1]),
        (("setting up", "mmap: Cannot allocate memory"), "mmap: Cannot allocate memory"),
        (("bad page", "x: Test failed", ""), "bad page"),
        ((), ""),
    ],
)
def test_the_line_that_says_what_was_wrong(log: tuple[str, ...], why: str) -> None:
    assert why_failed(log) == why


def test_tests_that_tell_versions_apart_are_listed_and_equal_versions_share_a_column() -> None:
    details = matrix(drawn(ROWS)).details
    assert details.versions == ("v4 v4.2", "v5")
    assert details.lines == ((f"{NAME}:anon", ("FIXED", "FIXED")), (f"{NAME}:shmem", ("BROKEN", "PASS")))


def test_a_program_without_results_of_its_own_counts_itself() -> None:
    broken = row(
        "v6", run("v6", *(replace(each, status=Status.FAIL) for each in BASE.results if each.name == "mm/other"))
    )
    (line,) = matrix(drawn([broken])).lines
    assert dict(zip(matrix(drawn([broken])).heading, line, strict=True))["mm/other"] == "BROKEN"
    assert matrix(drawn([broken])).details.lines[-1] == ("mm/other", ("BROKEN",))


def test_allowed_complaints_are_in_the_column_and_in_the_notes() -> None:
    entry = {"pattern": "rmap", "reason": "known", "link": "https://example.org/1", "expires": "2026-12-31"}
    bad = row("v6", kernel("v6", Status.PASS, Status.PASS, splats=(SPLAT,)))
    assert bad.outcome is not None
    compared = compare(*bad.outcome.runs, [Allowed.model_validate(entry)])
    found = matrix(drawn([replace(bad, outcome=replace(bad.outcome, comparison=compared))]))
    assert found.lines[0][-1] == "1 allowed"
    assert found.notes == (
        ("v6", f"allowed kernel complaint: {SPLAT.title}\nknown (https://example.org/1, allowed until 2026-12-31)"),
    )


def test_complaints_of_the_kernel_have_a_column_where_there_are_any() -> None:
    rows = [GOOD, row("v6", kernel("v6", Status.PASS, Status.PASS, splats=(SPLAT,)))]
    found = matrix(drawn(rows))
    assert found.heading[-1] == "kernel log"
    assert [line[-1] for line in found.lines] == ["-", "1 new"]
    assert found.notes == (("v6", f"new kernel complaint: {SPLAT.title}"),)
    assert sweep(rows).status is ExitStatus.REGRESSION


def test_different_bases_have_a_column() -> None:
    found = matrix(drawn([GOOD, replace(BAD, base="/src/other")]))
    assert found.heading[:2] == ("version", "base")
    assert [line[1] for line in found.lines] == ["/src/linux", "/src/other"]


def test_a_guest_that_died_is_in_the_cell_of_the_boot() -> None:
    dead = run("v6", Result("boot", Status.CRASH), ended=Ended.PANIC)
    (line,) = matrix(drawn([row("v6", dead)])).lines
    assert line[4] == "BROKEN"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([GOOD], 0),
        ([GOOD, APPLY], 3),
        ([APPLY, BUILD], 4),
        ([BUILD, GONE], 4),
        ([BUILD, LOST, GOOD], 5),
        ([BUILD, LOST, BAD], 1),
        ([GOOD, WAITS], 0),
    ],
)
def test_a_regression_is_the_status_of_all_else_the_worst(rows: list[Row], expected: int) -> None:
    assert sweep(rows).status == expected
    assert sweep_json(sweep(rows))["status"] == expected


def test_the_status_of_a_version_is_that_of_testing_it_alone() -> None:
    assert [int(status(each)) for each in ROWS] == [2, 3, 4, 5, 1, 1, 0, 0]


def test_the_terminal_shows_it_all_and_cuts_no_name() -> None:
    text = shown(ROWS)
    for line in (
        "v4.2 (= v4)  ok              ok              1 of 1    PASS       BROKEN 1, FIXED 1",
        "v4 v4.2  BROKEN mm/exit_skip:shmem: PASS -> FAIL",
        "    memory was not reclaimed",
        "no version changes: mm/other PASS",
        "mm/exit_skip:shmem  BROKEN   PASS",
        "demo: regression",
        "repeat:   series-ci test --all --series demo",
    ):
        assert re.search(rf"^{re.escape(line)}\s*$", text, re.MULTILINE), line


def test_a_terminal_is_not_flooded_and_says_where_the_rest_is() -> None:
    more = [Result(f"{NAME}:case{number}", Status.FAIL) for number in range(100)]
    many = row("v6", kernel("v6", Status.PASS, Status.PASS, *more))
    text = shown([many])
    assert f"... {102 - 1 - MOST_DETAILS} more in summary.md" in text
    assert markdown(sweep([many])).count("case") == 101  # and the first of them in the notes


def test_markdown_is_escaped_and_whole() -> None:
    text = markdown(sweep(ROWS))
    assert "\n\nmm: skip \\<folios\\> of\\_exit\n\n" in text
    assert "| v4.2 (= v4) | ok | ok | 1 of 1 | PASS | BROKEN 1, FIXED 1 |" in text
    assert "- **v4 v4.2**: BROKEN mm/exit\\_skip:shmem: PASS -\\> FAIL (`memory was not reclaimed`)" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    for block in tables:
        assert len({re.sub(r"\\\|", "", line).count("|") for line in block.splitlines()}) == 1
    assert len(tables) == 2


def test_a_pipe_in_a_name_does_not_break_the_table() -> None:
    odd = row("v6", kernel("v6", Status.PASS, Status.PASS, Result(f"{NAME}:a|b`c", Status.FAIL)))
    assert "| `mm/exit_skip:a\\|b'c` | BROKEN |" in markdown(sweep([odd]))


def test_json() -> None:
    found = sweep_json(sweep(ROWS))
    assert (found["verdict"], found["run_dir"]) == ("regression", "/runs/9")
    by_name = {each["version"]: each for each in found["versions"]}
    assert by_name["v4.2"]["same_as"] == "v4"
    assert by_name["v4"]["changes"] == {f"{NAME}:anon": "FIXED", f"{NAME}:shmem": "BROKEN"}
    assert by_name["v2"]["error"]["message"] == "does not build: mm/a.c:3:1: error: 'x' undeclared"
    assert (by_name["v9"]["verdict"], by_name["v9"]["summary"]) == ("no result", None)


def test_junit_has_a_suite_for_each_version() -> None:
    suites = ET.fromstring(junit(sweep(ROWS))).findall("testsuite")
    assert [each.get("name") for each in suites] == [f"series-ci demo {row.label}" for row in ROWS]
    assert [each.get("errors") for each in suites] == ["1", "1", "1", "1", "0", "0", "0", "1"]
    assert [each.get("failures") for each in suites] == ["0", "0", "0", "0", "1", "1", "0", "0"]
