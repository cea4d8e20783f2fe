"""The functions of one complaint's stack traces, and which of them identify it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from series_ci.results.splat import blame, shapes
from series_ci.results.splat.trace import ACQUIRES, CONTEXT, ELSEWHERE, FRAME, HELD, IP, NAMED, TRACE, bare

MOST = 16
"""The maximum number of functions of a trace that are kept."""

LONGEST = 512
"""The maximum length of a function's name, as in the kernel. A log may have longer ones, which would cost time."""

_INSTRUCTIONS = frozenset({"", "OOPS", "BUG", "WARNING"})
"""Kinds that report an instruction, so its function is at fault. In others it is where a CPU happened to be."""

_INTERRUPTED = frozenset({"LOCKUP", "STALL"})
"""Kinds that are detected in an interrupt, and are about what was interrupted."""

_UNNAMED = _INTERRUPTED | {"LIST", "REFCOUNT", "SLAB", "USERCOPY"}
"""Kinds whose first lines name the checking function, or what was interrupted."""

_UNTRACED = frozenset({"KFENCE", "KMSAN"})
"""Kinds whose own trace has no heading."""


class Frame(NamedTuple):
    """A function of a trace. It is `solid` if it may be blamed."""

    name: str
    solid: bool


@dataclass(slots=True)
class TraceStack:
    """What was read so far of a complaint's traces.

    The kind of the complaint is not stored here but passed to the methods, since it may become known late.
    """

    before: list[Frame] = field(default_factory=list)  # before the first "Call Trace": allocation stacks, lock chains
    frames: list[Frame] = field(default_factory=list)
    guesses: list[Frame] = field(default_factory=list)  # may be left over from another call, or inlined
    named: str = ""  # the function that the first lines name
    acquires: bool = False  # the next line says which function takes a lock
    traced: bool = False  # the heading of a trace has come
    complete: bool = False  # the lines from here on do not identify the complaint
    panicked: bool = False
    outside: int = 0  # the number of frames before those of the interrupt whose stack is being printed

    def read(self, line: str, kind: str) -> bool:
        """Read a line. Return whether it has a function of a trace."""
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
        """Remember the function that the line, one of the first, names, if it names one."""
        if match := NAMED.search(line):
            self.named = bare(match["name"] or match["racer"])

    def panic(self, kind: str) -> None:
        """Note that the kernel panics because of this complaint.

        The panic's trace counts only if the complaint has none with a function to blame, and never for a hung task.
        """
        self.panicked = True
        self.complete = kind == "HUNG" or (self.traced and self.solid)

    @property
    def solid(self) -> bool:
        """Return whether there is a function to blame."""
        return any(frame.solid for frame in self.frames)

    def trace(self, kind: str) -> list[Frame]:
        """Return the functions of the trace. Of those before the one to blame, only the first is kept.

        A function that the first lines name comes first, without those above it in the trace: they do not belong to the
        fault.
        """
        frames = self._best()
        if frames and self.named and kind not in _UNNAMED and blame.is_blamed(self.named, own=True):
            below = (number for number, frame in enumerate(frames) if frame.name == self.named)
            return [Frame(self.named, solid=True), *frames[next(below, -1) + 1 :]]
        blamed = next((number for number, frame in enumerate(frames) if frame.solid), 0)
        return [*frames[: min(blamed, 1)], *frames[blamed:]]

    def _best(self) -> list[Frame]:
        """Return the frames that are certain, unless only the guesses have a function to blame."""
        traced = (self.frames, self.guesses) if self.traced else (self.frames, self.before, self.guesses)
        solid = (frames for frames in traced if any(frame.solid for frame in frames))
        return next(solid, None) or next(filter(None, (*traced, self.before)), [])

    def _turn(self, line: str, kind: str) -> None:
        """Note where a trace begins, and where its part about the fault ends."""
        self.traced = self.traced or TRACE.match(line) is not None
        if self.complete:
            return
        if "<" in line and (context := CONTEXT.match(line)):
            self._enter_or_leave(context["end"], kind)
        elif ELSEWHERE.match(line):
            self.complete = self.traced or kind in _UNTRACED
        elif kind != "STALL" and shapes.ANSWER.match(line):
            self.complete = self.solid  # not for a stall, which may be about the other CPU's stack

    def _enter_or_leave(self, end: str | None, kind: str) -> None:
        """Note where the stack of an interrupt or of a task begins or ends.

        What an interrupt has interrupted does not count if the interrupt's own stack has a function to blame.
        """
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
