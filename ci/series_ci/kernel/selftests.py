"""Build and install kernel selftests for the guest: those of the tree, with the project's own laid over them.

Base and series have a build each, unless the files that a user-space program could include are the same in both: then
one build serves both.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import files, inside, paths
from series_ci.kernel import build, toolchain
from series_ci.kernel.logs import SELFTESTS_LOG
from series_ci.kernel.store import Store
from series_ci.kernel.toolchain import Toolchain
from series_ci.progress import Tell, count
from series_ci.results.model import Result, Status

SELFTESTS = "tools/testing/selftests"

_TEST_LINE = re.compile(r"^(TEST_\w+)\s*[:+]?=\s*(.+)$", re.MULTILINE)
_INCLUDE = re.compile(r"^include \.\./lib\.mk$", re.MULTILINE)
_FAILED = re.compile(r"\[(?:[^\]\s]+:\d+: )?(\S+)\] Error \d+")
_SOURCE = re.compile(r"\.([chS]|sh|py)$")
_COMPILED = {"TEST_GEN_PROGS", "TEST_GEN_PROGS_EXTENDED", "TEST_GEN_FILES"}
_NOT_FOR_TREES = (".md", ".txt")


@dataclass(frozen=True)
class Installed:
    """Installed selftests: `folder` has a folder per collection; `notbuilt` are the results of what did not compile."""

    folder: Path
    notbuilt: tuple[Result, ...]
    log: Path
    seconds: float
    cached: bool


def own(collection: str) -> list[Path]:
    """Return the project's files for a collection; none if it has no folder of that name.

    Documentation is left out: no build may depend on it.
    """
    folder = paths.share("kselftest") / collection
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in _NOT_FOR_TREES)


def programs(makefile: str) -> list[str]:
    """Return the programs that one of the project's Makefiles compiles."""
    lines = _TEST_LINE.findall(makefile.replace("\\\n", " "))
    return [program for name, value in lines if name in _COMPILED for program in value.split()]


def config_fragments(store: Store, commit: str, collections: Iterable[str], machine: str) -> list[tuple[str, str]]:
    """Return the config fragments of collections as (origin, text): each `config` of the tree, then of the project.

    Some collections (bpf) also have files such as `config.aarch64`; that of `machine` (from `uname -m`) follows.
    """
    fragments = []
    for collection in collections:
        mine = {path.name: path for path in own(collection)}
        for name in ("config", f"config.{machine}"):
            origin = f"{SELFTESTS}/{collection}/{name}"
            if text := store.text(commit, origin):
                fragments.append((origin, text))
            if name in mine:
                fragments.append((f"kselftest/{collection}/{name}", mine[name].read_text("utf-8")))
    return fragments


def timeout(store: Store, commit: str, collection: str, program: str) -> int:
    """Return how many seconds a program may take.

    That is the `timeout` in the collection's `settings`, those of the project first for its own programs; else 45, the
    default of kselftest.
    """
    mine = {path.name: path.read_text("utf-8") for path in own(collection)}
    theirs = store.text(commit, f"{SELFTESTS}/{collection}/settings") or ""
    texts = [theirs, mine.get("settings", "")]
    if program in programs(mine.get("Makefile", "")):
        texts.reverse()
    for text in texts:
        if match := re.search(r"^timeout=([0-9]{1,9})$", text, re.MULTILINE):
            return int(match[1])
    return 45


def key(store: Store, commit: str, collections: Sequence[str], tools: Toolchain) -> str:
    """Return the key of installed tests: a digest of the files that a user-space program could include, and the tools.

    The time of the package database stands for the libraries of this machine: some tests do not build without
    libcap-dev, and have to be built again once it is installed.
    """
    relevant = [
        line
        for line in store.listing(commit)
        if (name := line.partition("\t")[2]).startswith(("tools/", "scripts/", "usr/"))
        or name.endswith((".h", ".tbl", "Makefile", "Kbuild"))
    ]
    database = Path("/var/lib/dpkg/status")
    packages = str(database.stat().st_mtime_ns) if database.exists() else ""
    ours = [files.digest_files(own(collection)) for collection in collections]
    return files.digest("\n".join(relevant), *collections, *ours, tools.arch.name, tools.version, packages)[:24]


def lookup(cache_key: str) -> Installed | None:
    """Return installed tests from the cache; None if they are not there."""
    folder = paths.cache() / "selftests" / cache_key
    record = files.read_json(folder / "selftests.json")
    if not record or "notbuilt" not in record or not inside.is_folder(folder, "install"):
        return None
    notbuilt = tuple(Result(name, Status.NOTBUILT, reason) for name, reason in record["notbuilt"])
    return Installed(folder / "install", notbuilt, folder / SELFTESTS_LOG, record["seconds"], cached=True)


def differ(one: Installed, other: Installed, collection: str) -> bool:
    """Return whether two installations of a collection differ in a name or in the content of a file.

    They do if either does not exist.
    """
    folders = [each.folder / collection for each in (one, other)]
    if folders[0] == folders[1]:
        return not folders[0].is_dir()
    return not all(each.is_dir() for each in folders) or _content(folders[0]) != _content(folders[1])


def _content(folder: Path) -> dict[str, str]:
    """Return the digest of each installed file, or the target of a link, by name."""
    contents = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            contents[name] = f"link to {path.readlink()}"
        elif path.is_file():
            contents[name] = files.digest(inside.read(folder, name) or b"")
    return contents


