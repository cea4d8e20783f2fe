"""`series-ci init`: a manifest for any series, from one of its mails or from words of its title."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from series_ci.cli import terminal
from series_ci.cli.request import LORE
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import files, scratch
from series_ci.kernel import sources
from series_ci.kernel.store import Base, Store, check_kernel
from series_ci.mail import patchmail
from series_ci.mail.archive import open_archive
from series_ci.mail.posting import Posting
from series_ci.manifest import find, model
from series_ci.progress import Progress, count
from series_ci.report.init import show, summary, unlinked
from series_ci.versions import bases, candidates, labels
from series_ci.versions.candidates import Gathered
from series_ci.versions.draft import Draft, collections, render, slug
from series_ci.versions.labels import Labelled


@dataclass(frozen=True)
class Options:
    """The command line of `series-ci init`, as typed."""

    archive: str
    tree: str | None
    name: str | None
    out: str | None


@dataclass(frozen=True)
class Result:
    """What was found, the manifest's text, and where it was written (None: nowhere)."""

    draft: Draft
    gathered: Gathered
    text: str
    file: Path | None


@click.command()
@click.argument("what", metavar="MESSAGE-ID|WORDS", nargs=-1, required=True)
@click.option("--archive", metavar="URL|MBOX|DIR", default=LORE, help="where the mails are", show_default=True)
@click.option(
    "--tree", metavar="SPEC", help="the kernel tree of all versions; what the diffs start from is looked up in it"
)
@click.option("--name", metavar="NAME", help="what to call the series  [default: words of its title]")
@click.option("-o", "--out", metavar="FILE|-", help="where to write the manifest; - for standard output")
@click.option("--json", "as_json", is_flag=True, help="print what was found as JSON")
@click.option("-v", "--verbose", is_flag=True, help="show what is searched for, and every command that is run")
@click.option("-q", "--quiet", is_flag=True, help="no progress")
def init(what: tuple[str, ...], *, as_json: bool, verbose: bool, quiet: bool, **options: Any) -> int:  # noqa: ANN401 (click)
    """Write a manifest for the series of a MESSAGE-ID, or for the one whose title has all WORDS.

    Its other versions are looked for in the archive; what is not certain is written commented out, with the reason.
    The file is series/NAME.yaml, or NAME.yaml where there is no folder series; no file is overwritten.
    """
    given = Options(**options)
    if as_json and given.out == "-":
        raise UsageError("--json and -o - both want standard output", hint="give a file with -o, or leave one out")
    result = make(what, given, terminal.Terminal(verbose=verbose, quiet=quiet), verbose=verbose)
    if as_json:
        found = summary(result.draft, result.gathered, result.file)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show(result.draft, result.gathered, result.file, terminal.console(stderr=given.out == "-"))
    if given.out == "-":
        click.echo(result.text, nl=False)
    return 0


def make(what: Sequence[str], options: Options, progress: Progress, *, verbose: bool = False) -> Result:
    """Find the versions and their bases, and write the manifest."""
    _check(options)
    archive = open_archive(options.archive)
    given = _tree(options.tree, progress) if options.tree else None
    with progress.step("search") as step:
        finder = candidates.Gatherer(archive, progress.say if verbose else step.update)
        words = " ".join(what).strip()
        found = finder.from_message(_message_id(words)) if "@" in words else finder.from_words(words)
        versions = labels.assign(found.series)
        sure = [each for each in versions if not each.doubts]
        step.note(f"{count(len(sure), 'version')}, {len(versions) - len(sure)} in doubt")
    if not sure:
        raise _nothing_whole(found.start, versions, options)
    draft = _draft(found, versions, options, given)
    text = render(draft)
    file = None if options.out == "-" else _file(options, draft.name)
    _write(text, file)
    return Result(draft, found, text, file)


def _check(options: Options) -> None:
    """What can be refused before anything is asked for."""
    if options.name is not None and not re.fullmatch(r"[a-z0-9][a-z0-9-]*", options.name):
        raise UsageError(f"--name {options.name}: expected small letters, digits and '-', such as exit-skip")
    for option, value in (("--tree", options.tree), ("--archive", options.archive)):
        if value and re.search(r"\s", value):
            raise UsageError(f"{option} {value}: a manifest cannot name what has white space in it")
    if options.out not in (None, "-"):
        _file(options, "")


def _message_id(words: str) -> str:
    """A Message-ID as it was typed: bare, in brackets, or as the URL of the mail in an archive."""
    name = next(iter(patchmail.links(words)), words.strip("<> "))
    if not re.fullmatch(r"[^\s<>@-][^\s<>@]*@[^\s<>@]+", name):
        raise UsageError(f"{words!r} is no Message-ID", hint="it reads NAME@HOST, without spaces; words have no @")
    return name


def _absolute(text: str) -> str:
    """Paths as a manifest elsewhere can use them; what has a scheme is none."""
    return text if re.match(r"[a-z][a-z0-9+.-]*:", text) else str(Path(text).resolve())


def _tree(spec: str, progress: Progress) -> Base:
    with progress.step("tree") as step:
        base = sources.resolve(_absolute(spec), step.update)
        version = check_kernel(Store(base.store), base.commit, spec)
        step.note(f"{spec} is Linux {version}")
        return base


def _nothing_whole(start: Posting, versions: Sequence[Labelled], options: Options) -> InfrastructureError:
    return InfrastructureError(
        f"{start.message_id}: {options.archive} has no whole version of this series",
        details="\n".join(f"{each.label}  {each.posting.message_id}  {'; '.join(each.doubts)}" for each in versions),
        hint="the rest may not have reached this archive yet; try again later or another --archive",
    )


def _draft(found: Gathered, versions: Sequence[Labelled], options: Options, given: Base | None) -> Draft:
    newest = next(each.posting for each in reversed(versions) if not each.doubts)
    there = [line.partition("\t")[2] for line in Store(given.store).listing(given.commit)] if given else []
    return Draft(
        name=options.name or slug(newest.title),
        title=newest.title or newest.message_id,
        archive=_absolute(options.archive),
        versions=tuple(versions),
        choices={each.label: bases.choose(each.posting, given) for each in versions},
        notes=tuple(f"{line}." for line in unlinked(versions, found)),
        collections=collections(newest.paths, there),
    )


def _file(options: Options, name: str) -> Path:
    """Where the manifest goes; it must not be there yet."""
    folder = Path("series") if Path("series").is_dir() else Path()
    path = Path(options.out) if options.out else folder / f"{name}.yaml"
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
    """Write the manifest, after it was read once as `series-ci test` will."""
    with scratch.folder("init") as folder:
        path = folder / "manifest.yaml"
        files.write(path, text)
        model.load(path)
    if file is not None:
        with files.disk_errors(file), file.open("x", encoding="utf-8") as out:
            out.write(text)
