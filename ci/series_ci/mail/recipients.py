"""The recipients of a reply to a version: its author, and everybody who got its mails. Pure."""

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
    """The author in `to`, all others in `cc`. `broken` holds what was found among them and is no address."""

    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    broken: tuple[str, ...]


def of(answered: bytes, mails: Sequence[bytes], own: Collection[str] = ()) -> Recipients:
    """Return the recipients of a reply to one of the mails of a version. `own` are the addresses of the reply's author.

    Each address occurs once, and those of the version's author in To only. Mail-Followup-To adds people but removes
    nobody.
    """
    parsed = [parse(raw) for raw in mails]
    headers = [addresses.read(mail, "To", "Cc") for mail in parsed]
    reached = {person.key for people in headers for person in people.people} | _lists(parsed)
    headers += [addresses.read(mail, "Mail-Followup-To") for mail in parsed]
    to = _writers(parse(answered), answered, reached)
    others = [person for message, raw in zip(parsed, mails, strict=True) for person in _writers(message, raw, reached)]
    all_of_them = [*(person for people in headers for person in people.people), *others]
    hidden = {person.key for person in to} | {address.lower() for address in own}
    names = {person.key: person for person in addresses.once([*to, *all_of_them])}
    cc = [person for person in addresses.once(all_of_them) if person.key not in hidden]
    broken = tuple(dict.fromkeys(words for people in headers for words in people.broken))
    return Recipients(tuple(names[person.key] for person in to), tuple(cc), broken)


def _lists(messages: Iterable[Message]) -> set[str]:
    """Return the addresses at which mailing lists accept mail, by their List-Post headers."""
    posts = [header(message, "List-Post") for message in messages]
    return {address.lower() for post in posts for address in _LIST.findall(post)}


def _writers(message: Message, raw: bytes, reached: Collection[str]) -> list[Person]:
    """Return who sent a mail and who wrote its contents. `reached` are the addresses that the mails went to.

    Because of DMARC, some lists and relays put themselves into From, and name the sender elsewhere.
    """
    senders = addresses.read(message, "From").people
    reply_to = [person for person in addresses.read(message, "Reply-To").people if person.key not in reached]
    original = addresses.read(message, "X-Original-From").people
    relayed = [person for person in senders if _RELAYED.search(person.name) and _is_relay(person, reached)]
    letter = patchmail.read(raw)
    in_body = [Person(letter.author, letter.author_address)] if letter.author_in_body else []
    known = addresses.once([*reply_to, *original, *in_body, *senders])
    if relayed:
        keys = {person.key for person in (reply_to or original or in_body or senders)}
    else:
        keys = {person.key for person in (reply_to or senders)}
    keys |= {person.key for person in in_body}
    return [person for person in known if person.key in keys]


def _is_relay(person: Person, reached: Collection[str]) -> bool:
    """Return whether an address is that of a list, or one that nobody reads, as b4's web endpoint uses it."""
    return person.key in reached or person.key.startswith("devnull+")
