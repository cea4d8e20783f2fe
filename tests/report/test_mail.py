"""The answer in the thread, as a kernel developer writes it."""

from __future__ import annotations

import email.utils
import io
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fakes import mails, sending
from fakes.outcomes import outcome, run
from series_ci.errors import ApplyError, BuildError, UsageError
from series_ci.kernel.base import Source
from series_ci.kernel.each_patch import PatchBuild
from series_ci.mail.message import header, parse
from series_ci.manifest.allow import Allowed
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.post.mail import command
from series_ci.report import table
from series_ci.report.mail import ROWS, Answered, Sender, reply
from series_ci.report.mailtext import MOST, WIDTH
from series_ci.report.quotation import QUOTED
from series_ci.results import compare
from series_ci.results.model import Ended, Result, Splat, Status

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


def made(
    found: Outcome,
    tested_by: str = "",
    message: str = SHORT,
    tester: Sender | None = None,
    told: list[str] | None = None,
) -> str:
    mailed = [SENT.format(message=message).encode()]
    tell = (told if told is not None else []).append
    return reply(Answered(version_run(found), mailed, tester=tester or Sender()), tested_by, tell)


def split(text: str) -> tuple[dict[str, str], str]:
    message = parse(text.encode())
    return {key: header(message, key) for key in message}, text.partition("\n\n")[2]


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
        ("", "linux-mm@example.org"),
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


def test_a_quotation_does_not_end_with_an_empty_line() -> None:
    body = split(made(GOOD, message="one\n\ntwo\n\nthree\n\nfour\n"))[1]
    assert "> two\n>\n> three\n[...]\n" in body


def test_no_message_is_not_quoted() -> None:
    assert ">" not in split(made(broken(1), message="").replace("->", ""))[1].split("Tested")[0]


