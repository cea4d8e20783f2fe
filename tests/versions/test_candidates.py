"""A series of several patches with cover letters, found from any of its mails, in archives of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from fakes import inbox, mails, web
from series_ci.errors import UsageError
from series_ci.mail.archive import Archive, open_archive
from series_ci.versions import candidates, labels
from series_ci.versions.candidates import Gathered
from series_ci.versions.labels import Labelled

pytestmark = pytest.mark.usefixtures("cache")

LIST = "https://lore.example.org/all"


def v(version: int, number: int = 0) -> str:
    return mails.message_id(version, number)


def edited(raws: Sequence[bytes], *changes: tuple[str, str]) -> list[bytes]:
    """Mails with some of their text replaced; in one of them at least it has to be there."""
    for old, new in changes:
        assert any(old.encode() in raw for raw in raws), old
        raws = [raw.replace(old.encode(), new.encode()) for raw in raws]
    return list(raws)


def story() -> list[bytes]:
    """Seven postings of one series and mails around them.

    1: an RFC without a number. 2: renamed, the first one that is none. 3 answers it. Of 4 only the last patch was sent,
    in answer to that of 3. 5 is a thread of its own under another name, and links to 3. 6 has its number in words.
    """
    rfc = edited(mails.series(version=1), ("[PATCH v1 ", "[RFC PATCH "))
    first = edited(
        mails.series(version=2, cover="mm: folios that end with their task"),
        ("[PATCH v2 ", "[PATCH "),
        ("exiting processes", "exiting tasks"),
    )
    second = edited(
        mails.series(version=3, reply_to=v(2), cover="mm: folios that end with their task"),
        ("[PATCH v3 ", "[PATCH v2 "),
    )
    partial = edited(mails.series(version=4)[2:], ("[PATCH v4 ", "[PATCH v3 "), (v(4, 0), v(3, 2)))
    renamed = edited(
        mails.series(version=5, cover="mm/rmap: spare what exits"),
        ("[PATCH v5 ", "[PATCH v4 "),
        ("Please test.", f"Please test.\n\nChanges in v4:\n- another name\n- Link to v2: {LIST}/{v(3)}/"),
    )
    words = edited(mails.series(version=6, cover="mm/rmap: spare what exits"), ("[PATCH v6 ", "[PATCH version five "))
    stranger = inbox.mail(
        "fix",
        "[PATCH] net: quite another thing",
        "2026-02-09",
        parent="above",
        path="net/core/dev.c",
        sender="sam@example.org",
    )
    stranger = stranger.replace(b"above@example.org", v(2, 1).encode())
    answer = mails.reply(second[1], f"> Link: {LIST}/nowhere@example.org\n\nLooks good.", "answer@example.org")
    return [*rfc, *first, *second, *partial, *renamed, *words, stranger, answer]


def local(raws: Sequence[bytes]) -> Archive:
    return Archive("mails", mails=tuple(raws))


@pytest.fixture
def serve() -> Iterator[Callable[[Sequence[bytes]], Archive]]:
    """A server whose search finds what the same question finds in the mails themselves."""
    from series_ci.mail import search

    with web.serve({}) as server:

        def start(raws: Sequence[bytes]) -> Archive:
            by_id = {mails.header(raw, "Message-ID").strip("<>"): raw for raw in raws}
            here = local(raws)
            for name in by_id:
                server.pages |= {
                    f"/all/{name}/t.mbox.gz": mails.inbox(search.thread(here, name))[f"/all/{name}/t.mbox.gz"]
                }
            server.search = lambda _query, _offset: (200, inbox.feed(list(by_id.values())[::-1]))
            return open_archive(f"{server.url}/all")

        yield start


def find(archive: Archive, message_id: str) -> tuple[Gathered, dict[str, Labelled]]:
    found = candidates.Gatherer(archive, lambda _text: None).from_message(message_id)
    return found, {each.label: each for each in labels.assign(found.series)}


def ids(versions: dict[str, Labelled]) -> dict[str, str]:
    return {label: each.posting.message_id for label, each in versions.items()}


EXPECTED = {"rfc-v1": v(1), "v1": v(2), "v2": v(3), "v3": v(4, 2), "v4": v(5), "v5": v(6)}


class TestSeveralPatches:
    @pytest.mark.parametrize("asked", [v(1), v(2, 1), v(3, 2), v(5), v(6), "answer@example.org"])
    def test_all_versions_from_any_mail(self, asked: str) -> None:
        found, versions = find(local(story()), asked)
        assert ids(versions) == EXPECTED
        assert {label: each.rest_of for label, each in versions.items() if each.doubts or each.rest_of} == {"v3": "v2"}
        assert [each.message_id for each in found.strangers] == ["fix@example.org"]

    def test_evidence(self) -> None:
        found, versions = find(local(story()), v(3))
        assert "an RFC" in versions["rfc-v1"].evidence
        assert "in the thread of v2" in versions["v1"].evidence
        assert "it links to v2" in versions["v4"].evidence
        assert "its number is in words: 'version five'" in versions["v5"].evidence
        assert "sends only some patches, in answer to v2: the others are those of v2" in versions["v3"].evidence
        assert labels.missing(list(versions.values())) == []
        assert found.notes == []

    def test_answer_stands_for_the_mail_it_answers(self) -> None:
        found, _versions = find(local(story()), "answer@example.org")
        assert found.start.message_id == v(3)
        assert found.notes == [f"answer@example.org is an answer; taken: {v(3, 1)}, the mail it answers"]

    def test_other_cover_letter_over_the_same_patches(self) -> None:
        raws = [
            *mails.series(version=1, cover="mm: a name"),
            *mails.series(version=2, cover="mm/rmap: spare what is at its last"),
        ]
        _found, versions = find(local(raws), v(1))
        assert ids(versions) == {"v1": v(1), "v2": v(2)}
        assert "2 of its 2 patches are in v1 by title" in versions["v2"].evidence

    def test_server_gives_the_same(self, serve: Callable[[Sequence[bytes]], Archive]) -> None:
        found, versions = find(serve(story()), v(3))
        assert ids(versions) == EXPECTED
        assert found.notes == []

    def test_newest_one_that_b4_finds_is_said(self, serve: Callable[[Sequence[bytes]], Archive]) -> None:
        raws = [*mails.series(version=1), *mails.series(version=2, reply_to=v(1))]
        said = "the newest that b4 finds"
        assert [said in each.evidence for each in find(serve(raws), v(1))[1].values()] == [False, True]
        assert [said in each.evidence for each in find(serve(raws), v(2))[1].values()] == [False, False]

    def test_server_without_search_leaves_threads_and_links(self, serve: Callable[[Sequence[bytes]], Archive]) -> None:
        archive = serve(story())
        with pytest.MonkeyPatch.context() as patch:
            from series_ci.host import download

            get = download.get

            def without_search(url: str) -> bytes:
                if "?q=" in url:
                    raise download.RefusedError(url, 501, "Not Implemented", b"")
                return get(url)

            patch.setattr(download, "get", without_search)
            found, versions = find(archive, v(5))
        assert ids(versions) == {label: EXPECTED[label] for label in ("v1", "v2", "v3", "v4")}
        assert found.notes == [f"{archive.name} cannot be searched: only threads and links were followed"]


class TestSingle:
    def test_link_to_a_mail_that_is_not_here(self) -> None:
        raw = inbox.mail("2", "[PATCH v2] mm: one thing", text=f"v1: {LIST}/1@example.org")
        found, versions = find(local([raw]), "2@example.org")
        assert ids(versions) == {"v2": "2@example.org"}
        assert found.notes == ["named, but not in mails: 1@example.org"]

    def test_change_id_finds_what_nothing_else_would(self) -> None:
        text = "Text.\n\nchange-id: 20260203-keep-0123456789ab"
        one = inbox.mail("1", "[PATCH] mm: one name", text=text)
        two = inbox.mail(
            "2", "[PATCH v2] net: another", "2026-03-03", text=text, sender="sam@example.org", path="net/a.c"
        )
        assert ids(find(local([one, two]), "1@example.org")[1]) == {"v1": "1@example.org", "v2": "2@example.org"}

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            (inbox.mail("1", "[GIT PULL] mm for 6.20", path=None), "'[GIT PULL] mm for 6.20'"),
            (inbox.mail("1", "Hello", path=None), "'Hello'"),
            (inbox.mail("1", "Re: [PATCH] mm: gone", path=None, parent="0"), "'Re: [PATCH] mm: gone'"),
        ],
    )
    def test_mail_that_has_no_patch_above_it(self, raw: bytes, said: str) -> None:
        with pytest.raises(UsageError, match="is neither a patch nor an answer to one") as caught:
            find(local([raw]), "1@example.org")
        assert said in caught.value.message
        assert "cover letter" in caught.value.hint

    @pytest.mark.timeout(60)
    def test_mails_that_answer_each_other(self) -> None:
        raws = [inbox.mail(one, "Re: hello", path=None, parent=other) for one, other in (("1", "2"), ("2", "1"))]
        with pytest.raises(UsageError, match="is neither a patch nor an answer to one"):
            find(local(raws), "1@example.org")

    def test_only_links_that_are_called_versions_are_followed_from_a_patch(self) -> None:
        text = f"Link: {LIST}/bug@example.org"
        raws = [
            inbox.mail("0", "[PATCH v2 0/1] mm: both", path=None),
            inbox.mail("1", "[PATCH v2 1/1] mm: one", parent="0", text=f"{text}\nv1: {LIST}/old@example.org"),
        ]
        found, _versions = find(local(raws), "0@example.org")
        assert found.notes == ["named, but not in mails: old@example.org"]

    def test_date_of_no_year(self) -> None:
        raw = inbox.mail("1", "[PATCH] mm: one thing here").replace(b"Tue, 03 Feb 2026", b"Fri, 31 Dec 9999")
        assert b"9999" in raw
        assert ids(find(local([raw]), "1@example.org")[1]) == {"v1": "1@example.org"}

    def test_unknown_mail(self) -> None:
        with pytest.raises(UsageError, match=r"none@example.org: mails has no such mail"):
            find(local(story()), "none@example.org")


class TestWords:
    def words(self, raws: Sequence[bytes], words: str) -> Gathered:
        return candidates.Gatherer(local(raws), lambda _text: None).from_words(words)

    def test_of_one_series(self) -> None:
        assert self.words(story(), "spare exits").start.message_id == v(6)

    def test_of_none(self) -> None:
        with pytest.raises(UsageError, match="no patch in mails has the words 'spare pages'"):
            self.words(story(), "spare pages")

    def test_of_several(self) -> None:
        raws = [
            inbox.mail("1", "[PATCH] mm: keep folios here"),
            inbox.mail("2", "[PATCH] net: keep packets there", "2026-02-04"),
            inbox.mail("3", "Re: [PATCH] net: keep packets there", "2026-02-05", path=None),
        ]
        with pytest.raises(UsageError, match="the words 'keep' are in the titles of 2 series") as caught:
            self.words(raws, "keep")
        assert caught.value.details.splitlines() == [
            "1@example.org  2026-02-03  [PATCH] mm: keep folios here",
            "2@example.org  2026-02-04  [PATCH] net: keep packets there",
        ]


class TestTenThousandMails:
    def test_sender_of_ten_thousand_is_asked_for_by_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = inbox.mail("1", "[PATCH] mm: keep the folios of exiting tasks around")
        second = inbox.mail("2", "[PATCH v2] mm: keep the folios of exiting processes around", "2026-02-09")
        others = [raw.replace(b"@example.org>\nDate", b"@example.org>\nX: \nDate") for raw in inbox.many(10_000)]
        flood = [
            raw.replace(b"From: Sam", b"X-From: Sam").replace(b"\nDate", b"\nFrom: R <robin@example.org>\nDate")
            for raw in others
        ]
        found, versions = find(local([first, *flood, second]), "2@example.org")
        assert ids(versions) == {"v1": "1@example.org", "v2": "2@example.org"}
        assert found.notes == ["the sender posts much: only mails with all but one word of the titles were looked at"]

    def test_server_is_asked_for_little(self) -> None:
        with web.serve(mails.inbox(mails.series())) as server:
            server.search = inbox.searcher(inbox.many(10_000))
            found, versions = find(open_archive(f"{server.url}/all"), v(1))
            assert len(server.requests) < 50
        assert ids(versions) == {"v1": v(1)}
        assert found.notes[0].startswith("the sender posts much")
        assert found.notes[1].endswith("other-25@example.org ...")
