"""What a terminal is shown of text from elsewhere, and GitHub's runner."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_ci.host import plain

BIDI = {"AL", "LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def obeyed(character: str) -> bool:
    """Whether a terminal may do something else than show the character, as Unicode's own tables have it."""
    if character in "\n\t":
        return False
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return True
    control = unicodedata.category(character) == "Cf"
    return control and (unicodedata.bidirectional(character) in BIDI or character in "\u200e\u200f")


NASTY = st.sampled_from([chr(code) for code in range(0x3000) if obeyed(chr(code))] + ["\r\n", "\ud83d", "\udcff"])
TEXT = st.lists(st.one_of(NASTY, st.text(st.characters(), max_size=5), st.sampled_from("\\u:#[ \n"))).map("".join)


@given(TEXT)
def test_nothing_that_is_obeyed_comes_out(text: str) -> None:
    shown = plain.clean(text)
    assert not [character for character in shown if obeyed(character)]
    assert plain.clean(shown) == shown
    shown.encode()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\u200e\u200f\u061c")))
def test_ordinary_text_is_left_alone(text: str) -> None:
    if not any(obeyed(character) or "\u206a" <= character <= "\u206f" for character in text):
        assert plain.clean(text) == text


@pytest.mark.parametrize(
    "text", ["Grüße", "日本語", "한국어", "עברית العربية", "👩‍💻 🇩🇪", "é", "a\tb\nc", "C:\\u001b", "naïve\u00a0x"]
)
def test_languages_are_left_alone(text: str) -> None:
    assert plain.clean(text) == text


def test_what_was_there_is_seen() -> None:
    assert plain.clean("a\x1b[31mb\x07\x00\x9b\u202ec\udcff\x7f") == (
        "a\\u001b[31mb\\u0007\\u0000\\u009b\\u202ec\\udcff\\u007f"
    )
    assert plain.clean("one\r\ntwo\rthree") == "one\ntwo\\u000dthree"


@given(st.dictionaries(TEXT, st.lists(TEXT)))
def test_json_means_the_same(found: dict[str, list[str]]) -> None:
    # JSON itself makes one character of two halves that follow one another.
    value = json.loads(re.sub(r"\\ud[89a-f]..", "x", json.dumps(found)))
    shown = plain.Runner().guard(plain.clean(json.dumps(value, ensure_ascii=False, indent=2)))
    assert json.loads(shown) == value


def commands(text: str) -> list[str]:
    """The lines that GitHub's runner takes for commands."""
    lines = re.split(r"\r\n|\r|\n", text)
    return [line for line in lines if line.strip("\ufeff\u200b").lstrip().startswith("::") or "##[" in line]


PIECES = st.lists(
    st.lists(st.sampled_from([*":#[ \n\tx\u00a0\u2003\ufeff", "::", "##[", "\n::", "set-output"])).map("".join)
)


@given(PIECES)
def test_no_line_is_a_command_in_whatever_pieces_it_comes(pieces: list[str]) -> None:
    runner = plain.Runner()
    said = "".join(runner.guard(piece) for piece in pieces)
    assert not commands(said)
    assert said.replace("\\u003a", ":").replace("\\u005b", "[") == "".join(pieces)
    assert plain.Runner().guard("".join(pieces)) == said


def test_what_is_no_command_is_left_alone() -> None:
    text = "mm::page\n: :\n#[x] ## [y] a ::b::\n"
    assert plain.Runner().guard(text) == text
    assert plain.Runner().guard("  ::error::x\n##[group]\n") == "  :\\u003aerror::x\n##\\u005bgroup]\n"
