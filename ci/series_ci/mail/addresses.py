"""People in mail headers: parsed however they were written, and written so that every program can parse them. Pure."""

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
"""The maximum width of a header line in columns (RFC 5322)."""

# By default, newer Pythons return no address at all of a header in which one is broken.
_LENIENT: dict[str, Any] = (
    {"strict": False} if "strict" in inspect.signature(email.utils.getaddresses).parameters else {}
)
_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_ENCODED = re.compile(r"=\?[^?\s]+\?[bq]\?[^?]*\?=", re.IGNORECASE)
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]*", re.ASCII)


@dataclass(frozen=True)
class Person:
    """A decoded name, which may be empty, and an address. A mailing list is a person, too."""

    name: str
    address: str

    @property
    def key(self) -> str:
        """Return the address in lower case, as it is compared: servers ignore case."""
        return self.address.lower()

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True)
class People:
    """The people of some headers, and the parts that are no address."""

    people: tuple[Person, ...]
    broken: tuple[str, ...] = ()


def read(message: Message, *names: str) -> People:
    """Return the people in all headers of these names, in the order of the names."""
    people: list[Person] = []
    broken: list[str] = []
    for name in names:
        for key, value in message.raw_items():
            if key.lower() == name.lower():
                # Plain UTF-8 breaks the standard but is common. The parser returns it as surrogates.
                parsed = parse(str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
                people += parsed.people
                broken += parsed.broken
    return People(tuple(people), tuple(broken))


def parse(text: str) -> People:
    """Return the people of a header. It is split before it is decoded, since a decoded name may contain commas."""
    people: list[Person] = []
    broken: list[str] = []
    before: list[str] = []
    for name, address in email.utils.getaddresses([" ".join(text.split())], **_LENIENT):
        # `stable@example.org # 6.1` has a comment that other programs ignore.
        local, at, domain = address.rpartition("@")
        place = local + at + domain.partition("#")[0]
        if _ADDRESS.fullmatch(place):
            # A name had a comma and was not quoted: what preceded the comma is part of the name.
            people.append(Person(", ".join(filter(None, [*before, decoded(name)])), place))
            before = []
        elif at or (name and address):
            broken.append(decoded(f"{name} <{address}>" if name else address))
        elif words := decoded(name or address):
            before.append(words)
    return People(tuple(people), (*broken, *before))


def decoded(text: str) -> str:
    """Return a decoded name.

    Adjacent encoded words are joined first, since a letter may be split between two of them.
    """
    try:
        name = str(email.header.make_header(email.header.decode_header(text))) if _ENCODED.search(text) else text
    except (LookupError, ValueError, email.errors.MessageError):
        name = text
    return " ".join("".join(char if char.isprintable() else " " for char in name).split())


def once(people: Iterable[Person]) -> list[Person]:
    """Return each address once, at its first place, with the first name that is given for it."""
    by_key: dict[str, Person] = {}
    for person in people:
        known = by_key.setdefault(person.key, person)
        if not known.name and person.name:
            by_key[person.key] = Person(person.name, known.address)
    return list(by_key.values())


def header(name: str, people: Iterable[Person]) -> str:
    """Return the lines of a header, one address per line. Lines are folded to WIDTH where words allow it."""
    return f"{name}: " + ",\n ".join(_written(person, len(name) + 2) for person in people)


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
    # Header leaves room for the header's name, a colon and a space.
    encoded = email.header.Header(name, "utf-8", maxlinelen=WIDTH - 3, header_name="x" * (column - 2))
    return encoded.encode(splitchars="")
