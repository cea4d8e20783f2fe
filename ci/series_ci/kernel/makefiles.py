"""Find the options that compile a file, in the Makefiles from its folder up to the top of the tree. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product

ConfigOptions = tuple[str, ...]
"""Names of options without CONFIG_, from the top of the tree down; all have to be on."""

Text = Callable[[str], str | None]
"""Returns the text of a file of the tree; None if there is no such file."""

MOST = 16
"""How many ways to one file are looked at. More than one is rare."""

_ASSIGNMENT = re.compile(r"^(\S.*?)\s*[:+?]?=\s*(.*)$")
_OPTION = re.compile(r"\$[({]\s*CONFIG_(\w+)\s*[)}]|\bCONFIG_(\w+)")
_IF = re.compile(r"^\s*(ifdef|ifndef|ifeq|ifneq)\b(.*)$")
_GOALS = re.compile(r"(?:obj|lib|head|core|drivers|libs|extra|always|net|virt)-")
_COMPOSITE = re.compile(r"([\w.-]+?)-(?:y|m|objs|\$[({].*)$")


def needed(name: str, text: Text, config: Mapping[str, str]) -> ConfigOptions:
    """Return the options that are missing in `config` to compile a file, by the way that misses fewest; () if unknown.

    `name` is the path of a source file (.c, .S, .rs) from the top of the tree.
    """
    ways = [tuple(each for each in way if config.get(each) != "y") for way in ways_to(name, text)]
    return min(ways, key=len, default=())


def ways_to(name: str, text: Text) -> list[ConfigOptions]:
    """Return the ways by which the Makefiles reach a source file, each as the options along it."""
    parts = (posixpath.splitext(name)[0] + ".o").split("/")
    for at in range(len(parts) - 1, 0, -1):  # the object of a driver may have parts in folders below its own
        folder = "/".join(parts[:at])
        if below := _in_folder("/".join(parts[at:]), _makefile(folder, text), set())[:MOST]:
            above = _to_folder(folder, text)
            return [tuple(dict.fromkeys((*high, *low))) for high, low in product(above, below)][:MOST]
    return []


def _makefile(folder: str, text: Text) -> str:
    """Return the text of a folder's Kbuild or else Makefile, as kbuild chooses; at the top both count."""
    names = [posixpath.join(folder, name) for name in ("Kbuild", "Makefile")]
    texts = [content for name in names if (content := text(name)) is not None]
    makefile = "\n".join(texts) if not folder else next(iter(texts), "")
    return makefile.replace("$(BITS)", "64")


def _in_folder(target: str, makefile: str, seen: set[str]) -> list[ConfigOptions]:
    """Return the ways to a target of one Makefile: an object, or a folder, whose name ends in a slash."""
    if target in seen:
        return []
    seen.add(target)
    ways = []
    for left, options in _lines_with(target, makefile):
        if _GOALS.match(left):
            ways.append(options)
        for whole in () if _GOALS.match(left) else _wholes(left):
            ways += [(*way, *options) for way in _in_folder(whole, makefile, seen)]
    return ways


def _wholes(left: str) -> list[str]:
    """Return the names by which a Makefile refers to the variable `left`: of `foo-y` the object foo.o, and $(foo-y)."""
    if composite := _COMPOSITE.match(left):
        name = composite[1]
        return [f"{name}.o", f"$({name}-y)", f"$({name}-objs)"]
    return [f"$({left})"]


def _lines_with(target: str, makefile: str) -> Iterator[tuple[str, ConfigOptions]]:
    """Yield the left side of each assignment that has `target` among its values, and the options it depends on."""
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
    """Return whether a condition is true if its option is on: `ifdef X`, `ifeq (X,y)`, `ifneq (X,)`."""
    against_nothing = bool(re.search(r",\s*n?\s*\)\s*$", rest))
    return word == "ifdef" or (word == "ifeq" and not against_nothing) or (word == "ifneq" and against_nothing)


def _options(text: str) -> list[str]:
    return [one or other for one, other in _OPTION.findall(text)]


def _to_folder(folder: str, text: Text) -> list[ConfigOptions]:
    """Return the ways from the top to a folder. A Makefile may name a folder several levels below its own."""
    if not folder:
        return [()]
    parts = folder.split("/")
    ways: list[ConfigOptions] = []
    for at in range(len(parts)):
        above = "/".join(parts[:at])
        makefile = _makefile(above, text)
        if not above and parts[0] == "arch":  # the top Makefile includes that of the architecture
            makefile += "\n" + (text(f"{'/'.join(parts[:2])}/Makefile") or "")
        here = _in_folder("/".join(parts[at:]) + "/", makefile, set())
        if here:
            ways += [(*high, *low) for high, low in product(_to_folder(above, text), here)]
    # The folder of an architecture is named with a variable (arch/$(SRCARCH)/).
    return ways[:MOST] or ([()] if len(parts) == 2 and parts[0] == "arch" else [])
