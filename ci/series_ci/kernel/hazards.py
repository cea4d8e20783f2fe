"""What of a stranger's patch is refused by name before it is applied, and what a manifest permits. Pure.

A patch of a kernel series changes texts. Links out of the tree, submodules, what tells git how to read other files,
contents and names that a reviewer cannot see as they are, and more than anybody reviews: each may be meant, and then
the manifest says so, with a reason.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from series_ci.kernel.objects import GITLINK, GONE, Changed
from series_ci.mail.difftext import LINK, FileChange
from series_ci.manifest.permit import Permit

PATCH_BYTES = 4 << 20
"""The largest mail of a patch that needs no permission; lists take less."""

FILE_BYTES = 32 << 20
"""The largest file that a patch may leave behind without one; the kernel's largest has some 20 MiB."""

HOPS = 40
"""Links that Linux follows one after the other."""

STEPS = 1000
"""Parts of a path from which on nobody follows it: it counts as one that leads out."""


class HazardKind(StrEnum):
    """What is refused; all but the first can be permitted."""

    PATH = "path"
    ATTRIBUTES = "attributes"
    BINARY = "binary"
    NAME = "name"
    SIZE = "size"
    SUBMODULE = "submodule"
    SYMLINK = "symlink"


@dataclass(frozen=True)
class Hazard:
    """One thing that is refused: the file ("" for the patch as a whole), and what is wrong with it."""

    kind: HazardKind
    path: str
    why: str

    @property
    def words(self) -> str:
        """The two together, on one line whatever the name holds."""
        return f"{quoted(self.path)} {self.why}" if self.path else self.why


def permit(hazard: Hazard, permits: Sequence[Permit]) -> Permit | None:
    """The first entry that permits something."""
    return next((each for each in permits if each.covers(hazard.kind, hazard.path)), None)


def quoted(path: str) -> str:
    """A name as it is if it has nothing but plain characters, else in quotes, with escapes."""
    plain = path.isascii() and path.isprintable() and not set(path) & set(" \"'\\")
    return path if plain else json.dumps(path)


def of_mail(changes: Sequence[FileChange], size: int) -> Iterator[Hazard]:
    """What the diffs of a mail of so many bytes show."""
    if size > PATCH_BYTES:
        yield Hazard(HazardKind.SIZE, "", f"the mail has {_mib(size)}, more than the {_mib(PATCH_BYTES)} of a patch")
    for change in changes:
        for path in dict.fromkeys((change.old, change.new)):
            yield from of_name(path)
        yield from _of_mode(change.mode, change.new)
        if change.mode == LINK and change.target and leads_out(change.new, {change.new: change.target}):
            yield _link(change.new, change.target)
        if change.binary and not change.deleted:
            yield Hazard(HazardKind.BINARY, change.new, "is binary")
        if change.inflated > FILE_BYTES:
            yield _large(change.new, change.inflated)


def of_commit(
    changes: Sequence[Changed], binary: Collection[str], sizes: Mapping[str, int], links: Mapping[str, str]
) -> Iterator[Hazard]:
    """What a commit holds that the one before it did not: the truth, whatever the mail looked like.

    `binary` are the changed files that git takes for such, `sizes` those of their contents, and `links` those of the
    whole tree that lead out of it since.
    """
    moved = {change.old_blob for change in changes}
    for change in changes:
        yield from of_name(change.path)
        yield from _of_mode(change.mode, change.path)
        if change.mode in (GONE, LINK, GITLINK) or change.blob in moved:
            continue
        if change.path in binary:
            yield Hazard(HazardKind.BINARY, change.path, "is binary")
        if (size := sizes.get(change.blob, 0)) > FILE_BYTES:
            yield _large(change.path, size)
    for path, target in links.items():
        yield _link(path, target)


def _of_mode(mode: str, path: str) -> Iterator[Hazard]:
    if mode == GITLINK:
        yield Hazard(HazardKind.SUBMODULE, path, "is a submodule: what it holds is in another repository")


def _link(path: str, target: str) -> Hazard:
    return Hazard(HazardKind.SYMLINK, path, f"is a symbolic link that leads out of the tree, to {quoted(target[:200])}")


def _large(path: str, size: int) -> Hazard:
    return Hazard(HazardKind.SIZE, path, f"has {_mib(size)}, more than the {_mib(FILE_BYTES)} of a source file")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB" if size % (1 << 20) == 0 else f"{size / (1 << 20):.1f} MiB"


