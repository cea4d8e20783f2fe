"""Show the results in saved logs while these are read: as lines of text, or as one JSON document."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, TextIO

import click

from series_ci.host import plain
from series_ci.progress import count
from series_ci.results.model import Result, Splat, Status

BAD = frozenset({Status.FAIL, Status.TIMEOUT, Status.CRASH, Status.ERROR})
"""The statuses that make the exit status 1, as a kernel complaint does."""

_STYLES: dict[Status, dict[str, Any]] = {
    Status.PASS: {"fg": "green"},
    Status.SKIP: {"fg": "yellow"},
    Status.XFAIL: {"fg": "yellow"},
}
_ALARM: dict[str, Any] = {"fg": "red", "bold": True}
_WIDTH = 8
_NUMBER = re.compile(r"(?<![^:/])#\d+(?: \(\d+\))?$")


class LogReport(ABC):
    """Takes results and complaints, log by log, and counts them."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.statuses: Counter[Status] = Counter()
        self.splats = 0

    @property
    def bad(self) -> bool:
        """Whether a test failed, or the kernel complained."""
        return bool(self.splats or any(self.statuses[status] for status in BAD))

    def add(self, log: str, results: Sequence[Result]) -> None:
        """Take results of a log."""
        for result in results:
            self.statuses[result.status] += 1
            self._result(log, result)

    def complain(self, log: str, splats: Sequence[Splat]) -> None:
        """Take the kernel complaints in a log that has been read."""
        self.splats += len(splats)
        for splat in splats:
            self._splat(log, splat)

    @abstractmethod
    def _result(self, log: str, result: Result) -> None: ...

    @abstractmethod
    def _splat(self, log: str, splat: Splat) -> None: ...

    @abstractmethod
    def end(self) -> None:
        """Write what is left when all logs have been read."""


class TextReport(LogReport):
    """Writes a line per result and complaint, and one with the counts. Tests that only have numbers share a line."""

    def __init__(self, out: TextIO, *, colour: bool, heads: bool) -> None:
        super().__init__(out)
        self._colour = colour
        self._heads = heads
        self._log = ""
        self._run: list[Result] = []  # the first and the last of such tests, which share a line

    def _result(self, log: str, result: Result) -> None:
        if self._run and not _alike(self._run[-1], result):
            self._flush()
        self._head(log)
        if _NUMBER.search(result.name):
            self._run = [*self._run[:1], result]
        else:
            self._line(result.status, _STYLES.get(result.status, _ALARM), result.name, result.reason)

    def _splat(self, log: str, splat: Splat) -> None:
        self._flush()
        self._head(log)
        where = f"  in {splat.function}" if splat.function and splat.function not in splat.title else ""
        self._line(splat.kind, _ALARM, splat.title + where + _source(splat))

    def _flush(self) -> None:
        if self._run:
            first, last = self._run[0], self._run[-1]
            name = first.name if first is last else f"{first.name} to #{last.name.rpartition('#')[2]}"
            self._line(first.status, _STYLES.get(first.status, _ALARM), name, first.reason)
        self._run = []

    def _head(self, log: str) -> None:
        if self._heads and log != self._log:
            self._flush()
            self.out.write(f"{plain.clean(log)}:\n")
        self._log = log

    def _line(self, word: str, style: dict[str, Any], text: str, reason: str = "") -> None:
        contained = not reason or text.endswith(reason)
        padded = f"{word:<{_WIDTH}}"
        padded = click.style(padded, **style) if self._colour else padded
        self.out.write(f"{padded} {plain.clean(text if contained else f'{text}  # {reason}')}\n")

    def end(self) -> None:
        """Write the counts."""
        self._flush()
        counts = ", ".join(f"{self.statuses[status]} {status}" for status in Status if self.statuses[status])
        complaints = count(self.splats, "kernel complaint") if self.splats else "no kernel complaints"
        text = f"{counts or 'no results'}; {complaints}"
        style = _ALARM if self.bad else {"fg": "green", "bold": True}
        self.out.write(f"{click.style(text, **style) if self._colour else text}\n")


def _source(splat: Splat) -> str:
    """Return the line of the source that is blamed, if the trace was decoded; else ""."""
    blamed = re.compile(rf"\b{re.escape(splat.function)}[\w.]* \((\S+:\d+.*?)\)(?: \[|$)")
    places = (match[1] for line in splat.decoded if splat.function and (match := blamed.search(line)))
    return next((f"  ({where})" for where in places), "")


def _alike(last: Result, result: Result) -> bool:
    """Return whether two consecutive results differ only in their numbers."""
    return (last.status, last.reason, last.name.rpartition("#")[0]) == (
        result.status,
        result.reason,
        _NUMBER.sub("", result.name),
    )


class JsonReport(LogReport):
    """Writes one document while the logs are read: an object per line, results first.

    The complaints are kept in memory until the end; a log has at most `find.MAX_SPLATS`.
    """

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._complaints: list[str] = []
        self._first = True
        out.write('{"results": [')

    def _result(self, log: str, result: Result) -> None:
        row: dict[str, Any] = {"file": log, "name": result.name, "status": result.status}
        if result.reason:
            row["reason"] = result.reason
        if result.log:
            row["log"] = result.log
        self.out.write(f"{'' if self._first else ','}\n{json.dumps(row)}")
        self._first = False

    def _splat(self, log: str, splat: Splat) -> None:
        row = {
            "file": log,
            "kind": splat.kind,
            "title": splat.title,
            "fingerprint": splat.fingerprint,
            "function": splat.function,
            "trace": splat.trace,
            "lines": splat.lines,
            **({"decoded": splat.decoded} if splat.decoded else {}),
        }
        self._complaints.append(json.dumps(row))

    def end(self) -> None:
        """Write the complaints and the counts."""
        statuses = {status.value: self.statuses[status] for status in Status if self.statuses[status]}
        summary = json.dumps({"results": statuses, "splats": self.splats, "bad": self.bad})
        complaints = ",".join(f"\n{each}" for each in self._complaints)
        self.out.write(f'\n],\n"splats": [{complaints}\n],\n"summary": {summary}}}\n')