def test_verdict_table_first_failure_and_how_to_repeat() -> None:
    body = split(made(broken(2)))[1]
    parts = [
        "Verdict: regression; 2 BROKEN.",
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
    long = f"series-ci test v10 --series demo --tree git+https://git.example.org/{'y' * 40}.git@v6.12 --test {name}"
    found = replace(found, request=replace(found.request, repeat=long))
    body = split(made(found))[1]
    assert [line for line in body.splitlines() if len(line) > WIDTH and name not in line and "yyy" not in line] == []
    shown = body.partition("To repeat it:\n\n")[2].replace("\\\n", "")
    assert shlex.split(shown) == shlex.split(long)


def test_a_cover_letter_is_answered_and_not_one_of_its_patches() -> None:
    found = replace(GOOD, request=replace(GOOD.request, message_id=mails.message_id(3, 2), label="mail"))
    headers, body = split(reply(Answered(version_run(found), mails.series(version=3))))
    assert headers["Subject"] == f"Re: [PATCH v3 0/2] {mails.COVER}"
    assert headers["In-Reply-To"] == f"<{mails.message_id(3, 0)}>"
    assert headers["To"] == "Robin Välé <robin.vale@example.org>"
    # Its list of patches is no quotation worth reading.
    assert body.startswith(
        "On Tue, 3 Feb 2026 11:05:00 +0100, Robin Välé wrote:\n> Please test.\n\nTested v3 against its base, "
    )


def test_a_series_without_a_cover_letter_is_answered_at_its_first_patch() -> None:
    told: list[str] = []
    raws = mails.series(cover="")
    headers, _body = split(reply(Answered(version_run(GOOD), raws), TESTER, told.append))
    assert headers["In-Reply-To"] == f"<{mails.message_id(1, 1)}>"
    (line,) = told
    assert "patch 1/2 alone" in line


def test_a_trailer_of_somebody_else_is_told() -> None:
    told: list[str] = []
    made(GOOD, TESTER, tester=Sender(own=("Tess@example.org",)), told=told)
    assert told == []
    made(GOOD, TESTER, tester=Sender(own=("home@example.org",)), told=told)
    assert told == ["git sends mail from home@example.org: b4 passes over a Tested-by from another address"]


def test_recipients_that_are_none_are_told() -> None:
    told: list[str] = []
    raw = SENT.format(message=SHORT).encode().replace(b"Cc: ", b"Cc: Bad <a b>, ")
    assert "Bad" not in reply(Answered(version_run(GOOD), [raw]), "", told.append).partition("\n\n")[0]
    assert told == ["left out of the recipients, as it is no address: Bad <a b>"]


def test_who_answers_gets_no_copy() -> None:
    headers, _body = split(made(GOOD, "Andrew Ash <ash@example.org>", tester=Sender(own=("zu@example.org",))))
    assert headers["Cc"] == "linux-mm@example.org"


def test_headers_are_folded() -> None:
    head = made(GOOD).partition("\n\n")[0].split("\n")
    assert max(map(len, head)) <= MOST


def test_what_was_printed_and_quoted_is_folded_between_words() -> None:
    word, words = "x" * 90, " ".join(f"word{number}" for number in range(40))
    log = (f"\t{words}", f"a {word} b", word, "", f"{'y' * 76} z")
    body = split(made(broken(1, log), message=f"{words}\n\n{word}\n"))[1]
    lines = body.splitlines()
    assert [line for line in lines if len(line) > MOST and line.split(maxsplit=1)[-1] not in (word, f"a {word}")] == []
    assert sum(word in line for line in lines) == 3
    assert body.replace("\n> ", " ").count(words) == 1
    assert re.sub(r"\s+", " ", body).count(words) == 1
    assert f"\n  {'y' * 76}\n      z\n" in body


def terminal(found: Outcome) -> str:
    out = io.StringIO()
    table.show(version_run(found), Console(file=out, width=500))
    return out.getvalue()


def test_counts_and_notes_are_those_of_the_terminal() -> None:
    lost, noted = Result("mm/lost", Status.NOTBUILT), Result("mm/n", Status.PASS, notes=("sysctl vm.x changed",))
    splat = Splat("WARNING", "WARNING: at mm/x.c:1", "ab", ("WARNING: at mm/x.c:1",))
    found = outcome(
        run("base", lost, Result("mm/n", Status.PASS), Result("mm/b", Status.FAIL)),
        run("v10", lost, noted, Result("mm/b", Status.PASS), splats=(splat,)),
    )
    body = " ".join(split(made(found))[1].split())
    counts = "1 new kernel complaint, 1 FIXED, 2 SAME (1 without a result)"
    assert counts in terminal(found)
    assert f"Verdict: regression; {counts}." in body
    note = "mm/n, not on the base: sysctl vm.x changed"
    assert f"NOTE {note}" in terminal(found)
    assert f"Note: {note}" in body


def test_builds_after_each_patch_are_told() -> None:
    steps = (
        PatchBuild("1/2 one", "12", BuildError("mm/a.c:1: error: no"), ()),
        PatchBuild("2/2 two", "34", None, ("mm/a.c:3: warning: x",)),
        PatchBuild("2/2 three", "34", None, ()),
    )
    body = split(made(replace(GOOD, steps=steps)))[1]
    assert "After patch 1/2 one: mm/a.c:1: error: no\n" in body
    assert "After patch 2/2 two: 1 new warning\n\n  mm/a.c:3: warning: x\n" in body
    assert "three" not in body


def test_allowed_complaints_are_told_with_their_reason() -> None:
    splat = Splat("WARNING", "WARNING: at mm/x.c:1", "ab", ("WARNING: at mm/x.c:1",))
    entry = {"pattern": "mm/x", "reason": "known since long", "link": "https://example.org/1", "expires": "2026-12-31"}
    runs = (run("base", Result("mm/a", Status.PASS)), run("v10", Result("mm/a", Status.PASS), splats=(splat,)))
    found = replace(outcome(*runs), comparison=compare.compare(*runs, [Allowed.model_validate(entry)]))
    body = " ".join(split(made(found))[1].split())
    assert "Allowed complaint of the kernel: WARNING: at mm/x.c:1: known since long" in body


def test_a_selftest_that_no_tree_has_is_named() -> None:
    mine = outcome(
        run("base", Result("mm/exit_skip:x", Status.PASS)), run("v10", Result("mm/exit_skip:x", Status.PASS))
    )
    tester = Sender(programs=("mm/exit_skip",), project="https://example.org/series-ci")
    body = split(made(mine, tester=tester))[1]
    assert "\nmm/exit_skip is series-ci's own selftest (https://example.org/series-ci);\n" in body
    assert "series-ci kselftest export\n" in body
    assert "kselftest export" not in split(made(GOOD, tester=tester))[1]


def test_the_tree_is_named_as_others_find_it() -> None:
    source = Source("6.12.117", "0123456789abcdef01234567", "v6.12.117", "https://git.example.org/linux.git")
    found = replace(GOOD, base=replace(GOOD.base, spec="/home/tess/linux", source=source))
    found = replace(found, request=replace(found.request, repeat="series-ci test v10 --tree /home/tess/linux"))
    body = " ".join(split(made(found, tester=Sender(places=("/home/tess",))))[1].split())
    assert (
        "Tested v10 against its base, Linux 6.12.117 (commit 0123456789ab, v6.12.117, in a clone of https://git" in body
    )
    assert "/home" not in body
    assert "ef" * 6 not in body  # a commit of ours that nobody has
    assert "series-ci test 20260203.v10-1@example.org --tree linux" in body


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
        reply(Answered(version_run(GOOD), []))


def test_git_sends_it(tmp_path: Path, home: Path) -> None:
    sending.require(home)
    from series_ci.post.mail import try_out

    file = tmp_path / "reply.eml"
    file.write_text(made(GOOD, TESTER))
    said = try_out(command(file))
    assert "In-Reply-To: <20260203.v10-1@example.org>" in said
    assert [line for line in said.splitlines() if line.startswith("RCPT TO:")] == [
        f"RCPT TO:<{name}@example.org>" for name in ("robin.vale", "ash", "linux-mm", "zu")
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