def of_name(path: str) -> Iterator[Hazard]:
    """What a name alone tells."""
    if not path:
        return
    parts = path.split("/")
    if path.startswith("/"):
        yield Hazard(HazardKind.PATH, path, "is an absolute path")
    elif ".." in parts:
        yield Hazard(HazardKind.PATH, path, "leads out of the tree")
    elif "" in parts or "." in parts:
        yield Hazard(HazardKind.PATH, path, "is no plain path")
    elif any(_is_gits(part) for part in parts):
        yield Hazard(HazardKind.PATH, path, "is git's own folder, or looks like it")
    last = parts[-1].lower()
    if last == ".gitattributes":
        yield Hazard(HazardKind.ATTRIBUTES, path, "tells git how to read and write other files")
    if last == ".gitmodules":
        yield Hazard(HazardKind.SUBMODULE, path, "tells git which other repositories to fetch")
    if why := odd_name(path):
        yield Hazard(HazardKind.NAME, path, f"has {why} in its name")


def _is_gits(part: str) -> bool:
    """Whether some file system takes a name for `.git`: without regard to case, to what is invisible or at the end."""
    seen = "".join(char for char in part if unicodedata.category(char) not in ("Cf", "Cc"))
    return seen.lower().rstrip(" .").partition(":")[0] in (".git", "git~1")


LOOK_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
"""Alphabets with letters that look like Latin ones."""

_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
_PLAIN_LATIN = 0x180  # Latin-1 and Latin Extended-A: the letters of most languages of Europe
_DOTLESS = "\u0131\u0138\u017f"


def odd_name(path: str) -> str:
    """The first character of a name that does not look as what it is, in words; "" if there is none."""
    for part in path.split("/"):
        if part != part.strip(" "):
            return "a space at an end"
    for char in path:
        if char == "\\":
            return "a backslash"
        if (not char.isascii() or not char.isprintable()) and not _is_plain(char):
            name = unicodedata.name(char, "")
            return f"U+{ord(char):04X}" + (f" ({name})" if name else "")
    return "" if unicodedata.is_normalized("NFC", path) else "letters that are put together of several characters"


def _is_plain(char: str) -> bool:
    """Whether a character outside ASCII is a letter that is taken for no other."""
    if not unicodedata.category(char).startswith("L") or char in _FILLERS + _DOTLESS:
        return False
    if unicodedata.normalize("NFKC", char) != char:
        return False
    name = unicodedata.name(char, "")
    return ord(char) < _PLAIN_LATIN or (not name.startswith(LOOK_ALIKE) and _is_plain_latin(char, name))


def _is_plain_latin(char: str, name: str) -> bool:
    """Of Latin letters beyond those: an accented one of Vietnamese, say, and none of phonetics."""
    return not name.startswith("LATIN") or unicodedata.normalize("NFD", char)[0].isascii()


def leads_out(path: str, links: Mapping[str, str]) -> bool:
    """Whether who follows the link `path` comes out of the tree, or into git's own folder in it.

    `links` are those of the tree and where they lead. One that leads to itself leads nowhere.
    """
    here, todo, hops = path.split("/"), list[str](), 0
    for _step in range(STEPS):
        target = links.get("/".join(here))
        if target is not None:
            hops += 1
            if hops > HOPS or target.startswith("/"):
                return hops <= HOPS
            here.pop()
            todo += target.split("/")[::-1]
        if not todo:
            return False
        if not _goes_on(here, todo.pop()):
            return True
    return True


def _goes_on(here: list[str], part: str) -> bool:
    """Take `here` on by one part of a path, if that does not leave the tree."""
    if part == "..":
        return bool(here) and bool(here.pop())
    if part not in ("", "."):
        here.append(part)
    return not _is_gits(part)


@dataclass(frozen=True)
class Permitted:
    """What a patch (`1/2 title`) has that is refused unless the manifest permits it, and the manifest's reason.

    `kind` is the manifest's word, `path` the file, "" for the patch as a whole, `why` what is refused elsewhere.
    """

    kind: str
    path: str
    patch: str
    why: str
    reason: str

    @property
    def words(self) -> str:
        """Which file of which patch is what, and why that is so."""
        what = f"{quoted(self.path)} {self.why}" if self.path else self.why
        return f"{what} (patch {self.patch}), permitted: {self.reason}"
