"""People in the headers of mails: read however they were written, written so that every program reads them. Pure."""

from __future__ import annotations

import email.errors
import email.header
import email.utils
import inspect
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from typing import Any

WIDTH = 78
"""Columns of a header line (RFC 5322)."""

# Newer Pythons take no single address of a header in which one is broken, unless told otherwise.
_LENIENT: dict[str, Any] = (
    {"strict": False} if "strict" in inspect.signature(email.utils.getaddresses).parameters else {}
)
_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_ENCODED = re.compile(r"=\?[^?\s]+\?[bq]\?[^?]*\?=", re.IGNORECASE)
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]*", re.ASCII)


@dataclass(frozen=True)
class Person:
    """A name, decoded, and an address; the name may be empty. A list is a person, too."""

    name: str
    address: str

    @property
    def key(self) -> str:
        """The address as it is compared: no server tells capital letters apart."""
        return self.address.lower()

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True)
class People:
    """The people of some headers, and what stands there that is no address."""

    people: tuple[Person, ...]
    broken: tuple[str, ...] = ()


def read(message: Message, *names: str) -> People:
    """The people in all headers of these names, in the order of the names."""
    people: list[Person] = []
    broken: list[str] = []
    for name in names:
        for key, value in message.raw_items():
            if key.lower() == name.lower():
                # Plain UTF-8, against the standard but common, is in the parser's words surrogates.
                found = parse(str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
                people += found.people
                broken += found.broken
    return People(tuple(people), tuple(broken))


def parse(text: str) -> People:
    """The people of a header, taken apart before anything is decoded: a decoded name may have commas."""
    people: list[Person] = []
    broken: list[str] = []
    before: list[str] = []
    for name, address in email.utils.getaddresses([" ".join(text.split())], **_LENIENT):
        # `stable@example.org # 6.1` is written for people.
        local, at, domain = address.rpartition("@")
        place = local + at + domain.partition("#")[0]
        if _ADDRESS.fullmatch(place):
            # A comma in a name that was not quoted: what came before it is the name, too.
            people.append(Person(", ".join(filter(None, [*before, decoded(name)])), place))
            before = []
        elif at or (name and address):
            broken.append(decoded(f"{name} <{address}>" if name else address))
        elif words := decoded(name or address):
            before.append(words)
    return People(tuple(people), (*broken, *before))


def decoded(text: str) -> str:
    """A name as people read it; adjacent encoded words are put together first, as a letter may be in two of them."""
    try:
        found = str(email.header.make_header(email.header.decode_header(text))) if _ENCODED.search(text) else text
    except (LookupError, ValueError, email.errors.MessageError):
        found = text
    return " ".join("".join(char if char.isprintable() else " " for char in found).split())


def once(people: Iterable[Person]) -> list[Person]:
    """Each address once, in its first place, with the first name that anybody gave it."""
    found: dict[str, Person] = {}
    for each in people:
        known = found.setdefault(each.key, each)
        if not known.name and each.name:
            found[each.key] = Person(each.name, known.address)
    return list(found.values())


def header(name: str, people: Iterable[Person]) -> str:
    """The lines of a header, one address below the other, and none too long as far as its words allow it."""
    return f"{name}: " + ",\n ".join(_written(each, len(name) + 2) for each in people)


def _written(person: Person, column: int) -> str:
    if not person.name:
        return person.address
    name = _quoted(person.name, column) if person.name.isascii() else _encoded(person.name, column)
    last = name.rpartition("\n")[2]
    room = WIDTH - (column if last is name else 0)
    fold = "\n " if len(last) + len(person.address) + 4 > room else " "
    return f"{name}{fold}<{person.address}>"


def _quoted(name: str, column: int) -> str:
    words = textwrap.wrap(name, WIDTH - column, break_long_words=False, break_on_hyphens=False)
    if _ATOMS.fullmatch(name) and not _ENCODED.search(name):
        return "\n ".join(words)
    return '"' + re.sub(r'([\\"])', r"\\\1", "\n ".join(words)) + '"'


def _encoded(name: str, column: int) -> str:
    # It leaves room for the header's name, a colon and a space.
    found = email.header.Header(name, "utf-8", maxlinelen=WIDTH - 3, header_name="x" * (column - 2))
    return found.encode(splitchars="")
