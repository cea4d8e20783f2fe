from __future__ import annotations

from pathlib import Path

import pytest

from series_ci import process
from series_ci.errors import InfrastructureError, UsageError
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
    (home / ".gitconfig").write_text("[user]\n\tname = Tess Ter\n\temail = tess@example.org\n")
    if "not a git command" in process.run(["git", "send-email", "--help-all"]).err:
        pytest.skip("git send-email is not installed")
    said = mail.try_out(mail.command(reply(tmp_path)))
    lines = said.splitlines()
    assert "In-Reply-To: <20260203.v10-1@example.org>" in lines
    assert [line for line in lines if line.startswith("RCPT TO:")] == [
        "RCPT TO:<robin.vale@example.org>",
        "RCPT TO:<linux-mm@example.org>",
        "RCPT TO:<linux-kernel@example.org>",
    ]
    assert "nobody-asked" not in said


def test_git_that_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho \"git: 'send-email' is not a git command.\" >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(InfrastructureError, match="send-email") as caught:
        mail.try_out(["git", "send-email", "x"])
    assert "git-email" in caught.value.hint
