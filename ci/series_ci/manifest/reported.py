"""Figures that somebody reported on a mailing list: the mail, the set-up, and what the mail does not state."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from series_ci.manifest.fields import Form, Line, MessageId, Name, Strict

MetricName = Annotated[str, Form(r"[a-z][a-z0-9_]*", "the name of a metric that the scenario measures, such as skips")]


class Figure(Strict):
    """One number."""

    metric: MetricName = Field(description="what the scenario calls it, such as skips")
    value: float = Field(allow_inf_nan=False, description="the number, in the unit of the metric")
    quote: Line = Field(description='where it stands, such as "6114 (mTHP: 97300480 bytes)"; the numbers only')


class Unstated(Strict):
    """Something that matters and was not said."""

    what: Line = Field(description="what was not said")
    chosen: Line = Field(description="what is used instead")


class Reported(Strict):
    """One report: who measured what, and how it is measured again."""

    name: Name = Field(description="what `series-ci reproduce` calls it, unique in the manifest")
    by: Line = Field(description="who reported it")
    message_id: MessageId = Field(description="Message-ID of the mail")
    version: str = Field(description="the label of the version that was measured")
    scenario: str = Field(description="the scenario below bench: that is the set-up, its machine included")
    arch: str = Field(description="the architecture that it was measured on, such as arm64")
    stated: tuple[Line, ...] = Field(min_length=1, description="what the mail says of the set-up, a line each")
    unstated: tuple[Unstated, ...] = Field((), description="what it does not say, and what is used instead")
    figures: tuple[Figure, ...] = Field(min_length=1, description="the numbers")
