"""The project's own kernel selftest as a patch against a kernel tree, added the way that tree adds its own tests.

Each edit takes a text and returns one. It finds its place by the lines around it, not by their numbers. A tree that
looks different gets an error with the file and what was looked for, never a patch in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from series_ci.errors import UsageError
from series_ci.host import paths
from series_ci.kernel import selftests
from series_ci.kernel.base import Base
from series_ci.kernel.repo import Author
from series_ci.kernel.selftests import SELFTESTS
from series_ci.kernel.store import Store

OURS = "mm"
"""The folder of the test below the project's kselftest/."""

COLLECTIONS = ("mm", "vm")
"""The names of that folder in kernel trees: vm up to Linux 6.2."""

CATEGORY = "exit_skip"
"""The category by which run_vmtests.sh runs only our programs."""

ABOUT = "what reclaim does with the memory of exiting processes"

EDITED = ("Makefile", ".gitignore", "config", "run_vmtests.sh")

LIBRARY = f"{SELFTESTS}/cgroup/lib/libcgroup.mk"
"""The file that newer trees have for tests outside of cgroup/ that use its helpers."""

WRAPPER = f"ksft_{CATEGORY}.sh"
"""The program that newer trees have for each category."""

WRAPPER_TEXT = f"#!/bin/sh -e\n# SPDX-License-Identifier: GPL-2.0\n\n./run_vmtests.sh -t {CATEGORY}\n"

_CONDITION = re.compile(r"if(n?eq|n?def)\b")
_PROGRAM = re.compile(r"TEST_GEN_FILES\s*\+?=\s*([\w.-]+)")
_WRAPPER = re.compile(r"TEST_PROGS\s*\+=\s*(ksft_[\w.-]+\.sh)")
_RULE = re.compile(r"\$\(OUTPUT\)/[\w-]+: [\w-]+\.c")
_HALVES = re.compile(r"^ifneq .*libcgroup\.mk\b.*\n((?:.*\n)+?)else .*\n((?:.*\n)+?)endif$", re.MULTILINE)
_HEADER = re.compile(r"LOCAL_HDRS\s*\+?=.*\$\(selfdir\)/(\w+)/[\w.-]+\.h\b.*")
_IGNORED = re.compile(r"[\w.-]+")
_OPTION = re.compile(r"^(?:# )?(CONFIG_\w+)(?:=.*| is not set)$", re.MULTILINE)
_USAGE = re.compile(r"^- [\w-]+\n(?:\t.+\n)+", re.MULTILINE)
_RUN = re.compile(r'^(CATEGORY="[\w-]+" )?run_test \./', re.MULTILINE)
_ENDS = (re.compile(r'^echo "SUMMARY:', re.MULTILINE), re.compile(r"^exit \$exitcode$", re.MULTILINE))


class NoPlaceError(Exception):
    """Raised for a file that has no place for an edit; the message says what was looked for."""


@dataclass(frozen=True)
class Ours:
    """The project's test: its sources by file name, their programs, make's rules for these, the kernel options, and the
    template of the commit message.
    """

    sources: Mapping[str, str]
    programs: Sequence[str]
    rules: str
    config: str
    message: str


def ours(*, library: bool) -> Ours:
    """Return the test as it lies in the project's folder; `library` says whether the tree has the LIBRARY."""
    texts = {path.name: path.read_text("utf-8") for path in selftests.own(OURS)}
    return Ours(
        sources={name: text for name, text in texts.items() if name.endswith((".c", ".h"))},
        programs=selftests.programs(texts["Makefile"]),
        rules=rules(texts["Makefile"], library=library),
        config=texts["config"],
        message=(paths.share("kselftest") / OURS / "export.txt").read_text("utf-8"),
    )


