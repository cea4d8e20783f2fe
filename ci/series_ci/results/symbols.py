"""Find the source lines of the functions in a complaint's trace with the kernel tree's own decode_stacktrace.sh."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.host import process
from series_ci.results.model import Splat

SCRIPT = "scripts/decode_stacktrace.sh"
TOOLS = ("bash", "addr2line", "nm", "readelf", "awk")

# The script passes words of the log to awk and to the shell's arithmetic. So it is given only words of this form.
_PLACE = re.compile(
    r"(?<![\w.])(?P<symbol>[A-Za-z_][\w.]*\+0x[0-9a-f]{1,8}/0x[0-9a-f]{1,8})(?: \[(?P<module>\w+)[^\]]{0,60}\])?"
)
_DECODED = re.compile(r"(?P<name>\S+) \((?P<where>.+)\)\s")


class Symbols:
    """The symbols of a vmlinux. If something is missing to decode with, say so once, and decode nothing."""

    def __init__(self, vmlinux: Path, say: Callable[[str], None]) -> None:
        """Raise UsageError if the file does not exist."""
        if not vmlinux.is_file():
            raise UsageError(f"--vmlinux {vmlinux}: there is no such file")
        self._vmlinux = vmlinux.resolve()
        self._known: dict[str, str] = {}
        self._script = _script(self._vmlinux)
        if why := self._missing():
            say(f"traces stay as they are: {why}")
            self._script = None

    def _missing(self) -> str:
        if missing := [tool for tool in TOOLS if process.which(tool) is None]:
            return f"{', '.join(missing)} is missing"
        if ".debug_line" not in process.run(["readelf", "-SW", str(self._vmlinux)], env={"LC_ALL": "C"}).out:
            return f"{self._vmlinux} has no debug information (CONFIG_DEBUG_INFO)"
        return "" if self._script else f"no {SCRIPT} beside {self._vmlinux}, nor in the tree that it was built from"

    def decode(self, splats: Sequence[Splat]) -> list[Splat]:
        """Return the complaints with the decoded lines of their traces beside the printed ones."""
        if self._script is None:
            return list(splats)
        self._learn(match for splat in splats for line in splat.lines for match in _PLACE.finditer(line))
        return [replace(splat, decoded=tuple(map(self._line, splat.lines))) for splat in splats]

    def _learn(self, places: Iterable[re.Match[str]]) -> None:
        asked = {_question(place): place["symbol"] for place in places}
        unknown = [question for question in asked if question not in self._known]
        if not unknown:
            return
        # The script answers each question with one line. An empty DEBUGINFOD_URLS keeps it from fetching anything.
        done = process.run(
            ["bash", str(self._script), str(self._vmlinux)],
            stdin="".join(f"{question}\n" for question in unknown).encode(),
            env={"LC_ALL": "C", "DEBUGINFOD_URLS": ""},
            cwd=self._vmlinux.parent,
        )
        for question, answer in zip(unknown, done.out.splitlines(), strict=False):
            decoded = _DECODED.search(f"{answer} ")
            name = asked[question].partition("+")[0]
            self._known[question] = f"{name} ({decoded['where']})" if decoded and decoded["name"] == name else ""

    def _line(self, line: str) -> str:
        def place(match: re.Match[str]) -> str:
            known = self._known.get(_question(match))
            return match[0].replace(match["symbol"], known, 1) if known else match[0]

        return _PLACE.sub(place, line)


def _question(place: re.Match[str]) -> str:
    return f"{place['symbol']} [{place['module']}]" if place["module"] else place["symbol"]


def _script(vmlinux: Path) -> Path | None:
    """Return the script of the tree that vmlinux was built in, or of the source that its build folder names."""
    places = (vmlinux.parent / SCRIPT, vmlinux.parent / "source" / SCRIPT)
    return next((path for path in places if path.is_file()), None)