def lay_over(source: Path, collection: str) -> None:
    """Copy the project's tests for a collection into the tree in `source`.

    If the tree has the collection, its Makefile is kept, and the project's programs and their rules are added to it.
    Raises UsageError if neither has the collection, inside.StrangeFileError if a folder on the way or the Makefile is a
    symbolic link.
    """
    target = f"{SELFTESTS}/{collection}"
    makefile = inside.read(source, f"{target}/Makefile")
    if makefile is None and not own(collection):
        raise UsageError(f"the tree has no selftests {target}, and the project brings none")
    for path in own(collection):
        name, content = f"{target}/{path.name}", path.read_bytes()
        if makefile is None or _SOURCE.search(path.name):
            inside.write(source, name, content, path.stat().st_mode & 0o777)
        elif path.name == "Makefile":
            inside.write(source, name, _add_programs(source / name, makefile, content))


def _add_programs(path: Path, theirs: bytes, ours: bytes) -> bytes:
    """Return the tree's Makefile, `path`, with the programs of the project's, and what that has behind its include.

    Raises InfrastructureError if the tree's has no such include.
    """
    assignments = _TEST_LINE.findall(ours.decode().replace("\\\n", " "))
    lines = "".join(f"{name} += {value}\n" for name, value in assignments)
    text = theirs.decode("utf-8", "surrogateescape")
    if not _INCLUDE.search(text):
        raise InfrastructureError(f"{path}: no line 'include ../lib.mk' to put our tests in front of")
    rules = "".join(_INCLUDE.split(ours.decode(), maxsplit=1)[1:]).rstrip("\n")
    return _INCLUDE.sub(lambda match: lines + match[0] + rules, text, count=1).encode("utf-8", "surrogateescape")


def install(
    source: Path,
    folder: Path,
    collections: Sequence[str],
    tools: Toolchain,
    *,
    cache_key: str,
    tell: Tell,
    failed_log: Path,
) -> Installed:
    """Build and install collections of the tree in `source`, the project's files laid over, into the cache.

    A program that does not compile is a result (NOTBUILT), not an error: few trees have selftests that all build.
    Raises InfrastructureError if a collection cannot be installed, and writes the log to `failed_log` then.
    """
    start = time.monotonic()
    for collection in collections:
        lay_over(source, collection)
    # Objects of another tree are never taken: their make rules do not name all headers.
    _remove(folder / "kselftest")
    target = paths.cache() / "selftests" / cache_key
    with files.disk_errors(target), files.fresh_folder(target) as making:
        log = making / SELFTESTS_LOG
        try:
            _make(source, folder, collections, tools, making, log)
        except InfrastructureError as error:
            files.write(failed_log, inside.text(log))
            hint = error.hint or f"the whole log: {failed_log}"
            raise InfrastructureError(error.message, hint=hint, details=error.details) from error
        text = inside.text(log)
        if files.is_full(text):  # else programs for which there was no space would be kept as NOTBUILT
            raise files.disk_full(f"the selftests cannot be built below {paths.cache()}")
        notbuilt = _not_built(text, folder, source)
        seconds = time.monotonic() - start
        record = {"seconds": seconds, "notbuilt": [(each.name, each.reason) for each in notbuilt]}
        files.write_json(making / "selftests.json", record)
    tell(f"{count(len(notbuilt), 'program')} of the tree did not compile" if notbuilt else "all programs compiled")
    return Installed(target / "install", tuple(notbuilt), target / SELFTESTS_LOG, seconds, cached=False)


def _remove(path: Path) -> None:
    """Remove a file, a symbolic link or a folder with all that is in it."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _make(source: Path, folder: Path, collections: Sequence[str], tools: Toolchain, making: Path, log: Path) -> None:
    variables = tools.selftest_variables
    jobs = f"-j{os.cpu_count() or 1}"
    headers = ["make", "-C", str(source), f"O={folder}", jobs, *variables, "headers"]
    if toolchain.make_logged(headers, log) != 0:
        toolchain.require_space(log)
        raise InfrastructureError("make headers failed", details=inside.text(log)[-2000:])
    argv = ["make", "-C", str(source / SELFTESTS), f"O={folder}", jobs, *variables]
    argv += [f"TARGETS={' '.join(collections)}", f"KSFT_INSTALL_PATH={making / 'install'}"]
    # -k goes on after a program that fails, -i installs the others in spite of it.
    toolchain.make_logged([*argv, "-k", "-i", "install"], log)
    for collection in collections:
        if not inside.is_folder(making, f"install/{collection}"):
            raise InfrastructureError(
                f"the selftests of {collection} could not be installed",
                details=inside.text(log)[-2000:],
            )


def _not_built(log: str, folder: Path, source: Path) -> list[Result]:
    """Return a NOTBUILT result for each program whose rule failed, with its first compiler error as the reason."""
    lines = log.splitlines()
    failed: dict[str, Result] = {}
    top = (folder / "kselftest").resolve()  # the selftests' makefiles print it so
    for match in _FAILED.finditer(log):
        path = Path(match[1])
        if not path.is_relative_to(top):
            continue
        name = str(path.relative_to(top))
        errors = (each for each in lines if re.match(rf"\S*\b{re.escape(path.name)}\.c:\d+.*error: ", each))
        linker = (each for each in lines if "cannot find -l" in each or "undefined reference" in each)
        first = next(errors, None) or next(linker, "its rule in the Makefile failed")
        failed.setdefault(name, Result(name, Status.NOTBUILT, build.relative(first, source)))
    return [failed[name] for name in sorted(failed)]


def installed(folder: Path, collection: str) -> Iterator[Path]:
    """Yield the files and symbolic links of an installed collection; pipes and the like are left out.

    No link is followed, not even to a folder: the make rules of a series wrote them.
    """
    todo = [folder / collection] if inside.is_folder(folder, collection) else []
    while todo:
        with os.scandir(todo.pop()) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    todo.append(Path(each.path))
                elif each.is_symlink() or each.is_file(follow_symlinks=False):
                    yield Path(each.path)
