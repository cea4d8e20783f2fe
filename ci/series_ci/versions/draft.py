"""A manifest as text: what was found out about a series, written for a person to check and to go on from. No files."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import yaml

from series_ci.mail import titles
from series_ci.mail.difftext import unique
from series_ci.progress import count
from series_ci.versions.bases import Choice
from series_ci.versions.labels import Labelled

_ABOUT = {"mm/": "mm", "net/": "net", "kernel/bpf/": "bpf", "kernel/time/": "timers", "fs/proc/": "proc"}
_SELFTESTS = re.compile(r"tools/testing/selftests/(.+)/[^/]+$")


@dataclass(frozen=True)
class Draft:
    """All that goes into a manifest. `choices` has the base of each version, by label; `notes` is for the head."""

    name: str
    title: str
    archive: str
    versions: tuple[Labelled, ...]
    choices: dict[str, Choice]
    notes: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    """Folders of the tree's selftests that are about what the series touches."""

    @property
    def sure(self) -> tuple[Labelled, ...]:
        """The versions that need nobody to confirm them."""
        return tuple(each for each in self.versions if not each.doubts)


def slug(title: str) -> str:
    """A name for a series out of the first words of its title."""
    words = (re.sub(r"[^a-z0-9]+", "-", word).strip("-") for word in titles.in_order(title))
    return "-".join(unique(words)[:4]) or "series"


def render(draft: Draft) -> str:
    """The text of the manifest."""
    common = _common(draft)
    head = _scalar("name", draft.name) + _scalar("title", draft.title) + _scalar("archive", draft.archive)
    versions = "".join(_version(each, draft, common) for each in draft.versions)
    listed = f"{_comment([_count(draft), *draft.notes])}versions:\n{versions}"
    return "\n".join([head, listed, _trees(draft, common), _tests(draft)])


def _common(draft: Draft) -> Choice:
    """The trees that most versions go on, of equally many the newest's."""
    counted = Counter(draft.choices[each.label].specs for each in reversed(draft.sure))
    specs = counted.most_common(1)[0][0]
    return next(draft.choices[each.label] for each in reversed(draft.sure) if draft.choices[each.label].specs == specs)


def _count(draft: Draft) -> str:
    sure, doubtful = len(draft.sure), len(draft.versions) - len(draft.sure)
    said = f"{count(sure, 'version')}; the comments say how each was found."
    if not doubtful:
        return said
    return f"{said} {doubtful} more in doubt, commented out: look at the mail, then remove the # or the lines."


def _version(version: Labelled, draft: Draft, common: Choice) -> str:
    posting, choice = version.posting, draft.choices[version.label]
    text = f"{version.label}:\n"
    text += "  " + _scalar("message-id", posting.message_id)
    if version.rest_of:
        text += "  " + _scalar("rest-of", version.rest_of)
    if choice.specs != common.specs and not version.doubts:
        text += "  trees:\n" + "".join("    - " + _scalar("spec", spec) for spec in choice.specs)
    lines = [f"{posting.date:%Y-%m-%d}: {'; '.join(version.evidence)}"]
    if posting.title != draft.title:
        lines.append(f"titled {posting.title!r}")
    if version.doubts:
        lines.append(f"in doubt: {'; '.join(version.doubts)}")
        text = "".join(f"#{line}\n" for line in text.splitlines())
        return _indent(_comment(lines), 2) + "".join(f"  {line}\n" for line in text.splitlines())
    return _indent(_comment(lines) + text, 2)


def _trees(draft: Draft, common: Choice) -> str:
    newest = draft.choices[draft.sure[-1].label]
    lines = [f"The base of {draft.sure[-1].label}, {newest.why}. Tried:"]
    lines += [f"  {each.way}: {each.gave}" for each in newest.tried]
    if newest.specs != common.specs:
        lines.append("Most versions go on this tree instead:")
    return _comment(lines) + "trees:\n" + "".join("  - " + _scalar("spec", spec) for spec in common.specs)


def _tests(draft: Draft) -> str:
    if not draft.collections:
        return _comment(["No tests yet, so both kernels are only booted: 'tests:' names selftest programs for both."])
    lines = ["No tests yet, so both kernels are only booted. The selftests for what the series touches:", "tests:"]
    lines += [f"  - program: {each}/PROGRAM" for each in draft.collections]
    return _comment(lines)


def collections(paths: Iterable[str], there: Sequence[str] = ()) -> tuple[str, ...]:
    """The selftest folders for files of a series: those it changes itself, and mm for mm/ and the like.

    `there` are the files of the tree, if one was given: then a folder that it lacks is none.
    """
    known = {found[1] for path in there if (found := _SELFTESTS.match(path))}
    wanted = []
    for path in paths:
        own = _SELFTESTS.match(path)
        about = next((name for top, name in _ABOUT.items() if path.startswith(top)), "")
        wanted.append(own[1] if own else about if not known or about in known else "")
    return unique(wanted)


def _scalar(key: str, text: str) -> str:
    """One key with a text, in quotes where YAML would read something else."""
    return yaml.safe_dump({key: text}, allow_unicode=True, width=1 << 20, sort_keys=False)


def _comment(lines: Iterable[str]) -> str:
    """Comment lines; what mails say may have any character, and a comment may have only what prints."""
    text = ""
    for line in lines:
        printable = "".join(char if char.isprintable() else " " for char in line)
        wrapped = textwrap.wrap(printable, 110, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        text += "".join(f"# {part}\n" for part in wrapped)
    return text


def _indent(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())
