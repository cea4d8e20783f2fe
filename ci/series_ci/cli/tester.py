"""Whoever writes a reply, and this machine, as far as a text that goes out has to know them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import click

from series_ci.host import paths, process
from series_ci.kernel import export, selftests
from series_ci.report.formats import Writer
from series_ci.report.mail import Sender


def here() -> Sender:
    """The user as git knows them, the folders of this machine, and what the program brings."""
    return Sender(own=_own(), places=_places(), programs=_programs(), project=_project())


def _own() -> tuple[str, ...]:
    """The addresses that git sends mail from."""
    keys = ("user.email", "sendemail.from")
    said = (process.run(["git", "config", "--get", key]) for key in keys)
    return tuple(done.out.strip() for done in said if done.code == 0 and done.out.strip())


def _places() -> tuple[str, ...]:
    """Folders that nobody else has."""
    folders = (Path.home(), Path.cwd(), paths.cache(), paths.runs(), paths.PACKAGE.parent.parent)
    return tuple(dict.fromkeys(str(path) for folder in folders for path in (folder, folder.resolve())))


def _programs() -> tuple[str, ...]:
    """The selftests that `series-ci kselftest export` writes."""
    makefile = next((path for path in selftests.own(export.OURS) if path.name == "Makefile"), None)
    names = selftests.programs(makefile.read_text("utf-8")) if makefile else []
    return tuple(f"{export.OURS}/{name}" for name in names)


def _project() -> str:
    """Where the program is to be had, if its metadata say so."""
    try:
        urls = metadata.metadata("series-ci").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    return next((str(url).partition(",")[2].strip() for url in urls), "")


WRITER = Writer(here, lambda line: click.echo(f"note: {line}", err=True))
"""Whoever runs the program; what they should know is said on standard error."""
