"""Trailers that others than the author must have given, and the mails in which they gave them. Pure."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from series_ci.mail import addresses
from series_ci.mail.patchmail import Letter, Trailer

CLOCKS = timedelta(hours=1)
"""A review may seem younger than the version that contains it by this much, since two senders have two clocks."""

_GIVEN = re.compile(r"(?:(?:reviewed|acked|tested)-(?:and-)?)+by", re.IGNORECASE)
_VERB = re.compile(r"reviewed|acked|tested")


@dataclass(frozen=True)
class Claim:
    """A trailer that quotes somebody, and the Message-ID of the mail in which they gave it, "" if that is not known."""

    trailer: Trailer
    backed_by: str = ""


def claims(letters: Iterable[Letter]) -> tuple[Claim, ...]:
    """Return the trailers of a version's mails that others than their author must have given, each once."""
    by_name = {
        (trailer.name.lower(), trailer.address.lower() or trailer.value): Claim(trailer)
        for letter in letters
        for trailer in letter.trailers
        if _GIVEN.fullmatch(trailer.name) and not is_author(trailer, letter)
    }
    return tuple(by_name.values())


def is_author(trailer: Trailer, letter: Letter) -> bool:
    """Return whether a trailer is the patch author's own."""
    return _same(trailer, letter.author, letter.author_address)


def back(wanted: Sequence[Claim], version: Letter, mails: Iterable[Letter]) -> tuple[Claim, ...]:
    """Return the claims of a version with the mails that back them: earlier than the version, and by that person."""
    earlier = [mail for mail in mails if _earlier(mail, version)]
    return tuple(
        claim
        if claim.backed_by
        else replace(claim, backed_by=next((mail.message_id for mail in earlier if gives(mail, claim.trailer)), ""))
        for claim in wanted
    )


def _earlier(mail: Letter, version: Letter) -> bool:
    return mail.date is None or version.date is None or mail.date <= version.date + CLOCKS


def gives(mail: Letter, trailer: Trailer) -> bool:
    """Return whether the sender of a mail gives that trailer in it, in their own name and not in a quotation."""
    if not (_same(trailer, "", mail.sender_address) or _same(trailer, mail.author, mail.author_address)):
        return False
    own = [other for other in mail.trailers if not other.address or _same(other, _name(trailer), trailer.address)]
    given = {verb for other in own if _GIVEN.fullmatch(other.name) for verb in _VERB.findall(other.name.lower())}
    return set(_VERB.findall(trailer.name.lower())) <= given


def _same(trailer: Trailer, name: str, address: str) -> bool:
    """Return whether a trailer names this person. People write from several addresses, but under one name."""
    same_address = bool(address) and trailer.address.lower() == address.lower()
    return same_address or (bool(name) and _name(trailer).lower() == name.lower())


def _name(trailer: Trailer) -> str:
    people = addresses.parse(trailer.value).people
    return people[0].name if people else email.utils.parseaddr(trailer.value)[0]


def stable_words(titles: Sequence[str]) -> tuple[str, ...]:
    """Return the words that all titles of a series share, for a search. Short words are left out."""
    sets = [re.findall(r"[a-z_]{4,}", title.lower()) for title in titles]
    return tuple(word for word in dict.fromkeys(sets[0] if sets else ()) if all(word in words for words in sets))
