"""Parse a diff: which files it touches, what it needs, how much it changes. Pure.

Whether a diff is whole is git's to say, when it is applied: see kernel/apply.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LINK = "120000"
"""The mode of a symbolic link."""

_START = re.compile(r"^diff --git |^Index: \S|^--- \S.*\n\+\+\+ \S.*\n@@ -", re.MULTILINE)
_SECOND = re.compile(r" \"?b/")
_HUNK = re.compile(r"@@ -[0-9]{1,9}(?:,([0-9]{1,9}))? \+[0-9]{1,9}(?:,([0-9]{1,9}))? @@")
_INDEX = re.compile(r"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})( \d{6})?")
_MODE = re.compile(r"(?:old|new) mode \d{6}")
_NEW_MODE = re.compile(r"new (?:file )?mode (\d{6})")
_INFLATED = re.compile(r"(?:literal|delta) (\d{1,18})")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass
class FileChange:
    """What a diff does to one file. Paths are as in the tree; `old` and `new` differ only for a renamed or copied file.

    `blob` is the id, perhaps abbreviated, of the old content, "" for a new file. `mode` is the new mode as git writes
    it, "" if the diff names none. `mode_lost` is true if no line names the mode: git leaves it out of the index line
    only if it writes an old and a new mode line instead, so these two were removed. `target` is the target of a new
    symbolic link. `inflated` is the largest size in bytes that a `binary` patch declares.
    """

    old: str
    new: str
    blob: str = ""
    insertions: int = 0
    deletions: int = 0
    mode_changed: bool = False
    mode_lost: bool = False
    mode: str = ""
    target: str = ""
    binary: bool = False
    deleted: bool = False
    inflated: int = 0
    hunks: int = field(default=0, repr=False)


def start(text: str) -> int:
    """Return where the first diff of a text begins (git's header, or `---`, `+++` and a hunk), -1 if there is none."""
    match = _START.search(text)
    return match.start() if match else -1


def parse(text: str) -> list[FileChange]:
    """Return the files of a diff, in its order. Other text is skipped. Lines of binary files are not counted."""
    changes: list[FileChange] = []
    lines = iter(text.split("\n"))
    for line in lines:
        if line.startswith("diff --git "):
            changes.append(FileChange(*_names(line)))
        elif line.startswith("--- ") and (not changes or changes[-1].hunks):
            # A diff without git's header names its files only here.
            changes.append(FileChange(_name(line[4:]), _name(line[4:])))
        elif changes and (hunk := _HUNK.match(line)):
            _count(changes[-1], lines, int(hunk[1] or 1), int(hunk[2] or 1))
        elif changes and not changes[-1].hunks:
            _header(changes[-1], line)
    return [change for change in changes if change.old or change.new]


def _header(change: FileChange, line: str) -> None:
    word, _, rest = line.partition(" ")
    if mode := _NEW_MODE.fullmatch(line.rstrip()):
        change.mode = mode[1]
    if inflated := _INFLATED.fullmatch(line.rstrip()):
        change.inflated = max(change.inflated, int(inflated[1]))
    change.binary = change.binary or line.rstrip() == "GIT binary patch"
    change.deleted = change.deleted or line.startswith("deleted file mode ")
    if line.startswith(("rename from ", "copy from ")):
        change.old = _unquote(line.split(" ", 2)[2])
    elif line.startswith(("rename to ", "copy to ")):
        change.new = _unquote(line.split(" ", 2)[2])
    elif (index := _INDEX.fullmatch(line.rstrip())) and index[1].strip("0"):
        change.blob = index[1]
        change.mode = change.mode or (index[3] or "").strip()
        change.mode_lost = bool(index[2].strip("0")) and not index[3] and not change.mode_changed
    elif _MODE.fullmatch(line.rstrip()):
        change.mode_changed = True
    elif word == "---" and rest.strip() != "/dev/null":
        change.old = _name(rest)
    elif word == "+++" and rest.strip() != "/dev/null":
        change.new = _name(rest)


def _count(change: FileChange, lines: Iterator[str], old: int, new: int) -> None:
    """Read one hunk of `old` and `new` lines.

    Counting lines tells where the hunk ends: the signature of a mail looks like a deletion.
    """
    change.hunks += 1
    while old > 0 or new > 0:
        line = next(lines, None)
        if line is None:
            return
        if line.startswith("+"):
            change.insertions += 1
            new -= 1
            change.target += line[1:] if change.mode == LINK else ""
        elif line.startswith("-"):
            change.deletions += 1
            old -= 1
        elif line.startswith("\\"):
            continue
        else:  # context; mailers drop the space of an empty line
            old -= 1
            new -= 1


def _names(line: str) -> tuple[str, str]:
    """Return the two paths of git's header line. They differ only for a rename, where other lines name both again."""
    line = line.rstrip()
    half = line.removeprefix("diff --git a/")
    middle = (len(half) - 3) // 2
    if half[:middle] == half[middle + 3 :] and half[middle : middle + 3] == " b/":
        return half[:middle], half[:middle]
    both = line.removeprefix("diff --git ")
    # A single expression for both paths would take hours on a line of megabytes.
    first = _QUOTED.match(both) if both.startswith('"') else None
    second = _SECOND.match(both, first.end()) if first else _SECOND.search(both)
    if second is None:
        return "", ""
    old, new = _unquote(both[: second.start()]), _unquote(both[second.start() + 1 :])
    return (old[2:], new[2:]) if old.startswith("a/") and new.startswith("b/") else ("", "")


def _name(text: str) -> str:
    """Return the path of a `---` or `+++` line, without a/ or b/ and without the date that diff(1) appends."""
    path = _unquote(text.split("\t", maxsplit=1)[0].rstrip())
    return "" if path == "/dev/null" else path.partition("/")[2] if "/" in path else path


def _unquote(text: str) -> str:
    """Return a path from git's form: git quotes a path with special bytes, and writes those in octal."""
    quoted = _QUOTED.fullmatch(text.strip())
    if quoted is None:
        return text.strip()

    def byte(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8) & 255]) if len(code) == 3 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(byte, quoted[1].encode()).decode("utf-8", "replace")


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Return each text once, in the order of first appearance, without empty ones."""
    return tuple(dict.fromkeys(item for item in items if item))
