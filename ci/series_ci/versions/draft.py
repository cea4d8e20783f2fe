"""Write a draft of a manifest from what was found out about a series, for a person to check and to continue. Pure."""

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
    """Everything that goes into a manifest. `choices` is the base of each version, by label; `notes` go to its head."""

    name: str
    title: str
    archive: str
    versions: tuple[Labelled, ...]
    choices: dict[str, Choice]
    notes: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    """The folders of the tree's selftests for what the series touches."""

    @property
    def sure(self) -> tuple[Labelled, ...]:
        """Return the versions that nobody has to confirm."""
        return tuple(version for version in self.versions if not version.doubts)


def slug(title: str) -> str:
    """Return a name for a series, made of the first words of its title."""
    words = (re.sub(r"[^a-z0-9]+", "-", word).strip("-") for word in titles.in_order(title))
    return "-".join(unique(words)[:4]) or "series"


def render(draft: Draft) -> str:
    """Return the text of the manifest."""
    common = _common(draft)
    head = _scalar("name", draft.name) + _scalar("title", draft.title) + _scalar("archive", draft.archive)
    versions = "".join(_version(version, draft, common) for version in draft.versions)
    listed = f"{_comment([_count(draft), *draft.notes])}versions:\n{versions}"
    return "\n".join([head, listed, _trees(draft, common), _tests(draft)])


def _common(draft: Draft) -> Choice:
    """Return the trees that most versions apply to. Among equally frequent ones the newest version's win."""
    counted = Counter(draft.choices[version.label].specs for version in reversed(draft.sure))
    specs = counted.most_common(1)[0][0]
    return next(
        draft.choices[version.label] for version in reversed(draft.sure) if draft.choices[version.label].specs == specs
    )


def _count(draft: Draft) -> str:
    sure, doubtful = len(draft.sure), len(draft.versions) - len(draft.sure)
    summary = f"{count(sure, 'version')}; the comments say how each was found."
    if not doubtful:
        return summary
    return f"{summary} {doubtful} more in doubt, commented out: look at the mail, then remove the # or the lines."


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
    lines += [f"  {attempt.way}: {attempt.gave}" for attempt in newest.tried]
    if newest.specs != common.specs:
        lines.append("Most versions go on this tree instead:")
    return _comment(lines) + "trees:\n" + "".join("  - " + _scalar("spec", spec) for spec in common.specs)


def _tests(draft: Draft) -> str:
    if not draft.collections:
        return _comment(["No tests yet, so both kernels are only booted: 'tests:' names selftest programs for both."])
    lines = ["No tests yet, so both kernels are only booted. The selftests for what the series touches:", "tests:"]
    lines += [f"  - program: {folder}/PROGRAM" for folder in draft.collections]
    return _comment(lines)


def collections(paths: Iterable[str], there: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the selftest folders for files of a series: those that it changes itself, and mm for mm/ and the like.

    `there` are the files of the tree, if one was given. Folders that it lacks are left out then.
    """
    known = {match[1] for path in there if (match := _SELFTESTS.match(path))}
    wanted = []
    for path in paths:
        own = _SELFTESTS.match(path)
        about = next((name for top, name in _ABOUT.items() if path.startswith(top)), "")
        wanted.append(own[1] if own else about if not known or about in known else "")
    return unique(wanted)


def _scalar(key: str, text: str) -> str:
    """Return one key with a text, in quotes if YAML would read it as something else."""
    return yaml.safe_dump({key: text}, allow_unicode=True, width=1 << 20, sort_keys=False)


def _comment(lines: Iterable[str]) -> str:
    """Return comment lines. Mails may contain any character, so unprintable ones are replaced by blanks."""
    text = ""
    for line in lines:
        printable = "".join(char if char.isprintable() else " " for char in line)
        wrapped = textwrap.wrap(printable, 110, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        text += "".join(f"# {part}\n" for part in wrapped)
    return text


def _indent(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())
