"""Name a run's tree and the command that repeats it as others can use them. Pure.

The folders of this machine are left out: they tell a reader nothing, and may tell something of the user.
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
"""Stands for a folder of this machine."""

CHECKOUT = "linux"
"""The folder in a command that stands for a checkout of the reader's."""

_URL = re.compile(
    r"(?:https?|git)://(?!localhost\b|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)"
    r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|\Z)"
)
_LOCAL = re.compile(r"/|git\+(?!https?://|git://)|file:", re.IGNORECASE)
_TEMPORARY = re.compile(r"/\S*\.series-ci-tmp[^\s'\",;:)]*")
_FLAGS = ("--each-patch",)
_MACHINE = ("--arch", "--toolchain", "--accel", "--memory", "--cpus", "--swap")


def address(url: str) -> str:
    """Return the URL if others can reach it and it names no account, else ""."""
    return url if _URL.match(url) and not re.search(r"[\s@]", url) else ""


def spec(tree_spec: str) -> str:
    """Return the spec of a tree if others can use it, else ""."""
    return "" if _is_local(tree_spec) else tree_spec


def kernel(origin: Origin) -> str:
    """Return `Linux` and the version of the tree."""
    return f"Linux {origin.source.linux}" if origin.source.linux else "Linux"


def tree(origin: Origin) -> str:
    """Return the public name of the tree, and of the patches of the base on top of it."""
    known = _known(origin)
    top = f" with {' and '.join(origin.base_patches)} on top" if origin.base_patches else ""
    return kernel(origin) + (f" ({known})" if known else "") + top


def _known(origin: Origin) -> str:
    source, spec = origin.source, origin.tree
    if spec.startswith("debian:"):
        return f"Debian's {spec.removeprefix('debian:')}"
    if source.commit:
        names = [f"commit {source.commit[:12]}", source.describe]
        place = f"of {source.url}" if spec.startswith("git+") else f"in a clone of {source.url}"
        return ", ".join(filter(None, [*names, place if source.url else ""]))
    if re.search(r"\.tar(?:\.\w+)?$|\.t[gx]z$", spec):
        return address(spec) or PurePosixPath(spec).name
    return ""


@dataclass(frozen=True)
class Repetition:
    """A command that repeats a run on any machine, and remarks on what it needs."""

    words: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def repetition(run: VersionRun, lock: Lock | None) -> Repetition:
    """Return the command that repeats a run: its own, or an equivalent one if that names files of this machine."""
    words = shlex.split(run.repeat)
    given = list(_options(words))
    if words[:2] == ["series-ci", "test"] and not any(_names_a_file(*each) for each in given):
        return Repetition(tuple(words))
    origin = run.origin
    argv = ["series-ci", "test", run.message_id, "--tree", _spec(origin)]
    archives = [value for name, value in given if name == "--archive"] or [origin.archive]
    argv += ["--archive", archives[0]] if address(archives[0]) and "//lore.kernel.org/" not in archives[0] else []
    argv += [word for name in origin.base_patches for word in ("--base-patch", name)]
    configs = [PurePosixPath(value).name for name, value in given if name == "--config"]
    argv += [word for name in configs for word in ("--config", name)]
    argv += [word for name in _tests(given, lock) for word in ("--test", name)]
    argv += [word for name, value in _machine(given, lock) for word in (name, value) if word]
    return Repetition(tuple(argv), tuple(_remarks(run, lock, bool(configs or dict(given).get("--series")))))


def _is_local(word: str) -> bool:
    """Return whether a word names a file of this machine, or a server that others do not reach."""
    url = word.removeprefix("git+").rpartition("@")[0] if word.startswith("git+") else word
    return bool(_LOCAL.match(word)) or ("://" in url and not address(url))


def _names_a_file(option: str, value: str) -> bool:
    """Return whether an option names a file that others do not have; in CI its path may be relative."""
    if option == "--tree":
        return _is_local(value) or not re.match(r"debian:|git\+|https?://", value)
    if option == "--archive":
        return not address(value)
    return option in ("--base-patch", "--config") or (option == "--series" and not re.fullmatch(r"[\w-]+", value))


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options of a series-ci command line as (name, value); the value of a flag is ""."""
    for at, word in enumerate(words):
        if word.startswith("--"):
            yield word, "" if word in _FLAGS else "".join(words[at + 1 : at + 2])


def _spec(origin: Origin) -> str:
    """Return a spec of the tree for the command line."""
    spec, source = origin.tree, origin.source
    if spec.startswith("debian:") or address(spec) or (spec.startswith("git+") and source.url):
        return spec
    return CHECKOUT if source.commit or not source.linux else f"linux-{source.linux}.tar.xz"


def _tests(given: Sequence[tuple[str, str]], lock: Lock | None) -> list[str]:
    """Return the programs given by --test, else those of the lock that have no arguments, as --test takes none."""
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


def _remarks(run: VersionRun, lock: Lock | None, has_files: bool) -> Iterator[str]:
    origin = run.origin
    if _spec(origin) == CHECKOUT:
        commit = f" of commit {origin.source.commit}" if origin.source.commit else ""
        yield f"{CHECKOUT} is a checkout{commit}."
    if lock and len(lock.mails.message_ids) > 1:
        others = ", ".join(f"<{name}>" for name in lock.mails.message_ids[:-1])
        yield f"The patches that were not sent anew are those of {others}."
    if lock and (has_files or origin.base_patches):
        yield (
            f"Configuration, arguments of the tests and patches of the base are in the file {RUN_LOCK} of this run, "
            f"which I can send; with it: series-ci reproduce {RUN_LOCK}"
        )


def without_places(text: str, run: VersionRun, places: Iterable[str]) -> str:
    """Return the text without folders of this machine: those in `places`, and those that the run names.

    Of the path of a file its name is left.
    """
    text = _TEMPORARY.sub(HIDDEN, text)
    if _is_local(run.origin.tree):
        text = text.replace(run.origin.tree, kernel(run.origin))
    for place in sorted({*places, *_places(run)}, key=len, reverse=True):
        if place.count("/") < 1 or place.rstrip("/") == "":
            continue
        form = rf"(?:(?<=-I)|(?<=-L)|(?<![\w.-])){re.escape(place.rstrip('/'))}(?![\w-])(?:/[^\s'\"`:,;()<>]*)?"
        text = re.sub(form, lambda match: _shown(match[0]), text)
    return text


def _places(run: VersionRun) -> Iterator[str]:
    """Yield the files and folders that a run names, and the folders above them."""
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
