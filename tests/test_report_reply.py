"""The answer in the thread, as a kernel developer writes it."""

from __future__ import annotations

import email.utils
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.outcomes import outcome, run
from series_ci import mail, process
from series_ci.errors import ApplyError, BuildError, UsageError
from series_ci.pipeline import Outcome
from series_ci.post.mail import command
from series_ci.report.reply import QUOTED, ROWS, WIDTH, reply
from series_ci.report.summary import ran
from series_ci.results import Ended, Result, Splat, Status

SENT = """\
Message-ID: <20260203.v10-1@example.org>
From: =?utf-8?q?Vale=2C_R=C3=B6bin?= <robin.vale@example.org>
To: Andrew Ash <ash@example.org>, robin.vale@example.org
Cc: linux-mm@example.org,
 =?utf-8?q?Z=C3=BC_Li?= <zu@example.org>, LINUX-MM@example.org
Date: Tue, 3 Feb 2026 11:05:18 +0100
Subject: [PATCH v10] mm/rmap: leave the folios of exiting
 processes alone
References: <cover@example.org> <v9@example.org>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{message}
Signed-off-by: Röbin Vale <robin.vale@example.org>
---
 mm/rmap.c | 1 +

diff --git a/mm/rmap.c b/mm/rmap.c
"""

SHORT = "Reclaim swaps out what exit_mmap() is about to free.\n\nSo leave it.\n"
TESTER = "Tess Ter <tess@example.org>"
GOOD = outcome(run("base", Result("mm/a", Status.FAIL)), run("v10", Result("mm/a", Status.PASS)))


def made(found: Outcome, tested_by: str = "", message: str = SHORT) -> str:
    return reply(ran(found), [SENT.format(message=message).encode()], tested_by)


def split(text: str) -> tuple[dict[str, str], str]:
    message = mail.parse(text.encode())
    return {key: mail.header(message, key) for key in message}, text.partition("\n\n")[2]


def broken(number: int, log: tuple[str, ...] = ("setting up", "a.c:12:x:memory was not reclaimed")) -> Outcome:
    names = [f"mm/exit_skip:shmem.exiting_{each}" for each in range(number)]
    return outcome(
        run("base", *(Result(name, Status.PASS) for name in names)),
        run("v10", *(Result(name, Status.FAIL, log=log) for name in names)),
    )


def test_it_answers_the_mail_and_all_who_got_it() -> None:
    headers, body = split(made(GOOD))
    assert headers["To"] == "Vale, Röbin <robin.vale@example.org>"
    assert email.utils.getaddresses([headers["Cc"]]) == [
        ("Andrew Ash", "ash@example.org"),
        ("", "LINUX-MM@example.org"),
        ("Zü Li", "zu@example.org"),
    ]
    assert headers["Subject"] == "Re: [PATCH v10] mm/rmap: leave the folios of exiting processes alone"
    assert headers["In-Reply-To"] == "<20260203.v10-1@example.org>"
    assert headers["References"].split() == ["<cover@example.org>", "<v9@example.org>", "<20260203.v10-1@example.org>"]
    # Neither format=flowed nor HTML; what is not ASCII goes as it is.
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Content-Transfer-Encoding"] == "8bit"
    assert "From" not in headers
    assert body.startswith(
        "On Tue, 3 Feb 2026 11:05:18 +0100, Vale, Röbin wrote:\n> Reclaim swaps out what exit_mmap()"
    )
    assert "Signed-off-by" not in body


def test_a_long_message_is_quoted_in_part() -> None:
    body = split(made(GOOD, message="".join(f"line {number}\n" for number in range(30))))[1]
    quoted = [line for line in body.splitlines() if line.startswith(">")]
    assert quoted == [f"> line {number}" for number in range(QUOTED)]
    assert "\n[...]\n" in body


def test_no_message_is_not_quoted() -> None:
    assert ">" not in split(made(broken(1), message="").replace("->", ""))[1].split("Tested")[0]


def test_verdict_table_first_failure_and_how_to_repeat() -> None:
    body = split(made(broken(2)))[1]
    parts = [
        "Verdict: demo v10: regression, 2 broken, 2 tests compared.",
        "  test                             base  v10   change",
        "  mm/exit_skip:shmem.exiting_1     PASS  FAIL  BROKEN",
        "The first failure:\n\n  mm/exit_skip:shmem.exiting_0: PASS -> FAIL\n\n  setting up\n  a.c:12:x:memory was not",
        "To repeat it:\n\n  series-ci test v10 --series demo\n",
    ]
    places = [re.sub(" +", " ", body).index(re.sub(" +", " ", part)) for part in parts]
    assert places == sorted(places)


def test_many_changes_are_counted() -> None:
    body = split(made(broken(ROWS + 7)))[1]
    assert body.count("BROKEN\n") == ROWS + 1
    assert "  and 7 more BROKEN\n" in body


