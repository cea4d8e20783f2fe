"""Which options compile a file: read from kbuild's Makefiles, from the file's own folder up to the top. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product

ConfigOptions = tuple[str, ...]
"""Names of options without CONFIG_, from the top of the tree down; all have to be on."""

Text = Callable[[str], str | None]
"""Gives the text of a file of the tree, None if it has none of that name."""

MOST = 16
"""Ways to one file that are looked at; more than one is rare, more than a few is none that a person would follow."""

_ASSIGNMENT = re.compile(r"^(\S.*?)\s*[:+?]?=\s*(.*)$")
_OPTION = re.compile(r"\$[({]\s*CONFIG_(\w+)\s*[)}]|\bCONFIG_(\w+)")
_IF = re.compile(r"^\s*(ifdef|ifndef|ifeq|ifneq)\b(.*)$")
_GOALS = re.compile(r"(?:obj|lib|head|core|drivers|libs|extra|always|net|virt)-")
_COMPOSITE = re.compile(r"([\w.-]+?)-(?:y|m|objs|\$[({].*)$")


def needed(name: str, text: Text, config: Mapping[str, str]) -> ConfigOptions:
    """The options that are not on in `config` and that compile a file, by the way that needs the fewest; () if unknown.

    `name` is the path of a source file (.c, .S, .rs) from the top of the tree.
    """
    ways = [tuple(each for each in way if config.get(each) != "y") for way in ways_to(name, text)]
    return min(ways, key=len, default=())


def ways_to(name: str, text: Text) -> list[ConfigOptions]:
    """The ways in which the tree's Makefiles reach a source file, each as the options along it."""
    parts = (posixpath.splitext(name)[0] + ".o").split("/")
    for at in range(len(parts) - 1, 0, -1):  # the object of a driver may have parts in folders below its own
        folder = "/".join(parts[:at])
        if below := _in_folder("/".join(parts[at:]), _makefile(folder, text), set())[:MOST]:
            above = _to_folder(folder, text)
            return [tuple(dict.fromkeys((*high, *low))) for high, low in product(above, below)][:MOST]
    return []


def _makefile(folder: str, text: Text) -> str:
    """Kbuild is preferred to Makefile, as by kbuild itself; at the top both have a say."""
    names = [posixpath.join(folder, name) for name in ("Kbuild", "Makefile")]
    found = [said for name in names if (said := text(name)) is not None]
    said = "\n".join(found) if not folder else next(iter(found), "")
    return said.replace("$(BITS)", "64")


def _in_folder(target: str, makefile: str, seen: set[str]) -> list[ConfigOptions]:
    """The options for a target of one Makefile: an object, or a folder with a slash behind it."""
    if target in seen:
        return []
    seen.add(target)
    found = []
    for left, options in _lines_with(target, makefile):
        if _GOALS.match(left):
            found.append(options)
        for whole in () if _GOALS.match(left) else _wholes(left):
            found += [(*way, *options) for way in _in_folder(whole, makefile, seen)]
    return found


def _wholes(left: str) -> list[str]:
    """What an assignment to `foo-y` is part of: the object foo.o, and whatever names the variable itself."""
    if composite := _COMPOSITE.match(left):
        name = composite[1]
        return [f"{name}.o", f"$({name}-y)", f"$({name}-objs)"]
    return [f"$({left})"]


def _lines_with(target: str, makefile: str) -> Iterator[tuple[str, ConfigOptions]]:
    """Each assignment that has `target` among its values: its left side, and the options that it depends on."""
    conditions: list[list[str]] = []
    for line in makefile.replace("\\\n", " ").splitlines():
        stripped = line.partition("#")[0].strip()
        if match := _IF.match(stripped):
            conditions.append(_options(match[2]) if _asks_for(match[1], match[2]) else [])
        elif stripped.startswith("else") and conditions:
            conditions[-1] = []
        elif stripped == "endif" and conditions:
            conditions.pop()
        elif (match := _ASSIGNMENT.match(stripped)) and target in match[2].split():
            around = [option for condition in conditions for option in condition]
            yield match[1], (*around, *_options(match[1]))


def _asks_for(word: str, rest: str) -> bool:
    """Whether a condition holds where its option is on: `ifdef X`, `ifeq (X,y)`, `ifneq (X,)`."""
    against_nothing = bool(re.search(r",\s*n?\s*\)\s*$", rest))
    return word == "ifdef" or (word == "ifeq" and not against_nothing) or (word == "ifneq" and against_nothing)


def _options(text: str) -> list[str]:
    return [one or other for one, other in _OPTION.findall(text)]


def _to_folder(folder: str, text: Text) -> list[ConfigOptions]:
    """The ways down to a folder; one Makefile may name a folder several levels below it."""
    if not folder:
        return [()]
    parts = folder.split("/")
    found: list[ConfigOptions] = []
    for at in range(len(parts)):
        above = "/".join(parts[:at])
        makefile = _makefile(above, text)
        if not above and parts[0] == "arch":  # the top one includes it
            makefile += "\n" + (text(f"{'/'.join(parts[:2])}/Makefile") or "")
        here = _in_folder("/".join(parts[at:]) + "/", makefile, set())
        if here:
            found += [(*high, *low) for high, low in product(_to_folder(above, text), here)]
    # The folder of an architecture is named with a variable (arch/$(SRCARCH)/).
    return found[:MOST] or ([()] if len(parts) == 2 and parts[0] == "arch" else [])
