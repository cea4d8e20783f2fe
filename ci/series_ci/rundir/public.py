"""What others can use of what a run names: the tree it was on, and the command that repeats it. Pure.

A folder of this machine tells a reader nothing, and is nobody's business.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from series_ci.rundir.layout import RUN_LOCK
from series_ci.rundir.run import Origin, VersionRun
from series_ci.rundir.runlock import Lock

HIDDEN = "..."
"""What stands for a folder of this machine."""

CHECKOUT = "linux"
"""What a command calls a checkout that the reader has to have."""

_URL = re.compile(
    r"(?:https?|git)://(?!localhost\b|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)"
    r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|\Z)"
)
_LOCAL = re.compile(r"/|git\+(?!https?://|git://)|file:", re.IGNORECASE)
_TEMPORARY = re.compile(r"/\S*\.series-ci-tmp[^\s'\",;:)]*")
_FLAGS = ("--each-patch",)
_MACHINE = ("--arch", "--toolchain", "--accel", "--memory", "--cpus", "--swap")


def address(url: str) -> str:
    """The URL, if others can reach it and it names no account; else empty."""
    return url if _URL.match(url) and not re.search(r"[\s@]", url) else ""


def spec(tree_spec: str) -> str:
    """The spec of a tree, if others can use it; else empty."""
    return "" if _is_local(tree_spec) else tree_spec


def kernel(origin: Origin) -> str:
    """Linux and its version."""
    return f"Linux {origin.source.linux}" if origin.source.linux else "Linux"


def tree(origin: Origin) -> str:
    """The tree that the base is made of, as others find it, and what it has on top."""
    known = _known(origin)
    top = f" with {' and '.join(origin.base_patches)} on top" if origin.base_patches else ""
    return kernel(origin) + (f" ({known})" if known else "") + top


def _known(origin: Origin) -> str:
    source, spec = origin.source, origin.tree
    if spec.startswith("debian:"):
        return f"Debian's {spec.removeprefix('debian:')}"
    if source.commit:
        found = [f"commit {source.commit[:12]}", source.describe]
        place = f"of {source.url}" if spec.startswith("git+") else f"in a clone of {source.url}"
        return ", ".join(filter(None, [*found, place if source.url else ""]))
    if re.search(r"\.tar(?:\.\w+)?$|\.t[gx]z$", spec):
        return address(spec) or PurePosixPath(spec).name
    return ""


@dataclass(frozen=True)
class Repetition:
    """A command that anybody can type, and what has to be said with it."""

    words: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def repetition(run: VersionRun, lock: Lock | None) -> Repetition:
    """How others repeat a run: its own command line where that names nothing of this machine, else one that does so."""
    words = shlex.split(run.repeat)
    given = list(_options(words))
    if words[:2] == ["series-ci", "test"] and not any(_names_a_file(*each) for each in given):
        return Repetition(tuple(words))
    origin = run.origin
    made = ["series-ci", "test", run.message_id, "--tree", _spec(origin)]
    archives = [value for name, value in given if name == "--archive"] or [origin.archive]
    made += ["--archive", archives[0]] if address(archives[0]) and "//lore.kernel.org/" not in archives[0] else []
    made += [word for name in origin.base_patches for word in ("--base-patch", name)]
    configs = [PurePosixPath(value).name for name, value in given if name == "--config"]
    made += [word for name in configs for word in ("--config", name)]
    made += [word for name in _tests(given, lock) for word in ("--test", name)]
    made += [word for name, value in _machine(given, lock) for word in (name, value) if word]
    return Repetition(tuple(made), tuple(_remarks(run, lock, bool(configs or dict(given).get("--series")))))


def _is_local(word: str) -> bool:
    """Whether a word names a file or a server of this machine."""
    url = word.removeprefix("git+").rpartition("@")[0] if word.startswith("git+") else word
    return bool(_LOCAL.match(word)) or ("://" in url and not address(url))


def _names_a_file(option: str, value: str) -> bool:
    """Whether an option names a file that others do not have; in CI such names are relative."""
    if option == "--tree":
        return _is_local(value) or not re.match(r"debian:|git\+|https?://", value)
    if option == "--archive":
        return not address(value)
    return option in ("--base-patch", "--config") or (option == "--series" and not re.fullmatch(r"[\w-]+", value))


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options of a command line of ours: (name, value), or (name, "") for a flag."""
    for at, word in enumerate(words):
        if word.startswith("--"):
            yield word, "" if word in _FLAGS else "".join(words[at + 1 : at + 2])


