"""The functions of one complaint's stack traces, and which of them tell it from others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from series_ci.results.splat import blame, shapes
from series_ci.results.splat.trace import ACQUIRES, CONTEXT, ELSEWHERE, FRAME, HELD, IP, NAMED, TRACE, bare

MOST = 16
"""Functions of a trace that are looked at."""

LONGEST = 512
"""Letters of a function's name, as in the kernel; a log may have more, which would take their time."""

_INSTRUCTIONS = frozenset({"", "OOPS", "BUG", "WARNING"})
"""Kinds that tell of an instruction: its function is at fault by itself. In others it is where a CPU happened to be."""

_INTERRUPTED = frozenset({"LOCKUP", "STALL"})
"""Kinds that are seen in an interrupt, and are about what it interrupted."""

_UNNAMED = _INTERRUPTED | {"LIST", "REFCOUNT", "SLAB", "USERCOPY"}
"""Kinds whose first lines name who checks, or what was interrupted."""

_UNTRACED = frozenset({"KFENCE", "KMSAN"})
"""Kinds whose own trace comes without a word before it."""


class Frame(NamedTuple):
    """A function of a trace, and whether it may be blamed: whether it is `solid`."""

    name: str
    solid: bool


@dataclass(slots=True)
class TraceStack:
    """What was read so far. The kind of a complaint, which may be told late, is an argument of what needs it."""

    before: list[Frame] = field(default_factory=list)  # above the first "Call Trace": allocation stacks, lock chains
    frames: list[Frame] = field(default_factory=list)
    guesses: list[Frame] = field(default_factory=list)  # may be left over from another call, or have no frame at all
    named: str = ""  # the function that the first lines tell of
    acquires: bool = False  # the next line says who takes a lock
    traced: bool = False
    complete: bool = False  # what comes now does not tell this complaint from others
    panicked: bool = False
    outside: int = 0  # frames before those of the interrupt whose stack is being printed

    def read(self, line: str, kind: str) -> bool:
        """Take in one line; whether it has a function of a trace."""
        self._turn(line, kind)
        if ip := IP.match(line):
            self._add(ip["name"], kind, instruction=True)
            return True
        if frame := FRAME.match(line):
            guess = frame["guess"] is not None or frame["inline"] is not None
            if not (guess and frame["at"] and frame["at"] == frame["size"]):
                self._add(frame["name"], kind, guess=guess)
            return True
        if held := HELD.match(line):
            if self.acquires:
                self.named, self.acquires = bare(held["name"]), False
            self._add(held["name"], kind)
        elif kind == "LOCKDEP" and ACQUIRES.match(line):
            self.acquires = True
        return held is not None

    def name(self, line: str) -> None:
        """See whether one of the first lines tells of a function."""
        if found := NAMED.search(line):
            self.named = bare(found["name"] or found["racer"])

    def panic(self, kind: str) -> None:
        """The kernel panics because of this complaint: what the panic's trace says of it counts if nothing else has."""
        self.panicked = True
        self.complete = kind == "HUNG" or (self.traced and self.solid)

    @property
    def solid(self) -> bool:
        """Whether there is a function to blame."""
        return any(frame.solid for frame in self.frames)

    def trace(self, kind: str) -> list[Frame]:
        """The functions of the trace: of those that are passed over before the one to blame, the first alone.

        The one that the first lines name comes before all others: what stands above it is foreign.
        """
        frames = self._best()
        if frames and self.named and kind not in _UNNAMED and blame.is_blamed(self.named, own=True):
            below = (number for number, frame in enumerate(frames) if frame.name == self.named)
            return [Frame(self.named, solid=True), *frames[next(below, -1) + 1 :]]
        blamed = next((number for number, frame in enumerate(frames) if frame.solid), 0)
        return [*frames[: min(blamed, 1)], *frames[blamed:]]

    def _best(self) -> list[Frame]:
        """The frames that are certain, unless only the guesses have a function to blame."""
        traced = (self.frames, self.guesses) if self.traced else (self.frames, self.before, self.guesses)
        solid = (frames for frames in traced if any(frame.solid for frame in frames))
        return next(solid, None) or next(filter(None, (*traced, self.before)), [])

    def _turn(self, line: str, kind: str) -> None:
        """See where a trace begins, and where its part that tells of the fault ends."""
        self.traced = self.traced or TRACE.match(line) is not None
        if self.complete:
            return
        if "<" in line and (context := CONTEXT.match(line)):
            self._enter_or_leave(context["end"], kind)
        elif ELSEWHERE.match(line):
            self.complete = self.traced or kind in _UNTRACED
        elif kind != "STALL" and shapes.ANSWER.match(line):
            self.complete = self.solid  # of a stall, the other CPU's stack may be what it is about

    def _enter_or_leave(self, end: str | None, kind: str) -> None:
        """What an interrupt has interrupted says nothing of the fault, where the interrupt's own stack does."""
        if end is None:
            self.outside = len(self.frames)
        elif end == "/TASK":
            self.complete = self.solid
        elif kind not in _INTERRUPTED:
            self.complete = any(frame.solid for frame in self.frames[self.outside :])

    def _add(self, name: str, kind: str, *, instruction: bool = False, guess: bool = False) -> None:
        if self.complete or (self.panicked and not self.traced):
            return
        function = bare(name[:LONGEST])
        frames = self.frames if self.traced or instruction else self.before
        frames = self.guesses if guess else frames
        own = (instruction and kind in _INSTRUCTIONS) or (function == self.named and kind not in _UNNAMED)
        seen = bool(frames) and frames[-1].name == function
        if len(frames) < MOST and not seen and blame.is_shown(function, own=own):
            frames.append(Frame(function, blame.is_blamed(function, own=own)))
