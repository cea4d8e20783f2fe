"""What a guest's /init says on its status port, read once, while it is written.

Root in the guest can write there too, so nothing is believed that /init would not write: numbers have at most nine
ASCII digits, lines at most LINE bytes, and what comes after BOUND bytes is not read. A line of another form does not
count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from series_ci.host import files

BOUND = 4 << 20
"""Bytes. /init writes some 200 of them for a test."""

LINE = 4096
"""Bytes of a line; a longer one is none of /init's."""

NOTES = 20
"""Of a test. More are counted only."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_TIME = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")


@dataclass(frozen=True)
class State:
    """How far a guest came.

    `started` and `done` count tests; `running` is the number of the one that was begun and not done, `allowed` the
    seconds that it may take. `ended` tells that all is over.
    """

    spoke: bool = False
    started: int = 0
    done: int = 0
    running: int | None = None
    allowed: float | None = None
    ended: bool = False


@dataclass
class Told:
    """What was told of one test: when it began and how long it took, in seconds, how often it began and was over, and
    the words of each note on how it left the guest."""

    began: float
    seconds: float | None = None
    starts: int = 1
    ends: int = 0
    notes: list[tuple[str, ...]] = field(default_factory=list)
    more_notes: int = 0


class StatusPort:
    """Reads the port's file: each `read` takes in what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = State()
        self.told: dict[int, Told] = {}
        self._at = 0
        self._rest = b""
        self._skips = False  # within a line that is too long

    @property
    def trouble(self) -> str:
        """Why no more is read, or ""."""
        return f"more than {BOUND >> 20} MiB were written to its status port" if self._at >= BOUND else ""

    def read(self) -> None:
        """Take in the lines that were completed since the last call. Half a line waits for its end."""
        if files.size(self.path) <= self._at:
            return
        with self.path.open("rb") as file:
            file.seek(self._at)
            new = file.read(BOUND - self._at)
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")  # a port may hold anything, but nothing else ends a line
        for line in lines:
            if not self._skips and len(line) <= LINE:
                self._line(line.decode("utf-8", "replace").split())
            self._skips = False
        if len(self._rest) > LINE:
            self._rest, self._skips = b"", True

    def shorten(self) -> None:
        """Give the disk back what is not read."""
        if files.size(self.path) > BOUND:
            with files.disk_errors(self.path), self.path.open("r+b") as file:
                file.truncate(BOUND)

    def _line(self, words: list[str]) -> None:
        now = self.state
        spoke, started, done, running, allowed, ended = True, now.started, now.done, now.running, now.allowed, now.ended
        match words:
            case []:
                spoke = now.spoke
            case ["start", at, number, *seconds] if _NUMBER.fullmatch(number):
                started, running = started + 1, int(number)
                allowed = float(seconds[0]) if seconds and _NUMBER.fullmatch(seconds[0]) else None
                self._started(int(number), at)
            case ["done", at, number] if _NUMBER.fullmatch(number):
                done, running = done + 1, None
                self._done(int(number), at)
            case ["note", number, *note] if note and _NUMBER.fullmatch(number):
                self._note(int(number), note)
            case ["end", *_]:
                ended = True
        self.state = State(spoke, started, done, running, allowed, ended)

    def _started(self, number: int, at: str) -> None:
        if told := self.told.get(number):
            told.starts += 1
        elif _TIME.fullmatch(at):
            self.told[number] = Told(float(at))

    def _done(self, number: int, at: str) -> None:
        if told := self.told.get(number):
            told.ends += 1
            if _TIME.fullmatch(at) and told.seconds is None:
                told.seconds = round(float(at) - told.began, 2)

    def _note(self, number: int, words: list[str]) -> None:
        if told := self.told.get(number):
            if len(told.notes) < NOTES:
                told.notes.append(tuple(words))
            else:
                told.more_notes += 1


def read(path: Path) -> StatusPort:
    """All that a guest has said that has ended."""
    port = StatusPort(path)
    port.read()
    return port
