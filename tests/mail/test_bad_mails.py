"""Mails as they should not be, and are: fetched by the real b4, applied by the real git am, or refused clearly."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fakes import fakelinux, inbox, mails, web
from series_ci.errors import ApplyError, InfrastructureError, UsageError
from series_ci.kernel import apply
from series_ci.kernel.base import Base
from series_ci.kernel.store import Store
from series_ci.mail import b4
from series_ci.mail.archive import open_archive
from series_ci.mail.fetch import Fetched, fetch_patches
from series_ci.manifest.permit import Permit

pytestmark = pytest.mark.usefixtures("cache")

GREETING = "Grüße aus Zürich: für André.\n\n"
NAME = "20260203.v1-1@example.org"


def fetch(message_id: str, raws: Sequence[bytes], tmp_path: Path) -> Fetched:
    return fetch_patches(message_id, open_archive(str(mails.folder(tmp_path / "mails", raws))))


def one(message: str = "", edits: tuple[tuple[str, str, str], ...] = mails.HELPER.edits) -> bytes:
    """A single patch with letters of another alphabet in its message."""
    change = mails.Change(
        f"mm: tell folios\n\n{message or GREETING}Signed-off-by: Robin Välé <robin.vale@example.org>", edits
    )
    return mails.series((change,), cover="")[0]


def applied(raws: Sequence[bytes], base: Base, tmp_path: Path, message_id: str = NAME) -> dict[str, str]:
    """What the newest commit is after fetching and applying: author, mail address, subject, body, and the diff."""
    fetched = fetch(message_id, raws, tmp_path)
    commit, _cached = apply.with_series(base, fetched.patches, fetched.digest)
    shown = str(Store(base.store).repo.git.show("-M", "--format=%an%x00%ae%x00%s%x00%b%x00", commit)).split("\0")
    return dict(zip(("author", "address", "subject", "body", "diff"), shown, strict=True))


def recoded(raw: bytes, charset: str, encoding: str = "8bit", more: str = "") -> bytes:
    """The same mail in another charset or transfer encoding."""
    head, _, body = raw.partition(b"\n\n")
    text = body.decode().encode(charset)
    if encoding == "base64":
        text = base64.encodebytes(text)
    elif encoding == "quoted-printable":
        text = quopri.encodestring(text)
    name = "utf-8" if charset == "utf-8-sig" else charset
    head = re.sub(rb"Content-Type: .*", f"Content-Type: text/plain; charset={name}{more}".encode(), head)
    head = re.sub(rb"Content-Transfer-Encoding: .*", f"Content-Transfer-Encoding: {encoding}".encode(), head)
    return head + b"\n\n" + text


def flowed(raw: bytes) -> bytes:
    """As a mailer sends it that wraps text: lines with a space at their start get one more, long ones a soft break."""
    head, _, body = recoded(raw, "utf-8", more="; format=flowed").partition(b"\n\n")
    text = re.sub(rb"^ ", b"  ", body, flags=re.MULTILINE).replace(
        "Grüße aus Zürich".encode(), "Grüße \naus Zürich".encode()
    )
    return head + b"\n\n" + text


def crlf(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r\n")


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "as it was": lambda raw: raw,
    "latin1": lambda raw: recoded(raw, "iso-8859-1"),
    "windows": lambda raw: recoded(raw, "windows-1252"),
    "utf-16 in base64": lambda raw: recoded(raw, "utf-16", "base64"),
    "quoted-printable": lambda raw: recoded(raw, "utf-8", "quoted-printable"),
    "latin1 in quoted-printable": lambda raw: recoded(raw, "iso-8859-1", "quoted-printable"),
    "base64": lambda raw: recoded(raw, "utf-8", "base64"),
    "latin1 in base64": lambda raw: recoded(raw, "iso-8859-1", "base64"),
    "CRLF": crlf,
    "CRLF in base64": lambda raw: recoded(
        raw.partition(b"\n\n")[0] + b"\n\n" + crlf(raw.partition(b"\n\n")[2]), "utf-8", "base64"
    ),
    "CRLF in quoted-printable": lambda raw: recoded(
        raw.partition(b"\n\n")[0] + b"\n\n" + crlf(raw.partition(b"\n\n")[2]), "utf-8", "quoted-printable"
    ),
    "format=flowed": flowed,
    "format=flowed in CRLF": lambda raw: crlf(flowed(raw)),
    "no charset": lambda raw: re.sub(rb"(?:MIME|Content)-.*\n", b"", raw),
    "multipart": lambda raw: multipart(raw),  # noqa: PLW0108 (it stands below)
}


def multipart(raw: bytes) -> bytes:
    """As a list server sends it on that adds a footer part."""
    head, _, body = raw.partition(b"\n\n")
    part = b"\n".join(line for line in head.split(b"\n") if line.startswith(b"Content-"))
    rest = b"\n".join(line for line in head.split(b"\n") if not line.startswith(b"Content-"))
    footer = b"Content-Type: text/plain\n\n_______\nlist mailing list\n"
    return (
        rest
        + b'\nContent-Type: multipart/mixed; boundary="=="\n\n--==\n'
        + part
        + b"\n\n"
        + body
        + b"\n--==\n"
        + footer
        + b"--==--\n"
    )


class TestEncodings:
    @pytest.mark.parametrize("how", ENCODINGS)
    def test_is_applied_with_its_text_as_it_was_written(self, base: Base, tmp_path: Path, how: str) -> None:
        commit = applied([ENCODINGS[how](one())], base, tmp_path)
        assert commit["author"] == "Robin Välé"
        assert commit["subject"] == "mm: tell folios"
        assert commit["body"].startswith(GREETING.strip())
        assert "+\treturn folio_test_anon(folio) && !folio->mm->mm_users;" in commit["diff"]
        assert "\r" not in commit["diff"] + commit["body"]

    def test_charset_that_nobody_knows(self, base: Base, tmp_path: Path) -> None:
        raw = one().replace(b"UTF-8", b"x-klingon")
        commit = applied([raw], base, tmp_path)
        assert "+\treturn folio_test_anon(folio)" in commit["diff"]

    def test_flowed_mail_from_a_server(self, base: Base, tmp_path: Path) -> None:
        raw = flowed(one())
        with web.serve(mails.inbox([raw])) as server:
            fetched = fetch_patches(NAME, open_archive(f"{server.url}/all"))
        assert fetched.patch_ids == fetch(NAME, [raw], tmp_path).patch_ids
        assert apply.with_series(base, fetched.patches, fetched.digest)

    def test_mail_that_only_says_that_it_is_flowed(self, base: Base, tmp_path: Path) -> None:
        """Some servers add the word to what they send on: undoing what nobody did would spoil the patch."""
        commit = applied([recoded(one(), "utf-8", more="; format=flowed")], base, tmp_path)
        assert "+\treturn folio_test_anon(folio)" in commit["diff"]

    def test_file_of_another_charset(self, base: Base, tmp_path: Path) -> None:
        """Bytes of a file that are no UTF-8 come in an encoded mail, or they do not come."""
        raw = one(edits=(("mm/names.txt", "", "Zürich\n"),))
        head, _, body = recoded(raw, "iso-8859-1", "quoted-printable").partition(b"\n\n")
        commit = applied([head + b"\n\n" + body], base, tmp_path)
        assert "Zürich" in commit["diff"]


class TestDiffs:
    def test_rename(self, base: Base, tmp_path: Path) -> None:
        commit = applied(
            [formatted(tmp_path, lambda linux: fakelinux.git(linux, "mv", "mm/rmap.c", "mm/walk.c"))], base, tmp_path
        )
        assert "rename from mm/rmap.c\nrename to mm/walk.c" in commit["diff"]

    def test_binary_file(self, base: Base, tmp_path: Path) -> None:
        content = bytes(range(256)) * 9

        def add(linux: Path) -> None:
            (linux / "logo.bin").write_bytes(content)

        raw = formatted(tmp_path, add, "--binary")
        assert b"GIT binary patch" in raw
        fetched = fetch(NAME, [raw], tmp_path)
        with pytest.raises(ApplyError, match=r"is refused: logo\.bin is binary$") as caught:
            apply.with_series(base, fetched.patches, fetched.digest)
        assert 'permit: [{kind: binary, path: "logo.bin", reason: WHY}]' in caught.value.hint
        permits = [Permit(kind="binary", path="logo.bin", reason="a picture")]
        commit, _cached = apply.with_series(base, fetched.patches, fetched.digest, permits)
        Store(base.store).check_out(commit)
        assert (Store(base.store).worktree / "logo.bin").read_bytes() == content

    def test_binary_files_differ_is_no_patch_of_them(self, base: Base, tmp_path: Path) -> None:
        raw = formatted(tmp_path, lambda linux: (linux / "logo.bin").write_bytes(b"\0\1"), "--no-binary")
        with pytest.raises((UsageError, ApplyError)) as caught:
            applied([raw], base, tmp_path)
        assert "logo.bin" in caught.value.message + caught.value.details

    def test_mode(self, base: Base, tmp_path: Path) -> None:
        commit = applied([formatted(tmp_path, lambda linux: (linux / "mm/rmap.c").chmod(0o755))], base, tmp_path)
        assert "old mode 100644\nnew mode 100755" in commit["diff"]

    def test_name_of_another_alphabet(self, base: Base, tmp_path: Path) -> None:
        raw = formatted(tmp_path, lambda linux: (linux / "größe.txt").write_text("x\n"))
        assert '"b/gr\\303\\266\\303\\237e.txt"' in applied([raw], base, tmp_path)["diff"]

    def test_author_in_the_body(self, base: Base, tmp_path: Path) -> None:
        raw = one("From: Kim Ödegård <kim@example.org>\n\nFor another.\n\n")
        raw = raw.replace(b"\nFrom: Kim", b"\n\nFrom: Kim", 1) if b"\n\nFrom: Kim" not in raw else raw
        commit = applied([raw], base, tmp_path)
        assert (commit["author"], commit["address"]) == ("Kim Ödegård", "kim@example.org")
        assert commit["body"].startswith("For another.")


def formatted(tmp_path: Path, change: Callable[[Path], object], *options: str) -> bytes:
    """The mail of a commit that does `change` to a tree."""
    linux = fakelinux.repository(tmp_path / "theirs")
    change(linux)
    fakelinux.git(linux, "add", "-A", "-f")
    fakelinux.git(linux, "commit", "-q", "-m", "mm: change\n\nSigned-off-by: R <r@example.org>", env=mails.AUTHOR)
    text = fakelinux.git(linux, "format-patch", "-1", "-M", "--stdout", "-v1", *options)
    return f"Message-ID: <{NAME}>\n".encode() + text.partition("\n")[2].encode()


class TestThreads:
    def two(self) -> tuple[list[bytes], list[bytes]]:
        """Two series of two senders, the second one in the thread of the first."""
        ours = mails.series()
        other = mails.series((mails.SKIP,), version=2, reply_to=mails.message_id(1, 0), cover="Another series")
        theirs = [
            raw.replace(b"[PATCH v2", b"[PATCH")
            .replace(b"robin.vale@", b"sam@")
            .replace(b"From: =?UTF-8?q?Robin", b"From: =?UTF-8?q?Sam")
            for raw in other
        ]
        return [raw.replace(b"[PATCH v1", b"[PATCH") for raw in ours], theirs

    NUMBERS = ((1, 0, 2), (1, 1, 2), (1, 2, 2), (2, 0, 1), (2, 1, 1))

    @pytest.mark.parametrize(("version", "number", "total"), NUMBERS)
    def test_two_series_in_one_thread_never_mix(self, tmp_path: Path, version: int, number: int, total: int) -> None:
        ours, theirs = self.two()
        found = fetch(mails.message_id(version, number), [*ours, *theirs], tmp_path)
        assert [each.message_id for each in found.patches] == [
            mails.message_id(version, each) for each in range(1, total + 1)
        ]

    def test_nor_on_a_server(self) -> None:
        ours, theirs = self.two()
        with web.serve(mails.inbox([*ours, *theirs])) as server:
            for version, number, total in self.NUMBERS:
                found = fetch_patches(mails.message_id(version, number), open_archive(f"{server.url}/all"))
                assert len(found.patches) == total
                assert found.patches[0].message_id == mails.message_id(version, 1)

    def test_patch_that_is_missing_among_them(self, tmp_path: Path) -> None:
        ours, theirs = self.two()
        with pytest.raises(InfrastructureError, match="the series is incomplete: patch 1/2 is missing"):
            fetch(mails.message_id(1, 2), [ours[0], ours[2], *theirs], tmp_path)

    def test_cover_letter_alone(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"{mails.message_id(1, 0)}: the mail is there, but it holds no patch"):
            fetch(mails.message_id(1, 0), mails.series()[:1], tmp_path)

    def test_pull_request(self, tmp_path: Path) -> None:
        text = "The following changes since commit 0123456789ab:\n\n  are available in the Git repository at:\n"
        raw = inbox.mail("1", "[GIT PULL] mm for 6.20", text=text, path=None)
        with pytest.raises(UsageError, match=r"1@example\.org: the mail is there, but it holds no patch"):
            fetch("1@example.org", [raw], tmp_path)

    def test_version_in_words_is_the_mail_that_was_asked_for(self, base: Base, tmp_path: Path) -> None:
        first = one()
        second = first.replace(b"[PATCH v1]", b"[PATCH version two]").replace(b".v1-1@", b".v2-1@")
        second = second.replace(b"!folio->mm->mm_users", b"folio->mm->mm_users == 0")
        second = second.replace(b"To: linux-mm", f"In-Reply-To: <{NAME}>\nTo: linux-mm".encode())
        raws = [first, second]
        assert "mm_users == 0" in applied(raws, base, tmp_path, "20260203.v2-1@example.org")["diff"]
        assert "!folio->mm->mm_users" in applied(raws, base, tmp_path)["diff"]

    @pytest.mark.parametrize("text", ["@@ -1,2 +1,3 @@\n one\n+two\n two", "DIFF"])
    def test_answer_with_a_diff(self, tmp_path: Path, text: str) -> None:
        raws = mails.series()
        text = raws[2].decode().partition("\n---\n")[2] if text == "DIFF" else text
        answer = mails.reply(raws[2], f"Rather:\n\n{text}", "answer@example.org")
        with pytest.raises(UsageError, match=r"answer@example\.org: is neither a patch nor a cover letter"):
            fetch("answer@example.org", [*raws, answer], tmp_path)
        assert len(fetch(mails.message_id(1, 0), [*raws, answer], tmp_path).patches) == 2


class TestTenThousandMails:
    def test_local_archive_is_asked_for_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(b4, "TIMEOUT", 30.0)
        path = tmp_path / "archive.mbox"
        path.write_bytes(mails.mbox([*inbox.many(5_000), *mails.series(), *inbox.many(10_000)[5_000:]]))
        assert len(fetch_patches(mails.message_id(1, 0), open_archive(str(path))).patches) == 2
