"""What a watch knows: the mails that it has seen, and what became of those that are new versions.

Written down before anything is done about a mail, and again afterwards, so that a watch that was killed at any moment
neither forgets a version nor takes one twice.
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
    """What became of a mail."""

    OTHER = "other"  # it is no new version
    DOUBTFUL = "doubtful"  # it may be one: a person has been told
    TOLD = "told"  # it is one, and was printed for others to test; what became of that is not known
    POSTED = "posted"  # they have tested it, and the results are where people read them
    TRYING = "trying"  # it is being tested, or was when the watch was killed
    DONE = "done"


@dataclass(frozen=True)
class Record:
    """One mail. `out` is the run directory of its test, `status` the exit status of that.

    `label` is what its version is called in reports, `times` how often it was printed for others to test.
    """

    fate: Fate
    title: str = ""
    out: str = ""
    status: int | None = None
    label: str = ""
    times: int = 0


class Ledger:
    """The entries by Message-ID, in a file that is whole at any moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = _read(path)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._entries

    def __getitem__(self, message_id: str) -> Record:
        return self._entries[message_id]

    def having(self, fate: Fate) -> list[str]:
        """The mails with this fate, in the order in which they were written down."""
        return [message_id for message_id, entry in self._entries.items() if entry.fate is fate]

    def put(self, entries: dict[str, Record]) -> None:
        """Write these down, all or none."""
        if not entries:
            return
        self._entries |= entries
        files.write_json(self.path, {"mails": {name: asdict(each) for name, each in self._entries.items()}})


def _read(path: Path) -> dict[str, Record]:
    if not path.exists():
        return {}
    found = files.read_json(path) or {}
    try:
        return {str(name): _entry(each) for name, each in found["mails"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "remove it to begin anew: all versions that are newer than those of the manifest are new then"
        raise UsageError(f"{path}: is not what a watch has written: {error!r}", hint=hint) from error


def _entry(found: Mapping[str, Any]) -> Record:
    """An entry as it was written, perhaps by a version of this program that knew no labels."""
    return Record(
        Fate(found["fate"]),
        str(found["title"]),
        str(found["out"]),
        found["status"],
        str(found.get("label", "")),
        int(found.get("times", 0)),
    )


@contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    """The ledger, for one process at a time. Raises UsageError if another one has it."""

    def busy(text: str) -> None:
        raise UsageError(f"{path}: {text.partition(';')[0]}", hint="one watch of a series is enough")

    with locks.alone(path.with_name(f"{path.name}.lock"), busy):
        yield Ledger(path)
