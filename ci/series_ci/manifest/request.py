"""One version to test, with everything decided from the manifest and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Arch, Machine
from series_ci.manifest.allow import Allowed
from series_ci.manifest.model import Selftest, TreeSource
from series_ci.manifest.permit import Permit


@dataclass(frozen=True)
class Request:
    """One version to test, with everything decided from the manifest and the command line.

    `repeat` is the command line that repeats the test. `out` is the run directory, which does not exist yet.
    `each_patch` asks for a build after each patch, too. `rest` are the mails of versions that provide the patches which
    this one did not resend. `allow` are kernel complaints that are no regression. `toolchain` is gcc or llvm. `permit`
    is what the series may have though other series may not.
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
        """Return the mails that make up the version, its own last."""
        return (*self.rest, self.message_id)

    @property
    def arch(self) -> Arch:
        """Return the architecture that is built and booted."""
        return self.machine.arch
