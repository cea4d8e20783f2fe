from __future__ import annotations

import base64
import quopri
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fakes import mails
from series_ci.mail import patchmail
from series_ci.mail.archive import Archive
from series_ci.mail.patchmail import Diffstat, Trailer

DIFF = """\
diff --git a/mm/rmap.c b/mm/rmap.c
index 26806b49a86f..5b92c3dadcc2 100644
--- a/mm/rmap.c
+++ b/mm/rmap.c
@@ -1,2 +1,2 @@
 one
-two
+Acked-by: Nobody <nobody@example.org>
"""


def raw(body: str, head: str = "", subject: str = "[PATCH v2 1/2] mm: one") -> bytes:
    return (
        f"Message-ID: <1@example.org>\nFrom: Robin <robin@example.org>\nSubject: {subject}\n"
        f"Date: Tue, 3 Feb 2026 11:05:01 +0100\n{head}\n{body}"
    ).encode()


def patch(message: str, notes: str = "", head: str = "") -> bytes:
    return raw(f"{message}\n---\n{notes}\n mm/rmap.c | 2 +-\n 1 file changed\n\n{DIFF}-- \n2.39.0\n", head)


def test_a_patch_as_git_format_patch_makes_it() -> None:
    cover, first, second = map(patchmail.read, mails.series(version=2))
    assert (first.message_id, first.in_reply_to) == (mails.message_id(2, 1), mails.message_id(2, 0))
    assert (first.author, first.author_address) == ("Robin Välé", "robin.vale@example.org")
    assert first.date == datetime(2026, 2, 2, 11, 5, 1, tzinfo=timezone(timedelta(hours=1)))
    assert (first.diffstat, first.paths) == (Diffstat(1, 5, 0), ("include/linux/mm.h",))
    assert [path for path, _blob in second.blobs] == ["mm/rmap.c"]
    assert not cover.has_diff
    assert cover.subject.number == 0
    assert cover.blobs == ()


def test_trailers_know_where_they_stand() -> None:
    text = "Reviewed-by: Quoted <q@example.org>\n"
    read = patchmail.read(
        patch(
            f'Text: no trailer.\n> {text}\nFixes: 0123456789ab ("mm: x")\nAcked-by: Alex <alex@example.org>',
            "Change log:\nv1->v2:\n- less\n\nSigned-off-by: Robin <robin@example.org>\n",
        )
    )
    assert read.trailers == (
        Trailer("Fixes", '0123456789ab ("mm: x")', "", False),
        Trailer("Acked-by", "Alex <alex@example.org>", "alex@example.org", False),
        Trailer("Signed-off-by", "Robin <robin@example.org>", "robin@example.org", True),
    )
    assert read.changelog == "Change log:\nv1->v2:\n- less"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Words.\n\nv2: drop a patch\n\nThanks,\nRobin", "v2: drop a patch"),
        ("Changes in v2:\n\n- one\n- two\n\nChanges in v1:\n- none\n\nEnd.\n\n- not a change", None),
        ("Changes since RFC:\n  * one\n\n  * two", "Changes since RFC:\n  * one\n\n  * two"),
        ("v1 -> v2: fix\nv2 → v3: again\nSigned-off-by: R <r@example.org>", "v1 -> v2: fix\nv2 → v3: again"),
        ("ChangeLog\n=========\n\nChangelog:\n- one\n\nbase-commit: 0123456789ab", "Changelog:\n- one"),
        ("This changes the version of the header.\n\nv2 is good", ""),
        ("> v1->v2: quoted", ""),
    ],
)
def test_changelog(text: str, expected: str | None) -> None:
    if expected is None:
        expected = "Changes in v2:\n\n- one\n- two\n\nChanges in v1:\n- none"
    assert expected in patchmail.read(raw(text)).changelog
    assert "End." not in patchmail.read(raw(text)).changelog
    assert bool(patchmail.read(raw(text)).changelog) == bool(expected)


