"""What a pair of results means: every pair of statuses by table, the rules that hold for all runs by property."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_ci.errors import ExitStatus
from series_ci.results.compare import LOST, Change, Comparison, TestChange, compare
from series_ci.results.model import Ended, Result, Run, Splat, Status
from series_ci.results.notes import HELD

NAME = "mm/exit_skip:private.exiting"

# Rows: on the base. Columns: with the series. S same, F fixed, B broken, K skipped, N new, - cannot be.
TABLE = """
          PASS FAIL SKIP XFAIL TIMEOUT CRASH ERROR NOTBUILT NOTRUN
PASS       S    B    K    B     B       B     B     B        B
FAIL       F    S    K    F     B       B     B     B        B
SKIP       N    B    S    N     B       B     B     B        B
XFAIL      F    B    K    S     B       B     B     B        B
TIMEOUT    F    F    K    F     S       B     B     B        B
CRASH      F    F    K    F     B       S     B     B        B
ERROR      F    F    K    F     B       B     S     B        B
NOTBUILT   F    F    K    F     B       B     B     S        B
NOTRUN     F    F    K    F     B       B     B     B        S
absent     N    B    N    N     B       B     B     B        B
"""
LETTERS = {"S": Change.SAME, "F": Change.FIXED, "B": Change.BROKEN, "K": Change.SKIPPED, "N": Change.NEW}


def rows() -> list[tuple[Status | None, Status, Change]]:
    heading, *lines = TABLE.strip().splitlines()
    columns = [Status(word) for word in heading.split()]
    found = []
    for line in lines:
        name, *letters = line.split()
        base = None if name == "absent" else Status(name)
        found += [(base, column, LETTERS[letter]) for column, letter in zip(columns, letters, strict=True)]
    return found


def run(
    *results: tuple[str, Status], ended: Ended = Ended.POWEROFF, splats: tuple[Splat, ...] = (), label: str = "v1"
) -> Run:
    return Run(label, "0" * 40, ended, 1.0, 0.5, tuple(Result(name, status) for name, status in results), splats)


def single(base: Status | None, patched: Status | None, ended: Ended = Ended.POWEROFF) -> Comparison:
    sides = [run(*([(NAME, status)] if status else []), ended=Ended.POWEROFF) for status in (base, patched)]
    return compare(sides[0], run(*((r.name, r.status) for r in sides[1].results), ended=ended))


def splat(fingerprint: str, kind: str = "WARNING") -> Splat:
    return Splat(kind, f"{kind} at mm/rmap.c:{fingerprint}", fingerprint, ("line",))


def test_the_table_has_every_pair_of_statuses() -> None:
    assert {(base, patched) for base, patched, _change in rows()} == set(product([*Status, None], Status))


@pytest.mark.parametrize(("base", "patched", "change"), rows())
def test_a_pair_of_statuses(base: Status | None, patched: Status, change: Change) -> None:
    comparison = single(base, patched)
    (entry,) = comparison.entries
    assert (entry.name, entry.base, entry.patched, entry.change) == (NAME, base, patched, change)
    status, verdict = ExitStatus.OK, "no regression"
    if change is Change.BROKEN:
        status, verdict = ExitStatus.REGRESSION, "regression"
    elif patched in LOST:  # and nothing but that is known
        status, verdict = ExitStatus.INFRASTRUCTURE, "no result on either kernel"
    elif patched is Status.SKIP:  # no test said how it went
        verdict = "only booted"
    assert (comparison.status, comparison.verdict) == (status, verdict)


@pytest.mark.parametrize("base", Status)
def test_what_the_series_removed_is_gone_and_no_regression(base: Status) -> None:
    comparison = single(base, None)
    assert [entry.change for entry in comparison.entries] == [Change.GONE]
    assert comparison.status is ExitStatus.OK


@pytest.mark.parametrize("ended", [Ended.PANIC, Ended.HANG, Ended.LOST])
@pytest.mark.parametrize("base", Status)
def test_what_is_absent_because_the_guest_died_is_lost(base: Status, ended: Ended) -> None:
    (entry,) = single(base, None, ended).entries
    assert entry.change is (Change.SAME if base is Status.NOTRUN else Change.BROKEN)
    assert entry.patched is None


@pytest.mark.parametrize("ended", [Ended.PANIC, Ended.HANG, Ended.LOST])
def test_what_the_base_never_came_to_is_nothing_that_the_series_broke(ended: Ended) -> None:
    """A dead guest's missing results are lost on the base just as they are with the series."""
    found = {
        status: compare(run(ended=ended), run((NAME, status))).entries[0].change
        for status in (Status.PASS, Status.FAIL, Status.NOTRUN, Status.CRASH)
    }
    assert list(found.values()) == [Change.FIXED, Change.FIXED, Change.SAME, Change.BROKEN]


