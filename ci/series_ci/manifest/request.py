"""One version to test, with everything decided: what the manifest says and what the command line changed of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Arch, Machine
from series_ci.manifest.allow import Allowed
from series_ci.manifest.model import Selftest, TreeSource
from series_ci.manifest.permit import Permit


@dataclass(frozen=True)
class Request:
    """One version to test, with everything decided: what the manifest says and what the command line changed of it.

    `repeat` is the command line that does the same again; `out` the run directory, which does not exist yet;
    `each_patch` asks for a build after each patch, too; `rest` are the mails of versions that patches are taken from
    which this one did not send anew; `allow` are complaints of the kernel that are no regression;
    `toolchain` is gcc or llvm; `permit` is what the series may have that is refused elsewhere.
    """

    series: str
    label: str
    message_id: str
    archive: str
    trees: tuple[TreeSource, ...]
    config: tuple[Path, ...]
    machine: Machine
    tests: tuple[Selftest, ...]
    accel: str
    out: Path
    repeat: str
    each_patch: bool = False
    allow: tuple[Allowed, ...] = ()
    rest: tuple[str, ...] = ()
    toolchain: str = "gcc"
    permit: tuple[Permit, ...] = ()

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The mails that make the version, its own last."""
        return (*self.rest, self.message_id)

    @property
    def arch(self) -> Arch:
        """The architecture that is built and booted."""
        return self.machine.arch
