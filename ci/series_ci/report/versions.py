"""Show the versions of a series on a terminal, short or long, and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from series_ci.mail.patchmail import Diffstat, Letter
from series_ci.manifest.model import Manifest
from series_ci.progress import count
from series_ci.versions.checks import Remark, RemarkKind, Sent
from series_ci.versions.listing import Listed, Listing

STYLES = {
    RemarkKind.UNBACKED: "red",
    RemarkKind.BELOW: "red",
    RemarkKind.UNSIGNED: "red",
    RemarkKind.MERGED: "green",
    RemarkKind.IN_TREE: "green",
    RemarkKind.SAME: "dim",
}
"""The styles of marks; others are yellow."""

LABEL = 13
"""Columns of the names in a block."""


def show(listing: Listing, out: Console, *, long: bool) -> None:
    """Print a line per version, or with `long` a block with all that is known of its mails."""
    out.print(Text(f"{listing.manifest.name}: {listing.manifest.title}", "bold"))
    width = out.width if out.is_terminal else 0  # a log has no width
    for line in _blocks(listing, width) if long else _table(listing, width):
        out.print(line)
    for remark in listing.remarks:
        out.print(Text(remark, "yellow"))


def _table(listing: Listing, width: int) -> Iterator[Text]:
    rows = [_cells(each) for each in listing.versions]
    heading = ("version", "sent", "patches", "+/-")
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(4)]

    def line(cells: tuple[str, ...]) -> str:
        return "  ".join(f"{cell:<{size}}" for cell, size in zip(cells, widths, strict=True)) + "  "

    yield Text(f"{line(heading)}marks", "bold")
    for row, each in zip(rows, listing.versions, strict=True):
        start = line(row)
        lines = _wrapped(_short_marks(each), width - len(start) if width else 0)
        yield Text(start if lines[0] else start.rstrip()).append_text(lines[0])
        yield from (Text(" " * len(start)).append_text(more) for more in lines[1:])


def _cells(each: Listed) -> tuple[str, str, str, str]:
    label = each.version.label
    if each.sent is None:
        return label, "-", "-", "-"
    head = each.sent.head
    total = stat(each.sent)
    sent = f"{head.date:%Y-%m-%d %H:%M}" if head.date else "-"
    return label, sent, str(len(each.sent.patches)), f"+{total.insertions} -{total.deletions}"


def stat(sent: Sent) -> Diffstat:
    """Return the sum over the patches; a file that several of them touch counts once."""
    if len(sent.patches) == 1:
        return sent.patches[0].diffstat
    return Diffstat(
        len({path for letter in sent.patches for path in letter.paths}),
        sum(letter.diffstat.insertions for letter in sent.patches),
        sum(letter.diffstat.deletions for letter in sent.patches),
    )


def _short_marks(each: Listed) -> list[Text]:
    if each.error:
        return [Text(each.error.message, "red")]
    return [Text(mark.text, STYLES.get(mark.kind, "yellow")) for mark in each.marks]


def _wrapped(marks: list[Text], width: int) -> list[Text]:
    """Return the marks in lines of at most `width` columns, or in one line if that is 0; no mark is broken."""
    lines = [Text()]
    for number, mark in enumerate(marks):
        piece = mark.copy().append("," if number + 1 < len(marks) else "", "")
        if width and lines[-1] and len(lines[-1]) + 1 + len(piece) > width:
            lines.append(piece)
        else:
            lines[-1] = lines[-1].append(" " if lines[-1] else "").append_text(piece)
    return lines


def _blocks(listing: Listing, width: int) -> Iterator[Text]:
    for each in listing.versions:
        yield Text()
        yield Text(each.version.label, "bold").append(f"  {each.sent.head.subject.title}" if each.sent else "")
        before = ""
        for name, text, style in _facts(each, listing.manifest):
            # Only sentences are wrapped: ids, trailers and titles are copied.
            breakable = name in ("marks", "note") and width
            lines = textwrap.wrap(text, max(width - LABEL - 2, 40)) if breakable else text.split("\n")
            for line in lines:
                yield Text.assemble(f"  {name if name != before else '':<{LABEL}}" if line else "", (line, style))
                before = name


def _facts(each: Listed, manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield (name, text, style) of all that is known of one version."""
    yield "Message-ID", each.version.message_id, ""
    if each.error:
        yield "error", each.error.message, "red"
    if each.sent:
        yield from _facts_of_mails(each.sent, manifest)
    for mark in each.marks:
        yield "marks", f"{mark.text}: {mark.detail}" if mark.detail else mark.text, STYLES.get(mark.kind, "yellow")
    if each.version.note:
        yield "note", each.version.note, ""


