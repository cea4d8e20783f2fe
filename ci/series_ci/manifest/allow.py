"""Kernel complaints that a manifest allows for a time: which, why, and until when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from series_ci.errors import UsageError
from series_ci.manifest.fields import Form, Line


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return text


Pattern = Annotated[Line, AfterValidator(_expression)]
Fingerprint = Annotated[str, Form(r"[0-9a-f]{16}", "the 16 hexadecimal digits of a complaint's fingerprint")]
Link = Annotated[str, Form(r"https?://\S+", "the URL of a report or a fix, such as https://lore.kernel.org/all/ID/")]


class Allowed(BaseModel):
    """One complaint that is known, and no regression until it expires."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    pattern: Pattern = Field(
        "", description='a regular expression that is sought in the complaint\'s "KIND title", as the results show it'
    )
    fingerprint: Fingerprint | None = Field(None, description="the complaint's fingerprint, instead of a pattern")
    reason: Line = Field(description="why it may come")
    link: Link = Field(description="where it was reported, or is being fixed")
    expires: date = Field(description="the last day that it may come, such as 2026-12-31")

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Allowed:
        if bool(self.pattern) == bool(self.fingerprint):
            raise ValueError("either a pattern or a fingerprint")
        return self

    def matches(self, kind: str, title: str, fingerprint: str) -> bool:
        """Return whether this entry is about the complaint with that kind, title and fingerprint."""
        if self.fingerprint:
            return fingerprint == self.fingerprint
        return re.search(self.pattern, f"{kind} {title}") is not None

    @property
    def words(self) -> str:
        """Return why the complaint is allowed, where that is written, and until when."""
        return f"{self.reason} ({self.link}, allowed until {self.expires.isoformat()})"


def find(allowed: Sequence[Allowed], kind: str, title: str, fingerprint: str) -> Allowed | None:
    """Return the first entry that allows a complaint, or None."""
    return next((entry for entry in allowed if entry.matches(kind, title, fingerprint)), None)


def refuse_expired(allowed: Sequence[Allowed], today: date) -> None:
    """Raise UsageError if the last day of any entry is over, so that somebody looks at these entries again."""
    expired = [entry for entry in allowed if entry.expires < today]
    if expired:
        shown = "; ".join(f"{entry.pattern or entry.fingerprint}: {entry.words}" for entry in expired)
        raise UsageError(
            f"expired entries of allow: {shown}",
            hint="take out what is fixed; for the rest say why it may still come, with a new date",
        )
