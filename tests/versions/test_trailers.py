from __future__ import annotations

import pytest

from series_ci.mail import patchmail
from series_ci.mail.patchmail import Letter
from series_ci.versions import trailers

AUTHOR = "Robin Vale <robin.vale@example.org>"
KIM = "Kim Sorrel <kim.sorrel@example.org>"


def mail(text: str, sender: str = AUTHOR, day: int = 10, identity: str = "m@example.org") -> Letter:
    head = f"From: {sender}\nMessage-ID: <{identity}>\nDate: Tue, {day} Feb 2026 10:00:00 +0000\nSubject: [PATCH] x\n"
    return patchmail.read(f"{head}\n{text}\n".encode())


def backed(trailer: str, reply: Letter) -> bool:
    version = mail(f"Why.\n\n{trailer}\nSigned-off-by: {AUTHOR}\n---\n")
    (claim,) = trailers.back(trailers.claims([version]), version, [version, reply])
    return claim.backed_by == "r@example.org"


def test_a_name_with_a_comma_is_a_name() -> None:
    version = mail(f"Why.\n\nAcked-by: Sorrel, Kim <kim@example.org>\nSigned-off-by: {AUTHOR}\n---\n")
    answer = mail(
        "Acked-by: Sorrel, Kim <k@home.example.org>", '"Sorrel, Kim" <k@home.example.org>', 9, "r@example.org"
    )
    (claim,) = trailers.back(trailers.claims([version]), version, [version, answer])
    assert claim.backed_by == "r@example.org"


def test_what_others_must_have_given() -> None:
    text = (
        f"Reviewed-by: {KIM}\nAcked-by: {AUTHOR}\nTested-by: T <t@example.org>\n"
        "Reviewed-and-tested-by: R <r@example.org>\nSuggested-by: S <s@example.org>\nCc: C <c@example.org>\n"
        f"Signed-off-by: {KIM}\nReviewed-by: {KIM}\n"
    )
    found = trailers.claims([mail(text), mail(f"Reviewed-by: {KIM}")])
    assert [(each.trailer.name, each.trailer.address) for each in found] == [
        ("Reviewed-by", "kim.sorrel@example.org"),
        ("Tested-by", "t@example.org"),
        ("Reviewed-and-tested-by", "r@example.org"),
    ]


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        (f"Acked-by: {KIM}", KIM),
        (f"> quoted\n\nacked-by: {KIM}", KIM),
        (f"Reviewed-and-acked-by: {KIM}", KIM),
        (f"Acked-by: {KIM}", "KIM SORREL <kim@home.example.org>"),  # one person, another address
        ("Acked-by: Kim Sorrel <kim@home.example.org>", "Kim Sorrel <kim@home.example.org>"),
        ("Acked-by: K. Sorrel <Kim.Sorrel@example.org>", "K. Sorrel <kim.sorrel@example.org>"),
    ],
)
def test_a_mail_that_backs(text: str, sender: str) -> None:
    assert backed(f"Acked-by: {KIM}", mail(text, sender, 9, "r@example.org"))


@pytest.mark.parametrize(
    ("text", "sender", "day"),
    [
        (f"> Acked-by: {KIM}\n\nNo, this is a disaster.", KIM, 9),  # only quoted
        (f"Reviewed-by: {KIM}", KIM, 9),  # said something else
        (f"Acked-by: {KIM}", "Alex Marlow <alex@example.org>", 9),  # somebody else said so
        ("Acked-by: Alex Marlow <alex@example.org>", KIM, 9),  # said it of somebody else
        (f"Acked-by: {KIM}", KIM, 12),  # later than the version that has it
        ("I like it.", KIM, 9),
    ],
)
def test_a_mail_that_does_not_back(text: str, sender: str, day: int) -> None:
    assert not backed(f"Acked-by: {KIM}", mail(text, sender, day, "r@example.org"))


def test_the_version_itself_backs_nothing_and_one_that_is_backed_stays_so() -> None:
    version = mail(f"Acked-by: {KIM}\nReviewed-by: {KIM}")
    first = trailers.back(trailers.claims([version]), version, [mail(f"Acked-by: {KIM}", KIM, 9, "first@example.org")])
    assert [each.backed_by for each in first] == ["first@example.org", ""]
    both = f"Acked-by: {KIM}\nReviewed-by: {KIM}"
    second = trailers.back(first, version, [version, mail(both, KIM, 9, "second@example.org")])
    assert [each.backed_by for each in second] == ["first@example.org", "second@example.org"]


def test_stable_words_are_in_all_titles() -> None:
    titles = ["mm:vmscan: shrink skip folios in the exiting task", "mm: shrink skip folio mapped by an exiting process"]
    assert trailers.stable_words(titles) == ("shrink", "skip", "exiting")
    assert trailers.stable_words([]) == ()
