"""Markdown that GitHub takes and shows as it is meant, whatever the logs hold."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fakes.outcomes import outcome, run
from series_ci.errors import BuildError
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.report.markdown import COMMENT, LOGS, SUMMARY, markdown
from series_ci.report.markup import LINES, cell, code, fence, plain, size
from series_ci.results.model import Result, Splat, Status

SPLAT = Splat("WARNING", "WARNING: at mm/rmap.c:13 f", "ab" * 16, ("line 1", " f (mm/rmap.c:13)"), test="mm/a")


def text(found: Outcome, limit: int = SUMMARY) -> str:
    return markdown(version_run(found), limit)


def compared(number: int, log: tuple[str, ...] = ("setting up", "bad page"), splats: tuple[Splat, ...] = ()) -> Outcome:
    names = [f"mm/a:case_{each}" for each in range(number)]
    return outcome(
        run("base", Result("mm/a", Status.PASS), *(Result(name, Status.PASS) for name in names)),
        run("v10", Result("mm/a", Status.FAIL), *(Result(name, Status.FAIL, log=log) for name in names), splats=splats),
    )


def html(found: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(found)


def whole(found: str) -> None:
    """Every table has as many cells in each row as in its head, and every fence that is opened is closed."""
    tokens = MarkdownIt("commonmark").enable("table").parse(found)
    lines = found.splitlines()
    for token in tokens:
        if token.type == "fence":
            assert token.map
            assert lines[token.map[1] - 1].strip() == token.markup
        if token.type == "table_open":
            assert token.map
            rows = lines[token.map[0] : token.map[1]]
            assert len({re.sub(r"\\\|", "", row).count("|") for row in rows}) == 1
            assert all(row.endswith(" |") for row in rows)


def test_the_verdict_comes_first_then_what_made_it() -> None:
    found = text(compared(2, splats=(SPLAT,)))
    first, *blocks = found.split("\n\n")
    assert first == "### demo v10: regression, 3 BROKEN, 1 new kernel complaint"
    assert blocks[1] == "In the kernel: 1 of 1 file compiled"
    assert blocks[2] == "New complaint of the kernel: `WARNING: at mm/rmap.c:13 f` (in `mm/a`)"
    assert "`mm/a:case_0`: PASS -\\> FAIL, `bad page`" in blocks
    assert "```\nsetting up\nbad page\n```" in blocks
    assert "| `mm/a:case_1` | PASS | FAIL | BROKEN |" in found
    assert "| `mm/a` | 3 | 3 PASS | 3 FAIL | 3 BROKEN |" in found
    assert blocks[-2:] == [
        "Base: `/src/linux`, `efefefefefef`; `x86_64`, `tcg`",
        "Repeat: `series-ci test v10 --series demo`\n",
    ]
    whole(found)


def test_the_mail_is_a_link_where_the_archive_is_on_the_web() -> None:
    name = "20260203.v10-1@example.org"
    assert f"([`{name}`](https://lore.example.org/all/{name}/))" in text(compared(1))


def test_a_version_that_does_not_build() -> None:
    found = text(outcome(error=BuildError("does not build: a.c:1", details="a.c:1: error: x\n  1 | y")))
    assert "`does not build: a.c:1`\n\n```\na.c:1: error: x\n  1 | y\n```" in found


@pytest.mark.parametrize("limit", [SUMMARY, COMMENT, 20_000, 3000])
@pytest.mark.parametrize("log", [("x" * 400,) * 60, ("é\U0001f600" * 200,) * 9, ()])
def test_it_stays_under_the_limit_in_whole_blocks(limit: int, log: tuple[str, ...]) -> None:
    splats = tuple(Splat("BUG", f"BUG: {each}", f"{each:032}", log) for each in range(40))
    found = text(compared(limit // 40, log, splats), limit)
    assert size(found) <= limit
    assert re.search(r"\((\d+ rows? more|\d+ paragraphs? left out)\)", found)
    assert found.endswith("Repeat: `series-ci test v10 --series demo`\n")
    whole(found)


def test_a_table_is_cut_between_rows_and_the_rest_is_counted() -> None:
    found = text(compared(3000), COMMENT)
    shown = len(re.findall(r"^\| `mm/a:case_\d+`", found, re.MULTILINE))
    assert 500 < shown < 3000
    assert f"({3000 - shown} rows more)" in found


def test_a_log_cannot_break_out() -> None:
    assert fence(["```", "@everyone"]) == "````\n```\n@everyone\n````"
    assert code("a`b\n@x\x1b") == "`a'b @x\ufffd`"
    assert cell("a|b") == "`a\\|b`"
    shown = html(plain("<b> @someone #12 [x](y) a_b_c *d*"))
    assert re.sub("<.?p>", "", shown).strip() == "&lt;b&gt; @\u200bsomeone #12 [x](y) a_b_c *d*"


def test_many_lines_keep_both_ends() -> None:
    lines = fence([str(each) for each in range(100)]).splitlines()
    assert (lines[1], lines[-2], len(lines)) == ("0", "99", LINES + 3)


NASTY = st.text(st.sampled_from("`|*_<>[]()#@\\~&!-=+ \n\t\x00\x1b\ud800aé1."), max_size=30)


@settings(max_examples=150)
@given(NASTY, NASTY)
def test_whatever_is_in_names_and_logs_the_structure_stays(name: str, line: str) -> None:
    broken = Result(f"mm/{name}", Status.FAIL, line, (line, line))
    found = outcome(
        run("base", Result(f"mm/{name}", Status.PASS)),
        run("v10", broken, splats=(Splat(line, line or "x", "ab", (line,)),)),
    )
    shown = html(text(found))
    assert shown.count("<table>") == 2
    assert shown.count("<h3>") == 1
    assert "Repeat: <code>series-ci test v10" in shown
    assert not re.search("<(a|em|strong|h1|h2|blockquote|ul|ol|hr)[ >]", shown.replace('<a href="https://lore', ""))


def test_only_the_first_broken_ones_show_their_logs() -> None:
    assert text(compared(50)).count("bad page\n```") == LOGS


@pytest.mark.parametrize("show", [plain, code, lambda text: fence([text])])
def test_a_page_shows_text_in_its_own_order(show: Callable[[str], str]) -> None:
    assert not set(show("a\u202eb\u2066c\u200fd\u061ce\x1b")) & set("\u202e\u2066\u200f\u061c\x1b")
