"""People in headers: read however they were written, and written so that they are read as the same."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_ci.mail import addresses
from series_ci.mail.addresses import WIDTH, Person
from series_ci.mail.message import parse


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Robin Välé <r@example.org>", [("Robin Välé", "r@example.org")]),
        ("=?utf-8?q?V=C3=A4le=2C_R=C3=B6?= <r@example.org>", [("Väle, Rö", "r@example.org")]),
        ('"=?utf-8?q?V=C3=A4le=2C_R=C3=B6?=" <r@example.org>', [("Väle, Rö", "r@example.org")]),
        ("=?iso-8859-1?q?M=FC?= =?iso-8859-1?q?ller?= <m@example.org>", [("Müller", "m@example.org")]),
        ("=?utf-8?q?a=C3?= =?utf-8?q?=A9b?= <s@example.org>", [("aéb", "s@example.org")]),
        ("=?x-none?q?abc?= <s@example.org>", [("=?x-none?q?abc?=", "s@example.org")]),
        (
            '"Marsh, Lo" <a@example.org>, Kim <k@example.org>',
            [("Marsh, Lo", "a@example.org"), ("Kim", "k@example.org")],
        ),
        ("Marsh, Lo <a@example.org>, b@example.org", [("Marsh, Lo", "a@example.org"), ("", "b@example.org")]),
        ('"A \\"q\\" B" <q@example.org>', [('A "q" B', "q@example.org")]),
        ("r@example.org (Robin Vale)", [("Robin Vale", "r@example.org")]),
        ("Team: a@example.org, B <b@example.org>;", [("", "a@example.org"), ("B", "b@example.org")]),
        ("undisclosed-recipients:;", []),
        ("stable@example.org # 6.1+", [("", "stable@example.org")]),
        ("A <a@example.org>,\n b@example.org,", [("A", "a@example.org"), ("", "b@example.org")]),
    ],
)
def test_names_are_whole(text: str, people: list[tuple[str, str]]) -> None:
    assert addresses.parse(text) == addresses.People(tuple(Person(*each) for each in people))


def test_what_is_no_address_is_told_and_the_others_stay() -> None:
    found = addresses.parse("A <a@example.org>, broken <a b@c>, röbin@example.org, B <b@example.org>, words")
    assert [each.address for each in found.people] == ["a@example.org", "b@example.org"]
    assert found.broken == ("broken <a b@c>", "röbin@example.org", "words")


def test_plain_utf_8_in_a_header_is_read() -> None:
    message = parse('Cc: Jürgen <j@example.org>\nTo: a@example.org\ncc: "Ö, X" <x@example.org>\n\n'.encode())
    assert [str(each) for each in addresses.read(message, "To", "Cc").people] == [
        "a@example.org",
        "Jürgen <j@example.org>",
        "Ö, X <x@example.org>",
    ]


def test_each_address_is_there_once_with_its_name() -> None:
    people = [Person("", "A@example.org"), Person("B", "b@example.org"), Person("Ann", "a@example.org")]
    assert addresses.once(people) == [Person("Ann", "A@example.org"), Person("B", "b@example.org")]


NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=90).map(addresses.decoded)
LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+_-", min_size=1, max_size=30).filter(
    lambda text: not (text.startswith(".") or text.endswith(".") or ".." in text)
)


@given(st.lists(st.tuples(NAMES, LOCAL), min_size=1, max_size=4))
def test_what_is_written_is_read_as_it_was(found: list[tuple[str, str]]) -> None:
    people = tuple(Person(name, f"{local}@example.org") for name, local in found)
    text = addresses.header("Cc", people)
    assert text.isascii()
    assert addresses.read(parse(text.encode() + b"\n\n"), "Cc") == addresses.People(people)
    # The library's own reader sees the same addresses.
    raw = " ".join(text.partition(":")[2].split())
    assert [each[1] for each in email.utils.getaddresses([raw])] == [each.address for each in people]


@pytest.mark.parametrize("name", ["Ann", "Name " * 30, "Nämé " * 30, "Last, First " * 12])
def test_headers_are_folded(name: str) -> None:
    person = Person(name.strip(), "somebody.with.a.long.name@lists.example.org")
    lines = addresses.header("Cc", [person, person]).split("\n")
    assert max(map(len, lines)) <= WIDTH
    assert all(line.startswith(" ") for line in lines[1:])
