"""Find out whether a changed file of the selftests takes part in the tests that are run; its collection has others."""

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
"""Files that are installed with a collection and that no test runs."""


def is_run(name: str, programs: Iterable[str], installed: Sequence[Path]) -> bool:
    """Return whether a changed file below the selftests can change what one of the tests does.

    `programs` are the tests (`mm/good`), `installed` the folders of the installed tests of both kernels. It can if a
    test differs between the two, unless the file is the source of another program. A test that is a script may call
    anything that is installed with its collection. A file that the project replaces by its own is never run.
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
    """Return the content of an installed file; None for a link, which may lead anywhere, or if there is none."""
    return inside.read(folder, name, MOST) if inside.is_file(folder, name) else None


def _all(folder: Path, collection: str) -> Iterator[tuple[str, str]]:
    for path in selftests.installed(folder, collection):
        if path.name not in _SETTINGS:
            name = str(path.relative_to(folder))
            yield name, files.digest(_content(folder, name) or b"")
