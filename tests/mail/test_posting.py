from __future__ import annotations

from fakes import inbox, mails
from series_ci.mail import patchmail, posting
from series_ci.mail.posting import Posting


def collect(*raws: bytes) -> list[Posting]:
    return posting.collect(patchmail.read(raw) for raw in raws)


def ids(posting: Posting) -> list[str]:
    return [each.message_id.removesuffix("@example.org") for each in posting.letters]


def test_cover_letter_and_patches_in_order() -> None:
    cover, first, second = mails.series()
    (posting,) = collect(second, cover, first)
    assert posting.message_id == mails.message_id(1, 0)
    assert [each.subject.number for each in posting.letters] == [0, 1, 2]
    assert posting.paths == ("include/linux/mm.h", "mm/rmap.c")
    assert posting.missing == ()


def test_without_cover_letter_the_others_answer_the_first() -> None:
    first = inbox.mail("1", "[PATCH 1/3] mm: one")
    second = inbox.mail("2", "[PATCH 2/3] mm: two", parent="1")
    third = inbox.mail("3", "[PATCH 3/3] mm: three", parent="2")  # and as a chain
    (posting,) = collect(third, first, second)
    assert ids(posting) == ["1", "2", "3"]


def test_version_in_the_thread_of_another() -> None:
    raws = [*mails.series(), *mails.series(version=2, reply_to=mails.message_id(1, 0))]
    one, two = collect(*raws)
    assert [one.message_id, two.message_id] == [mails.message_id(1, 0), mails.message_id(2, 0)]
    assert [len(each.letters) for each in (one, two)] == [3, 3]


def test_version_without_a_cover_letter_in_the_thread_of_another() -> None:
    raws = [
        inbox.mail("1", "[PATCH 1/2] mm: one"),
        inbox.mail("2", "[PATCH 2/2] mm: two", parent="1"),
        inbox.mail("v2-1", "[PATCH v2 1/2] mm: one", "2026-02-04", parent="2"),
        inbox.mail("v2-2", "[PATCH v2 2/2] mm: two", "2026-02-04", parent="v2-1"),
    ]
    assert [ids(each) for each in collect(*raws)] == [["1", "2"], ["v2-1", "v2-2"]]


def test_patch_sent_anew_is_a_posting_of_its_own_that_is_not_whole() -> None:
    raws = [
        inbox.mail("0", "[PATCH 0/2] mm: both", path=None),
        inbox.mail("1", "[PATCH 1/2] mm: one", parent="0"),
        inbox.mail("2", "[PATCH 2/2] mm: two", parent="0"),
        inbox.mail("v2-2", "[PATCH v2 2/2] mm: two", "2026-02-04", parent="2"),
        inbox.mail("again-2", "[PATCH 2/2] mm: two", "2026-02-05", parent="2"),
    ]
    whole, second, again = collect(*raws)
    assert ids(whole) == ["0", "1", "2"]
    assert (ids(second), second.missing) == (["v2-2"], (1,))
    assert (ids(again), again.missing) == (["again-2"], (1,))


def test_two_series_of_one_sender_in_one_thread() -> None:
    raws = [
        inbox.mail("a0", "[PATCH 0/1] mm: a", path=None),
        inbox.mail("a1", "[PATCH 1/1] mm: a", parent="a0"),
        inbox.mail("b0", "[PATCH 0/1] mm: b", "2026-02-04", path=None, parent="a1"),
        inbox.mail("b1", "[PATCH 1/1] mm: b", "2026-02-04", parent="b0"),
    ]
    assert [ids(each) for each in collect(*raws)] == [["a0", "a1"], ["b0", "b1"]]


def test_what_is_no_patch() -> None:
    first = mails.series()[1]
    diff = first.partition(b"\n---\n")[2].decode()
    assert collect(mails.reply(first, f"Rather:\n\n{diff}")) == []
    assert collect(inbox.mail("1", "[GIT PULL] mm for 6.20")) == []
    assert collect(inbox.mail("1", "[ANNOUNCE] a tool", path=None)) == []
    assert collect(inbox.mail("1", "[PATCH] mm: soon", path=None)) == []
    assert len(collect(inbox.mail("1", "[RFC] mm: a thought with a diff"))) == 1


def test_incomplete() -> None:
    cover, first, second = mails.series()
    assert collect(cover)[0].missing == (1, 2)
    assert collect(cover, second)[0].missing == (1,)
    assert collect(first)[0].missing == (2,)


def test_loops_end() -> None:
    raws = [inbox.mail("1", "[PATCH 1/2] mm: one", parent="2"), inbox.mail("2", "[PATCH 2/2] mm: two", parent="1")]
    assert sum(len(each.letters) for each in collect(*raws)) == 2


def test_mail_without_a_date_is_the_oldest() -> None:
    raw = inbox.mail("1", "[PATCH] mm: one").replace(b"Date: ", b"X-Date: ")
    assert collect(raw)[0].date.year == 1
