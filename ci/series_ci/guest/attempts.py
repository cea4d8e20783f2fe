"""Start a guest again that was lost or never came up, and keep what the first attempt left."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from series_ci.guest.outcome import GuestRun
from series_ci.guest.qemu import Files
from series_ci.guest.record import GUEST, GUEST_FILES, TRY
from series_ci.guest.vm import GuestBoot
from series_ci.host import files
from series_ci.results.model import Ended

TRIES = 2
"""How often a guest is started that is lost or never comes up; the last attempt is the result."""


def in_vain(boot: GuestBoot) -> bool:
    """Return whether a guest is to be started again: its QEMU failed, or its kernel did not reach /init in time."""
    return boot.ended is Ended.LOST or (boot.ended is Ended.HANG and boot.boot_seconds is None)


def set_aside(part: GuestRun, number: int) -> GuestRun:
    """Move the files of a guest into a folder of their own, so that the next one does not overwrite them.

    Returns the guest with its new folder.
    """
    folder = part.outputs.folder
    target = folder / f"{TRY}{number}"
    with files.disk_errors(target):
        target.mkdir()
        for name in GUEST_FILES:
            if (folder / name).exists():
                (folder / name).rename(target / name)
    return replace(part, outputs=Files(target))


def clear(folder: Path) -> None:
    """Remove the folders of guests that an interrupted run left in a boot's folder."""
    for old in [*folder.glob(f"{GUEST}*"), *folder.glob(f"{TRY}*")]:
        shutil.rmtree(old)
