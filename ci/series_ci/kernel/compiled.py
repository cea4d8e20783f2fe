"""What of a series is in its kernel: the files between two commits, held against what the builds read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath

from series_ci.errors import NothingToTestError, NotTestedError
from series_ci.kernel import exercised, kconfig, makefiles, selftests
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.results import coverage
from series_ci.results.coverage import ChangedFile, Coverage, FileKind

SOURCE_ARCH = {"x86_64": "x86", "i386": "x86"}
"""The folder below arch/ where it is not the kernel's ARCH=."""

_FROM_MAKEFILES = (".c", ".S", ".rs")


def require_something(names: Sequence[str]) -> None:
    """Raise NothingToTestError for a series that changes only documentation; `names` are the files that it changes."""
    if coverage.documentation_only(names):
        raise NothingToTestError(
            f"nothing to test: the series changes documentation only: {_few(names)}",
            hint="series-ci builds and boots kernels; for documentation there is make htmldocs",
        )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def measure(shop: BuildSetup, first: Kernel, second: Kernel) -> Coverage:
    """What of the change from the first kernel's commit to the second's is in them, and in the tests of both."""
    read = first.build.inputs | second.build.inputs
    same = first.build.image_digest == second.build.image_digest
    installed = (first.tests.folder, second.tests.folder)
    config = kconfig.parse(second.build.config.read_text("utf-8", "replace"))
    # What the base builds and the series does not is a result of its own, and told as one.
    unbuilt = {each.name for each in first.tests.notbuilt} & {each.name for each in second.tests.notbuilt}

    @cache  # every installed file is read for it, and few series change a selftest
    def collections() -> list[str]:
        return [each for each in shop.collections if selftests.differ(first.tests, second.tests, each)]

    @cache
    def text(name: str) -> str | None:
        return shop.store.text(second.commit, name)

    def changed(name: str) -> ChangedFile:
        kind = coverage.kind(name)
        if kind is FileKind.SELFTEST and _program(name) in unbuilt:
            return ChangedFile(name, kind, False, "does not compile")
        if kind is FileKind.SELFTEST:
            found = _selftest(name, shop.collections, collections())
            run = not found.compiled or exercised.is_run(name, shop.programs, installed)
            return found if run else ChangedFile(name, kind, False, "no test that is run shows it")
        if name in read or kind not in (FileKind.CODE, FileKind.TOOL):
            return ChangedFile(name, kind, name in read)
        return ChangedFile(name, kind, False, _why(name, shop, text, config) if kind is FileKind.CODE else "")

    return Coverage(tuple(changed(name) for name in shop.store.changed(first.commit, second.commit)), same)


def _program(name: str) -> str:
    """The test that a file below the selftests is the source of, if it is one of its own: `mm/cow` of `mm/cow.c`."""
    return name.removeprefix(coverage.SELFTESTS).partition(".")[0]


def _selftest(name: str, built: Sequence[str], changed: Sequence[str]) -> ChangedFile:
    """A file below the selftests, of which these collections were built, and these are not the same on both kernels."""
    why = "its collection is the same without it" if _is_among(name, built) and not _is_among(name, changed) else ""
    return ChangedFile(name, FileKind.SELFTEST, _is_among(name, changed), why)


def _is_among(name: str, collections: Sequence[str]) -> bool:
    """Whether a file below the selftests belongs to one of these collections, or to what all collections share."""
    home = coverage.collection(name)
    return any(not home or home == each or home.startswith(f"{each}/") for each in collections)


def _why(name: str, shop: BuildSetup, text: makefiles.Text, config: dict[str, str]) -> str:
    """What keeps a file out of the kernel, as far as the tree says: another architecture, or options that are off."""
    path = PurePosixPath(name)
    ours = SOURCE_ARCH.get(shop.tools.arch.make, shop.tools.arch.make)
    if path.parts[0] == "arch" and len(path.parts) > 2 and path.parts[1] != ours:
        return path.parts[1]
    if path.suffix == ".h":
        return "no object includes it"
    if path.suffix not in _FROM_MAKEFILES:
        return ""
    return ", ".join(
        f"CONFIG_{each}" + ("=m" if config.get(each) == "m" else "") for each in makefiles.needed(name, text, config)
    )


def require_tested(found: Coverage) -> None:
    """Raise NotTestedError, with every file and what keeps it out, if a boot would say nothing about the series."""
    if found.tested:
        return
    options = {each for file in found.missing for each in file.why.split(", ") if each.startswith("CONFIG_")}
    missing = any(each.kind is FileKind.CODE for each in found.missing)
    message = "nothing of the series is in this kernel" if missing else "the series changes nothing in this kernel"
    raise NotTestedError(
        f"not tested: {message}",
        hint=_hint(sorted(options)),
        details="\n".join(
            f"{each.kind}  {'compiled' if each.compiled else 'not compiled'}  {each.shown}" for each in found.files
        ),
    )


def _hint(options: Sequence[str]) -> str:
    if options:
        lines = " ".join(f"{each.removesuffix('=m')}=y" for each in options)
        return f"switch it on, with what it depends on, in a config fragment for --config: {lines}"
    return "--config takes a fragment that switches its code on, --test takes the selftests that the series changes"
