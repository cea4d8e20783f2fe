"""Find the lines of sources that a run names: in compiler errors, rejected hunks, complaints, failed tests. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import normpath

from series_ci.results.compare import Change, TestChange
from series_ci.results.model import Splat
from series_ci.rundir.run import PatchResult, Problem, VersionRun
from series_ci.rundir.words import states

DETAILS = 16_000
"""Characters of details in an annotation. GitHub takes 64 KB, which is more than anybody reads there."""

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


def remarks(run: VersionRun, touched: Sequence[str]) -> Iterator[Annotation]:
    """Yield an annotation for each line that a run names: what stopped the version first, then complaints, tests."""
    annotations = (
        *(_error(run.error, run.verdict, touched) if run.error else ()),
        *_steps(run.steps, touched),
        *(each for splat in run.new_splats for each in _splat(splat, touched)),
        *(each for entry in run.having(Change.BROKEN) for each in _test(entry)),
    )
    yield from dict.fromkeys(annotations)


def _error(error: Problem, verdict: str, touched: Sequence[str]) -> Iterator[Annotation]:
    annotations = list(_compiler(f"{error.message.partition(': ')[2]}\n{error.details}", verdict))
    yield from annotations
    if not annotations:
        for path, line in _HUNK.findall(error.message):
            if path in touched:
                details = error.details[:DETAILS]
                yield Annotation(path, max(1, int(line)), "failure", verdict, error.message, details)


def _compiler(text: str, title: str) -> Iterator[Annotation]:
    for path, line, kind, words in _COMPILER.findall(text):
        if place := _inside(path):
            level = "failure" if kind == "error" else "warning"
            yield Annotation(place, max(1, int(line)), level, title, f"{kind}: {words}")


def _steps(steps: Iterable[PatchResult], touched: Sequence[str]) -> Iterator[Annotation]:
    for step in steps:
        title = f"after patch {step.patch}"
        yield from _compiler((step.error or "").partition(": ")[2], f"does not build {title}")
        for warning in step.new_warnings:
            # Without its line, which changes from patch to patch: only texts were compared.
            path, _, words = warning.partition(": ")
            if path in touched:
                yield Annotation(path, 1, "warning", f"new warning {title}", words)


def _splat(splat: Splat, touched: Sequence[str]) -> Iterator[Annotation]:
    """Yield the first line in a decoded trace that is in a changed file, else its first line in any file."""
    text = "\n".join(splat.lines)
    seen = [(place, line) for path, line in _SOURCE.findall(text) if (place := _inside(path))]
    ours = [each for each in seen if each[0] in touched]
    for path, line in (ours or seen)[:1]:
        title = f"new kernel complaint: {splat.kind}"
        yield Annotation(path, max(1, int(line)), "failure", title, splat.title, text[:DETAILS])


def _test(entry: TestChange) -> Iterator[Annotation]:
    """Yield the line of the selftest that failed, in the folder of its collection."""
    text = "\n".join(entry.log)
    program = _TEST.match(entry.name)
    place = _HARNESS.search(text)
    if program and place:
        path = f"tools/testing/selftests/{program[1]}/{place[1]}"
        title = f"BROKEN {entry.name}"
        yield Annotation(path, max(1, int(place[2])), "failure", title, states(entry), text[:DETAILS])


def _inside(path: str) -> str:
    """Return the path from the root of the tree; "" if it is not in the tree."""
    plain = normpath(path)
    return "" if plain.startswith(("/", "..")) else plain
