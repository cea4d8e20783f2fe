from __future__ import annotations

import pytest

from series_ci.mail import message, titles
from series_ci.mail.titles import likeness, read


def like(one: str, other: str) -> float:
    return likeness(read(one), read(other))


def test_words_without_prefix_and_what_all_titles_have() -> None:
    title = read("mm/rmap: x86: leave the folios of processes alone")
    assert title.words == {"leave", "folio", "process", "alone"}
    assert title.prefix == {"mm", "rmap", "x86"}


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("mm: keep folios of exiting tasks", "mm/rmap: keep a folio of an exiting task", 1, 1),
        ("mm: keep folios of exiting tasks", "mm: keep folios of exiting processes", 0.6, 0.6),
        ("mm: keep folios of exiting tasks", "net: keep folios of exiting tasks", 0.7, 0.7),
        ("keep folios of exiting tasks", "net: keep folios of exiting tasks", 1, 1),
        ("mm: keep folios", "mm: count pages", 0, 0),
        ("mm: keep folios (second version)", "mm: keep folios", 1, 1),
        ("", "", 1, 1),
        ("", "mm: the", 0, 0),
    ],
)
def test_likeness(one: str, other: str, least: float, most: float) -> None:
    assert least <= like(one, other) <= most
    assert like(one, other) == like(other, one)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("folios", "folio"),
        ("processes", "process"),
        ("entries", "entry"),
        ("boxes", "box"),
        ("class", "class"),
        ("bus", "bus"),
    ],
)
def test_stem(many: str, one: str) -> None:
    assert titles.stem(many) == titles.stem(one)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("[PATCH version two] mm: keep", (2, "version two")),
        ("[PATCH, second version] mm: keep", (2, "second version")),
        ("[PATCH] mm: keep (take 3)", (3, "take 3")),
        ("[PATCH] mm: keep, 4th try", (4, "4th try")),
        ("[PATCH] mm: keep - Version Twelve", (12, "Version Twelve")),
        ("[PATCH] nfs: support version 4 of the protocol", None),
        ("[PATCH] nfs: support version 4", None),
        ("[PATCH v2] mm: keep", None),
    ],
)
def test_number_in_words(subject: str, expected: tuple[int, str] | None) -> None:
    assert titles.number_in_words(message.parse_subject(subject)) == expected
