"""Read what a guest's /init writes to its status port, while it is written.

Tests run as root and can write there, too. So only what /init would write is read: numbers have at most nine ASCII
digits and lines at most LINE bytes; other lines are ignored, and so is all that comes after BOUND bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from series_ci.host import files

BOUND = 4 << 20
"""Bytes that are read. /init writes some 200 for a test."""

LINE = 4096
"""Bytes of a line; /init writes none that is longer."""

NOTES = 20
"""Notes of a test that are kept; more are only counted."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_TIME = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")


@dataclass(frozen=True)
class State:
    """How far /init has come.

    `spoke` says that it has written a line; `started` and `done` count tests; `running` is the number of the test that
    is under way, `allowed` the seconds that it may take; `ended` says that all tests are through.
    """

    spoke: bool = False
    started: int = 0
    done: int = 0
    running: int | None = None
    allowed: float | None = None
    ended: bool = False


@dataclass
class Told:
    """What /init wrote about one test.

    `began` and `seconds` are the time of its start and how long it took, in seconds; `starts` and `ends` count the
    lines of its start and end (more than one of either was not written by /init); `notes` are the words of each note on
    what it left behind.
    """

    began: float
    seconds: float | None = None
    starts: int = 1
    ends: int = 0
    notes: list[tuple[str, ...]] = field(default_factory=list)
    more_notes: int = 0


class StatusPort:
    """Reads the file of a status port as it grows. `told` has what was written about each test, by its number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = State()
        self.told: dict[int, Told] = {}
        self._at = 0
        self._rest = b""
        self._skips = False  # within a line that is too long

    @property
    def trouble(self) -> str:
        """Why no more is read; "" if all is."""
        return f"more than {BOUND >> 20} MiB were written to its status port" if self._at >= BOUND else ""

    def read(self) -> None:
        """Read the lines that were completed since the last call; half a line is kept for the next."""
        if files.size(self.path) <= self._at:
            return
        with self.path.open("rb") as file:
            file.seek(self._at)
            new = file.read(BOUND - self._at)
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")  # by LF alone: splitlines() has more line ends
        for line in lines:
            if not self._skips and len(line) <= LINE:
                self._line(line.decode("utf-8", "replace").split())
            self._skips = False
        if len(self._rest) > LINE:
            self._rest, self._skips = b"", True

    def shorten(self) -> None:
        """Truncate the file to what is read."""
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
    """Return the port of a guest that has ended, read to its end."""
    port = StatusPort(path)
    port.read()
    return port