def _spec(origin: Origin) -> str:
    """The tree, as the command line takes it."""
    spec, source = origin.tree, origin.source
    if spec.startswith("debian:") or address(spec) or (spec.startswith("git+") and source.url):
        return spec
    return CHECKOUT if source.commit or not source.linux else f"linux-{source.linux}.tar.xz"


def _tests(given: Sequence[tuple[str, str]], lock: Lock | None) -> list[str]:
    """The programs that are asked for; of a manifest's those that the command line can name."""
    asked = [value for name, value in given if name == "--test"]
    return asked or [each.program for each in (lock.tests if lock else ()) if not each.args]


def _machine(given: Sequence[tuple[str, str]], lock: Lock | None) -> Iterator[tuple[str, str]]:
    asked = {name: value for name, value in given if name in (*_MACHINE, *_FLAGS)}
    if lock and lock.guest:
        size = {"--memory": lock.guest.memory, "--swap": lock.guest.swap}
        asked = {name: f"{value >> 20}M" for name, value in size.items() if value} | asked
        asked = {"--cpus": str(lock.guest.cpus)} | asked
    order = (*_MACHINE, *_FLAGS)
    yield from sorted(asked.items(), key=lambda pair: order.index(pair[0]))


def _remarks(run: VersionRun, lock: Lock | None, more: bool) -> Iterator[str]:
    origin = run.origin
    if _spec(origin) == CHECKOUT:
        commit = f" of commit {origin.source.commit}" if origin.source.commit else ""
        yield f"{CHECKOUT} is a checkout{commit}."
    if lock and len(lock.mails.message_ids) > 1:
        others = ", ".join(f"<{name}>" for name in lock.mails.message_ids[:-1])
        yield f"The patches that were not sent anew are those of {others}."
    if lock and (more or origin.base_patches):
        yield (
            f"Configuration, arguments of the tests and patches of the base are in the file {RUN_LOCK} of this run, "
            f"which I can send; with it: series-ci reproduce {RUN_LOCK}"
        )


def without_places(text: str, run: VersionRun, places: Iterable[str]) -> str:
    """The text without the folders of this machine: `places`, and those that the run names. Of files the name stays."""
    text = _TEMPORARY.sub(HIDDEN, text)
    if _is_local(run.origin.tree):
        text = text.replace(run.origin.tree, kernel(run.origin))
    for place in sorted({*places, *_places(run)}, key=len, reverse=True):
        if place.count("/") < 1 or place.rstrip("/") == "":
            continue
        form = rf"(?:(?<=-I)|(?<=-L)|(?<![\w.-])){re.escape(place.rstrip('/'))}(?![\w-])(?:/[^\s'\"`:,;()<>]*)?"
        text = re.sub(form, lambda found: _shown(found[0]), text)
    return text


def _places(run: VersionRun) -> Iterator[str]:
    """The files and folders that a run names, and the folders that they are in."""
    named = [run.folder, run.origin.tree, run.origin.archive, *shlex.split(run.repeat)]
    for name in named:
        path = PurePosixPath(name)
        if path.is_absolute():
            yield str(path)
            if len(path.parts) > 3:
                yield str(path.parent)


def _shown(place: str) -> str:
    path = PurePosixPath(place)
    return path.name if path.suffix else HIDDEN
