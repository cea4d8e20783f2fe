"""Where in the sources something was seen: compiler errors, rejected hunks, complaints, failed tests. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

DETAILS = 16_000
"""Characters of evidence beside a place. GitHub takes 64 KB, and nobody reads that much in a margin."""

_COMPILER = re.compile(r"^([\w./+-]+\.[chS]):(\d+):(?:\d+:)? (?:fatal )?(error|warning): (.*)$", re.MULTILINE)
_HUNK = re.compile(r"(?<![\w./+-])([\w./+-]*\w):(\d+)(?=[,;\s]|$)")
_SOURCE = re.compile(r"(?<![\w./+-])((?:[\w.+-]+/)+[\w.+-]+\.[chS]):(\d+)\b")
_HARNESS = re.compile(r"(?<![\w./+-])([\w.+-]+\.(?:c|h|sh|py)):(\d+):")
_TEST = re.compile(r"([\w.+-]+)/([\w.+-]+)")


@dataclass(frozen=True)
class Annotation:
    """A remark on one line of a file of the kernel's tree; `level` is `failure` or `warning`."""

    path: str
    line: int
    level: str
    title: str
    message: str
    details: str = ""


def remarks(
    found: Mapping[str, Any],
    broken: Sequence[Mapping[str, Any]],
    splats: Sequence[Mapping[str, Any]],
    touched: Sequence[str],
    logs: Mapping[str, Sequence[str]],
) -> Iterator[Annotation]:
    """Every place that a summary names, each once: what stops the version first, then complaints, then tests."""
    made = (
        *_error(found["error"] or {}, str(found["verdict"]), touched),
        *_steps(found["steps"], touched),
        *(each for splat in splats for each in _splat(splat, touched)),
        *(each for entry in broken for each in _test(entry, logs.get(entry["name"], ()))),
    )
    yield from dict.fromkeys(made)


def _error(error: Mapping[str, Any], verdict: str, touched: Sequence[str]) -> Iterator[Annotation]:
    message, details = str(error.get("message", "")), str(error.get("details", ""))
    said = list(_compiler(f"{message.partition(': ')[2]}\n{details}", verdict))
    yield from said
    if not said:
        for path, line in _HUNK.findall(message):
            if path in touched:
                yield Annotation(path, max(1, int(line)), "failure", verdict, message, details[:DETAILS])


def _compiler(text: str, title: str) -> Iterator[Annotation]:
    for path, line, kind, said in _COMPILER.findall(text):
        if place := _inside(path):
            level = "failure" if kind == "error" else "warning"
            yield Annotation(place, max(1, int(line)), level, title, f"{kind}: {said}")


def _steps(steps: Iterable[Mapping[str, Any]], touched: Sequence[str]) -> Iterator[Annotation]:
    for step in steps:
        title = f"after patch {step['patch']}"
        yield from _compiler(str(step["error"] or "").partition(": ")[2], f"does not build {title}")
        for warning in step["new_warnings"]:
            # Without a line: the numbers differ from patch to patch, so the texts are what was compared.
            path, _, said = str(warning).partition(": ")
            if path in touched:
                yield Annotation(path, 1, "warning", f"new warning {title}", said)


def _splat(splat: Mapping[str, Any], touched: Sequence[str]) -> Iterator[Annotation]:
    """The first line of a changed file in the trace, if it was decoded, else the first line of any file."""
    text = "\n".join(splat["lines"])
    seen = [(place, line) for path, line in _SOURCE.findall(text) if (place := _inside(path))]
    ours = [each for each in seen if each[0] in touched]
    for path, line in (ours or seen)[:1]:
        title = f"new kernel complaint: {splat['kind']}"
        yield Annotation(path, max(1, int(line)), "failure", title, str(splat["title"]), text[:DETAILS])


def _test(entry: Mapping[str, Any], log: Sequence[str]) -> Iterator[Annotation]:
    """The line of the selftest that said so, in the folder of its collection."""
    text = "\n".join(log)
    program = _TEST.match(entry["name"])
    place = _HARNESS.search(text)
    if program and place:
        message = f"{entry['base'] or 'absent'} -> {entry['patched'] or 'absent'}"
        path = f"tools/testing/selftests/{program[1]}/{place[1]}"
        title = f"BROKEN {entry['name']}"
        yield Annotation(path, max(1, int(place[2])), "failure", title, message, text[:DETAILS])


def _inside(path: str) -> str:
    """The path from the root of the tree, "" if it is not in the tree."""
    plain = normpath(path)
    return "" if plain.startswith(("/", "..")) else plain
