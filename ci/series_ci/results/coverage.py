"""How much of a series is in the tested kernel: its files, and whether the build read them. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from series_ci.progress import count

SELFTESTS = "tools/testing/selftests/"

NAMED = 4
"""The number of files that one line names before it says "and N more"."""


class FileKind(StrEnum):
    """What a file of a kernel tree is for."""

    CODE = "code"
    SELFTEST = "selftest"
    TOOL = "tool"  # a program of the host, below scripts/ or tools/
    RULE = "rule"  # says what is built and how: a Makefile, a Kconfig file
    DOC = "documentation"


_SOURCE = re.compile(r".*\.(?:[chSs]|rs|cc|cpp|inc|tbl|lds)")
"""Names of source files. They take precedence over _DOC: mm/README.c is compiled like any other source."""

_DOC_FOLDERS = ("Documentation/", "LICENSES/")
_DOC = re.compile(
    r"(?:Documentation|LICENSES)/.*|(?:.*/)?(?:MAINTAINERS|CREDITS|COPYING|README[^/]*|[^/]*\.(?:rst|md)"
    r"|\.(?:gitignore|gitattributes|mailmap|clang-format|editorconfig|get_maintainer\.ignore|cocciconfig|yamllint"
    r"|pylintrc|rustfmt\.toml))"
)
_RULE = re.compile(r"(?:.*/)?(?:Makefile[^/]*|Kbuild[^/]*|Kconfig[^/]*|[^/]*_defconfig|[^/]*\.config)")

_SELFTEST_RULE = re.compile(r"(?:.*/)?(?:Makefile[^/.]*|config(?:\.\w+)?|settings|[^/]*\.mk)")


def kind(name: str) -> FileKind:
    """Return what a file is for. `name` is its path from the top of the tree."""
    source = _SOURCE.fullmatch(name) and not name.startswith(_DOC_FOLDERS)
    if not source and _DOC.fullmatch(name):
        return FileKind.DOC
    if name.startswith(SELFTESTS):
        return FileKind.RULE if _SELFTEST_RULE.fullmatch(name) else FileKind.SELFTEST
    if not source and _RULE.fullmatch(name):
        return FileKind.RULE
    return FileKind.TOOL if name.startswith(("tools/", "scripts/")) else FileKind.CODE


@dataclass(frozen=True)
class ChangedFile:
    """A file that the series changes.

    `compiled` says whether the build of either kernel read the file. For a selftest it says whether a test that is run
    differs from that without the series. If `compiled` is false, `why` names the reason as far as the tree's Makefiles
    tell: options (`CONFIG_NET, CONFIG_INET`), an architecture, or that a selftest does not compile.
    """

    name: str
    kind: FileKind
    compiled: bool
    why: str = ""

    @property
    def shown(self) -> str:
        """Return the name, followed by the reason why the file is not compiled."""
        return f"{self.name} ({self.why})" if self.why else self.name


@dataclass(frozen=True)
class Coverage:
    """The files that a series changes, and whether its kernel equals the base's bit for bit.

    For a single patch the base is the tree before that patch.
    """

    files: tuple[ChangedFile, ...]
    same_kernel: bool

    @property
    def sources(self) -> list[ChangedFile]:
        """Return the files that something could be compiled from."""
        return [file for file in self.files if file.kind not in (FileKind.DOC, FileKind.RULE)]

    @property
    def missing(self) -> list[ChangedFile]:
        """Return the sources that nothing was compiled from."""
        return [file for file in self.sources if not file.compiled]

    @property
    def tested(self) -> bool:
        """Return whether a boot says anything about the series.

        It does if a selftest of the series was built, or if the kernels differ and the series makes the difference. A
        changed Makefile or Kconfig file counts as such, since it is in no list of compiled files.
        """
        if any(file.compiled for file in self.sources if file.kind is FileKind.SELFTEST):
            return True
        reached = any(file.compiled or file.kind is FileKind.RULE for file in self.files)
        return reached and not self.same_kernel

    @property
    def whole(self) -> bool:
        """Return whether every source is in what was tested."""
        return self.tested and not self.missing

    @property
    def cell(self) -> str:
        """Return the coverage in a few characters, for a table: `2 of 3`."""
        return f"{len(self.sources) - len(self.missing)} of {len(self.sources)}" if self.sources else "-"


def as_json(coverage: Coverage | None) -> dict[str, Any] | None:
    """Return the coverage as JSON data, which `from_json` reads."""
    if coverage is None:
        return None
    files = [
        {"name": file.name, "kind": str(file.kind), "compiled": file.compiled, "why": file.why}
        for file in coverage.files
    ]
    return {
        "words": words(coverage),
        "tested": coverage.tested,
        "same_kernel": coverage.same_kernel,
        "files": files,
    }


def from_json(stored: Mapping[str, Any] | None) -> Coverage | None:
    """Return the coverage that `as_json` wrote. Raise KeyError, TypeError or ValueError for anything else."""
    if stored is None:
        return None
    files = (
        ChangedFile(str(entry["name"]), FileKind(entry["kind"]), bool(entry["compiled"]), str(entry["why"]))
        for entry in stored["files"]
    )
    return Coverage(tuple(files), bool(stored["same_kernel"]))


def documentation_only(names: Sequence[str]) -> bool:
    """Return whether all files are documentation, so that the change affects nothing that could be run."""
    return bool(names) and all(kind(name) is FileKind.DOC for name in names)


def words(coverage: Coverage) -> str:
    """Return the coverage in one line: `2 of 3 files compiled; not in this kernel: drivers/x.c (CONFIG_X)`."""
    return "; ".join(_parts(coverage))


def compiled(coverage: Coverage) -> str:
    """Return how many of the files were compiled: `2 of 3 files compiled`."""
    sources = coverage.sources
    if not sources:
        return "no source file changes"
    return f"{len(sources) - len(coverage.missing)} of {count(len(sources), 'file')} compiled"


def _parts(coverage: Coverage) -> Iterator[str]:
    missing = coverage.missing
    yield compiled(coverage)
    for kind_of_file, place in (
        (FileKind.CODE, "not in this kernel"),
        (FileKind.TOOL, "not used by this build"),
        (FileKind.SELFTEST, "not among the tests"),
    ):
        if files := [file for file in missing if file.kind is kind_of_file]:
            yield f"{place}: {_listed([file.shown for file in files])}"
    if coverage.same_kernel:
        yield "the kernel is the same without it, bit for bit"


def _listed(names: Sequence[str]) -> str:
    rest = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *rest])


def collection(name: str) -> str:
    """Return the collection of selftests that a file belongs to, "" for a file that serves all of them.

    This is the file's folder below the selftests. The collection that is meant may be one of its parents
    (`net/forwarding`).
    """
    folder = posixpath.dirname(name.removeprefix(SELFTESTS))
    return "" if folder.partition("/")[0] in ("", "lib") else folder
