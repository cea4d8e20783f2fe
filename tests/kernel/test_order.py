"""The order of builds: near ones after each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from series_ci.kernel.order import HEADER, cost, order

A = {"mm/rmap.c": "1"}
B = {"mm/rmap.c": "2", "mm/vmscan.c": "1"}
C = {"mm/rmap.c": "3", "include/linux/mm.h": "1"}


def test_a_step_costs_the_files_that_differ() -> None:
    assert cost({}, A) == 1
    assert cost(A, A) == 0
    assert cost(A, B) == 2
    assert cost(B, {**B, "mm/rmap.c": "4"}) == 1
    assert cost(A, C) == 1 + HEADER


def test_a_header_is_touched_last_and_what_shares_it_comes_together() -> None:
    with_header = {**C, "mm/rmap.c": "4"}
    assert order([C, A, with_header, B]) == [1, 3, 0, 2]


def test_equal_distances_keep_the_order_of_the_versions() -> None:
    assert order([{"mm/rmap.c": str(number)} for number in range(5)]) == [0, 1, 2, 3, 4]


TREES = st.lists(st.dictionaries(st.sampled_from(["a.c", "b.c", "c.h"]), st.sampled_from("123")), max_size=6)


@given(TREES)
def test_every_tree_is_there_once(trees: list[dict[str, str]]) -> None:
    assert sorted(order(trees)) == list(range(len(trees)))