def test_changelog_directly_above_the_diffstat() -> None:
    assert patchmail.read(patch("Text.", "v2: less")).changelog == "v2: less"
    assert patchmail.read(patch("Text.\n\nv2: less")).changelog == "v2: less"


def test_base_and_change_id_stand_below_the_diff_too() -> None:
    id_ = "20260203-exit-0123456789ab"
    read = patchmail.read(raw(f"Text\n\n{DIFF}-- \n2.39.0\n\nbase-commit: {'a' * 40}\nchange-id: {id_}\n"))
    assert (read.base_commit, read.change_id) == ("a" * 40, id_)
    assert patchmail.read(raw(f"Text\n\n---\nbase-commit: {'b' * 40}\n")).base_commit == "b" * 40
    assert patchmail.read(raw(f"> base-commit: {'b' * 40}\n")).base_commit == ""


def test_links_are_message_ids() -> None:
    text = """
    v1: https://lore.kernel.org/r/a-1@example.org
    Link: https://patch.msgid.link/b-1@example.org (see there).
    [1] https://lore.kernel.org/all/c%2B1@example.org/T/#u,
    [2] https://user@example.org/page https://example.org/no-id
    > https://lore.kernel.org/r/quoted@example.org
> https://lore.kernel.org/r/quoted@example.org
    Message-ID: <d-1@example.org> https://lore.kernel.org/r/a-1@example.org
    """
    ids = ("a-1@example.org", "b-1@example.org", "c+1@example.org", "quoted@example.org", "d-1@example.org")
    assert patchmail.read(raw(text)).links == ids
    assert patchmail.read(raw("> https://lore.kernel.org/r/quoted@example.org")).links == ()


def test_mode_changes_of_diffstat_and_diff() -> None:
    notes = " mm/rmap.c | 2 +-\n mode change 100644 => 100755 mm/rmap.c\n"
    assert patchmail.read(patch("Text", notes)).mode_changes == ("mm/rmap.c",)
    assert patchmail.read(patch("Text")).mode_changes == ()
    assert patchmail.read(patch("Text")).modes_lost == ()
    diff = "diff --git a/tools/x b/tools/x\nindex 1234567..89abcde\n--- a/tools/x\n+++ b/tools/x\n@@ -1 +1 @@\n-a\n+b\n"
    assert patchmail.read(raw(diff)).modes_lost == ("tools/x",)
    only = "diff --git a/tools/x b/tools/x\nold mode 100644\nnew mode 100755\n"
    assert patchmail.read(raw(only)).mode_changes == ("tools/x",)


def test_rename_has_both_paths() -> None:
    read = patchmail.read(raw("diff --git a/old.c b/new.c\nsimilarity index 90%\nrename from old.c\nrename to new.c\n"))
    assert read.paths == ("old.c", "new.c")


def test_author_in_the_body() -> None:
    read = patchmail.read(patch("From: Kim Ödegård <kim@example.org>\n\nText"))
    assert (read.author, read.author_address, read.sender_address) == (
        "Kim Ödegård",
        "kim@example.org",
        "robin@example.org",
    )
    read = patchmail.read(patch("Text\n\nFrom: Kim <kim@example.org>"))
    assert read.author == "Robin"


@pytest.mark.parametrize(
    "sender",
    ["=?utf-8?q?Vale=2C_R=C3=B6bin?= <r@example.org>", '"Vale, Röbin" <r@example.org>', "Vale, Röbin <r@example.org>"],
)
def test_a_name_with_a_comma(sender: str) -> None:
    sent = f"From: {sender}\nSubject: [PATCH] x\n\nText.\n".encode()
    found = patchmail.read(sent)
    assert (found.author, found.author_address, found.sender_address) == (
        "Vale, Röbin",
        "r@example.org",
        "r@example.org",
    )
    assert not found.author_in_body
    inside = patchmail.read(b"From: sam@example.org\nSubject: [PATCH] x\n\n" + f"From: {sender}\n\nText.\n".encode())
    assert (inside.author, inside.author_address, inside.sender_address) == (
        "Vale, Röbin",
        "r@example.org",
        "sam@example.org",
    )
    assert inside.author_in_body
    archive = Archive("x", mails=(sent.replace(b"From:", b"Message-ID: <1@example.org>\nFrom:"),))
    assert (archive.heads["1@example.org"].author, archive.heads["1@example.org"].address) == (
        "Vale, Röbin",
        "r@example.org",
    )


