"""The story of `series-ci b4-check`: from a mail to what is known of its version."""

from __future__ import annotations

from pathlib import Path

from series_ci.errors import UsageError
from series_ci.host import paths, process
from series_ci.mail.message import header, id_of, parse, parse_subject
from series_ci.manifest import find
from series_ci.report import b4
from series_ci.report.b4 import B4Check
from series_ci.rundir import read


def answer(raw: bytes, folders: tuple[Path, ...]) -> list[B4Check]:
    """The checks to show. That nothing is known is no failure: b4 would count it against the series."""
    message = parse(raw)
    name = id_of(message)
    if not name:
        raise UsageError("standard input holds no mail with a Message-ID")
    run = read.of_mail(folders, name, cover=parse_subject(header(message, "Subject")).number == 0)
    if run is not None:
        return b4.checks(run)
    # b4 keeps the answer, and would go on to show it.
    return [b4.check("warn", "not tested yet", f"to test it: {_how(name)}\nthen R in b4's view asks again")]


def _how(name: str) -> str:
    """The command that tests the version of a mail: with the manifest that has it, else in the tree we are in."""
    for folder in paths.series_folders():
        for entry in find.entries(folder):
            for label in entry.manifest.versions if entry.manifest else ():
                if entry.open().message_ids(label)[-1] == name:
                    return process.quote(["series-ci", "test", label, "--series", entry.name])
    return process.quote(["series-ci", "test", name, "--tree", str(Path.cwd())])
