"""How much of a series is in the kernel that was tested: its files, and whether the build read them. Pure."""

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
"""Files that are named in one line."""


class FileKind(StrEnum):
    """What a file of a kernel tree is for."""

    CODE = "code"
    SELFTEST = "selftest"
    TOOL = "tool"  # a program of the host: below scripts/ or tools/
    RULE = "rule"  # tells what is built, and how: a Makefile, a Kconfig file
    DOC = "documentation"


_SOURCE = re.compile(r".*\.(?:[chSs]|rs|cc|cpp|inc|tbl|lds)")
"""Names of sources, whatever they begin with: mm/README.c is compiled as any other."""

_DOC_FOLDERS = ("Documentation/", "LICENSES/")
_DOC = re.compile(
    r"(?:Documentation|LICENSES)/.*|(?:.*/)?(?:MAINTAINERS|CREDITS|COPYING|README[^/]*|[^/]*\.(?:rst|md)"
    r"|\.(?:gitignore|gitattributes|mailmap|clang-format|editorconfig|get_maintainer\.ignore|cocciconfig|yamllint"
    r"|pylintrc|rustfmt\.toml))"
)
_RULE = re.compile(r"(?:.*/)?(?:Makefile[^/]*|Kbuild[^/]*|Kconfig[^/]*|[^/]*_defconfig|[^/]*\.config)")

_SELFTEST_RULE = re.compile(r"(?:.*/)?(?:Makefile[^/.]*|config(?:\.\w+)?|settings|[^/]*\.mk)")


def kind(name: str) -> FileKind:
    """What a file is for, by its path from the top of the tree."""
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

    `compiled` says whether the build of either kernel read it; of a selftest, whether a test that is run
    is not the same without the series. Else `why` names what is in the way: options (`CONFIG_NET, CONFIG_INET`) or an
    architecture, as far as the tree's Makefiles tell, or that a selftest does not compile.
    """

    name: str
    kind: FileKind
    compiled: bool
    why: str = ""

    @property
    def shown(self) -> str:
        """The file, with what keeps it out."""
        return f"{self.name} ({self.why})" if self.why else self.name


@dataclass(frozen=True)
class Coverage:
    """The files that a series changes, and whether the kernel with it equals the base's, bit for bit.

    For one patch of a series the base is the tree before that patch.
    """

    files: tuple[ChangedFile, ...]
    same_kernel: bool

    @property
    def sources(self) -> list[ChangedFile]:
        """The files that something could be compiled from."""
        return [each for each in self.files if each.kind not in (FileKind.DOC, FileKind.RULE)]

    @property
    def missing(self) -> list[ChangedFile]:
        """The sources that nothing was compiled from."""
        return [each for each in self.sources if not each.compiled]

    @property
    def tested(self) -> bool:
        """Whether a boot says anything about the series.

        A selftest of its own was built, or the kernels differ, and it is the series that makes the difference: a
        Makefile or a Kconfig file shows in no list of what was compiled.
        """
        if any(each.compiled for each in self.sources if each.kind is FileKind.SELFTEST):
            return True
        reached = any(each.compiled or each.kind is FileKind.RULE for each in self.files)
        return reached and not self.same_kernel

    @property
    def whole(self) -> bool:
        """Whether every source is in what was tested."""
        return self.tested and not self.missing

    @property
    def cell(self) -> str:
        """It in a few characters, for a table: `2 of 3`."""
        return f"{len(self.sources) - len(self.missing)} of {len(self.sources)}" if self.sources else "-"


def as_json(coverage: Coverage | None) -> dict[str, Any] | None:
    """The coverage as it stands in JSON; `from_json` reads it."""
    if coverage is None:
        return None
    files = [
        {"name": each.name, "kind": str(each.kind), "compiled": each.compiled, "why": each.why}
        for each in coverage.files
    ]
    return {
        "words": words(coverage),
        "tested": coverage.tested,
        "same_kernel": coverage.same_kernel,
        "files": files,
    }


def from_json(found: Mapping[str, Any] | None) -> Coverage | None:
    """What `as_json` wrote. Raises KeyError, TypeError and ValueError for anything else."""
    if found is None:
        return None
    files = (
        ChangedFile(str(each["name"]), FileKind(each["kind"]), bool(each["compiled"]), str(each["why"]))
        for each in found["files"]
    )
    return Coverage(tuple(files), bool(found["same_kernel"]))


def documentation_only(names: Sequence[str]) -> bool:
    """Whether a change of these files changes nothing that could be run."""
    return bool(names) and all(kind(each) is FileKind.DOC for each in names)


def words(coverage: Coverage) -> str:
    """The coverage in a line: `2 of 3 files compiled; not in this kernel: drivers/x.c (CONFIG_X)`."""
    return "; ".join(_parts(coverage))


def compiled(coverage: Coverage) -> str:
    """How many of the files: `2 of 3 files compiled`."""
    sources = coverage.sources
    if not sources:
        return "no source file changes"
    return f"{len(sources) - len(coverage.missing)} of {count(len(sources), 'file')} compiled"


def _parts(coverage: Coverage) -> Iterator[str]:
    missing = coverage.missing
    yield compiled(coverage)
    for what, place in (
        (FileKind.CODE, "not in this kernel"),
        (FileKind.TOOL, "not used by this build"),
        (FileKind.SELFTEST, "not among the tests"),
    ):
        if left := [each for each in missing if each.kind is what]:
            yield f"{place}: {_listed([each.shown for each in left])}"
    if coverage.same_kernel:
        yield "the kernel is the same without it, bit for bit"


def _listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *more])


def collection(name: str) -> str:
    """The collection of selftests that a file belongs to; "" for one that serves all of them.

    Collections may lie deeper (`net/forwarding`): the folder below the selftests is all that is told here.
    """
    folder = posixpath.dirname(name.removeprefix(SELFTESTS))
    return "" if folder.partition("/")[0] in ("", "lib") else folder
