"""Do the work of `series-ci init`: find the versions of a series, choose a base for each, write the manifest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import files, scratch
from series_ci.kernel import sources
from series_ci.kernel.base import Base
from series_ci.kernel.checkout import check_kernel
from series_ci.kernel.store import Store
from series_ci.mail import patchmail
from series_ci.mail.archive import open_archive
from series_ci.mail.posting import Posting
from series_ci.manifest import find, model
from series_ci.progress import Progress, count
from series_ci.report.init import unlinked
from series_ci.versions import bases, candidates, labels
from series_ci.versions.candidates import Gathered
from series_ci.versions.draft import Draft, collections, render, slug
from series_ci.versions.labels import Labelled


@dataclass(frozen=True)
class Wanted:
    """The options of the user: archive and tree as typed, the name of the series, and the file to write.

    `out` is None for the usual place and "-" for no file.
    """

    archive: str
    tree: str | None
    name: str | None
    out: str | None


@dataclass(frozen=True)
class Result:
    """The manifest as data and as text, what the archive gave, and the file that was written, or None."""

    draft: Draft
    gathered: Gathered
    text: str
    file: Path | None


def make_manifest(words: str, wanted: Wanted, progress: Progress, *, verbose: bool = False) -> Result:
    """Find the versions of a series and their bases, and write the manifest.

    `words` is a Message-ID, or words of the series' title. Raises UsageError for an option that cannot be used and for
    a file or a series that exists, InfrastructureError if the archive has no complete version.
    """
    _check(wanted)
    archive = open_archive(wanted.archive)
    base = _tree(wanted.tree, progress) if wanted.tree else None
    with progress.step("search") as step:
        finder = candidates.Gatherer(archive, progress.say if verbose else step.update)
        gathered = finder.from_message(_message_id(words)) if "@" in words else finder.from_words(words)
        versions = labels.assign(gathered.series)
        sure = [each for each in versions if not each.doubts]
        step.note(f"{count(len(sure), 'version')}, {len(versions) - len(sure)} in doubt")
    if not sure:
        raise _nothing_whole(gathered.start, versions, wanted)
    draft = _draft(gathered, versions, wanted, base)
    text = render(draft)
    file = None if wanted.out == "-" else _file(wanted, draft.name)
    _write(text, file)
    return Result(draft, gathered, text, file)


def _check(wanted: Wanted) -> None:
    """Raise UsageError for options that can be refused before the archive is searched."""
    if wanted.name is not None and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", wanted.name):
        raise UsageError(f"--name {wanted.name}: expected small letters, digits and '-', such as exit-skip")
    for option, value in (("--tree", wanted.tree), ("--archive", wanted.archive)):
        if value and re.search(r"\s", value):
            raise UsageError(f"{option} {value}: a manifest cannot name what has white space in it")
    if wanted.out not in (None, "-"):
        _file(wanted, "")


def _message_id(words: str) -> str:
    """Return the Message-ID in `words`: bare, in angle brackets, or in the URL of the mail in an archive.

    Raises UsageError if it has not the form of one.
    """
    name = next(iter(patchmail.links(words)), words.strip("<> "))
    if not re.fullmatch(r"[^\s<>@-][^\s<>@]*@[^\s<>@]+", name):
        raise UsageError(f"{words!r} is no Message-ID", hint="it reads NAME@HOST, without spaces; words have no @")
    return name


def _absolute(text: str) -> str:
    """Return a path as an absolute one, since the manifest may lie elsewhere. A text with a scheme stays as it is."""
    return text if re.match(r"[a-z][a-z0-9+.-]*:", text) else str(Path(text).resolve())


def _tree(spec: str, progress: Progress) -> Base:
    with progress.step("tree") as step:
        base = sources.resolve(_absolute(spec), step.update)
        version = check_kernel(Store(base.store), base.commit, spec)
        step.note(f"{spec} is Linux {version}")
        return base


def _nothing_whole(start: Posting, versions: Sequence[Labelled], wanted: Wanted) -> InfrastructureError:
    return InfrastructureError(
        f"{start.message_id}: {wanted.archive} has no whole version of this series",
        details="\n".join(f"{each.label}  {each.posting.message_id}  {'; '.join(each.doubts)}" for each in versions),
        hint="the rest may not have reached this archive yet; try again later or another --archive",
    )


def _draft(gathered: Gathered, versions: Sequence[Labelled], wanted: Wanted, base: Base | None) -> Draft:
    newest = next(each.posting for each in reversed(versions) if not each.doubts)
    tree_paths = [line.partition("\t")[2] for line in Store(base.store).listing(base.commit)] if base else []
    return Draft(
        name=wanted.name or slug(newest.title),
        title=newest.title or newest.message_id,
        archive=_absolute(wanted.archive),
        versions=tuple(versions),
        choices={each.label: bases.choose(each.posting, base) for each in versions},
        notes=tuple(f"{line}." for line in unlinked(versions, gathered)),
        collections=collections(newest.paths, tree_paths),
    )


def _file(wanted: Wanted, name: str) -> Path:
    """Return the path of the manifest. Raises UsageError if it cannot be made, or if its folder has the series."""
    folder = Path("series") if Path("series").is_dir() else Path()
    path = Path(wanted.out) if wanted.out else folder / f"{name}.yaml"
    if path.is_dir():
        raise UsageError(f"--out {path}: is a folder", hint=f"-o {path / (name or 'NAME')}.yaml")
    if path.exists():
        raise UsageError(f"{path}: is there already, and stays", hint="-o FILE writes to another, -o - prints it")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    twins = [each.path for each in find.entries(path.parent) if name and each.name == name]
    if twins:
        raise UsageError(f"{twins[0]}: is a series {name!r} already", hint="--name gives this one another name")
    return path


def _write(text: str, file: Path | None) -> None:
    """Load the manifest as `series-ci test` does, and write it to `file`, if there is one."""
    with scratch.folder("init") as folder:
        path = folder / "manifest.yaml"
        files.write(path, text)
        model.load(path)
    if file is not None:
        with files.disk_errors(file), file.open("x", encoding="utf-8") as out:
            out.write(text)