def patch(base: Base, author: Author) -> tuple[str, bytes]:
    """Make the patch by git format-patch; return its file name and its content.

    Raises UsageError for a tree that has the test already, or that looks different from all that we know.
    """
    store = Store(base.store)
    mine = ours(library=store.text(base.commit, LIBRARY) is not None)
    collection = _collection(store, base)
    folder = f"{SELFTESTS}/{collection}"
    theirs = {name: store.text(base.commit, f"{folder}/{name}") for name in (*EDITED, *mine.sources)}
    changed = dict(mine.sources)
    for name, text in theirs.items():
        where = f"{base.spec}: {folder}/{name}"
        if text is None and name in EDITED:
            raise UsageError(f"{where}: no such file in the tree")
        if text is None:
            continue
        if name in mine.sources or names(text, mine.programs):
            raise UsageError(f"{where}: the tree has {' and '.join(mine.programs)} already")
        try:
            changed[name] = edit(name, text, collection, mine)
        except NoPlaceError as error:
            raise UsageError(f"{where}: {error}", hint="this tree is unlike others: add the test by hand") from error
    if f"TEST_PROGS += {WRAPPER}\n" in changed["Makefile"]:
        changed[WRAPPER] = WRAPPER_TEXT
    changes = {f"{folder}/{name}": text for name, text in changed.items()}
    return store.patch(base.commit, changes, message(mine.message, collection, author), author)


def _collection(store: Store, base: Base) -> str:
    for name in COLLECTIONS:
        if store.text(base.commit, f"{SELFTESTS}/{name}/Makefile") is not None:
            return name
    places = " or ".join(f"{SELFTESTS}/{name}" for name in COLLECTIONS)
    raise UsageError(f"{base.spec}: no Makefile in {places}: the tree has no mm selftests")


def message(text: str, collection: str, author: Author) -> str:
    """Return the commit message, filled in."""
    return Template(text).substitute(collection=collection, author=f"{author.name} <{author.email}>")


def rules(makefile: str, *, library: bool) -> str:
    """Return the half of the one condition in the project's Makefile that is for trees with the LIBRARY, or without."""
    halves = _HALVES.search(makefile)
    return halves[1 if library else 2] if halves else ""


def names(text: str, programs: Sequence[str]) -> bool:
    """Return whether a text names one of the programs."""
    return any(re.search(rf"(?<![\w-]){re.escape(program)}(?![\w-])", text) for program in programs)


def edit(name: str, text: str, collection: str, mine: Ours) -> str:
    """Return the new text of one of the EDITED files. Raises NoPlaceError."""
    if name == "Makefile":
        headers = [each for each in mine.sources if each.endswith(".h")]
        programs = add_wrapper(add_programs(text, mine.programs))
        return add_rules(add_headers(programs, collection, headers), mine.rules)
    if name == "config":
        return add_options(text, mine.config)
    return add_ignored(text, mine.programs) if name == ".gitignore" else add_category(text, mine.programs)


def add_programs(makefile: str, programs: Sequence[str]) -> str:
    """Add a `TEST_GEN_FILES +=` line per program; not TEST_GEN_PROGS, for run_vmtests.sh runs them."""
    lines = makefile.splitlines(keepends=True)
    for program in programs:
        entries = _unconditional(lines, _PROGRAM)
        if not entries:
            raise NoPlaceError("no line 'TEST_GEN_FILES += PROGRAM' outside of conditions")
        lines.insert(_place(entries, program), f"TEST_GEN_FILES += {program}\n")
    return "".join(lines)


def add_wrapper(makefile: str) -> str:
    """Add a `TEST_PROGS +=` line for the WRAPPER if the Makefile has wrappers: in such trees CI runs these."""
    lines = makefile.splitlines(keepends=True)
    if entries := _unconditional(lines, _WRAPPER):
        lines.insert(_place(entries, WRAPPER), f"TEST_PROGS += {WRAPPER}\n")
    return "".join(lines)


