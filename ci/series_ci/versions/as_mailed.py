"""Compare two versions as they were mailed: for versions that do not apply, so that git has no commits to compare.

Patches are paired by patch-id, then by title, then by likeness, and shown in the form of git range-diff.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from series_ci.errors import UsageError
from series_ci.host import process, scratch
from series_ci.mail import difftext, message
from series_ci.mail.message import Patch
from series_ci.versions.rangediff import PatchFate, PatchPair, PatchSide

ALIKE = 0.5
"""Two patches that have this share of their lines, or of the title's words, in common are versions of one patch."""

CONTEXT = 3

_HUNK = re.compile(r"@@ -[0-9]{1,9}(?:,([0-9]{1,9}))? \+[0-9]{1,9}(?:,([0-9]{1,9}))? @@ ?(.*)")
_FILE = re.compile(r"diff --git a/(.*) b/(.*)")
_ABOUT_FILE = re.compile(r"(?:old mode|new mode|new file|deleted file|rename|copy|Binary files|GIT binary)\b")
_SECTION = re.compile(r" ## (.*) ##|.?@@ (.*)")


@dataclass(frozen=True)
class Mailed:
    """A patch as git reads it from its mail.

    `author` is NAME <ADDRESS>. `message` is the commit message without the title. `diff` begins with its first file.
    """

    author: str
    title: str
    message: str
    diff: str
    patch_id: str


def text(patch: Mailed) -> list[str]:
    """Return the patch as lines to compare, without line numbers and blob ids, which always change."""
    message = [patch.title, "", *patch.message.rstrip("\n").split("\n")]
    return [
        " ## Metadata ##",
        f"Author: {patch.author}",
        "",
        " ## Commit message ##",
        *(f"    {line}".rstrip() for line in message),
        *code(patch.diff),
    ]


def code(diff: str) -> Iterator[str]:
    """Yield the lines of a diff with a heading per file, without the text between its files and after its last hunk."""
    name, old, new = "", 0, 0
    for line in diff.split("\n"):
        if line.startswith("\\ "):  # "No newline at end of file" counts as no line of either side
            yield line
        elif old > 0 or new > 0:
            old -= not line.startswith("+")
            new -= not line.startswith("-")
            yield line or " "  # mail programs remove trailing blanks
        elif file := _FILE.fullmatch(line):
            name = file[2]
            yield from ("", f" ## {name} ##")
        elif hunk := _HUNK.fullmatch(line):
            old, new = (int(count) if count is not None else 1 for count in hunk.groups()[:2])
            yield f"@@ {name}: {hunk[3]}" if hunk[3] else "@@"
        elif _ABOUT_FILE.match(line):
            yield line


def code_of_mail(raw: bytes) -> list[str]:
    """Return the lines of `code` for the diff in a mail."""
    body = message.body_of(message.parse(raw))
    return list(code(body[difftext.start(body) :]))


def compare(old: Sequence[Mailed], new: Sequence[Mailed]) -> tuple[PatchPair, ...]:
    """Return the pairs in the order of git range-diff: new patches in their order, dropped ones at their old place."""
    partner = _partners(old, new)
    kept = set(partner.values())
    shown: set[int] = set()
    pairs: list[PatchPair] = []

    def show_dropped() -> None:
        for index, patch in enumerate(old):
            if index in kept and index not in shown:
                return
            if index not in shown:
                shown.add(index)
                pairs.append(PatchPair(PatchFate.DROPPED, PatchSide(index + 1, patch.title), None))

    for index, patch in enumerate(new):
        show_dropped()
        side = PatchSide(index + 1, patch.title)
        if index in partner:
            shown.add(partner[index])
            pairs.append(_pair(old[partner[index]], partner[index], patch, side))
        else:
            pairs.append(PatchPair(PatchFate.NEW, None, side))
    show_dropped()
    return tuple(pairs)


def _pair(old: Mailed, number: int, new: Mailed, side: PatchSide) -> PatchPair:
    lines = tuple(_difference(text(old), text(new)))
    return PatchPair(PatchFate.CHANGED if lines else PatchFate.SAME, PatchSide(number + 1, old.title), side, lines)


def _partners(old: Sequence[Mailed], new: Sequence[Mailed]) -> dict[int, int]:
    """Return index in `new` -> index in `old` for all patches that are versions of one patch."""
    # If both versions have a single patch, these are paired, however little they have in common.
    if len(old) == len(new) == 1:
        return {0: 0}
    partner: dict[int, int] = {}
    for same in (_same_code, _same_title):
        for index, patch in enumerate(new):
            free = [other for other in range(len(old)) if other not in partner.values() and same(old[other], patch)]
            if index not in partner and free:
                partner[index] = free[0]
    scores = [
        (_likeness(theirs, ours), index, other)
        for index, ours in enumerate(new)
        for other, theirs in enumerate(old)
        if index not in partner and other not in partner.values()
    ]
    for score, index, other in sorted(scores, key=lambda row: -row[0]):
        if score >= ALIKE and index not in partner and other not in partner.values():
            partner[index] = other
    return partner


def _same_code(old: Mailed, new: Mailed) -> bool:
    return old.patch_id == new.patch_id


def _same_title(old: Mailed, new: Mailed) -> bool:
    return old.title == new.title


def _likeness(old: Mailed, new: Mailed) -> float:
    lines = difflib.SequenceMatcher(None, list(code(old.diff)), list(code(new.diff)), autojunk=False)
    words = difflib.SequenceMatcher(None, old.title.split(), new.title.split(), autojunk=False)
    return max(lines.ratio(), words.ratio())


def _difference(old: list[str], new: list[str]) -> Iterator[str]:
    """Yield a unified diff of two texts. The head of each hunk names the section of the patch that it is in."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        yield f"@@ {_section(old, group[0][1])}".rstrip()
        for kind, start, end, other, other_end in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[start:end])
            else:
                yield from (f"-{line}" for line in old[start:end])
                yield from (f"+{line}" for line in new[other:other_end])


def _section(lines: list[str], end: int) -> str:
    """Return the heading that applies where a hunk begins, chosen as git range-diff does."""
    for line in reversed(lines[:end]):
        if match := _SECTION.fullmatch(line):
            return match[1] or match[2]
    return "Metadata"


def as_sent(patch: Patch, patch_id: str) -> Mailed:
    """Return a mail as `git am` would read it: with git's own decoding, and without the text below the `---`.

    Raise UsageError if git cannot read it.
    """
    with scratch.folder("mail") as folder:
        message, diff = folder / "message", folder / "diff"
        done = process.run(
            ["git", "mailinfo", str(message), str(diff)], cwd=folder, stdin=patch.raw, env=process.GIT_ALONE
        )
        if done.code != 0:
            raise UsageError(f"{patch.message_id}: git cannot read this mail", details=done.err)
        info = dict(line.split(": ", 1) for line in done.out.splitlines() if ": " in line)
        text = diff.read_text("utf-8", "replace")
        start = text.find("diff --git ")
        return Mailed(
            author=f"{info.get('Author', '')} <{info.get('Email', '')}>",
            title=info.get("Subject", patch.subject.title),
            message=message.read_text("utf-8", "replace"),
            diff=text[start:] if start >= 0 else "",
            patch_id=patch_id,
        )