def test_one_result_is_enough_to_know_that_nothing_broke() -> None:
    lost = run(("boot", Status.PASS), (NAME, Status.NOTBUILT))
    comparison = compare(lost, lost)
    assert (comparison.status, [entry.name for entry in comparison.lost_alike]) == (ExitStatus.OK, [NAME])
    assert not compare(run(), run()).nothing_seen


@pytest.mark.parametrize("died", sorted(LOST))
@pytest.mark.parametrize("parent", ["mm/exit_skip", "mm", "mm/exit_skip:private"])
def test_what_is_absent_because_a_parent_died_is_lost(parent: str, died: Status) -> None:
    name = "mm/exit_skip:private:case/one"
    comparison = compare(run((name, Status.PASS), (parent, Status.PASS)), run((parent, died)))
    assert {entry.name: entry.change for entry in comparison.entries} == {name: Change.BROKEN, parent: Change.BROKEN}


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ("mm/exit_skip", Status.FAIL),  # it failed, and lived
        ("mm/exit_skip:private.exit", Status.CRASH),  # a longer name, not a child
        ("mm/exit", Status.CRASH),
        ("net/exit_skip", Status.CRASH),
    ],
)
def test_what_is_absent_for_another_reason_is_gone(other: str, status: Status) -> None:
    comparison = compare(run((NAME, Status.PASS), (other, status)), run((other, status)))
    assert {entry.name: entry.change for entry in comparison.entries}[NAME] is Change.GONE


def test_the_order_is_that_of_the_base_then_what_is_new() -> None:
    comparison = compare(
        run(("b", Status.PASS), ("a", Status.PASS)), run(("c", Status.PASS), ("a", Status.PASS), ("b", Status.PASS))
    )
    assert [entry.name for entry in comparison.entries] == ["b", "a", "c"]


def test_reason_and_log_are_those_of_the_series_else_those_of_the_base() -> None:
    base = Run("base", "", Ended.POWEROFF, 1, 1, tuple(Result(n, Status.PASS, f"base {n}", (n,)) for n in "ab"), ())
    patched = Run("v1", "", Ended.POWEROFF, 1, 1, (Result("a", Status.FAIL, "why", ("log",)),), ())
    assert [(e.reason, e.log) for e in compare(base, patched).entries] == [("why", ("log",)), ("base b", ("b",))]


def test_a_new_complaint_is_a_regression_though_every_test_passed() -> None:
    base = run((NAME, Status.PASS), splats=(splat("old"), splat("both")))
    patched = run((NAME, Status.PASS), splats=(splat("both"), splat("new"), splat("new")))
    comparison = compare(base, patched)
    assert not comparison.having(Change.BROKEN)
    assert {each.splat.fingerprint: each.change for each in comparison.splats} == {
        "both": Change.SAME,
        "new": Change.NEW,
        "old": Change.GONE,
    }
    assert comparison.new_splats == [splat("new")]
    assert comparison.status is ExitStatus.REGRESSION


def test_complaints_that_the_base_has_too_are_no_regression() -> None:
    sides = run((NAME, Status.PASS), splats=(splat("both"),))
    assert compare(sides, sides).status is ExitStatus.OK


@pytest.mark.parametrize(("base", "patched"), [*product(Ended, Ended)])
def test_a_guest_that_ends_worse_than_the_bases_is_a_regression(base: Ended, patched: Ended) -> None:
    worse = base is Ended.POWEROFF and patched is not Ended.POWEROFF
    comparison = compare(run(ended=base), run(ended=patched))
    assert comparison.ended_worse is worse
    assert comparison.status is (ExitStatus.REGRESSION if worse else ExitStatus.OK)


# What holds for any two runs.

names = st.sampled_from(["boot", "mm", "mm/a", "mm/a:x", "mm/a:x.y", "mm/a:x/y", "mm/b", "net/c:é"])
results = st.dictionaries(names, st.sampled_from(Status), max_size=6)
fingerprints = st.lists(st.sampled_from("abc"), max_size=3)
runs = st.builds(
    lambda found, ended, prints: run(*found.items(), ended=ended, splats=tuple(map(splat, prints))),
    results,
    st.sampled_from(Ended),
    fingerprints,
)


@given(runs, runs)
def test_every_test_of_either_run_has_one_entry(base: Run, patched: Run) -> None:
    comparison = compare(base, patched)
    listed = [entry.name for entry in comparison.entries]
    assert sorted(listed) == sorted({result.name for result in (*base.results, *patched.results)})
    before = {result.name: result.status for result in base.results}
    after = {result.name: result.status for result in patched.results}
    for entry in comparison.entries:
        assert (entry.base, entry.patched) == (before.get(entry.name), after.get(entry.name))


