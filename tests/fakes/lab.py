"""A whole miniature world on this machine: a kernel checkout, a folder of mails, a manifest, and QEMU.

Versions of the series `mini`: v1 and v4 are good (v4 is v1 sent again), v2 was made for another tree, v3 does not
compile. With v1 the kernel's image prints `exiting: kept`, on the base `exiting: swapped`: so the fake
QEMU tells them apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from fakes import fakelinux, fakeqemu, mails
from fakes.fakeqemu import Qemu
from series_ci.host import paths
from series_ci.kernel.kconfig import merge

BASE, PATCHED = "swapped", "kept"

WARNING = """\
[    1.000000] ------------[ cut here ]------------
[    1.000001] WARNING: CPU: 0 PID: 77 at mm/rmap.c:13 folio_referenced+0x12/0x40
[    1.000002] CPU: 0 PID: 77 Comm: good Not tainted 6.12.7 #1
[    1.000003] RIP: 0010:folio_referenced+0x12/0x40
[    1.000004] Call Trace:
[    1.000005]  <TASK>
[    1.000006]  shrink_folio+0x21/0x90
[    1.000007]  </TASK>
[    1.000008] ---[ end trace 0000000000000000 ]---
"""
"""What the console says, once, where folio_referenced complains."""

MANIFEST = """\
name: mini
title: "mm/rmap: leave the folios of exiting processes alone"
archive: mail
versions:
  v1:
    message-id: 20260203.v1-0@example.org
  v2:
    message-id: 20260203.v2-0@example.org
  v3:
    message-id: 20260203.v3-0@example.org
  v4:
    message-id: 20260203.v4-0@example.org
trees:
  - spec: debian:linux-source-0.0
  - spec: linux
config: [mini.config]
machine: {memory: 64M, cpus: 1, swap: 1M}
tests:
  - program: mm/good
"""

OTHER_TREE = fakelinux.RMAP_C.replace("mapcount > 1", "mapcount > 2").replace("referenced = 0", "references = 0")
OTHER_TREE = OTHER_TREE.replace("referenced++", "references++").replace("return referenced", "return references")


@dataclass
class Lab:
    """Where things are."""

    folder: Path
    qemu: Qemu

    @property
    def linux(self) -> Path:
        """The user's checkout."""
        return self.folder / "linux"

    @property
    def manifest(self) -> Path:
        """The series' manifest."""
        return self.folder / "mini.yaml"

    @property
    def mail(self) -> Path:
        """The mails of all versions."""
        return self.folder / "mail"

    def argv(self, version: str, *more: str) -> list[str]:
        """The command line for one version, without the program's name."""
        return ["test", version, "--series", str(self.manifest), "--accel", "tcg", *more]


@cache
def mail() -> tuple[bytes, ...]:
    """The mails of all versions, made once: they are what takes longest here."""
    other = mails.Change("mm: for another tree", (("mm/rmap.c", "mapcount > 2", "mapcount > 3"),))
    return (
        *mails.series(mails.GOOD, version=1),
        *mails.series((mails.HELPER, other), version=2, tree=OTHER_TREE),
        *mails.series(mails.BROKEN, version=3),
        *mails.series(mails.GOOD, version=4),
    )


def kconfig() -> str:
    """A Kconfig that knows all that the guest and the project's own tests ask for, so that nothing gets lost."""
    fragments = [*paths.data("kernel", "").glob("*.config"), *paths.share("kselftest").glob("*/config")]
    asked = {each.name for each in merge((path.name, path.read_text("utf-8")) for path in fragments)}
    return "".join(f'config {name}\n\tbool "{name}"\n\n' for name in sorted(asked | set(fakelinux.OPTIONS)))


def build(folder: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str] | None = None) -> Lab:
    """Make it; `changes` are files of the tree."""
    fakelinux.repository(folder / "linux", {"Kconfig": kconfig(), **(changes or {})})
    (folder / "mini.yaml").write_text(MANIFEST, "utf-8")
    (folder / "mini.config").write_text("CONFIG_KUNIT=y\n", "utf-8")
    mails.folder(folder / "mail", mail())
    return Lab(folder, fakeqemu.install(folder, monkeypatch))


@contextmanager
def world(folder: Path, changes: dict[str, str] | None = None) -> Iterator[Lab]:
    """The same with a home and a cache of its own, for tests that share one."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in list(os.environ):
            if name.startswith(("GIT_", "XDG_", "MAKE", "SERIES_CI")) or name in ("CI", "NO_COLOR", "FORCE_COLOR"):
                monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(folder / "home"))
        monkeypatch.setenv("SERIES_CI_CACHE", str(folder / "cache"))
        yield build(folder, monkeypatch, changes)
