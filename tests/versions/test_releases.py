from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from series_ci.versions import releases


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-05-11", "v6.9"),
        ("2024-05-12", "v6.9"),
        ("2024-05-25", "v6.9"),  # the merge window of 6.10
        ("2024-05-26", "v6.10"),
        ("2024-07-10", "v6.10"),
        ("2024-07-14", "v6.10"),
        ("2010-01-01", "v5.10"),
        ("2030-01-01", "v6.18"),
    ],
)
def test_nearest(day: str, expected: str) -> None:
    assert releases.nearest(date.fromisoformat(day)) == expected


def test_around() -> None:
    assert releases.around(date(2024, 7, 10)) == ("v6.9", "v6.10")
    assert releases.around(date(2010, 1, 1)) == ("", "v5.10")
    assert releases.around(date(2030, 1, 1)) == ("v6.18", "")


def test_table_is_in_order_and_no_cycle_is_out_of_the_ordinary() -> None:
    days = list(releases.RELEASES.values())
    assert len(releases.RELEASES) == 29
    for before, after in pairwise(days):
        assert timedelta(days=62) <= after - before <= timedelta(weeks=10, days=1)