@given(runs)
def test_a_run_has_not_changed_from_itself(same: Run) -> None:
    comparison = compare(same, same)
    assert {entry.change for entry in comparison.entries} <= {Change.SAME}
    seen = any(result.status not in LOST for result in same.results) or not same.results
    assert comparison.status is (ExitStatus.OK if seen else ExitStatus.INFRASTRUCTURE)


BAD = (*LOST, Status.FAIL)


def mirror(entry: TestChange, *, base_lost: bool, patched_lost: bool) -> set[Change]:
    """What the change may be called when base and series change places. See _change() for why it is not always one."""
    was = Status.NOTRUN if base_lost else entry.base
    now = Status.NOTRUN if patched_lost else entry.patched
    if entry.change is Change.BROKEN and was is None:
        return {Change.GONE}
    if entry.change is Change.BROKEN and was is Status.SKIP:
        return {Change.SKIPPED}
    if entry.change is Change.BROKEN and {was, now} <= LOST:
        return {Change.BROKEN}
    if entry.change in (Change.SKIPPED, Change.GONE):
        return {Change.BROKEN if was in BAD else Change.NEW}
    if entry.change is Change.NEW:
        return {Change.GONE if was is None else Change.SKIPPED}
    return {{Change.FIXED: Change.BROKEN, Change.BROKEN: Change.FIXED, Change.SAME: Change.SAME}[entry.change]}


@given(runs, runs)
def test_better_one_way_is_worse_the_other_way(base: Run, patched: Run) -> None:
    there = {entry.name: entry for entry in compare(base, patched).entries}
    back = {entry.name: entry for entry in compare(patched, base).entries}
    assert there.keys() == back.keys()
    for name, entry in there.items():
        lost = {
            "base_lost": entry.base is None and dead(name, base),
            "patched_lost": entry.patched is None and dead(name, patched),
        }
        assert back[name].change in mirror(entry, **lost)
        assert (entry.change is Change.SAME) == (back[name].change is Change.SAME)
        assert entry.change is not Change.FIXED or back[name].change is Change.BROKEN


def dead(name: str, run: Run) -> bool:
    """Whether something that a test is part of died, or the whole guest."""
    above = {result.name for result in run.results if result.status in LOST}
    return run.ended is not Ended.POWEROFF or any(name.startswith((f"{each}:", f"{each}/")) for each in above)


@given(runs, runs)
def test_a_lost_result_is_broken_unless_the_base_lost_it_in_the_same_way(base: Run, patched: Run) -> None:
    for entry in compare(base, patched).entries:
        was = Status.NOTRUN if entry.base is None and dead(entry.name, base) else entry.base
        now = Status.NOTRUN if entry.patched is None and dead(entry.name, patched) else entry.patched
        if now in LOST:
            assert entry.change is (Change.SAME if was is now else Change.BROKEN)


@given(runs, runs)
def test_the_same_is_never_said_of_a_result_that_only_one_kernel_gave(base: Run, patched: Run) -> None:
    comparison = compare(base, patched)
    for entry in comparison.having(Change.SAME):
        lost = [each is None or each in LOST for each in (entry.base, entry.patched)]
        assert lost[0] == lost[1] == (entry in comparison.lost_alike)
        assert entry.base is entry.patched or None in (entry.base, entry.patched)
    assert comparison.status is not ExitStatus.OK or not comparison.entries or not comparison.nothing_seen


def left(*notes: str, held: int = 0) -> Run:
    return Run("v1", "", Ended.POWEROFF, 1.0, 1.0, (Result("a", Status.PASS, notes=notes, held=held),), ())


def noted(base: Run, patched: Run) -> tuple[str, ...]:
    [entry] = compare(base, patched).entries
    assert entry.change is Change.SAME
    return entry.notes


def test_what_only_the_series_leaves_behind_is_noted() -> None:
    base, patched = left("tainted 12 times"), left("tainted 40 times", "left running: sleep")
    assert noted(base, patched) == ("left running: sleep",)
    assert noted(patched, base) == ()


@pytest.mark.parametrize(
    ("base", "patched", "note"),
    [
        (0, HELD, ""),
        (0, HELD + 1, "did not give back 17 MiB of memory and swap"),
        (HELD, HELD + 1, ""),  # the base was as good as there
        (40, 56, ""),
        (
            40,
            240,
            "did not give back 240 MiB of memory and swap, 40 MiB on the base",
        ),  # both, but it is no longer the same
        (240, 40, ""),
    ],
)
def test_missing_memory_is_noted_if_it_is_more_than_on_the_base(base: int, patched: int, note: str) -> None:
    assert noted(left(held=base), left(held=patched)) == ((note,) if note else ())
