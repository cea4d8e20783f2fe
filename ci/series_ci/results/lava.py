"""The log of a LAVA job: a YAML list with one record per line. Some records hold what the machine printed."""

from __future__ import annotations

import json
import re

START = "- {"
"""The first characters of every record."""

_CONSOLE = frozenset({"target", "feedback"})
"""The levels of what machines printed: `target` is the one that is being talked to, `feedback` are others meanwhile."""

_FLOW = re.compile(r"- \{dt: [^,]+, lvl: (?P<level>\w+), msg: (?P<text>.*)\}\s*$")
"""A record as LAVA wrote it before it changed to JSON (which is YAML too)."""


def console(line: str) -> list[str] | None:
    """Return the console lines in a record, or None if the line is no record. LAVA's own messages have none."""
    if (record := _record(line)) is None:
        return None
    level, text = record
    if level not in _CONSOLE or not isinstance(text, str):
        return []
    return [f"{printed}\n" for printed in text.rstrip("\r\n").split("\n")]


def _record(line: str) -> tuple[object, object] | None:
    """Return level and message of a record, or None if the line is no record."""
    try:
        record = json.loads(line[2:])
        return record["lvl"], record["msg"]
    except (ValueError, RecursionError):
        flow = _FLOW.match(line)
        return (flow["level"], _scalar(flow["text"])) if flow else None
    except (KeyError, TypeError):
        return None


def _scalar(text: str) -> str:
    """Return a string that YAML wrote in double quotes, in single quotes, or bare."""
    if text[:1] == text[-1:] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'")
    try:
        return str(json.loads(text)) if text.startswith('"') else text
    except ValueError:  # an escape that JSON does not know
        return text.strip('"')
