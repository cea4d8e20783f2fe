"""LAVA's own log of a job: a list in YAML, a record a line, of which some hold what the machine printed."""

from __future__ import annotations

import json
import re

START = "- {"
"""What every record begins with."""

_CONSOLE = frozenset({"target", "feedback"})
"""The levels of what came from a machine: from the one that is talked to, and from others at the same time."""

_FLOW = re.compile(r"- \{dt: [^,]+, lvl: (?P<level>\w+), msg: (?P<text>.*)\}\s*$")
"""A record as LAVA wrote it before it took to JSON, which is YAML, too."""


def console(line: str) -> list[str] | None:
    """The lines of the console in a record; None if this is no record. Those that LAVA itself speaks in have none."""
    if (record := _record(line)) is None:
        return None
    level, text = record
    if level not in _CONSOLE or not isinstance(text, str):
        return []
    return [f"{each}\n" for each in text.rstrip("\r\n").split("\n")]


def _record(line: str) -> tuple[object, object] | None:
    """Level and message."""
    try:
        found = json.loads(line[2:])
        return found["lvl"], found["msg"]
    except (ValueError, RecursionError):
        flow = _FLOW.match(line)
        return (flow["level"], _scalar(flow["text"])) if flow else None
    except (KeyError, TypeError):
        return None


def _scalar(text: str) -> str:
    """A string as YAML writes it: in double quotes, in single ones, or bare."""
    if text[:1] == text[-1:] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'")
    try:
        return str(json.loads(text)) if text.startswith('"') else text
    except ValueError:  # an escape that JSON does not know
        return text.strip('"')
