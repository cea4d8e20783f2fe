"""Find out what of a series is in its kernel: which of the files that it changes did the builds read?"""

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
"""The folder below arch/ of a value of ARCH=, where the two differ."""

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


def measure(build_setup: BuildSetup, first: Kernel, second: Kernel) -> Coverage:
    """Return which files that differ between the commits of two kernels are in these kernels, or in their tests."""
    read = first.build.inputs | second.build.inputs
    same = first.build.image_digest == second.build.image_digest
    installed = (first.tests.folder, second.tests.folder)
    config = kconfig.parse(second.build.config.read_text("utf-8", "replace"))
    # On both kernels. A program that only the series breaks is a result of its own (NOTBUILT).
    unbuilt = {each.name for each in first.tests.notbuilt} & {each.name for each in second.tests.notbuilt}

    @cache  # reads every installed file, and few series change a selftest
    def collections() -> list[str]:
        return [each for each in build_setup.collections if selftests.differ(first.tests, second.tests, each)]

    @cache
    def text(name: str) -> str | None:
        return build_setup.store.text(second.commit, name)

    def changed(name: str) -> ChangedFile:
        kind = coverage.kind(name)
        if kind is FileKind.SELFTEST and _program(name) in unbuilt:
            return ChangedFile(name, kind, False, "does not compile")
        if kind is FileKind.SELFTEST:
            file = _selftest(name, build_setup.collections, collections())
            run = not file.compiled or exercised.is_run(name, build_setup.programs, installed)
            return file if run else ChangedFile(name, kind, False, "no test that is run shows it")
        if name in read or kind not in (FileKind.CODE, FileKind.TOOL):
            return ChangedFile(name, kind, name in read)
        return ChangedFile(name, kind, False, _why(name, build_setup, text, config) if kind is FileKind.CODE else "")

    return Coverage(tuple(changed(name) for name in build_setup.store.changed(first.commit, second.commit)), same)


def _program(name: str) -> str:
    """Return the name of the test that would be made of a file below the selftests: `mm/cow` of `mm/cow.c`."""
    return name.removeprefix(coverage.SELFTESTS).partition(".")[0]


def _selftest(name: str, built: Sequence[str], changed: Sequence[str]) -> ChangedFile:
    """Return the row of a file below the selftests.

    `built` are the collections that were built, `changed` those whose files differ between the kernels.
    """
    why = "its collection is the same without it" if _is_among(name, built) and not _is_among(name, changed) else ""
    return ChangedFile(name, FileKind.SELFTEST, _is_among(name, changed), why)


def _is_among(name: str, collections: Sequence[str]) -> bool:
    """Return whether a file below the selftests belongs to one of these collections, or to what all of them share."""
    home = coverage.collection(name)
    return any(not home or home == each or home.startswith(f"{each}/") for each in collections)


def _why(name: str, build_setup: BuildSetup, text: makefiles.Text, config: dict[str, str]) -> str:
    """Return why a file is not in the kernel: another architecture, or options that are off; "" if unknown."""
    path = PurePosixPath(name)
    ours = SOURCE_ARCH.get(build_setup.tools.arch.make, build_setup.tools.arch.make)
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
    """Raise NotTestedError, with each file and why it is not in the kernel, if nothing of the series is."""
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
