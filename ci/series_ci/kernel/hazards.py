"""What a patch may not contain unless its manifest permits it. Pure.

A patch of a kernel series changes texts. Refused are symbolic links out of the tree, submodules, git attributes,
binary files, names with invisible or misleading characters, and files too large to be reviewed. Each may be meant: the
manifest permits it then, and gives a reason.
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
"""The largest mail that needs no permission; mailing lists take less."""

FILE_BYTES = 32 << 20
"""The largest file that a patch may write without permission; the kernel's largest has some 20 MiB."""

HOPS = 40
"""How many symbolic links Linux follows in one path (MAXSYMLINKS)."""

STEPS = 1000
"""How many parts of a path are followed; one that is longer counts as leading out of the tree."""


class HazardKind(StrEnum):
    """The kinds of hazards. All but PATH can be permitted."""

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
        """Both as one line of text, whatever characters the name has."""
        return f"{quoted(self.path)} {self.why}" if self.path else self.why


def permit(hazard: Hazard, permits: Sequence[Permit]) -> Permit | None:
    """Return the first entry that permits a hazard; None if there is none."""
    return next((each for each in permits if each.covers(hazard.kind, hazard.path)), None)


def quoted(path: str) -> str:
    """Return a name as it is if all its characters are plain, else quoted and escaped as in JSON."""
    plain = path.isascii() and path.isprintable() and not set(path) & set(" \"'\\")
    return path if plain else json.dumps(path)


def of_mail(changes: Sequence[FileChange], size: int) -> Iterator[Hazard]:
    """Yield the hazards in the diffs of a mail; `size` is that of the mail in bytes."""
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
    """Yield the hazards that a commit adds to the one before it, however its mail was read.

    `binary` are the changed files that git takes for binary, `sizes` the bytes of each blob, `links` the symbolic links
    of the whole tree that lead out of it since this commit, by path.
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
    """Yield the hazards of a name."""
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
    """Return whether some file system takes a name for `.git`, ignoring case, invisible or trailing characters."""
    seen = "".join(char for char in part if unicodedata.category(char) not in ("Cf", "Cc"))
    return seen.lower().rstrip(" .").partition(":")[0] in (".git", "git~1")


LOOK_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
"""Alphabets with letters that look like Latin ones."""

_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
_PLAIN_LATIN = 0x180  # Latin-1 and Latin Extended-A: the letters of most languages of Europe
_DOTLESS = "\u0131\u0138\u017f"


def odd_name(path: str) -> str:
    """Return what is misleading in a name, in words: the first such character; "" if there is none."""
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
    """Return whether a character outside ASCII is a letter that looks like no other."""
    if not unicodedata.category(char).startswith("L") or char in _FILLERS + _DOTLESS:
        return False
    if unicodedata.normalize("NFKC", char) != char:
        return False
    name = unicodedata.name(char, "")
    return ord(char) < _PLAIN_LATIN or (not name.startswith(LOOK_ALIKE) and _is_plain_latin(char, name))


def _is_plain_latin(char: str, name: str) -> bool:
    """Return whether a letter is not Latin, or an ASCII letter with accents (as in Vietnamese; none of phonetics)."""
    return not name.startswith("LATIN") or unicodedata.normalize("NFD", char)[0].isascii()


def leads_out(path: str, links: Mapping[str, str]) -> bool:
    """Return whether the symbolic link `path` leads out of the tree, or into git's own folder in it.

    `links` are the symbolic links of the tree with their targets. A loop does not lead out.
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
    """Append one part of a path to `here`; return False if that leaves the tree or enters git's folder."""
    if part == "..":
        return bool(here) and bool(here.pop())
    if part not in ("", "."):
        here.append(part)
    return not _is_gits(part)


@dataclass(frozen=True)
class Permitted:
    """A hazard in a patch (`1/2 title`) that the manifest permits, with the manifest's reason.

    `kind` is that of the hazard, `path` the file ("" for the patch as a whole), `why` what is wrong with it.
    """

    kind: str
    path: str
    patch: str
    why: str
    reason: str

    @property
    def words(self) -> str:
        """The file, its hazard, the patch and the reason as one line."""
        what = f"{quoted(self.path)} {self.why}" if self.path else self.why
        return f"{what} (patch {self.patch}), permitted: {self.reason}"
