"""The samples of a bench: as a program prints them, and as lines of JSON, in which they are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

SIDES = ("base", "patched")

_LINE = re.compile(r"^(?:# )*bench: (\{.*\})$")


@dataclass(frozen=True)
class Sample:
    """One measurement.

    `side` is base or patched. `round` counts the pairs of boots of a scenario from 0, `order` counts all boots of the
    bench, `number` counts the samples of a boot, including those for warming up. `environment` holds the conditions of
    the measurement: the host's load (processes, averaged over a minute) before and after the boot, accelerator, seed,
    and more.
    """

    scenario: str
    side: str
    label: str
    round: int
    order: int
    number: int
    warmup: bool
    metrics: dict[str, float]
    environment: dict[str, str]


@dataclass(frozen=True)
class Raw:
    """A sample as the program printed it."""

    sample: int
    warmup: bool
    metrics: dict[str, float]


_RAW = TypeAdapter(Raw)
_SAMPLE = TypeAdapter(Sample)


def parse(lines: Iterable[str]) -> list[Raw]:
    """Return the samples that a program printed. Lines that are cut off or have another form are ignored."""
    samples = []
    for line in lines:
        if match := _LINE.match(line.rstrip()):
            try:
                samples.append(_RAW.validate_json(match[1]))
            except ValidationError:  # cut off, or not a sample
                continue
    return samples


def as_lines(samples: Iterable[Sample]) -> str:
    """Return the samples as text, one line of JSON each."""
    return "".join(json.dumps(asdict(sample), ensure_ascii=False) + "\n" for sample in samples)


def read(path: Path) -> list[Sample]:
    """Return the samples that `as_lines` wrote, or none if the file is missing or damaged (the boot is repeated)."""
    try:
        return [_SAMPLE.validate_json(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValidationError):
        return []
