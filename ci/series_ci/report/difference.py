"""Show what differs between two versions, on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from rich.text import Text

from series_ci.mail import patchmail
from series_ci.progress import count
from series_ci.rundir import earlier
from series_ci.rundir.earlier import EarlierRun
from series_ci.versions.difference import Difference, Side
from series_ci.versions.rangediff import WORDS, PatchFate, PatchPair, PatchSide

STYLES = {PatchFate.SAME: "", PatchFate.CHANGED: "yellow", PatchFate.DROPPED: "red", PatchFate.NEW: "green"}


def show(difference: Difference, out: Console, *, stat: bool) -> None:
    """Print how the versions were compared, what changed in each patch, and what changed in the results of tests.

    With `stat` there is one line per patch. For equal versions there is one line, and the results if both have some.
    """
    old, new = difference.old, difference.new
    if difference.equal:
        patches = count(len(difference.pairs), "patch")
        out.print(Text(f"{old.name} and {new.name} are equal: {patches}, same code, same commit messages", "green"))
    else:
        out.print(Text(f"{old.request.series}: {old.name} -> {new.name}", "bold"))
        for line in _how(difference):
            out.print(Text(line))
        for pair in difference.pairs:
            out.print(_stat(pair, difference) if stat else _heading(pair))
            for line in () if stat else pair.lines:
                out.print(_coloured(line))
    for line in _results(difference):
        out.print(Text(line))


def _how(difference: Difference) -> list[str]:
    """Return the trees that the versions were applied to, or why they were not."""
    refused = [f"{each.name}: {each.refusal}" for each in (difference.old, difference.new) if each.refusal]
    if difference.as_mailed:
        return [*refused, "compared as mailed"]
    if difference.same_base:
        return [f"both on {_base(difference.new)}"]
    return [f"{each.name} on {_base(each)}" for each in (difference.old, difference.new)]


def _base(version: Side) -> str:
    return f"{version.base.spec} ({version.base.commit[:12]})" if version.base else "no tree"


def _stat(pair: PatchPair, difference: Difference) -> Text:
    """Return the line of a patch: how much of it changed; its own diffstat, in parentheses, if it is new or dropped."""
    numbers = f"{_number(pair.old)} {pair.mark} {_number(pair.new)}"
    size = f"+{pair.added} -{pair.removed}" if pair.mark is PatchFate.CHANGED else ""
    if not (pair.old and pair.new) and (alone := pair.new or pair.old):
        patches = (difference.new if pair.new else difference.old).fetched.patches
        whole = patchmail.read(patches[alone.number - 1].raw).diffstat
        size = f"(+{whole.insertions} -{whole.deletions})"
    return Text.assemble((f"{numbers}  {WORDS[pair.mark]:<7} {size:>9}", STYLES[pair.mark]), f"  {pair.title}")


def _number(side: PatchSide | None) -> str:
    return f"{side.number if side else '-':>2}"


def _heading(pair: PatchPair) -> Text:
    """Return the heading of a patch as git range-diff writes it; patches that were not applied have no commits."""
    width = max(len(side.commit) for side in (pair.old, pair.new) if side)
    old, new = (
        f"{side.number if side else '-'}:  {side.commit if side else '-' * width}"
        if width
        else str(side.number if side else "-")
        for side in (pair.old, pair.new)
    )
    return Text(f"{old} {pair.mark} {new}  {pair.title}", STYLES[pair.mark])


def _coloured(line: str) -> Segments:
    """Return a line of a diff of patches: its first column says old or new, its second is that of the patch."""
    line = line.replace("\x1b", "^[")  # no escape sequence of a mail reaches the terminal
    inner = {"+": "green", "-": "red"}.get(line[1:2], "")
    outer, style = {"-": ("reverse red", f"dim {inner}"), "+": ("reverse green", f"bold {inner}")}.get(
        line[:1], ("", inner)
    )
    if line.startswith("@@"):
        outer = style = "cyan"
    # Segments, not a Text, in which rich would expand the tabs.
    parts = [("    ", ""), (line[:1], outer), (line[1:], style.strip()), ("\n", "")]
    return Segments(Segment(text, Style.parse(style)) for text, style in parts)


def _results(difference: Difference) -> Iterator[str]:
    """Yield what changed in the results; for a version without results, the command that tests it."""
    old, new = difference.old.tested, difference.new.tested
    if old and new:
        yield ""
        yield from _both(difference, old, new)
    elif not difference.equal:
        yield ""
        for each in (difference.old, difference.new):
            where = " on this base" if each.base else ""
            yield (
                f"{each.name}: {each.tested.verdict}"
                if each.tested
                else (f"{each.name} was not tested{where}; to do so: {each.request.repeat}")
            )


def _both(difference: Difference, old: EarlierRun, new: EarlierRun) -> Iterator[str]:
    names = (difference.old.name, difference.new.name)
    for name, each in zip(names, (old, new), strict=True):
        yield f"{name}: {each.verdict}" + (f": {each.error}" if each.error else "") + f"  ({each.folder})"
    if old.base != new.base:
        yield f"they were tested on different bases: {old.base[:12]} and {new.base[:12]}"
    if old.error or new.error:
        return
    results = earlier.compare(old, new)
    if results.changed:
        rows = [("test", *names), *results.changed]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        yield from ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    yield f"{count(results.same, 'test')} gave the same result" + "".join(
        f", {count(number, 'test')} ran for {name} only"
        for number, name in zip((results.only_old, results.only_new), names, strict=True)
        if number
    )


def difference_json(difference: Difference) -> dict[str, Any]:
    """Return the JSON object: both versions, each patch with its diff as lines, and the results that differ."""
    old, new = difference.old.tested, difference.new.tested
    results = earlier.compare(old, new) if old and new and not (old.error or new.error) else None
    return {
        "series": difference.new.request.series,
        "old": _version(difference.old),
        "new": _version(difference.new),
        "compared": "mails" if difference.as_mailed else "commits",
        "equal": difference.equal,
        "patches": [
            {
                "change": WORDS[pair.mark],
                "title": pair.title,
                "old": _patch(pair.old),
                "new": _patch(pair.new),
                "added": pair.added,
                "removed": pair.removed,
                "diff": list(pair.lines),
            }
            for pair in difference.pairs
        ],
        "results": results
        and {
            "changed": [{"name": name, "old": before, "new": after} for name, before, after in results.changed],
            "same": results.same,
            "only_old": results.only_old,
            "only_new": results.only_new,
        },
    }


def _version(version: Side) -> dict[str, Any]:
    run = version.tested
    return {
        "version": version.request.label,
        "message_id": version.request.message_id,
        "tree": version.base and version.base.spec,
        "base_commit": version.base and version.base.commit,
        "commit": version.commit,
        "does_not_apply": version.refusal or None,
        "tested": run and {"verdict": run.verdict, "run_dir": str(run.folder), "base_commit": run.base},
        "test": version.request.repeat,
    }


def _patch(side: PatchSide | None) -> dict[str, Any] | None:
    return None if side is None else {"number": side.number, "title": side.title, "commit": side.commit or None}