@pytest.mark.parametrize("how", ["8bit", "base64", "quoted-printable", "crlf", "koi8-r", "flowed"])
def test_however_it_was_sent(how: str) -> None:
    text = f"Привет, мир\n\nAcked-by: Кто-то <k@example.org>\n---\n\n{DIFF}-- \n2.39.0\n"
    charset = "koi8-r" if how == "koi8-r" else "utf-8"
    body = text.encode(charset)
    encoding, more = "8bit", ""
    if how == "base64":
        body, encoding = base64.encodebytes(body), how
    elif how == "quoted-printable":
        body, encoding = quopri.encodestring(body), how
    elif how == "crlf":
        body = body.replace(b"\n", b"\r\n")
    elif how == "flowed":
        stuffed = [f" {line}" if line.startswith(" ") else line for line in text.split("\n")]
        body, more = "\n".join(stuffed).replace(", ", ", \n", 1).encode(), "; format=flowed"
    head = (
        f"MIME-Version: 1.0\nContent-Type: text/plain; charset={charset}{more}\nContent-Transfer-Encoding: {encoding}\n"
    )
    read = patchmail.read(raw("", head) + body)
    assert read.trailers == (Trailer("Acked-by", "Кто-то <k@example.org>", "k@example.org", False),)
    assert (read.diffstat, read.blobs) == (Diffstat(1, 1, 1), (("mm/rmap.c", "26806b49a86f"),))


def test_flowed_lines_are_joined_as_git_does() -> None:
    from series_ci.mail import message

    head = "Content-Type: text/plain; format=flowed"
    text = "one \ntwo\n  stuffed\n  \n-- \nname"
    assert message.body_of(message.parse(raw(text, f"{head}\n"))) == "one two\n stuffed\n \n-- \nname"
    assert message.body_of(message.parse(raw(text, f"{head}; delsp=yes\n"))) == "onetwo\n stuffed\n \n-- \nname"
    assert message.body_of(message.parse(raw("a \n-- \nb ", f"{head}\n"))) == "a \n-- \nb "
    # One that only says so: nothing was added to its lines.
    assert message.body_of(message.parse(raw(" one\n two", f"{head}\n"))) == " one\n two"


def test_reply_with_hunks_holds_no_diff_that_git_could_apply() -> None:
    first = mails.series()[1]
    answer = mails.reply(first, "I counted:\n\n@@ -1,2 +1,3 @@\n one\n+two\n two\n")
    assert not patchmail.read(answer).has_diff
    assert patchmail.read(mails.reply(first, f"Rather:\n\n{DIFF}")).has_diff


@pytest.mark.parametrize(
    "date",
    ["", "Date: yesterday\n", "Date: Tue, 99 Feb 2026 11:05:01 +0100\n", "Date: Fri, 31 Dec 9999 23:59:59 -0800\n"],
)
def test_date_that_cannot_be_read(date: str) -> None:
    assert patchmail.read(f"Subject: x\n{date}\nbody".encode()).date is None


def test_date_without_a_zone_is_in_utc() -> None:
    assert patchmail.read(b"Date: Tue, 3 Feb 2026 11:05:01 -0000\n\n").date == datetime(
        2026, 2, 3, 11, 5, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "junk", [b"", b"\0\xff\xfe", b"From: \xff <\n\n\xff", b"Content-Type: text/plain; charset=x\n\n\xe9"]
)
def test_junk_is_a_letter_that_says_nothing(junk: bytes) -> None:
    read = patchmail.read(junk)
    assert (read.trailers, read.has_diff, read.links) == ((), False, ())