def _facts_of_mails(sent: Sent, manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    head, total = sent.head, stat(sent)
    yield "sent", f"{head.date:%Y-%m-%d %H:%M %z}" if head.date else "no date that can be read", ""
    yield "author", f"{head.author} <{head.author_address}>", ""
    size = f"{count(total.files, 'file')}, +{total.insertions} -{total.deletions}"
    yield "patches", f"{len(sent.patches)}: {size}", ""
    for letter in sent.patches if len(sent.patches) > 1 or sent.cover else ():
        numbers = f"{letter.subject.number}/{letter.subject.total}"
        yield (
            "patches",
            f"{numbers} {letter.subject.title}  +{letter.diffstat.insertions} -{letter.diffstat.deletions}",
            "",
        )
    yield "base", base(sent, manifest), ""
    yield from _trailers(sent)
    for letter in sent.letters:
        if letter.changelog:
            yield "changelog", _place(letter, sent) + letter.changelog, ""


def base(sent: Sent, manifest: Manifest) -> str:
    """Return the base commit that the mails name, else the trees of the manifest."""
    named = next((letter.base_commit for letter in reversed(sent.letters) if letter.base_commit), "")
    if named:
        return named
    specs = [each.spec for each in manifest.trees_for(sent.label)]
    return f"not said; the manifest has {' or '.join(specs)}"


def _place(letter: Letter, sent: Sent) -> str:
    """Return the number of a mail, with a blank behind it; "" if there is only one."""
    return f"{letter.subject.number}/{letter.subject.total} " if len(sent.letters) > 1 else ""


def _trailers(sent: Sent) -> Iterator[tuple[str, str, str]]:
    known = {each.trailer: each.backed_by for each in sent.claims}
    for letter in sent.letters:
        for trailer in letter.trailers:
            line = f"{_place(letter, sent)}{trailer.name}: {trailer.value}"
            if trailer.below:
                line += "  (below the ---)"
            if trailer in known:
                line += f"  (in {known[trailer]})" if known[trailer] else "  (no mail says so)"
            yield "trailers", line, "red" if trailer.below or known.get(trailer) == "" else ""


def listing_json(listing: Listing) -> dict[str, Any]:
    """Return the JSON object with all that is known of each version."""
    return {
        "series": listing.manifest.name,
        "title": listing.manifest.title,
        "trees": list(listing.trees),
        "remarks": list(listing.remarks),
        "versions": [_version(each, listing.manifest) for each in listing.versions],
    }


def _version(each: Listed, manifest: Manifest) -> dict[str, Any]:
    error = each.error
    return {
        "version": each.version.label,
        "message_id": each.version.message_id,
        "note": each.version.note or None,
        "error": error and {"message": error.message, "hint": error.hint},
        **(_mails(each.sent, manifest) if each.sent else {}),
        "marks": [_mark(mark) for mark in each.marks],
    }


def _mark(mark: Remark) -> dict[str, str]:
    return {"kind": mark.kind.value, "text": mark.text, "detail": mark.detail}


def _mails(sent: Sent, manifest: Manifest) -> dict[str, Any]:
    head, total = sent.head, stat(sent)
    backed = {each.trailer: each.backed_by for each in sent.claims}
    return {
        "date": head.date and head.date.isoformat(),
        "author": f"{head.author} <{head.author_address}>",
        "subject": head.subject.title,
        "number": head.subject.version if head.subject.numbered else None,
        "tags": list(head.subject.tags),
        "cover": sent.cover and sent.cover.message_id,
        "diffstat": {"files": total.files, "insertions": total.insertions, "deletions": total.deletions},
        "base_commit": next((each.base_commit for each in reversed(sent.letters) if each.base_commit), None),
        "trees": [each.spec for each in manifest.trees_for(sent.label)],
        "change_id": next((each.change_id for each in sent.letters if each.change_id), None),
        "changelog": "\n\n".join(each.changelog for each in sent.letters if each.changelog),
        "trailers": [
            {
                "mail": letter.message_id,
                "name": trailer.name,
                "value": trailer.value,
                "below": trailer.below,
                "given_in": backed.get(trailer) or None,
            }
            for letter in sent.letters
            for trailer in letter.trailers
        ],
        "patches": [_patch(letter, name) for letter, name in zip(sent.patches, sent.patch_ids, strict=True)],
    }


def _patch(letter: Letter, patch_id: str) -> dict[str, Any]:
    return {
        "message_id": letter.message_id,
        "subject": letter.subject.title,
        "patch_id": patch_id,
        "insertions": letter.diffstat.insertions,
        "deletions": letter.diffstat.deletions,
        "files": list(letter.paths),
    }
