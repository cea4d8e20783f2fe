"""Do the work of `series-ci b4-check`: find the newest run of the version that a mail belongs to."""

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
    """Return the checks that b4 shows for a mail, from the newest run in `folders`.

    A version without a run gives a warning: b4 would count a failure against the series. Raises UsageError if `raw` is
    not a mail with a Message-ID.
    """
    message = parse(raw)
    name = id_of(message)
    if not name:
        raise UsageError("standard input holds no mail with a Message-ID")
    run = read.of_mail(folders, name, cover=parse_subject(header(message, "Subject")).number == 0)
    if run is not None:
        return b4.checks(run)
    # b4 keeps an answer and shows it until the user asks again, so the text says how to.
    return [b4.check("warn", "not tested yet", f"to test it: {_how(name)}\nthen R in b4's view asks again")]


def _how(name: str) -> str:
    """Return the command that tests a mail: by label if a manifest lists it, else against the working directory."""
    for folder in paths.series_folders():
        for entry in find.entries(folder):
            for label in entry.manifest.versions if entry.manifest else ():
                if entry.open().message_ids(label)[-1] == name:
                    return process.quote(["series-ci", "test", label, "--series", entry.name])
    return process.quote(["series-ci", "test", name, "--tree", str(Path.cwd())])
