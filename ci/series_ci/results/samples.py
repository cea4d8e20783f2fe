"""The samples of a bench: what a program printed, and the lines of JSON that are kept of it."""

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
    """What was measured once.

    `side` is base or patched; `round` counts the pairs of boots of a scenario from 0, `order` all boots of the bench;
    `number` counts the samples of a boot, those for warming up included. `environment` is what it was taken in: the
    load of the host (processes, over a minute) before and after the boot, the accelerator, the seed, and more.
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
    """A sample as the program told of it."""

    sample: int
    warmup: bool
    metrics: dict[str, float]


_RAW = TypeAdapter(Raw)
_SAMPLE = TypeAdapter(Sample)


def parse(lines: Iterable[str]) -> list[Raw]:
    """What a program printed of its samples."""
    found = []
    for line in lines:
        if match := _LINE.match(line.rstrip()):
            try:
                found.append(_RAW.validate_json(match[1]))
            except ValidationError:  # cut off, or none of ours
                continue
    return found


def as_lines(samples: Iterable[Sample]) -> str:
    """A line of JSON for each sample."""
    return "".join(json.dumps(asdict(sample), ensure_ascii=False) + "\n" for sample in samples)


def read(path: Path) -> list[Sample]:
    """What `as_lines` wrote; nothing if the file is missing or damaged: the boot is made again then."""
    try:
        return [_SAMPLE.validate_json(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValidationError):
        return []
