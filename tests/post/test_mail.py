from __future__ import annotations

from pathlib import Path

import pytest

from fakes import sending
from series_ci.errors import InfrastructureError, UsageError
from series_ci.mail import addresses
from series_ci.mail.addresses import Person
from series_ci.post import mail

REPLY = """\
From: Tess Ter <tess@example.org>
To: Robin Vale <robin.vale@example.org>
Cc: linux-mm@example.org,
 linux-kernel@example.org
Subject: Re: [PATCH v10] mm/rmap: leave the folios of exiting processes alone
In-Reply-To: <20260203.v10-1@example.org>
References: <20260203.v10-1@example.org>

No regression.

Tested-by: Tess Ter <tess@example.org>
Cc: nobody-asked@example.org
"""


def reply(path: Path, text: str = REPLY) -> Path:
    file = path / "reply.eml"
    file.write_text(text)
    return file


def test_command_answers_whom_the_mail_answers(tmp_path: Path) -> None:
    file = reply(tmp_path)
    assert mail.command(file) == [
        "git",
        "send-email",
        "--suppress-cc=all",
        "--in-reply-to=<20260203.v10-1@example.org>",
        "--to=Robin Vale <robin.vale@example.org>",
        "--cc=linux-mm@example.org, linux-kernel@example.org",
        str(file),
    ]


def test_what_is_no_reply(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has no Subject, In-Reply-To"):
        mail.command(reply(tmp_path, "To: a@example.org\n\nx\n"))
    with pytest.raises(UsageError, match="gone: cannot be read"):
        mail.command(tmp_path / "gone")


def test_git_itself_sends_it_to_those_and_nobody_else(tmp_path: Path, home: Path) -> None:
    sending.require(home)
    said = mail.try_out(mail.command(reply(tmp_path)))
    lines = said.splitlines()
    assert "In-Reply-To: <20260203.v10-1@example.org>" in lines
    assert [line for line in lines if line.startswith("RCPT TO:")] == [
        "RCPT TO:<robin.vale@example.org>",
        "RCPT TO:<linux-mm@example.org>",
        "RCPT TO:<linux-kernel@example.org>",
    ]
    assert "nobody-asked" not in said


def test_names_over_several_lines_are_one_address_each(tmp_path: Path, home: Path) -> None:
    sending.require(home)
    long = Person("Näme mit Kömma, " * 8 + "Ö", "long@example.org")
    people = [long, Person("Marsh, Lo", "lo@example.org"), Person("Plain " * 20 + "X", "plain@example.org")]
    text = REPLY.replace("To: Robin Vale <robin.vale@example.org>", addresses.header("To", people))
    said = mail.try_out(mail.command(reply(tmp_path, text))).splitlines()
    assert [line for line in said if line.startswith("RCPT TO:")][:3] == [
        f"RCPT TO:<{each.address}>" for each in people
    ]


@pytest.mark.parametrize(
    ("said", "package"),
    [
        ("git: 'send-email' is not a git command.", "git-email"),
        ("BUG: The 'Mail::Address' module is not here, but NO_PERL_CPAN_FALLBACKS was set!", "libmailtools-perl"),
    ],
)
def test_git_that_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, package: str) -> None:
    program = tmp_path / "git"
    program.write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(InfrastructureError, match="send-email") as caught:
        mail.try_out(["git", "send-email", "x"])
    assert package in caught.value.hint