@pytest.mark.parametrize("name", ["mm/a", "mm/" + "a_very_long_name." * 6])
def test_no_line_of_ours_is_longer_than_72_columns(name: str) -> None:
    found = outcome(run("base", Result(name, Status.PASS)), run("v10", Result(name, Status.FAIL)))
    long = (
        f"series-ci test v10 --series '/a folder/{'x' * 20}' --tree /{'y' * 40} --base-patch /{'z' * 30} --test {name}"
    )
    found = replace(found, request=replace(found.request, repeat=long))
    body = split(made(found))[1]
    assert [line for line in body.splitlines() if len(line) > WIDTH and name not in line] == []
    shown = body.partition("To repeat it:\n\n")[2].replace("\\\n", "")
    assert shlex.split(shown) == shlex.split(long)


@pytest.mark.parametrize("error", [ApplyError("hunk at mm/a.c:3", details="a"), BuildError("a.c:1: no", details="x")])
def test_a_version_that_was_not_booted(error: BuildError) -> None:
    body = split(made(outcome(error=error)))[1]
    assert f"\n{error.message}\n\n  {error.details}\n" in body


def test_complaints_of_the_kernel_are_shown() -> None:
    splat = Splat("WARNING", "WARNING: x", "ab", ("WARNING: CPU: 0\x1b[1m", " f+0x1/0x2"), test="mm/a")
    good = Result("mm/a", Status.PASS)
    body = split(made(outcome(run("base", good), run("v10", good, splats=(splat,)))))[1]
    assert "New complaint of the kernel, while mm/a ran:\n\n  WARNING: CPU: 0?[1m\n   f+0x1/0x2\n" in body


def one(base: Status, patched: Status) -> Outcome:
    return outcome(run("base", Result("mm/a", base)), run("v10", Result("mm/a", patched)))


class TestTestedBy:
    def test_only_when_asked_for(self) -> None:
        assert "Tested-by" not in made(GOOD)
        assert made(GOOD, TESTER).endswith(f"\n\nTested-by: {TESTER}\n")

    def test_what_the_base_does_not_build_either_was_not_tested(self) -> None:
        lost = Result("mm/khugepaged", Status.NOTBUILT)
        found = outcome(run("base", Result("mm/a", Status.PASS), lost), run("v10", Result("mm/a", Status.PASS), lost))
        assert "Tested-by" in made(found, TESTER)

    @pytest.mark.parametrize(
        ("found", "why"),
        [
            (broken(1), "regression"),
            (outcome(error=BuildError("no")), "does not build"),
            (one(Status.FAIL, Status.FAIL), "FAIL -> FAIL"),
            (one(Status.PASS, Status.SKIP), "PASS -> SKIP"),
            (outcome(run("base"), run("v10")), "not all of it was tested: demo v10: only booted"),
            (outcome(run("base"), run("v10", ended=Ended.PANIC)), "regression"),
        ],
    )
    def test_refused_unless_everything_passed(self, found: Outcome, why: str) -> None:
        with pytest.raises(UsageError, match=why):
            made(found, TESTER)

    @pytest.mark.parametrize("who", ["tess@example.org", "Tess", "Tess <tess>", "Tess <a@b c>"])
    def test_a_name_and_an_address(self, who: str) -> None:
        with pytest.raises(UsageError, match="is not NAME <ADDRESS>"):
            made(GOOD, who)


def test_no_mails_no_answer() -> None:
    with pytest.raises(UsageError, match="not in the run directory"):
        reply(ran(GOOD), [])


def test_git_sends_it(tmp_path: Path, home: Path) -> None:
    (home / ".gitconfig").write_text("[user]\n\tname = Tess Ter\n\temail = tess@example.org\n")
    if "not a git command" in process.run(["git", "send-email", "--help-all"]).err:
        pytest.skip("git send-email is not installed")
    from series_ci.post.mail import try_out

    file = tmp_path / "reply.eml"
    file.write_text(made(GOOD, TESTER))
    said = try_out(command(file))
    assert "In-Reply-To: <20260203.v10-1@example.org>" in said
    assert [line for line in said.splitlines() if line.startswith("RCPT TO:")] == [
        f"RCPT TO:<{name}@example.org>" for name in ("robin.vale", "ash", "LINUX-MM", "zu")
    ]


ANY = st.text(st.characters(), max_size=40)


@settings(max_examples=80)
@given(ANY, ANY)
def test_whatever_is_in_names_and_logs_it_stays_one_mail(name: str, line: str) -> None:
    bad = Result(f"mm/{name}", Status.FAIL, line, (line, line))
    found = outcome(run("base", Result(f"mm/{name}", Status.PASS)), run("v10", bad))
    text = made(found)
    headers, body = split(text)
    assert set(headers) >= {"To", "Cc", "Subject", "In-Reply-To", "References"}
    assert len(headers) == 8
    assert not re.search(r"^From ", body, re.MULTILINE)
    text.encode("utf-8")
