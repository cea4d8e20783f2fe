"""Kernel configuration fragments: read, merged in order, and checked against what the kernel made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from series_ci.host import files

_SET = re.compile(r"^CONFIG_(\w+)=(.*)$")
_UNSET = re.compile(r"^# CONFIG_(\w+) is not set$")


@dataclass(frozen=True)
class Asked:
    """One option that a fragment asks for: `value` as in .config (`n` for "is not set"), `origin` is the fragment."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True)
class Lost:
    """An option whose value in the .config is not the one asked for."""

    asked: Asked
    got: str

    def __str__(self) -> str:
        return f"CONFIG_{self.asked.name}={self.asked.value} (asked for by {self.asked.origin}) became {self.got}"


def parse(text: str) -> dict[str, str]:
    """Return the options of a fragment or a .config, by name; of several lines the last counts, as for the kernel."""
    options: dict[str, str] = {}
    for line in text.splitlines():
        stripped = line.strip()
        if match := _SET.match(stripped):
            options[match[1]] = match[2]
        elif match := _UNSET.match(stripped):
            options[match[1]] = "n"
    return options


def merge(fragments: Iterable[tuple[str, str]]) -> list[Asked]:
    """Merge fragments, given as (origin, text), of which later ones win. Return an entry per option, sorted by name."""
    merged: dict[str, Asked] = {}
    for origin, text in fragments:
        for name, value in parse(text).items():
            merged[name] = Asked(name, value, origin)
    return [merged[name] for name in sorted(merged)]


def render(options: Iterable[Asked]) -> str:
    """Return the options as lines of a .config."""
    return "".join(
        f"# CONFIG_{each.name} is not set\n" if each.value == "n" else f"CONFIG_{each.name}={each.value}\n"
        for each in options
    )


def digest(rendered: str) -> str:
    """Return the digest of a text that `render` made, 16 hexadecimal digits."""
    return files.digest(rendered)[:16]


def lost(asked: Iterable[Asked], got: Mapping[str, str]) -> list[Lost]:
    """Return the options whose value in a finished .config, `got`, is not the one asked for.

    `y` is as good as `m`. An option that the .config does not have counts as `n`: its dependencies are off.
    """
    missing = []
    for each in asked:
        value = got.get(each.name, "n")
        if value != each.value and not (each.value == "m" and value == "y"):
            missing.append(Lost(each, "n (a dependency is missing)" if each.name not in got else value))
    return missing
