"""Whom an answer goes to."""

from __future__ import annotations

import pytest

from series_ci.mail import recipients
from series_ci.mail.recipients import Recipients

LIST = "linux-mm@example.org"


def sent(head: str, body: str = "Text.", number: int = 1) -> bytes:
    return f"Message-ID: <{number}@example.org>\nSubject: [PATCH {number}/2] mm: x\n{head}\n\n{body}\n".encode()


def whom(*mails: bytes, own: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    found = recipients.of(mails[0], mails, own)
    return [str(each) for each in found.to], [str(each) for each in found.cc]


def test_the_author_and_everybody_of_all_mails_once() -> None:
    cover = sent(
        f"From: Robin <robin@example.org>\nTo: {LIST}\nCc: Kim <kim@example.org>, Robin <ROBIN@example.org>", "", 0
    )
    first = sent(f"From: Robin <robin@example.org>\nTo: {LIST}\nCc: kim@example.org, Mo <mo@example.org>")
    assert whom(cover, first) == (
        ["Robin <robin@example.org>"],
        [LIST, "Kim <kim@example.org>", "Mo <mo@example.org>"],
    )


@pytest.mark.parametrize("head", [f"Cc: {LIST}", f"To: {LIST}", f"To: undisclosed-recipients:;\nCc: {LIST}"])
def test_a_mail_with_only_one_of_both(head: str) -> None:
    assert whom(sent(f"From: Robin <robin@example.org>\n{head}")) == (["Robin <robin@example.org>"], [LIST])


def test_own_address_gets_no_copy() -> None:
    raw = sent(f"From: robin@example.org\nTo: {LIST}, Tess <Tess@example.org>")
    assert whom(raw, own=("tess@example.org",)) == (["robin@example.org"], [LIST])
    # Who tests his own series is its author all the same.
    assert whom(raw, own=("robin@example.org",))[0] == ["robin@example.org"]


def test_reply_to_is_followed() -> None:
    raw = sent(f"From: Robin <robin@example.org>\nReply-To: Robin <home@example.org>\nTo: {LIST}")
    assert whom(raw) == (["Robin <home@example.org>"], [LIST])


def test_reply_to_of_a_list_does_not_lose_the_author() -> None:
    raw = sent(f"From: Robin <robin@example.org>\nReply-To: {LIST}\nTo: {LIST}")
    assert whom(raw) == (["Robin <robin@example.org>"], [LIST])


def test_who_sends_for_another_and_the_other() -> None:
    raw = sent(f"From: Sam <sam@example.org>\nTo: {LIST}", "From: Röbin Vale <robin@example.org>\n\nText.")
    assert whom(raw) == (["Röbin Vale <robin@example.org>", "Sam <sam@example.org>"], [LIST])


def test_authors_of_patches_below_a_cover_letter_get_a_copy() -> None:
    cover = sent(f"From: Sam <sam@example.org>\nTo: {LIST}", "", 0)
    first = sent(f"From: Sam <sam@example.org>\nTo: {LIST}", "From: Robin <robin@example.org>\n\nText.")
    assert whom(cover, first) == (["Sam <sam@example.org>"], [LIST, "Robin <robin@example.org>"])


def test_b4_relay() -> None:
    head = (
        "From: Robin Vale via B4 Relay <devnull+robin.example.org@kernel.org>\n"
        f"X-Original-From: Robin Vale <robin@example.org>\nReply-To: robin@example.org\nTo: {LIST}"
    )
    assert whom(sent(head, "From: Robin Vale <robin@example.org>\n\nText.")) == (
        ["Robin Vale <robin@example.org>"],
        [LIST],
    )
    without = "\n".join(line for line in head.split("\n") if "Reply-To" not in line)
    assert whom(sent(without)) == (["Robin Vale <robin@example.org>"], [LIST])


@pytest.mark.parametrize("post", [f"To: {LIST}", f"To: mo@example.org\nList-Post: <mailto:{LIST}>"])
def test_a_list_that_puts_itself_into_from(post: str) -> None:
    raw = sent(f"From: Robin Vale via linux-mm <{LIST}>\nReply-To: Robin Vale <robin@example.org>\n{post}")
    assert whom(raw)[0] == ["Robin Vale <robin@example.org>"]
    assert whom(raw)[1] == [LIST] if "To: linux" in post else ["mo@example.org"]


def test_somebody_who_is_called_via_is_no_list() -> None:
    assert whom(sent(f"From: Vera Via <via@example.org>\nTo: {LIST}"))[0] == ["Vera Via <via@example.org>"]


def test_mail_followup_to_adds_people_and_takes_none_away() -> None:
    raw = sent(f"From: robin@example.org\nTo: {LIST}\nCc: kim@example.org\nMail-Followup-To: {LIST}, mo@example.org")
    assert whom(raw) == (["robin@example.org"], [LIST, "kim@example.org", "mo@example.org"])


def test_what_is_no_address_is_told() -> None:
    raw = sent(f"From: robin@example.org\nTo: {LIST}, Bad <a b>, Kim <kim@example>")
    found = recipients.of(raw, [raw])
    assert isinstance(found, Recipients)
    assert found.broken == ("Bad <a b>",)
    assert [str(each) for each in found.cc] == [LIST, "Kim <kim@example>"]
