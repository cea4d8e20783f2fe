"""The words of a posting: one line, and Markdown that nothing in a log can break out of. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from series_ci.progress import count
from series_ci.text import both_ends

ROWS = 50
"""Tests that are named; the rest is counted."""

LINES = 30
"""Lines of one piece of evidence."""

LONGEST = 60_000
"""Characters of Markdown. GitHub takes 65,535 of a check run and of a comment."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

Rows = Sequence[Mapping[str, Any]]


def title(found: Mapping[str, Any], broken: Rows, flaky: Rows, splats: Rows) -> str:
    """The verdict in a line, with what makes it."""
    parts = [f"{len(broken)} broken"] if broken else []
    parts += [count(len(splats), "new kernel complaint")] if splats else []
    parts += [f"{len(flaky)} flaky"] if flaky else []
    fixed = sum(each["change"] == "FIXED" for each in found["changes"])
    parts += [f"{fixed} fixed"] if fixed else []
    parts += [f"{count(len(found['changes']), 'test')} compared"] if found["changes"] else []
    return ", ".join([f"{found['series']} {found['version']}: {found['verdict']}", *parts])


def summary(
    found: Mapping[str, Any], broken: Rows, flaky: Rows, splats: Rows, logs: Mapping[str, Sequence[str]]
) -> str:
    """The story in Markdown: verdict, what stopped it, complaints, tests with the first one's log, how to repeat."""
    blocks = [
        f"**{code(title(found, broken, flaky, splats))}**",
        f"{code(found['title'])} ({code(found['message_id'])})",
    ]
    if error := found["error"]:
        blocks += [code(error["message"]), fence(str(error["details"]).splitlines())]
    for splat in splats[:ROWS]:
        blocks += [f"New complaint of the kernel: {code(splat['title'])}", fence(splat["lines"])]
    allowed = [each for each in found["splats"] if each.get("allowed")]
    blocks += ["\n".join(_allowed(allowed))] if allowed else []
    blocks += ["\n".join(_tests(broken))] if broken else []
    if broken and (log := logs.get(broken[0]["name"])):
        blocks.append(fence(log))
    blocks += ["\n".join(_tests(flaky))] if flaky else []
    environment = found["environment"]
    kernel = f"Base: {code(environment['tree'])}, {code(str(environment['base_commit'])[:12])}"
    machine = ", ".join(code(environment[key]) for key in ("arch", "accelerator", "compiler") if environment.get(key))
    end = [f"{kernel}; {machine}" if machine else kernel, f"Repeat: {code(found['repeat'])}"]
    return "\n\n".join([*_fit(blocks, LONGEST - sum(map(len, end))), *end]) + "\n"


def _allowed(splats: Rows) -> Iterator[str]:
    for each in splats[:ROWS]:
        why = each["allowed"]
        yield f"- allowed until {why['expires']}: {code(each['title'])}: {code(why['reason'])} {why['link']}"


def _tests(rows: Rows) -> Iterator[str]:
    for each in rows[:ROWS]:
        states = f"{each['base'] or 'absent'} → {each['patched'] or 'absent'}"
        yield f"- {each['change']} {code(each['name'])}: {states}"
    if len(rows) > ROWS:
        yield f"- and {len(rows) - ROWS} more"


def _fit(blocks: Sequence[str], room: int) -> Iterator[str]:
    """As many whole blocks as there is room for: half a fence would swallow what follows."""
    for place, block in enumerate(blocks):
        room -= len(block) + 2
        if room < 200:
            yield f"({count(len(blocks) - place, 'paragraph')} left out)"
            return
        yield block


def code(text: object) -> str:
    """A text as a code span, in which it can neither name people nor make links."""
    plain = " ".join(_CONTROL.sub("\ufffd", str(text)).split()).replace("`", "'")[:500]
    return f"`{plain}`" if plain else ""


def fence(lines: Sequence[object]) -> str:
    """Lines as a block of code, both ends kept if there are many; its fence is longer than any in them."""
    shown = both_ends([_CONTROL.sub("\ufffd", str(line).rstrip())[:500] for line in lines], LINES)
    ticks = "`" * max(3, 1 + max((len(run) for line in shown for run in re.findall("`+", line)), default=0))
    return "\n".join([ticks, *shown, ticks]) if shown else ""
