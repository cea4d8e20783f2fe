from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from fakes import inbox, mails, web
from series_ci.errors import InfrastructureError, UsageError
from series_ci.mail import search
from series_ci.mail.archive import Archive, open_archive
from series_ci.mail.search import Query

SERIES = [*mails.series(version=1), *mails.series(version=2, reply_to=mails.message_id(1, 0))]


def local(raws: Sequence[bytes]) -> Archive:
    return Archive("mails", mails=tuple(raws))


def ids(archive: Archive, query: Query, limit: int = 100) -> list[str]:
    return [each.message_id for each in search.search(archive, query, limit)]


class TestQuery:
    def test_in_the_servers_language(self) -> None:
        query = Query("robin@example.org", ("mm/rmap:", "Folios"), date(2026, 2, 1), date(2026, 2, 3), 'an "id"')
        assert str(query) == (
            'f:"robin@example.org" AND s:mm AND s:rmap AND s:folios AND d:20260201..20260203 AND nq:"an id"'
        )

    def test_open_ends(self) -> None:
        assert str(Query(since=date(2026, 2, 1))) == "d:20260201.."
        assert str(Query(until=date(2026, 2, 1))) == "d:..20260201"
        assert str(Query()) == ""


class TestLocal:
    def test_words_of_the_subject_in_any_order_and_number(self) -> None:
        archive = local(SERIES)
        found = [mails.message_id(1, 1), mails.message_id(2, 1)]
        assert ids(archive, Query(subject_words=("process", "folio", "tell"))) == found
        assert ids(archive, Query(subject_words=("folio", "swap"))) == []

    def test_sender(self) -> None:
        answer = mails.reply(SERIES[1], "Acked-by: Robin <robin.vale@example.org>")
        assert len(ids(local([*SERIES, answer]), Query("robin.vale@example.org"))) == 6
        assert ids(local([*SERIES, answer]), Query("ALEX.marlow@example.org")) == ["20260209.reply@example.org"]

    def test_dates_are_days_of_utc(self) -> None:
        archive = local(SERIES)
        day = date(2026, 2, 1)
        assert len(ids(archive, Query(since=day, until=day))) == 3
        assert len(ids(archive, Query(since=day + timedelta(1)))) == 3
        assert ids(archive, Query(until=day - timedelta(1))) == []

    def test_phrase_stands_in_the_text_and_in_no_quotation(self) -> None:
        answer = mails.reply(SERIES[1], "> Reclaim cannot know\n\nReally?")
        archive = local([*SERIES, answer])
        assert ids(archive, Query(phrase="reclaim CANNOT know")) == [mails.message_id(1, 1), mails.message_id(2, 1)]

    def test_newest_are_kept_oldest_come_first(self) -> None:
        assert ids(local(SERIES[::-1]), Query(subject_words=("folios",)), 2) == [
            mails.message_id(2, 1),
            mails.message_id(2, 2),
        ]

    def test_no_question_no_answer(self) -> None:
        assert ids(local(SERIES), Query()) == []

    def test_headers_are_as_sent(self) -> None:
        first = search.search(local(SERIES), Query(subject_words=("tell",)), 9)[0]
        assert (first.title, first.author) == (
            "[PATCH v1 1/2] mm: tell the folios that end with their process",
            "Robin Välé",
        )
        assert (first.address, first.date.isoformat()) == ("robin.vale@example.org", "2026-02-01T11:05:01+01:00")

    @pytest.mark.parametrize("asked", [mails.message_id(1, 2), mails.message_id(2, 0), "answer@example.org"])
    def test_thread(self, asked: str) -> None:
        answer = mails.reply(SERIES[1], "Fine.", "answer@example.org")
        other = mails.series(version=3)
        raws = [*SERIES, answer, *other]
        assert search.thread(local(raws), asked) == [*SERIES, answer]
        assert search.thread(local(raws), mails.message_id(3, 1)) == other

    def test_thread_over_a_mail_that_is_not_here(self) -> None:
        cover, first, second = mails.series()
        assert search.thread(local([first, second]), mails.message_id(1, 2)) == [first, second]
        assert search.thread(local([cover]), mails.message_id(1, 0)) == [cover]

    def test_thread_of_nothing(self) -> None:
        with pytest.raises(UsageError, match=r"none@example.org: mails has no such mail"):
            search.thread(local(SERIES), "none@example.org")


