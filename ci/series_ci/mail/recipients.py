"""Whom an answer to a version goes to: its author, and everybody who got the mails. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from email.message import Message

from series_ci.mail import addresses, patchmail
from series_ci.mail.addresses import Person
from series_ci.mail.message import header, parse

_RELAYED = re.compile(r"\bvia\b", re.IGNORECASE)
_LIST = re.compile(r"mailto:([^>?\s]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Recipients:
    """To the author, Cc all others; `broken` is what stood among them and is no address."""

    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    broken: tuple[str, ...]


def of(answered: bytes, mails: Sequence[bytes], own: Collection[str] = ()) -> Recipients:
    """The recipients of an answer to one of the mails of a version; `own` are the addresses of whoever writes it.

    Each address is there once, and those of the author are in To alone. Nobody gets less mail because somebody asked
    for it: Mail-Followup-To adds people.
    """
    parsed = [parse(raw) for raw in mails]
    got = [addresses.read(each, "To", "Cc") for each in parsed]
    reached = {person.key for found in got for person in found.people} | _lists(parsed)
    got += [addresses.read(each, "Mail-Followup-To") for each in parsed]
    to = _writers(parse(answered), answered, reached)
    others = [person for message, raw in zip(parsed, mails, strict=True) for person in _writers(message, raw, reached)]
    all_of_them = [*(person for found in got for person in found.people), *others]
    hidden = {person.key for person in to} | {each.lower() for each in own}
    names = {person.key: person for person in addresses.once([*to, *all_of_them])}
    cc = [person for person in addresses.once(all_of_them) if person.key not in hidden]
    broken = tuple(dict.fromkeys(words for found in got for words in found.broken))
    return Recipients(tuple(names[person.key] for person in to), tuple(cc), broken)


def _lists(messages: Iterable[Message]) -> set[str]:
    """The addresses at which lists say that they take mail."""
    said = [header(each, "List-Post") for each in messages]
    return {address.lower() for text in said for address in _LIST.findall(text)}


def _writers(message: Message, raw: bytes, reached: Collection[str]) -> list[Person]:
    """Who sent a mail and who wrote what is in it; `reached` are the addresses that the mails went to.

    Lists and relays that put themselves into From, as DMARC makes them, name the sender elsewhere.
    """
    senders = addresses.read(message, "From").people
    asked = [each for each in addresses.read(message, "Reply-To").people if each.key not in reached]
    original = addresses.read(message, "X-Original-From").people
    relayed = [each for each in senders if _RELAYED.search(each.name) and _is_relay(each, reached)]
    written = patchmail.read(raw)
    inside = [Person(written.author, written.author_address)] if written.author_in_body else []
    known = addresses.once([*asked, *original, *inside, *senders])
    if relayed:
        keys = {each.key for each in (asked or original or inside or senders)}
    else:
        keys = {each.key for each in (asked or senders)}
    keys |= {each.key for each in inside}
    return [each for each in known if each.key in keys]


def _is_relay(person: Person, reached: Collection[str]) -> bool:
    """Whether an address is that of a list, or one that nobody reads, as b4's web endpoint uses."""
    return person.key in reached or person.key.startswith("devnull+")
