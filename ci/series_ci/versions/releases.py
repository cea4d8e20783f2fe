"""Release dates of mainline kernels: for which kernel a mail of a given day was probably written."""

from __future__ import annotations

from datetime import date, timedelta

# The dates of the tags in Linus Torvalds' tree; those of the long-term kernels are on kernel.org/releases.html. They
# need not be exact: they only choose between two neighbours, and both are shown.
RELEASES = {
    "v5.10": date(2020, 12, 13),
    "v5.11": date(2021, 2, 14),
    "v5.12": date(2021, 4, 25),
    "v5.13": date(2021, 6, 27),
    "v5.14": date(2021, 8, 29),
    "v5.15": date(2021, 10, 31),
    "v5.16": date(2022, 1, 9),
    "v5.17": date(2022, 3, 20),
    "v5.18": date(2022, 5, 22),
    "v5.19": date(2022, 7, 31),
    "v6.0": date(2022, 10, 2),
    "v6.1": date(2022, 12, 11),
    "v6.2": date(2023, 2, 19),
    "v6.3": date(2023, 4, 23),
    "v6.4": date(2023, 6, 25),
    "v6.5": date(2023, 8, 27),
    "v6.6": date(2023, 10, 29),
    "v6.7": date(2024, 1, 7),
    "v6.8": date(2024, 3, 10),
    "v6.9": date(2024, 5, 12),
    "v6.10": date(2024, 7, 14),
    "v6.11": date(2024, 9, 15),
    "v6.12": date(2024, 11, 17),
    "v6.13": date(2025, 1, 19),
    "v6.14": date(2025, 3, 24),
    "v6.15": date(2025, 5, 25),
    "v6.16": date(2025, 7, 27),
    "v6.17": date(2025, 9, 28),
    "v6.18": date(2025, 11, 30),
}

MERGE_WINDOW = timedelta(days=14)
"""The time from a release to the first candidate of the next one."""


def around(day: date) -> tuple[str, str]:
    """Return the last release on or before a day and the first one after it, "" where this table has none."""
    before = [tag for tag, released in RELEASES.items() if released <= day]
    after = [tag for tag, released in RELEASES.items() if released > day]
    return (before[-1] if before else "", after[0] if after else "")


def nearest(day: date) -> str:
    """Return the release whose source is nearest to what people worked on that day.

    In a merge window that is the last release. After it people work on candidates of the next one, which differ from
    that by fixes only and have nearly all that it adds.
    """
    before, after = around(day)
    if before and after:
        return before if day < RELEASES[before] + MERGE_WINDOW else after
    return before or after