class TestServer:
    def test_headers_are_those_of_the_feed(self) -> None:
        with web.serve({}) as server:
            server.search = inbox.searcher(SERIES[::-1])
            archive = open_archive(f"{server.url}/all")
            query = Query("robin.vale@example.org")
            assert search.search(archive, query, 100) == search.search(local(SERIES), query, 100)
            assert server.queries == ['f:"robin.vale@example.org"']

    def test_message_id_that_has_to_be_escaped(self) -> None:
        raw = SERIES[0].replace(b"20260203.v1-0@", b"a/b+c=?%@")
        page = inbox.feed([raw]).replace(b"a/b+c=?%@", b"a%2Fb+c=%3F%25@")
        with web.serve({"/all/a/b+c=?%@example.org/t.mbox.gz": gzip.compress(mails.mbox([raw]))}) as server:
            server.search = lambda _query, _offset: (200, page)
            archive = open_archive(f"{server.url}/all")
            assert ids(archive, Query("robin")) == ["a/b+c=?%@example.org"]
            assert len(search.thread(archive, "a/b+c=?%@example.org")) == 1

    @pytest.mark.parametrize(
        ("number", "limit", "pages"), [(150, 999, 2), (10_000, 400, 2), (10_000, 9999, 5), (60, 9, 1)]
    )
    def test_never_more_than_a_few_pages(self, number: int, limit: int, pages: int) -> None:
        with web.serve({}) as server:
            server.search = inbox.searcher(inbox.many(number))
            found = search.search(open_archive(f"{server.url}/all"), Query("sam"), limit)
            assert len(server.requests) == pages
        assert len(found) == min(number, limit, pages * 200)
        assert len({each.message_id for each in found}) == len(found)

    def test_nothing_found(self) -> None:
        with web.serve({}) as server:
            server.search = lambda _query, _offset: inbox.NOTHING
            assert ids(open_archive(f"{server.url}/all"), Query("nobody")) == []

    @pytest.mark.parametrize(
        "answer", [inbox.SWITCHED_OFF, (404, b"not here"), (400, b"bad query"), (403, b"no robots")]
    )
    def test_search_that_is_switched_off(self, answer: tuple[int, bytes]) -> None:
        with web.serve({}) as server, pytest.raises(search.NoSearchError, match="cannot be searched") as caught:
            server.search = lambda _query, _offset: answer
            ids(open_archive(f"{server.url}/all"), Query("robin"))
        assert f"{server.url}/all/?q=" in caught.value.message
        assert "--archive" in caught.value.hint

    @pytest.mark.parametrize("page", [b"<html>login</p>", b"", b"\x80"])
    def test_answer_that_is_no_feed(self, page: bytes) -> None:
        with web.serve({}) as server, pytest.raises(InfrastructureError, match="is no Atom feed"):
            server.search = lambda _query, _offset: (200, page)
            ids(open_archive(f"{server.url}/all"), Query("robin"))

    def test_entry_that_lacks_something_is_passed_over(self) -> None:
        feed = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry/><entry><updated>soon</updated></entry></feed>'
        with web.serve({}) as server:
            server.search = lambda _query, _offset: (200, feed)
            assert ids(open_archive(f"{server.url}/all"), Query("robin")) == []

    def test_thread(self) -> None:
        with web.serve(mails.inbox(SERIES)) as server:
            archive = open_archive(f"{server.url}/all")
            assert [each.strip() for each in search.thread(archive, mails.message_id(2, 1))] == [
                each.strip() for each in SERIES
            ]
            with pytest.raises(UsageError, match=r"none@example.org: .* has no such mail"):
                search.thread(archive, "none@example.org")

    @pytest.mark.parametrize("page", [b"no gzip", gzip.compress(b"x" * 99, mtime=0)[:-12], b""])
    def test_damaged_mailbox(self, page: bytes) -> None:
        with web.serve({"/all/1@example.org/t.mbox.gz": page}) as server:
            archive = open_archive(f"{server.url}/all")
            if page:
                with pytest.raises(InfrastructureError, match="is not the mailbox it should be"):
                    search.thread(archive, "1@example.org")
            else:
                assert search.thread(archive, "1@example.org") == []