def add_rules(makefile: str, added: str) -> str:
    """Add the rules behind the last one that names the sources of a program. Raises NoPlaceError."""
    lines = makefile.splitlines(keepends=True)
    named = [number for number, line in enumerate(lines) if _RULE.match(line)]
    if not named:
        raise NoPlaceError("no line '$(OUTPUT)/PROGRAM: SOURCE.c'")
    lines.insert(named[-1] + 1, f"\n{added}")
    return "".join(lines)


def _unconditional(lines: Sequence[str], entry: re.Pattern[str]) -> dict[int, str]:
    """Return the entries for every machine, by line number, up to the include of lib.mk."""
    depth = 0
    entries = {}
    for number, line in enumerate(lines):
        if line.startswith("include ../lib.mk"):
            break
        depth += 1 if _CONDITION.match(line.strip()) else -1 if re.match(r"endif\b", line.strip()) else 0
        if depth == 0 and (match := entry.fullmatch(line.rstrip())):
            entries[number] = match[1]
    return entries


def _place(entries: Mapping[int, str], new: str) -> int:
    """Return the line number at which a new entry is inserted.

    These lists are alphabetical in parts only. The place is between the first two neighbours that the entry sorts
    between, or after the last entry.
    """
    for number, name in entries.items():
        if name < new < entries.get(number + 1, ""):
            return number + 1
    return max(entries) + 1


def add_headers(makefile: str, collection: str, headers: Sequence[str]) -> str:
    """Add a `LOCAL_HDRS +=` line per header, if the Makefile has one for its own headers: programs depend on these."""
    lines = makefile.splitlines(keepends=True)
    named = [number for number, line in enumerate(lines) if (m := _HEADER.match(line)) and m[1] == collection]
    if named:
        added = [f"LOCAL_HDRS += $(selfdir)/{collection}/{name}\n" for name in headers]
        lines[named[-1] + 1 : named[-1] + 1] = added
    return "".join(lines)


def add_ignored(gitignore: str, programs: Sequence[str]) -> str:
    """Add a line per program; none if the file ignores all names but some."""
    lines = [f"{line}\n" for line in gitignore.splitlines()]
    if "*\n" in lines:
        return gitignore
    for program in programs:
        entries = {number: line.strip() for number, line in enumerate(lines) if _IGNORED.fullmatch(line.strip())}
        if not entries:
            raise NoPlaceError("no line with the name of a program")
        lines.insert(_place(entries, program), f"{program}\n")
    return "".join(lines)


def add_options(config: str, wanted: str) -> str:
    """Add those lines of `wanted` whose options `config` does not set."""
    known = {match[1] for match in _OPTION.finditer(config)}
    missing = [match[0] for match in _OPTION.finditer(wanted) if match[1] not in known]
    end = "\n" if config and not config.endswith("\n") else ""
    return config + end + "".join(f"{line}\n" for line in missing)


def add_category(script: str, programs: Sequence[str]) -> str:
    """Run the programs last, in a category of their own if the script has categories (Linux 6.2 and later)."""
    runs = list(_RUN.finditer(script))
    if not runs:
        raise NoPlaceError("no line 'run_test ./PROGRAM'")
    end = next((match.start() for pattern in _ENDS if (match := pattern.search(script))), None)
    if end is None:
        raise NoPlaceError("no line 'echo \"SUMMARY:' and no line 'exit $exitcode' to put the test in front of")
    if not any(match[1] for match in runs):
        added = f"# {ABOUT}\n" + "".join(f"run_test ./{program}\n" for program in programs)
        return f"{script[:end]}{added}\n{script[end:]}"
    usage = [match.end() for match in _USAGE.finditer(script, 0, runs[0].start())]
    if not usage:
        raise NoPlaceError("no line '- CATEGORY' with a line about it below, in the usage text")
    added = "".join(f'CATEGORY="{CATEGORY}" run_test ./{program}\n' for program in programs)
    about = f"- {CATEGORY}\n\ttest {ABOUT}\n"
    return f"{script[: usage[-1]]}{about}{script[usage[-1] : end]}{added}\n{script[end:]}"
