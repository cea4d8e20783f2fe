"""What a watch remembers: the mails that it has seen, and the fate of those that are new versions.

A mail is written down before anything is done about it, and again afterwards. So a watch that is killed at any moment
neither forgets a version nor tests one twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from series_ci.errors import UsageError
from series_ci.host import files, locks


class Fate(StrEnum):
    """What was done about a mail."""

    OTHER = "other"  # not a new version
    DOUBTFUL = "doubtful"  # perhaps a new version: a person was told
    TOLD = "told"  # a new version that was printed for others to test; whether they did is not known
    POSTED = "posted"  # others tested it, and published the results
    TRYING = "trying"  # it is being tested, or was when the watch was killed
    DONE = "done"


@dataclass(frozen=True)
class Record:
    """The record of one mail. `out` is the run directory of its test, `status` the exit status of that.

    `label` is the version's name in reports. `times` counts how often it was printed for others to test.
    """

    fate: Fate
    title: str = ""
    out: str = ""
    status: int | None = None
    label: str = ""
    times: int = 0


class Ledger:
    """The records by Message-ID, in a file that is complete at any moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = _read(path)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._entries

    def __getitem__(self, message_id: str) -> Record:
        return self._entries[message_id]

    def having(self, fate: Fate) -> list[str]:
        """Return the mails with this fate, in the order in which they were written down."""
        return [message_id for message_id, entry in self._entries.items() if entry.fate is fate]

    def put(self, entries: dict[str, Record]) -> None:
        """Write these records to the file, all or none."""
        if not entries:
            return
        self._entries |= entries
        files.write_json(self.path, {"mails": {name: asdict(entry) for name, entry in self._entries.items()}})


def _read(path: Path) -> dict[str, Record]:
    if not path.exists():
        return {}
    content = files.read_json(path) or {}
    try:
        return {str(name): _entry(record) for name, record in content["mails"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "remove it to begin anew: all versions that are newer than those of the manifest are new then"
        raise UsageError(f"{path}: is not what a watch has written: {error!r}", hint=hint) from error


def _entry(record: Mapping[str, Any]) -> Record:
    """Return a record from its JSON, perhaps written by a release that had no labels."""
    return Record(
        Fate(record["fate"]),
        str(record["title"]),
        str(record["out"]),
        record["status"],
        str(record.get("label", "")),
        int(record.get("times", 0)),
    )


@contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    """Yield the ledger, to one process at a time. Raise UsageError if another one has it."""

    def busy(text: str) -> None:
        raise UsageError(f"{path}: {text.partition(';')[0]}", hint="one watch of a series is enough")

    with locks.alone(path.with_name(f"{path.name}.lock"), busy):
        yield Ledger(path)
