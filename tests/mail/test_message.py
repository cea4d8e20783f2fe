from __future__ import annotations

import base64

import pytest

from fakes import mails
from series_ci.mail.message import (
    Subject,
    body_of,
    contradictions,
    header,
    join_mbox,
    parse,
    parse_subject,
    patch,
    split_mbox,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[PATCH] mm: one", Subject("mm: one", True, 1, 1, 1)),
        ("[PATCH v10 02/11] mm: two", Subject("mm: two", True, 10, 2, 11, True)),
        ("[RFC PATCH mm-unstable V3 0/2] cover", Subject("cover", True, 3, 0, 2, True, ("RFC", "mm-unstable"))),
        ("[RFC][PATCH][v2] several brackets", Subject("several brackets", True, 2, 1, 1, True, ("RFC",))),
        ("[PATCHv2 1/3] glued", Subject("glued", True, 2, 1, 3, True)),
        ("[PATCH, v2, 1/3] commas", Subject("commas", True, 2, 1, 3, True)),
        ("[PATCH version two] words", Subject("words", True, 1, 1, 1, False, ("version", "two"))),
        ("[GIT PULL] mm", Subject("mm", False, 1, 1, 1, False, ("GIT", "PULL"))),
        ("[PATCH 1/2] mm: [sic] brackets stay", Subject("mm: [sic] brackets stay", True, 1, 1, 2)),
        ("Re: [PATCH v2 1/2] answer", Subject("Re: [PATCH v2 1/2] answer", False, 1, 1, 1)),
        ("no prefix", Subject("no prefix", False, 1, 1, 1)),
        ("[PATCH", Subject("[PATCH", False, 1, 1, 1)),
        ("", Subject("", False, 1, 1, 1)),
    ],
)
def test_subjects(text: str, expected: Subject) -> None:
    assert parse_subject(text) == expected


def test_patch_from_a_real_mail() -> None:
    _cover, first, second = map(patch, mails.series(version=2))
    assert first.message_id == "20260203.v2-1@example.org"
    assert first.author == "Robin Välé <robin.vale@example.org>"
    assert first.date == "Mon, 2 Feb 2026 11:05:01 +0100"
    assert second.subject == Subject("mm/rmap: leave the folios of exiting processes alone", True, 2, 2, 2, True)


def test_folded_and_encoded_headers_are_one_line() -> None:
    raw = b"Subject: =?utf-8?q?V=C3=A4l=C3=A9?=\n and more\n\nbody\n"
    assert header(parse(raw), "subject") == "Välé and more"
    assert header(parse(raw), "X-Not-There") == ""


@pytest.mark.parametrize("value", [b"=?no-such-charset?q?x?=", b"=?utf-8?b?abcde?=", b"\xff\xfe raw bytes"])
def test_headers_that_cannot_be_decoded_do_not_raise(value: bytes) -> None:
    assert header(parse(b"Subject: " + value + b"\n\n"), "Subject")


def test_body_is_decoded_whatever_the_transfer_encoding() -> None:
    text = "diff --git a/x b/x\n+é = 1\n"
    plain = b"Content-Type: text/plain; charset=utf-8\n"
    encoded = base64.encodebytes(text.encode())
    assert body_of(parse(plain + b"Content-Transfer-Encoding: 8bit\n\n" + text.encode())) == text
    assert body_of(parse(plain + b"Content-Transfer-Encoding: base64\n\n" + encoded)) == text
    quoted = b"Content-Transfer-Encoding: quoted-printable\n\ndiff --git a/x b/x\n+=C3=A9 =3D 1\n"
    assert body_of(parse(plain + quoted)) == text
    latin = b"Content-Type: text/plain; charset=iso-8859-1\n\ndiff --git a/x b/x\r\n+\xe9 = 1\r\n"
    assert body_of(parse(latin)) == text


def test_body_with_an_unknown_charset_is_taken_for_utf8() -> None:
    assert body_of(parse("Content-Type: text/plain; charset=klingon\n\né\n".encode())) == "é\n"


def test_body_of_a_mail_with_parts_is_its_text() -> None:
    raw = (
        b'Content-Type: multipart/mixed; boundary="--x"\n\n----x\nContent-Type: text/plain\n\ntext\n----x\n'
        b"Content-Type: image/png\n\nno text\n----x\nContent-Type: text/x-patch\n\ndiff\n----x--\n"
    )
    assert body_of(parse(raw)) == "text\ndiff"


def test_content_survives_another_transfer_encoding_but_no_change() -> None:
    (raw,) = mails.series(mails.GOOD[:1], cover="")
    head, _, body = raw.partition(b"\n\n")
    encoded = head.replace(b"8bit", b"base64") + b"\n\n" + base64.encodebytes(body)
    assert patch(encoded).content == patch(raw).content
    assert patch(raw.replace(b"mm_users", b"mm_count")).content != patch(raw).content
    assert patch(raw.replace(b"Date: Sun", b"Date: Mon")).content != patch(raw).content


def test_mailbox_comes_back_with_lines_that_look_like_separators() -> None:
    raws = [b"Subject: a\n\nFrom here\n>From there\n>>From far\n", b"Subject: b\n\nend\n"]
    box = join_mbox(raws)
    assert b"\n>From here\n>>From there\n>>>From far\n" in box
    assert split_mbox(box) == raws
    assert split_mbox(mails.mbox(raws)) == raws


def test_empty_mailbox_has_no_mail() -> None:
    assert split_mbox(b"") == []
    assert join_mbox([]) == b""


def test_contradictions_are_ids_with_two_contents() -> None:
    cover, first, second = mails.series()
    twin = first.replace(b"mm_users", b"mm_count")
    trailer = b"Received: by another server\n" + second
    assert list(contradictions([cover, first, second, trailer])) == []
    assert list(contradictions([cover, first, second, first + b"\n\n", first.rstrip(b"\n")])) == []
    assert list(contradictions([cover, first, second, twin])) == ["20260203.v1-1@example.org"]
    assert list(contradictions([b"Subject: a\n\nno id\n", b"Subject: b\n\nno id\n"])) == []


def test_a_header_in_plain_utf8_is_read_as_git_reads_it() -> None:
    message = parse("From: Robin Välé <robin.vale@example.org>\nSubject: [PATCH] mm: ä\n\n".encode())
    assert header(message, "from") == "Robin Välé <robin.vale@example.org>"
    assert header(message, "Subject") == "[PATCH] mm: ä"
    latin1 = parse("From: Robin Välé <robin.vale@example.org>\n\n".encode("latin-1"))
    assert header(latin1, "From") == "Robin V\ufffdl\ufffd <robin.vale@example.org>"


@pytest.mark.parametrize("number", ["1" * 5000, "9" * 10, "²", "٣"])
def test_a_number_has_at_most_nine_digits(number: str) -> None:
    assert parse_subject(f"[PATCH v{number}] x").version == 1
    assert parse_subject(f"[PATCH {number}/{number}] x").number == 1
    assert parse_subject("[PATCH v999999999 3/4] x").version == 999999999
