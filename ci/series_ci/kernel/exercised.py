"""Which of the selftests that a series changes are run: that a collection was built says nothing of each file in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from series_ci.host import files, inside
from series_ci.kernel import selftests
from series_ci.results import coverage

MOST = 512 * inside.MIB
"""Bytes of an installed file that is compared."""

_SETTINGS = ("config", "settings")
"""Files that are installed with every collection; no test is made of them."""


def is_run(name: str, programs: Iterable[str], installed: Sequence[Path]) -> bool:
    """Whether a file below the selftests shows in what the tests run.

    `programs` are the tests (`mm/good`), `installed` the folders of the installed tests of both kernels. A file does if
    one of them is not the same in both, and the file is not the source of another program. A script may
    call whatever is installed beside it. What the project lays its own file over is never run.
    """
    path = name.removeprefix(coverage.SELFTESTS)
    collection, _, rest = path.partition("/")
    if rest in (each.name for each in selftests.own(collection)):
        return False
    shared = not coverage.collection(name)
    near = [each for each in programs if shared or each.startswith(f"{collection}/")]
    return any(_shows(path, each, installed) for each in near)


def _shows(path: str, program: str, installed: Sequence[Path]) -> bool:
    contents = [_content(each, program) for each in installed]
    if not any(contents):
        return False
    if any(each and each.startswith(b"#!") for each in contents):
        first, second = (dict(_all(each, program.partition("/")[0])) for each in installed)
        return first != second
    stem = posixpath.splitext(path)[0]
    return contents[0] != contents[1] and (stem == program or not any(_content(each, stem) for each in installed))


def _content(folder: Path, name: str) -> bytes | None:
    """What is installed under a name; a link is none, for it may lead anywhere."""
    return inside.read(folder, name, MOST) if inside.is_file(folder, name) else None


def _all(folder: Path, collection: str) -> Iterator[tuple[str, str]]:
    for path in selftests.installed(folder, collection):
        if path.name not in _SETTINGS:
            name = str(path.relative_to(folder))
            yield name, files.digest(_content(folder, name) or b"")
