"""What the real b4 is asked for and what its failures mean. What becomes of good answers is in test_fetch.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import mails, web
from series_ci.errors import ApplyError, InfrastructureError, UsageError
from series_ci.host import process
from series_ci.mail import b4, message
from series_ci.mail.archive import Archive, open_archive

pytestmark = pytest.mark.usefixtures("cache")


def test_newest_version_of_a_thread() -> None:
    raws = [*mails.series(), *mails.series(mails.BROKEN, version=2, reply_to=mails.message_id(1, 0))]
    with web.serve(mails.inbox(raws)) as server:
        assert b4.newest(mails.message_id(1, 1), open_archive(f"{server.url}/all")) == mails.message_id(2, 0)


def test_no_newer_one() -> None:
    with web.serve(mails.inbox(mails.series())) as server:
        assert b4.newest(mails.message_id(1, 0), open_archive(f"{server.url}/all")) == mails.message_id(1, 0)
        assert b4.newest("none@example.org", open_archive(f"{server.url}/all")) == ""


def test_local_archive_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", None)
    assert b4.newest(mails.message_id(1, 0), Archive("mails", mails=tuple(mails.series()))) == ""


def test_only_the_thread_is_given_to_b4(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def run(argv: list[str], cwd: Path, **_more: object) -> process.Completed:
        given.append(len(list((cwd / "archive/new").iterdir())))
        raise InfrastructureError("stop here")

    monkeypatch.setattr(process, "run", run)
    raws = (*mails.series(), *mails.series(version=2))
    with pytest.raises(InfrastructureError, match="stop here"):
        b4.am(mails.message_id(1, 0), Archive("mails", mails=raws))
    assert given == [3]


def test_cover_letter_comes_first() -> None:
    found = b4.am(mails.message_id(1, 2), Archive("mails", mails=tuple(mails.series())))
    assert [message.patch(raw).subject.number for raw in found] == [0, 1, 2]


def test_b4_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "which", lambda _name: None)
    with pytest.raises(InfrastructureError, match="b4 is not installed") as caught:
        b4.am(mails.message_id(1, 0), Archive("mails", mails=tuple(mails.series())))
    assert "pip install" in caught.value.hint


def test_mail_without_a_patch() -> None:
    raw = mails.reply(mails.series()[0], "Hello", "hello@example.org", subject="Greetings")
    with pytest.raises(UsageError, match=r"hello@example.org"):
        b4.am("hello@example.org", Archive("mails", mails=(raw,)))


@pytest.mark.parametrize(("char", "name"), [("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"), ("\u200b", "U+200B")])
def test_text_that_does_not_say_what_it_seems_to_is_refused_by_name(char: str, name: str) -> None:
    change = mails.Change("mm: odd", (("mm/rmap.c", "int referenced = 0;", f"int referenced = 0; /* {char}x */"),))
    sent = tuple(mails.series((change,), cover=""))
    with pytest.raises(ApplyError) as caught:
        b4.am(mails.message_id(1, 1), Archive("mails", mails=sent))
    assert f"is refused: its text has {name}" in caught.value.message
    assert "int referenced = 0; /*" in caught.value.details
