"""Guests that come to nothing and are started again: what each of them left is kept beside what the next one leaves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from series_ci.guest.outcome import GuestRun
from series_ci.guest.qemu import Files
from series_ci.guest.vm import GuestBoot
from series_ci.host import files
from series_ci.results.model import Ended

TRIES = 2
"""How often a guest that was lost, or that never came up, is started before that counts."""

FOLDER = "try-"
"""What the folder of such a guest is called, with its number behind it; it lies in that of the guest that follows."""

KEPT = ("console.log", "results.ktap", "status.txt", "qemu.log", "qemu.cmd")
"""The files of a guest."""


def in_vain(boot: GuestBoot) -> bool:
    """Whether a guest is started again: its QEMU failed, or its kernel did not reach /init in time."""
    return boot.ended is Ended.LOST or (boot.ended is Ended.HANG and boot.boot_seconds is None)


def set_aside(part: GuestRun, number: int) -> GuestRun:
    """Move what the guest left into a folder of its own, where the next one does not write over it; the moved guest."""
    folder = part.outputs.folder
    target = folder / f"{FOLDER}{number}"
    with files.disk_errors(target):
        target.mkdir()
        for name in KEPT:
            if (folder / name).exists():
                (folder / name).rename(target / name)
    return replace(part, outputs=Files(target))


def clear(folder: Path, guests: str) -> None:
    """Remove what an interrupted run left in a boot's folder; `guests` begins the names of its later guests."""
    for old in [*folder.glob(f"{guests}*"), *folder.glob(f"{FOLDER}*")]:
        shutil.rmtree(old)
