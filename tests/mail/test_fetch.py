"""All against the real b4: what it is asked, and what is made of its answers."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fakes import fakelinux, mails, web
from fakes.here import ROOT
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import process
from series_ci.mail import message
from series_ci.mail.archive import open_archive
from series_ci.mail.fetch import Fetched, fetch_patches, fetch_version
from series_ci.mail.sent import find

pytestmark = pytest.mark.usefixtures("cache")

SERVE = ROOT.parent / "shared/lore/serve"


def v(version: int, number: int) -> str:
    return mails.message_id(version, number)


def ids(fetched: Fetched) -> list[str]:
    return [each.message_id for each in fetched.patches]


def fetch(message_id: str, raws: Sequence[bytes], tmp_path: Path) -> Fetched:
    """Ask a mailbox that holds `raws`."""
    path = tmp_path / "archive.mbox"
    path.write_bytes(mails.mbox(raws))
    return fetch_patches(message_id, open_archive(str(path)))


class TestLocalArchive:
    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_any_mail_of_a_series_names_it(self, tmp_path: Path, number: int) -> None:
        fetched = fetch(v(1, number), mails.series(), tmp_path)
        assert ids(fetched) == [v(1, 1), v(1, 2)]
        assert fetched.title == mails.COVER
        assert not fetched.cached

    def test_folder_of_mails(self, tmp_path: Path) -> None:
        folder = mails.folder(tmp_path / "mails", mails.series())
        (folder / "notes.txt").write_text("not a mail")
        assert ids(fetch_patches(v(1, 2), open_archive(str(folder)))) == [v(1, 1), v(1, 2)]

    def test_maildir(self, tmp_path: Path) -> None:
        cover, *rest = mails.series()
        for name, raw in (("new/0", cover), ("cur/1:2,S", rest[0]), ("cur/2:2,S", rest[1])):
            path = tmp_path / "maildir" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
        assert ids(fetch_patches(v(1, 0), open_archive(str(tmp_path / "maildir")))) == [v(1, 1), v(1, 2)]

    def test_brackets_round_the_id_do_not_matter(self, tmp_path: Path) -> None:
        assert fetch(f" <{v(1, 1)}>\n", mails.series(), tmp_path).message_id == v(1, 1)

    def test_single_patch_without_counter(self, tmp_path: Path) -> None:
        fetched = fetch(v(3, 1), mails.series(mails.GOOD[:1], version=3, cover=""), tmp_path)
        assert ids(fetched) == [v(3, 1)]

    def test_patch_ids_are_those_of_git(self, tmp_path: Path) -> None:
        raws = mails.series()
        done = process.run(["git", "patch-id", "--stable"], stdin=raws[2])
        fetched = fetch(v(1, 0), raws, tmp_path)
        assert fetched.patch_ids[1] == done.out.split()[0]
        assert len(set(fetched.patch_ids)) == 2

    def test_kept_mailbox_holds_the_patches_ready_for_git_am(self, tmp_path: Path) -> None:
        fetched = fetch(v(1, 0), mails.series(), tmp_path)
        assert not fetched.cached
        repository = fakelinux.repository(tmp_path / "linux")
        fakelinux.git(repository, "am", "-q", "--patch-format=mboxrd", str(fetched.mbox))
        assert (
            fakelinux.git(repository, "log", "--format=%s", "v6.12.7..").splitlines()[0]
            == mails.SKIP.message.split("\n")[0]
        )

    @pytest.mark.parametrize("separator", ["mboxrd@z", "robin"])
    def test_lines_that_begin_with_from_stay_what_they_were(self, tmp_path: Path, separator: str) -> None:
        raw = mails.series(mails.GOOD[:1], cover="")[0]
        assert b"\nFrom here on" in raw
        path = tmp_path / "archive.mbox"
        raw = raw.replace(b"Reclaim cannot", b">From the manual:\n\nReclaim cannot")
        path.write_bytes(mails.mbox([raw]).replace(b"From mboxrd@z", b"From " + separator.encode()))
        (patch,) = fetch_patches(v(1, 1), open_archive(str(path))).patches
        again = fetch_patches(v(1, 1), open_archive(str(path)))
        for found in (patch, again.patches[0]):
            text = message.body_of(message.parse(found.raw))
            assert "\nFrom here on" in text
            assert text.startswith(">From the manual:")

    @pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
    def test_encoded_mails_are_patches_too(self, tmp_path: Path, encoding: str) -> None:
        import quopri

        (raw,) = mails.series(mails.GOOD[:1], cover="")
        plain = fetch(v(1, 1), [raw], tmp_path)
        head, _, body = raw.partition(b"\n\n")
        encode = base64.encodebytes if encoding == "base64" else quopri.encodestring
        encoded = head.replace(b"8bit", encoding.encode()) + b"\n\n" + encode(body)
        assert encoded != raw
        shutil.rmtree(plain.mbox.parent)
        fetched = fetch(v(1, 1), [encoded], tmp_path)
        assert fetched.patch_ids == plain.patch_ids
        assert fetched.digest == plain.digest

    def test_reviewers_trailers_are_left_out(self, tmp_path: Path) -> None:
        raws = mails.series()
        review = mails.reply(raws[1], "Reviewed-by: Alex Marlow <alex.marlow@example.org>")
        with_review = fetch(v(1, 0), [*raws, review], tmp_path)
        assert b"Reviewed-by" not in with_review.mbox.read_bytes()
        assert with_review.digest == fetch(v(1, 0), raws, tmp_path).digest

    def test_unknown_id(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none@example.org: .*archive.mbox has no such mail") as caught:
            fetch("none@example.org", mails.series(), tmp_path)
        assert "Message-ID" in caught.value.hint

    @pytest.mark.parametrize("text", ["", "-h", "--help", "two words@example.org", "no-at-sign"])
    def test_what_cannot_be_a_message_id_is_refused(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(UsageError, match="is not a Message-ID"):
            fetch(text, mails.series(), tmp_path)

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda _path: None, "no such file or folder"),
            (lambda path: path.touch(), "holds no mail"),
            (lambda path: path.mkdir(), "holds no mail"),
            (lambda path: path.write_bytes(b"\0\1\2 no mailbox"), "holds no mail"),
        ],
    )
    def test_archive_that_is_none(self, tmp_path: Path, make: object, said: str) -> None:
        assert callable(make)
        make(tmp_path / "archive")
        with pytest.raises(UsageError, match=f"archive {tmp_path}/archive: {said}") as caught:
            open_archive(str(tmp_path / "archive"))
        assert "*.eml" in caught.value.hint

    def test_archive_is_only_read(self, tmp_path: Path) -> None:
        path = tmp_path / "archive.mbox"
        path.write_bytes(mails.mbox(mails.series()))
        before = (path.read_bytes(), path.stat().st_mtime_ns, sorted(tmp_path.iterdir()))
        open_archive(str(path))
        assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(tmp_path.iterdir())) == before


class TestWrongAnswers:
    """b4 ends with 0 in most of these."""

    @pytest.mark.parametrize("asked", [0, 1])
    def test_incomplete_series(self, tmp_path: Path, asked: int) -> None:
        cover, first, _second = mails.series()
        with pytest.raises(InfrastructureError, match="the series is incomplete: patch 2/2 is missing"):
            fetch(v(1, asked), [cover, first], tmp_path)

    def test_first_patch_missing(self, tmp_path: Path) -> None:
        cover, _first, second = mails.series()
        with pytest.raises(InfrastructureError, match="incomplete: patch 1/2 is missing"):
            fetch(v(1, 2), [cover, second], tmp_path)

    def test_cover_letter_alone(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="the mail is there, but it holds no patch"):
            fetch(v(1, 0), mails.series()[:1], tmp_path)

    def test_reply_is_not_taken_for_its_patch(self, tmp_path: Path) -> None:
        raws = mails.series()
        answer = mails.reply(raws[2], "Looks good.", "answer@example.org")
        with pytest.raises(UsageError, match=r"answer@example.org: is neither a patch nor a cover letter") as caught:
            fetch("answer@example.org", [*raws, answer], tmp_path)
        assert v(1, 1) in caught.value.hint

    def test_reply_with_a_diff_is_not_taken_for_a_patch(self, tmp_path: Path) -> None:
        raws = mails.series()
        diff = mails.series((mails.HELPER,), cover="")[0].decode().partition("\n---\n")[2]
        answer = mails.reply(raws[2], f"Rather like this:\n\n{diff}", "answer@example.org")
        with pytest.raises(UsageError, match=r"answer@example.org"):
            fetch("answer@example.org", [*raws, answer], tmp_path)
        assert ids(fetch(v(1, 2), [*raws, answer], tmp_path)) == [v(1, 1), v(1, 2)]

    def test_mail_without_a_patch(self, tmp_path: Path) -> None:
        raw = mails.reply(mails.series()[0], "Hello", "hello@example.org", subject="Greetings")
        with pytest.raises(UsageError, match=r"hello@example.org") as caught:
            fetch("hello@example.org", [raw], tmp_path)
        assert "no such mail" not in caught.value.message

    @pytest.mark.parametrize("version", [1, 2])
    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_two_versions_in_one_thread(self, tmp_path: Path, version: int, number: int) -> None:
        raws = [*mails.series(), *mails.series(mails.BROKEN, version=2, reply_to=v(1, 0))]
        assert ids(fetch(v(version, number), raws, tmp_path)) == [v(version, 1), v(version, 2)]

    def test_partial_reroll_does_not_replace_the_version_that_was_asked_for(self, tmp_path: Path) -> None:
        raws = mails.series()
        raws += mails.series(mails.BROKEN, version=2, reply_to=v(1, 2))[2:]
        raws[-1] = raws[-1].replace(v(2, 0).encode(), v(1, 2).encode())
        for number in (0, 1, 2):
            assert ids(fetch(v(1, number), raws, tmp_path)) == [v(1, 1), v(1, 2)]
        with pytest.raises(InfrastructureError, match="patch 1/2 is missing"):
            fetch(v(2, 2), raws, tmp_path)

    def test_patches_that_were_not_sent_anew_come_from_the_version_before(self, tmp_path: Path) -> None:
        raws = mails.series()
        raws += mails.series(mails.BROKEN, version=2, reply_to=v(1, 2))[2:]
        raws[-1] = raws[-1].replace(v(2, 0).encode(), v(1, 2).encode())
        archive = open_archive(str(mails.folder(tmp_path / "mail", raws)))
        first = fetch_version([v(1, 0)], archive)
        found = fetch_version([v(1, 0), v(2, 2)], archive)
        assert ids(found) == [v(1, 1), v(2, 2)]
        assert found.message_id == v(2, 2)
        assert found.patch_ids[0] == first.patch_ids[0]
        assert found.patch_ids[1] != first.patch_ids[1]
        assert len(message.split_mbox(found.mbox.read_bytes())) == 2
        again = fetch_version([v(1, 0), v(2, 2)], archive)
        assert again.cached
        assert again.digest == found.digest
        # Without the rest it is still half a series, whatever was kept.
        with pytest.raises(InfrastructureError, match="patch 1/2 is missing"):
            fetch_version([v(2, 2)], archive)

    def test_a_rest_that_does_not_belong_to_it(self, tmp_path: Path) -> None:
        three = mails.Change("mm: a third\n\nSigned-off-by: R <r@example.org>", (("mm/vmscan.c", "1 if", "One if"),))
        raws = [*mails.series(), *mails.series((*mails.GOOD, three), version=2), *mails.series(version=3)]
        archive = open_archive(str(mails.folder(tmp_path / "mail", raws)))
        with pytest.raises(UsageError, match="is of a series of 3 patches, and the rest is to come from one of 2"):
            fetch_version([v(1, 0), v(2, 1)], archive)
        with pytest.raises(UsageError, match="all 2 patches were sent anew"):
            fetch_version([v(1, 0), v(3, 1)], archive)

    def test_later_version_in_a_thread_of_its_own(self, tmp_path: Path) -> None:
        raws = [*mails.series(), *mails.series(mails.BROKEN, version=2)]
        assert ids(fetch(v(1, 0), raws, tmp_path)) == [v(1, 1), v(1, 2)]

    @pytest.mark.parametrize("asked", [0, 1, 2])
    def test_twins_with_different_contents(self, tmp_path: Path, asked: int) -> None:
        raws = mails.series()
        twin = raws[1].replace(b"mm_users", b"mm_count")
        with pytest.raises(UsageError, match=f"{v(1, 1)}: .* two different mails with this Message-ID"):
            fetch(v(1, asked), [*raws, twin], tmp_path)

    def test_twins_elsewhere_do_not_matter(self, tmp_path: Path) -> None:
        other = mails.series(version=2)
        raws = [*mails.series(), *other, other[1].replace(b"mm_users", b"mm_count")]
        assert ids(fetch(v(1, 1), raws, tmp_path)) == [v(1, 1), v(1, 2)]

    def test_twins_with_the_same_content_are_one_mail(self, tmp_path: Path) -> None:
        raws = mails.series()
        assert ids(fetch(v(1, 1), [*raws, b"Received: by another server\n" + raws[1]], tmp_path)) == [v(1, 1), v(1, 2)]

    def test_patch_without_a_diff(self, tmp_path: Path) -> None:
        raw = mails.reply(mails.series()[0], "Soon.", "empty@example.org", subject="[PATCH] nothing yet")
        with pytest.raises(UsageError, match=r"empty@example.org"):
            fetch("empty@example.org", [raw], tmp_path)


@pytest.fixture
def server() -> Iterator[web.Server]:
    with web.serve(mails.inbox(mails.series())) as running:
        yield running


def ask(server: web.Server, message_id: str) -> Fetched:
    return fetch_patches(message_id, open_archive(f"{server.url}/all"))


class TestServer:
    @pytest.mark.parametrize("number", [0, 2])
    def test_any_mail_of_a_series_names_it(self, server: web.Server, number: int) -> None:
        assert ids(ask(server, v(1, number))) == [v(1, 1), v(1, 2)]
        assert f"/all/{v(1, number)}/t.mbox.gz" in server.requests

    def test_local_copy_is_the_same_series(self, server: web.Server, tmp_path: Path) -> None:
        from_server = ask(server, v(1, 1))
        shutil.rmtree(from_server.mbox.parent)
        from_file = fetch(v(1, 1), mails.series(), tmp_path)
        assert (from_file.digest, from_file.patch_ids) == (from_server.digest, from_server.patch_ids)

    def test_second_time_needs_no_server(self, server: web.Server) -> None:
        first = ask(server, v(1, 0))
        asked = len(server.requests)
        second = ask(server, v(1, 0))
        assert len(server.requests) == asked
        assert second.cached
        assert (second.patches, second.patch_ids, second.digest) == (first.patches, first.patch_ids, first.digest)

    def test_unknown_id(self, server: web.Server) -> None:
        with pytest.raises(UsageError, match=f"none@example.org: {server.url}/all has no such mail"):
            ask(server, "none@example.org")

    def test_server_that_is_down(self) -> None:
        with socket.socket() as bound:  # a port that nobody listens on
            bound.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{bound.getsockname()[1]}/all/"
            with pytest.raises(InfrastructureError, match=f"{v(1, 1)}: cannot be had from {url}") as caught:
                fetch_patches(v(1, 1), open_archive(url))
        assert "--archive" in caught.value.hint

    def test_two_versions_in_one_thread_never_give_the_other_one(self, server: web.Server) -> None:
        first, second = mails.series(), mails.series(mails.BROKEN, version=2, reply_to=v(1, 0))
        server.pages.update(mails.inbox([*first, *second]))
        assert ids(ask(server, v(2, 0))) == [v(2, 1), v(2, 2)]
        for number in (0, 1, 2):
            assert ids(ask(server, v(1, number))) == [v(1, 1), v(1, 2)]

    def test_changed_answer_is_an_error_and_keeps_the_old(
        self, server: web.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("SERIES_CI_CACHE", str(tmp_path / "other cache"))
            other = fetch(v(1, 0), mails.series(mails.BROKEN), tmp_path)
        kept = ask(server, v(1, 0))
        before = kept.mbox.read_bytes()
        (kept.mbox.parent / "series.mbx").write_bytes(b"damaged")  # so that the server is asked again
        server.pages.update(mails.inbox(mails.series(mails.BROKEN)))
        with pytest.raises(InfrastructureError, match="now gives another content") as caught:
            ask(server, v(1, 0))
        assert kept.digest[:12] in caught.value.message
        assert other.digest[:12] in caught.value.message
        assert (kept.mbox.parent / "series.mbx").read_bytes() == b"damaged"
        server.pages.update(mails.inbox(mails.series()))
        assert ask(server, v(1, 0)).mbox.read_bytes() == before

    def test_other_content_in_a_local_archive_is_an_error_too(self, server: web.Server, tmp_path: Path) -> None:
        kept = ask(server, v(1, 0))
        before = kept.mbox.read_bytes()
        with pytest.raises(InfrastructureError, match="now gives another content") as caught:
            fetch(v(1, 0), mails.series(mails.BROKEN), tmp_path)
        assert str(kept.mbox) in caught.value.hint
        assert kept.mbox.read_bytes() == before
        assert ask(server, v(1, 0)).cached


def sent(fetched: Fetched) -> list[str]:
    return [message.id_of(message.parse(raw)) for raw in fetched.sent]


class TestSent:
    """The mails as they were sent, for whoever answers them."""

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_cover_letter_and_patches_with_all_their_headers(self, tmp_path: Path, number: int) -> None:
        raws = [b"Cc: =?utf-8?q?Z=C3=BC?= <zu@example.org>\nX-Own: 1\n" + raw for raw in mails.series()]
        fetched = fetch(v(1, number), [*raws, mails.reply(raws[1], "Fine.")], tmp_path)
        assert list(fetched.sent) == [raw.rstrip(b"\n") + b"\n" for raw in raws]
        assert (again := fetch(v(1, number), [*raws, mails.reply(raws[1], "Fine.")], tmp_path)).cached
        assert again.sent == fetched.sent

    def test_of_a_server_too_and_later_without_it(self, server: web.Server) -> None:
        first = ask(server, v(1, 1))
        assert sent(first) == [v(1, 0), v(1, 1), v(1, 2)]
        assert b"\nTo: linux-mm@example.org\n" in first.sent[0]
        server.pages.clear()
        second = ask(server, v(1, 1))
        assert second.cached
        assert (second.sent, second.title) == (first.sent, mails.COVER)

    def test_only_those_of_the_version(self, server: web.Server) -> None:
        server.pages.update(mails.inbox([*mails.series(), *mails.series(mails.BROKEN, version=2, reply_to=v(1, 0))]))
        assert sent(ask(server, v(2, 2))) == [v(2, 0), v(2, 1), v(2, 2)]
        assert sent(ask(server, v(1, 2))) == [v(1, 0), v(1, 1), v(1, 2)]

    def test_of_patches_sent_anew_only_those(self, tmp_path: Path) -> None:
        first = mails.series()
        anew = mails.series(mails.BROKEN, version=2, reply_to=v(1, 0))[2]
        path = tmp_path / "archive.mbox"
        path.write_bytes(mails.mbox([*first, anew]))
        fetched = fetch_version((v(1, 0), v(2, 2)), open_archive(str(path)))
        assert ids(fetched) == [v(1, 1), v(2, 2)]
        assert sent(fetched) == [v(2, 2)]
        assert fetched.title == mails.HELPER.message.split("\n")[0]

    def test_an_encoded_mail_stays_encoded(self, tmp_path: Path) -> None:
        (raw,) = mails.series(mails.GOOD[:1], cover="")
        head, _, body = raw.partition(b"\n\n")
        raw = head.replace(b"8bit", b"base64") + b"\n\n" + base64.encodebytes(body)
        assert fetch(v(1, 1), [raw], tmp_path).sent == (raw,)

    @pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x")])
    def test_what_an_earlier_release_kept_is_fetched_again(self, server: web.Server, damage: object) -> None:
        kept = ask(server, v(1, 0))
        assert callable(damage)
        damage(kept.mbox.parent / "sent.mbx")
        again = ask(server, v(1, 0))
        assert not again.cached
        assert (again.sent, again.digest) == (kept.sent, kept.digest)
        assert ask(server, v(1, 0)).cached

    def test_a_mail_that_the_archive_gives_to_b4_alone(self, server: web.Server) -> None:
        archive = open_archive(f"{server.url}/all")
        raws = mails.series()
        given = [message.patch(raw) for raw in raws]
        server.pages[f"/all/{v(1, 0)}/t.mbox.gz"] = mails.inbox(raws[:2])[f"/all/{v(1, 0)}/t.mbox.gz"]
        with pytest.raises(InfrastructureError, match=f"{v(1, 2)}: .* does not give it as it was sent"):
            find(v(1, 0), given, archive)
        server.pages[f"/all/{v(1, 2)}/raw"] = raws[2]
        assert len(find(v(1, 0), given, archive)) == 3

    @pytest.mark.parametrize("subject", [b"[RFC] Many folios", b"Many folios"])
    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_a_cover_letter_that_is_not_numbered(self, tmp_path: Path, subject: bytes, number: int) -> None:
        cover, *patches = mails.series(version=3)
        cover = cover.replace(b"[PATCH v3 0/2] " + mails.COVER.encode(), subject)
        fetched = fetch(v(3, number), [cover, *patches], tmp_path)
        assert ids(fetched) == [v(3, 1), v(3, 2)]
        assert sent(fetched) == [v(3, 0), v(3, 1), v(3, 2)]
        assert fetched.title == "Many folios"


class TestTitle:
    @pytest.mark.parametrize(
        ("cover", "title"),
        [
            (mails.COVER, mails.COVER),
            ("[RFC] [next] Many folios", "Many folios"),
            ("*** SUBJECT HERE ***", "mm: tell the folios that end with their process"),
            ("", "mm: tell the folios that end with their process"),
        ],
    )
    def test_is_that_of_the_cover_letter(self, tmp_path: Path, cover: str, title: str) -> None:
        assert fetch(v(1, 2), mails.series(cover=cover), tmp_path).title == title


class TestKept:
    # What a release with another way of reading mails has left is no other content.
    OTHER_WAY = b'{"archive_digest": "", "digest": "of the old way", "patch_ids": []}'

    @pytest.mark.parametrize(
        "record", [b"", b"{}", b"[]", b'{"archive_digest": 1}', OTHER_WAY, b'{"digest-2": 1, "patch_ids": 2}']
    )
    def test_damaged_record_is_made_again(self, server: web.Server, record: bytes) -> None:
        kept = ask(server, v(1, 0))
        (kept.mbox.parent / "series.json").write_bytes(record)
        again = ask(server, v(1, 0))
        assert not again.cached
        assert again.digest == kept.digest

    @pytest.mark.parametrize(
        "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-99])]
    )
    def test_damaged_mailbox_is_fetched_again(self, server: web.Server, damage: object) -> None:
        kept = ask(server, v(1, 0))
        before = kept.mbox.read_bytes()
        assert callable(damage)
        damage(kept.mbox)
        assert not ask(server, v(1, 0)).cached
        assert kept.mbox.read_bytes() == before

    @pytest.mark.parametrize("asked", [v(1, 0), "none@example.org"])
    def test_an_error_leaves_nothing_behind(self, cache: Path, scratch: Path, tmp_path: Path, asked: str) -> None:
        with pytest.raises((UsageError, InfrastructureError)):
            fetch(asked, mails.series()[:2], tmp_path)
        assert [path.name for path in cache.rglob("*") if path.is_file()] == [".lock"]
        assert list(scratch.iterdir()) == []

    def test_success_leaves_only_the_cache_behind(self, cache: Path, scratch: Path, home: Path, tmp_path: Path) -> None:
        kept = fetch(v(1, 0), mails.series(), tmp_path).mbox.parent
        assert sorted(path for path in cache.rglob("*") if path.is_file()) == [
            kept.parent / ".lock",
            kept / "sent.mbx",
            kept / "series.json",
            kept / "series.mbx",
        ]
        assert list(scratch.iterdir()) == []
        assert list(home.iterdir()) == []


def wrap_b4(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Run a line of shell before the real b4, in its environment and folder."""
    wrapper = folder / "b4"
    wrapper.write_text(f'#!/bin/sh\n{script}\nexec {process.which("b4")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(process, "which", lambda _name: str(wrapper))


HOSTILE = """\
[b4]
    midmask = http://127.0.0.1:9/%s
    searchmask = http://127.0.0.1:9/%s
    am-perpatch-check-cmd = touch {mark}
    review-series-check-cmd = touch {mark}
    attestation-policy = hardfail
    cache-expire = 99999
    trailers-ignore-from = robin.vale@example.org
[alias]
    config = !touch {mark}
[core]
    fsmonitor = touch {mark}
    hooksPath = {hooks}
"""


class TestUsersSettings:
    """Neither b4 nor the git below it reads the user's configuration, or that of the folder one happens to be in."""

    @pytest.fixture
    def hostile(self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, bytes]:
        tree = fakelinux.repository(tmp_path / "elsewhere")
        text = HOSTILE.format(mark=tmp_path / "mark", hooks=tmp_path / "hooks")
        planted = [home / ".gitconfig", home / ".b4-config", home / ".config/git/config", tree / ".b4-config"]
        for path in planted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        with (tree / ".git/config").open("a") as config:
            config.write(text)
        monkeypatch.chdir(tree)
        return {path: path.read_bytes() for path in [*planted, tree / ".git/config"]}

    def test_planted_configurations_have_no_effect(
        self, server: web.Server, hostile: dict[Path, bytes], home: Path, tmp_path: Path
    ) -> None:
        listing = sorted(home.rglob("*"))
        assert ids(ask(server, v(1, 0))) == [v(1, 1), v(1, 2)]
        assert {path: path.read_bytes() for path in hostile} == hostile
        assert sorted(home.rglob("*")) == listing
        assert not (tmp_path / "mark").exists()

    def test_the_planted_configuration_would_have_had_one(self, hostile: dict[Path, bytes]) -> None:
        del hostile
        done = process.run(["git", "config", "b4.midmask"])
        assert done.out == "http://127.0.0.1:9/%s\n"

    def test_environment_of_a_git_hook_or_alias_has_no_effect(
        self, server: web.Server, hostile: dict[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        del hostile
        monkeypatch.setenv("GIT_DIR", str(Path.cwd() / ".git"))
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "b4.from-environment")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "1")
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'b4.from-alias'='1'")
        seen = tmp_path / "seen"
        wrap_b4(tmp_path, monkeypatch, f"git config --get-regexp b4 > {seen}; git rev-parse --git-dir >> {seen}")
        assert ids(ask(server, v(1, 0))) == [v(1, 1), v(1, 2)]
        assert seen.read_text() == ""

    def test_b4_is_told_to_stay_in_a_folder_that_goes_away(
        self, server: web.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrap_b4(tmp_path, monkeypatch, f"env > {tmp_path}/env; pwd > {tmp_path}/pwd")
        ask(server, v(1, 0))
        folder = (tmp_path / "pwd").read_text().strip()
        seen = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR"):
            assert seen[name].startswith(folder), name
        assert not Path(folder).exists()


def test_b4_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "which", lambda _name: None)
    with pytest.raises(InfrastructureError, match="b4 is not installed") as caught:
        fetch(v(1, 0), mails.series(), tmp_path)
    assert "pip install" in caught.value.hint


def test_b4_that_crashes_is_not_called_an_unknown_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrap_b4(tmp_path, monkeypatch, "echo 'ImportError: liblore' >&2; exit 1")
    with pytest.raises(InfrastructureError, match="ImportError: liblore"):
        fetch(v(1, 0), mails.series(), tmp_path)


@pytest.fixture(scope="module")
def public_inbox() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    if not SERVE.is_file() or shutil.which("public-inbox-httpd") is None:
        pytest.skip("needs ../shared/lore/serve and public-inbox-httpd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, str(SERVE), str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as served:
        assert served.stdout
        try:
            if b"serves" not in served.stdout.readline():
                pytest.fail("the public-inbox did not start")
            yield f"http://127.0.0.1:{port}/all/", served
        finally:
            served.terminate()


@pytest.mark.lore
class TestPublicInbox:
    @pytest.mark.parametrize(
        ("message_id", "version"),
        [("20240710083641.546-1", 10), ("20240709042122.631-1", 6), ("20240709123115.117-1", 7)],
    )
    def test_versions_of_a_real_series(
        self, public_inbox: tuple[str, subprocess.Popen[bytes]], message_id: str, version: int
    ) -> None:
        url, _served = public_inbox
        name = f"{message_id}-justinjiang@vivo.com"
        fetched = fetch_patches(name, open_archive(url))
        assert ids(fetched) == [name]
        assert fetched.patches[0].subject.version == version
        assert len(fetched.patch_ids[0]) == 40

    def test_unknown_id(self, public_inbox: tuple[str, subprocess.Popen[bytes]]) -> None:
        with pytest.raises(UsageError, match="has no such mail"):
            fetch_patches("none@example.org", open_archive(public_inbox[0]))

    def test_second_time_with_the_server_down(self, public_inbox: tuple[str, subprocess.Popen[bytes]]) -> None:
        """Last of its class: it ends the server."""
        url, served = public_inbox
        name = "20240710083641.546-1-justinjiang@vivo.com"
        first = fetch_patches(name, open_archive(url))
        served.terminate()
        served.wait()
        second = fetch_patches(name, open_archive(url))
        assert second.cached
        assert second.digest == first.digest
        with pytest.raises(InfrastructureError, match="cannot be had"):
            fetch_patches("20240709042122.631-1-justinjiang@vivo.com", open_archive(url))
        assert os.environ["SERIES_CI_CACHE"] in str(second.mbox)
