from __future__ import annotations

from typing import Any

import pytest

from fakes import inbox
from series_ci.mail import patchmail, posting
from series_ci.versions import labels
from series_ci.versions.labels import Labelled
from series_ci.versions.related import Linked

TITLE = "mm: keep folios"


def linked(identity: str, prefix: str, day: str, *doubts: str, **more: Any) -> Linked:
    (found,) = posting.collect([patchmail.read(inbox.mail(identity, f"[{prefix}] {TITLE}", day, **more))])
    return Linked(found, ("known",), doubts)


def assign(*series: Linked) -> dict[str, Labelled]:
    return {each.label: each for each in labels.assign(series)}


def names(found: dict[str, Labelled]) -> dict[str, str]:
    """Label -> local part of the Message-ID; doubtful ones in brackets."""
    ids = {label: each.posting.message_id.partition("@")[0] for label, each in found.items()}
    return {label: f"({name})" if found[label].doubts else name for label, name in ids.items()}


def test_numbers_of_the_subjects_in_their_order() -> None:
    found = assign(linked("c", "PATCH v10", "2026-03-01"), linked("b", "PATCH v9", "2026-02-09"))
    assert list(names(found).items()) == [("v9", "b"), ("v10", "c")]


def test_number_sent_twice() -> None:
    found = assign(
        linked("a", "PATCH v6", "2026-02-03T12:10"),
        linked("b", "PATCH v6", "2026-02-03T12:21"),
        linked("c", "PATCH v7", "2026-02-03T18:00"),
    )
    assert names(found) == {"v6.1": "a", "v6.2": "b", "v7": "c"}
    assert found["v6.2"].evidence == ("v6 again, 11 minutes after v6.1", "known")


@pytest.mark.parametrize(("day", "gap"), [("2026-02-03T09:00", "9 hours"), ("2026-02-08", "5 days")])
def test_gaps_are_told_in_fitting_units(day: str, gap: str) -> None:
    found = assign(linked("a", "PATCH v2", "2026-02-03"), linked("b", "PATCH RESEND v2", day))
    assert found["v2.2"].evidence[0] == f"v2 again, {gap} after v2.1"


def test_first_one_needs_no_number() -> None:
    found = assign(linked("a", "PATCH", "2026-02-03"), linked("b", "PATCH v2", "2026-02-09"))
    assert names(found) == {"v1": "a", "v2": "b"}
    assert found["v1"].evidence[0] == "no number in the subject, and none is older"


def test_later_one_without_a_number_fits_between_its_neighbours() -> None:
    found = assign(
        linked("b", "PATCH v2", "2026-02-03"), linked("c", "PATCH", "2026-02-09"), linked("d", "PATCH v4", "2026-03-01")
    )
    assert names(found) == {"v2": "b", "v3": "c", "v4": "d"}
    assert found["v3"].evidence[0] == "no number in the subject; sent between v2 (2026-02-03) and v4 (2026-03-01)"


@pytest.mark.parametrize("last", ["PATCH v3", "PATCH v5"])
def test_neighbours_that_leave_no_room_or_too_much_make_it_doubtful(last: str) -> None:
    found = assign(
        linked("b", "PATCH v2", "2026-02-03"), linked("c", "PATCH", "2026-02-09"), linked("d", last, "2026-03-01")
    )
    assert names(found)["v2-b"] == "(c)"
    assert "does not tell its number" in found["v2-b"].doubts[0]


def test_newest_without_a_number_is_doubtful() -> None:
    found = assign(linked("b", "PATCH v2", "2026-02-03"), linked("c", "PATCH", "2026-02-09"))
    assert names(found) == {"v2": "b", "v3": "(c)"}


@pytest.mark.parametrize("more", [[], [linked("c", "PATCH v2", "2026-03-01")]])
def test_first_one_sent_again_without_a_number(more: list[Linked]) -> None:
    found = names(assign(linked("a", "PATCH", "2026-02-03"), linked("b", "PATCH RESEND", "2026-02-09"), *more))
    assert (found["v1.1"], found["v1.2"]) == ("a", "b")


def test_rfc_has_a_label_of_its_own_only_where_numbers_clash() -> None:
    rfc, first = linked("r", "RFC PATCH", "2026-02-01"), linked("a", "PATCH", "2026-02-03")
    found = assign(rfc, first, linked("b", "PATCH v2", "2026-02-09"))
    assert list(names(found).items()) == [("rfc-v1", "r"), ("v1", "a"), ("v2", "b")]
    assert "an RFC" in found["rfc-v1"].evidence
    assert names(assign(rfc, linked("b", "PATCH v2", "2026-02-09"))) == {"v1": "r", "v2": "b"}
    again = linked("s", "RFC PATCH", "2026-02-02")
    assert names(assign(rfc, again, first)) == {"rfc-v1.1": "r", "rfc-v1.2": "s", "v1": "a"}


def test_number_in_words() -> None:
    found = assign(linked("a", "PATCH", "2026-02-03"), linked("b", "PATCH version two", "2026-02-09"))
    assert names(found) == {"v1": "a", "v2": "b"}
    assert found["v2"].evidence[0] == "its number is in words: 'version two'"


def test_doubtful_ones_take_no_label_from_sure_ones() -> None:
    found = assign(
        linked("a", "PATCH v1", "2026-02-03", "sent by another"),
        linked("b", "PATCH v2", "2026-02-04"),
        linked("c", "PATCH v2", "2026-02-05", "touches another file"),
        linked("d", "PATCH v2", "2026-02-06", "touches another file"),
    )
    assert list(names(found).items()) == [("v1", "(a)"), ("v2", "b"), ("v2-b", "(c)"), ("v2-c", "(d)")]
    assert labels.missing(list(found.values())) == [1]


def test_what_is_not_whole_is_doubtful() -> None:
    found = assign(
        linked("a", "PATCH v2 0/2", "2026-02-03", path=None),
        linked("b", "PATCH v3 2/3", "2026-02-04"),
        linked("c", "PATCH v4", "2026-02-05"),
    )
    assert names(found) == {"v2": "(a)", "v3": "(b)", "v4": "c"}
    assert found["v2"].doubts == ("a cover letter without its patches",)
    assert found["v3"].doubts[0].startswith("not whole: 1/3, 3/3 is missing")
    assert labels.missing(list(found.values())) == [1, 2, 3]
