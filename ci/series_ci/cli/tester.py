"""Facts about the user and this machine, which decide whom a reply goes to and which folders it must not name."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import click

from series_ci.host import paths, process
from series_ci.kernel import export, selftests
from series_ci.report.formats import Writer
from series_ci.report.mail import Sender


def here() -> Sender:
    """Return the user's addresses, the folders of this machine, the project's selftests and its URL."""
    return Sender(own=_own(), places=_places(), programs=_programs(), project=_project())


def _own() -> tuple[str, ...]:
    """Return the addresses that git sends mail from."""
    keys = ("user.email", "sendemail.from")
    answers = (process.run(["git", "config", "--get", key]) for key in keys)
    return tuple(answer.out.strip() for answer in answers if answer.code == 0 and answer.out.strip())


def _places() -> tuple[str, ...]:
    """Return folders that exist on this machine only, so that a reply can leave them out."""
    folders = (Path.home(), Path.cwd(), paths.cache(), paths.runs(), paths.PACKAGE.parent.parent)
    return tuple(dict.fromkeys(str(path) for folder in folders for path in (folder, folder.resolve())))


def _programs() -> tuple[str, ...]:
    """Return the selftests that `series-ci kselftest export` writes, as COLLECTION/PROGRAM."""
    makefile = next((path for path in selftests.own(export.OURS) if path.name == "Makefile"), None)
    names = selftests.programs(makefile.read_text("utf-8")) if makefile else []
    return tuple(f"{export.OURS}/{name}" for name in names)


def _project() -> str:
    """Return the URL of the project from its package metadata, or ""."""
    try:
        urls = metadata.metadata("series-ci").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    return next((str(url).partition(",")[2].strip() for url in urls), "")


WRITER = Writer(here, lambda line: click.echo(f"note: {line}", err=True))
"""The user as the writer of a reply. Notes for the user go to standard error."""
