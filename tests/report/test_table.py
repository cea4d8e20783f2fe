"""What a person reads: the changes, the verdict, and where the rest is."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from fakes.outcomes import outcome, run
from series_ci.cli import terminal
from series_ci.errors import BuildError
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.report import table
from series_ci.results.model import Ended, Result, Splat, Status


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")


class Tty(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(found: Outcome, out: io.StringIO | None = None) -> str:
    """The table as a pipe gets it, or as `out` does."""
    out = out or io.StringIO()
    with redirect_stdout(out):
        table.show(version_run(found), terminal.console(stderr=False))
    return out.getvalue()


def pair(base: Status, patched: Status, *, name: str = "mm/a", log: tuple[str, ...] = ()) -> Outcome:
    return outcome(run("base", Result(name, base)), run("v10", Result(name, patched, "the reason", log)))


def test_one_row_per_test() -> None:
    lines = shown(pair(Status.FAIL, Status.PASS)).splitlines()
    assert lines[0].split() == ["test", "base", "v10", "change"]
    assert lines[1].split() == ["mm/a", "FAIL", "PASS", "FIXED"]


def test_what_broke_is_shown_with_its_reason_and_the_end_of_its_log() -> None:
    text = shown(pair(Status.PASS, Status.FAIL, log=tuple(f"line {n}" for n in range(20))))
    at = text.index("BROKEN mm/a: PASS -> FAIL")
    assert "the reason" in text[at:]
    assert "line 19" in text[at:]
    assert "line 3" not in text[at:]


def test_the_verdict_counts_the_changes() -> None:
    assert "demo v10: regression  1 BROKEN" in shown(pair(Status.PASS, Status.FAIL))
    assert "demo v10: no regression  1 FIXED" in shown(pair(Status.FAIL, Status.PASS))


def test_a_complaint_is_shown_and_counted() -> None:
    splat = Splat("WARNING", "at mm/rmap.c:7 [x86]", "ff", tuple(f"splat line {n}" for n in range(30)))
    good = Result("mm/a", Status.PASS)
    text = shown(outcome(run("base", good), run("v10", good, splats=(splat,))))
    assert "WARNING at mm/rmap.c:7 [x86]" in text
    assert "splat line 19" in text
    assert "splat line 20" not in text
    assert "regression  1 new kernel complaint, 1 SAME" in text


def test_where_the_results_are_and_how_to_repeat() -> None:
    text = shown(pair(Status.PASS, Status.PASS))
    assert "results:  /runs/1\n" in text
    assert "repeat:   series-ci test v10 --series demo\n" in text


def test_a_version_that_was_not_booted_has_a_verdict_too() -> None:
    text = shown(outcome(error=BuildError("does not build: a.c:1")))
    assert "demo v10: does not build" in text
    assert "results:  /runs/1\n" in text


def rows(first: Status, count: int) -> list[str]:
    """The names in the table of a program of which only the first result may have changed."""
    many = [Result(f"mm/a:{n}", Status.PASS) for n in range(count)]
    text = shown(outcome(run("base", *many), run("v10", Result("mm/a:0", first), *many[1:])))
    return [line.split("  ")[0] for line in text.partition("\n\n")[0].splitlines()[1:]]


def test_a_program_in_which_nothing_changed_is_one_row() -> None:
    assert rows(Status.PASS, 2) == ["mm/a (2 results)"]
    assert rows(Status.PASS, table.MANY + 1) == [f"mm/a ({table.MANY + 1} results)"]
    assert rows(Status.PASS, 1) == ["mm/a:0"]


def test_a_program_with_few_results_has_a_row_for_each_when_one_changed() -> None:
    assert rows(Status.FAIL, table.MANY) == [f"mm/a:{n}" for n in range(table.MANY)]


def test_a_program_with_many_results_has_rows_for_those_that_changed() -> None:
    assert rows(Status.FAIL, table.MANY + 1) == [f"mm/a ({table.MANY + 1} results)", "mm/a:0"]


def test_a_program_as_one_row_is_counted() -> None:
    many = [Result(f"mm/a:{n}", Status.PASS) for n in range(table.MANY + 1)]
    text = shown(outcome(run("base", *many), run("v10", Result("mm/a:0", Status.FAIL), *many[1:])))
    assert f"{table.MANY + 1} PASS  1 FAIL, {table.MANY} PASS  1 BROKEN, {table.MANY} SAME" in text


def test_a_result_of_one_kernel_only_has_a_dash() -> None:
    gone = outcome(run("base", Result("mm/a", Status.PASS)), run("v10", Result("mm/b", Status.PASS)))
    rows = [line.split() for line in shown(gone).splitlines()[1:3]]
    assert rows == [["mm/a", "PASS", "-", "GONE"], ["mm/b", "-", "PASS", "NEW"]]


def test_a_lost_result_is_shown_as_absent() -> None:
    lost = outcome(run("base", Result("mm/a", Status.PASS)), run("v10", ended=Ended.PANIC))
    assert "BROKEN mm/a: PASS -> absent" in shown(lost)


def test_a_long_name_is_not_cut_in_a_log() -> None:
    name = "mm/exit_skip:" + "a_very_long_variant_of_a_fixture." * 4 + "the_end"
    assert name in shown(pair(Status.PASS, Status.PASS, name=name))
    assert "SAME" in shown(pair(Status.PASS, Status.PASS, name=name))


@pytest.mark.parametrize("nasty", ["[bold]", "[/]", "[red", "a[b]c", "\\[x]", "\\", ":smile:"])
def test_text_of_tests_is_no_markup(nasty: str) -> None:
    found = outcome(
        run("base", Result(f"mm/{nasty}", Status.PASS)),
        run("v10", Result(f"mm/{nasty}", Status.FAIL, nasty, (nasty,)), splats=(Splat(nasty, nasty, "ff", (nasty,)),)),
    )
    text = shown(found)
    assert text.count(nasty) >= 7
    rows = [line for line in text.splitlines() if line.startswith(f"mm/{nasty} ")]
    assert len(rows) == 1


def test_colours_are_for_terminals() -> None:
    found = pair(Status.PASS, Status.FAIL)
    assert "\x1b" not in shown(found)
    assert "\x1b" in shown(found, Tty())


def test_of_very_many_changes_some_are_shown_and_the_rest_is_counted() -> None:
    base, patched = ([Result(f"mm/a:{n}", status) for n in range(2000)] for status in (Status.PASS, Status.FAIL))
    lines = shown(outcome(run("base", *base), run("v10", *patched))).splitlines()
    assert len(lines) < 4 * table.MOST
    assert any(line.split()[:3] == ["and", "more", "(1501"] for line in lines)
    assert "... and 1500 more broken results" in lines
    assert "2000 BROKEN" in lines[-3]
