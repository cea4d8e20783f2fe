"""Compare titles of patches: which words of one are in the other. Also parse version numbers written in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from series_ci.mail.message import Subject

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)

_STOP = frozenset(
    [
        *("a", "an", "the", "and", "or", "it", "its", "this", "that", "they", "is", "be", "if", "when", "then", "as"),
        *("at", "by", "for", "from", "in", "into", "of", "on", "to", "with"),
    ]
)
_PREFIX = re.compile(r"^(?:[\w/.,*+&-]+(?:\([^)]*\))?\s*:\s*)+")
_WORD = re.compile(r"[^\W_][\w+-]*")
_COUNT = rf"(\d+|{'|'.join(NUMBERS)})"
_IN_WORDS = re.compile(
    rf"\b(?:(?:version|revision|rev|take|try|attempt|v\.)[ #-]*{_COUNT}"
    rf"|({'|'.join(ORDINALS)}|\d+(?:st|nd|rd|th)) (?:version|revision|try|attempt|take))\b",
    re.IGNORECASE,
)
_AT_THE_END = re.compile(rf"\s*[(,;\u2013-]\s*(?:{_IN_WORDS.pattern})\)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Title:
    """The significant words of a title, in the singular, and the parts of its subsystem prefix."""

    words: frozenset[str]
    prefix: frozenset[str]


def read(title: str) -> Title:
    """Parse a title without its brackets. A version in words at its end is left out."""
    match = _PREFIX.match(title)
    prefix = re.findall(r"[\w.-]+", match[0].lower()) if match else ()
    return Title(frozenset(stem(word) for word in in_order(title)), frozenset(prefix))


def in_order(title: str) -> list[str]:
    """Return the significant words of a title in their order and in lower case."""
    text = _PREFIX.sub("", _AT_THE_END.sub("", title))
    return [word for word in _WORD.findall(text.lower()) if word not in _STOP]


def likeness(one: Title, other: Title) -> float:
    """Return the share of words that both titles have, from 0 to 1; less if their prefixes have nothing in common."""
    both = one.words | other.words
    if not both:
        return float(one == other)
    share = len(one.words & other.words) / len(both)
    strangers = one.prefix and other.prefix and not one.prefix & other.prefix
    return share * (0.7 if strangers else 1.0)


def stem(word: str) -> str:
    """Return a word without its plural ending. This is good enough for `folios`, `processes` and `entries`."""
    if re.search(r"(?:ss|x|ch|sh)es$", word):
        return word[:-2]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def number_in_words(subject: Subject) -> tuple[int, str] | None:
    """Return the version that a subject names in words, and these words; None if it names none.

    This is found in the tags, as in `[PATCH version two]`, or at the end of the title, as in `(second version)`.
    Elsewhere in a title such words may mean anything, for example the fourth version of a protocol.
    """
    match = _IN_WORDS.search(" ".join(subject.tags)) or _AT_THE_END.search(subject.title)
    if match is None:
        return None
    word = (match[1] or match[2]).lower()
    digits = re.match(r"\d+", word)
    number = int(digits[0]) if digits else 1 + (ORDINALS if match[2] else NUMBERS).index(word)
    return number, match[0].strip(" (),;\u2013-")
