"""Trailers that others must have given, and the mails in which they did: letters in, letters out."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from series_ci.mail import addresses
from series_ci.mail.patchmail import Letter, Trailer

CLOCKS = timedelta(hours=1)
"""A review may seem to be this much younger than the version that carries it: two senders have two clocks."""

_GIVEN = re.compile(r"(?:(?:reviewed|acked|tested)-(?:and-)?)+by", re.IGNORECASE)
_VERB = re.compile(r"reviewed|acked|tested")


@dataclass(frozen=True)
class Claim:
    """A trailer that is somebody's word, and the Message-ID of the mail in which they gave it ("": none is known)."""

    trailer: Trailer
    backed_by: str = ""


def claims(letters: Iterable[Letter]) -> tuple[Claim, ...]:
    """What the mails of a version say in the name of others than their author, each trailer once."""
    found = {
        (trailer.name.lower(), trailer.address.lower() or trailer.value): Claim(trailer)
        for letter in letters
        for trailer in letter.trailers
        if _GIVEN.fullmatch(trailer.name) and not is_author(trailer, letter)
    }
    return tuple(found.values())


def is_author(trailer: Trailer, letter: Letter) -> bool:
    """Whether a trailer is the patch's author's own."""
    return _same(trailer, letter.author, letter.author_address)


def back(wanted: Sequence[Claim], version: Letter, mails: Iterable[Letter]) -> tuple[Claim, ...]:
    """The claims of a version with the mails that back them: earlier than the version, and by that very person."""
    earlier = [each for each in mails if _earlier(each, version)]
    return tuple(
        claim
        if claim.backed_by
        else replace(claim, backed_by=next((each.message_id for each in earlier if gives(each, claim.trailer)), ""))
        for claim in wanted
    )


def _earlier(mail: Letter, version: Letter) -> bool:
    return mail.date is None or version.date is None or mail.date <= version.date + CLOCKS


def gives(mail: Letter, trailer: Trailer) -> bool:
    """Whether its sender gives that trailer in that mail, in their own name and not in a quotation."""
    if not (_same(trailer, "", mail.sender_address) or _same(trailer, mail.author, mail.author_address)):
        return False
    own = [each for each in mail.trailers if not each.address or _same(each, _name(trailer), trailer.address)]
    given = {verb for each in own if _GIVEN.fullmatch(each.name) for verb in _VERB.findall(each.name.lower())}
    return set(_VERB.findall(trailer.name.lower())) <= given


def _same(trailer: Trailer, name: str, address: str) -> bool:
    """Whether a trailer names this person: people write from several addresses, and under one name."""
    same_address = bool(address) and trailer.address.lower() == address.lower()
    return same_address or (bool(name) and _name(trailer).lower() == name.lower())


def _name(trailer: Trailer) -> str:
    people = addresses.parse(trailer.value).people
    return people[0].name if people else email.utils.parseaddr(trailer.value)[0]


def stable_words(titles: Sequence[str]) -> tuple[str, ...]:
    """The words that all titles of a series share, for a search; short ones tell nothing."""
    sets = [re.findall(r"[a-z_]{4,}", title.lower()) for title in titles]
    return tuple(word for word in dict.fromkeys(sets[0] if sets else ()) if all(word in each for each in sets))
