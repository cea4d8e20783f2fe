"""Find busybox and bash for the guest's architecture: the host's own, or static ones of another architecture.

Those of another architecture come from Debian's packages. apt fetches them and verifies signatures and digests; they
are unpacked, not installed, so the system does not change and no privilege is needed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from series_ci.arch import Arch
from series_ci.errors import InfrastructureError
from series_ci.host import files, locks, paths, process, scratch

PROGRAMS = {"busybox": ("busybox-static", "bin/busybox"), "bash": ("bash-static", "bin/bash-static")}
"""Name of a program -> Debian's package, and the path in it."""


def shells(arch: Arch) -> tuple[Path, Path]:
    """Return the paths of busybox and bash. Raises InfrastructureError if one is missing and cannot be fetched."""
    if arch.foreign:
        return _foreign(arch)
    busybox, bash = process.which("busybox"), process.which("bash-static") or process.which("bash")
    if not bash or not busybox:
        raise InfrastructureError("busybox or bash is missing", hint="apt-get install busybox-static bash-static")
    return Path(busybox), Path(bash)


def _foreign(arch: Arch) -> tuple[Path, Path]:
    folder = paths.cache() / "userland" / arch.name
    busybox, bash = (folder / name for name in PROGRAMS)
    with locks.locked(folder.with_name(".lock"), lambda _text: None):
        if _made_for(busybox, arch) and _made_for(bash, arch):
            return busybox, bash
        _fetch(arch, folder)
    for path in (busybox, bash):
        if not _made_for(path, arch):
            raise InfrastructureError(f"{path}: is no program for {arch.name}", hint="remove it; it is fetched again")
    return busybox, bash


def _made_for(path: Path, arch: Arch) -> bool:
    """Return whether a file is a program for the architecture, as the objdump of its compiler can tell."""
    if not path.is_file():
        return False
    return process.run([f"{arch.prefix}objdump", "-f", str(path)], env={"LC_ALL": "C"}).code == 0


def _fetch(arch: Arch, folder: Path) -> None:
    packages = [package for package, _path in PROGRAMS.values()]
    with scratch.folder("userland") as work, files.disk_errors(folder):
        options = _alone(arch, work)
        for words in (["update", "-q"], ["download", "-q", *packages]):
            done = process.run(["apt-get", *options, *words], cwd=work)
            if done.code != 0:
                raise _not_had(arch, folder, done.err.strip())
        with files.fresh_folder(folder) as making:
            for name, (package, path) in PROGRAMS.items():
                unpacked = work / package
                for deb in work.glob(f"{package}_*.deb"):
                    process.run(["dpkg-deb", "--extract", str(deb), str(unpacked)])
                if not (unpacked / path).is_file():
                    raise _not_had(arch, folder, f"{package} has no {path}")
                shutil.copy(unpacked / path, making / name)


def _alone(arch: Arch, work: Path) -> Sequence[str]:
    """Return options of apt for another architecture: with the system's sources and keys, and all state in `work`."""
    for name in ("lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    settings = {
        "APT::Architecture": arch.debian,
        "APT::Architectures": arch.debian,
        "Dir::State::Lists": f"{work}/lists",
        "Dir::State::status": f"{work}/status",
        "Dir::Cache": f"{work}/cache",
        # As root, apt warns if its unprivileged user cannot read the folder.
        "APT::Sandbox::User": "root" if os.getuid() == 0 else "",
    }
    return [word for name, value in settings.items() if value for word in ("-o", f"{name}={value}")]


def _not_had(arch: Arch, folder: Path, why: str) -> InfrastructureError:
    names = " and ".join(PROGRAMS)
    return InfrastructureError(
        f"no static {names} for {arch.name}: {why}",
        hint=f"put programs of these names into {folder}, or fetch Debian's packages of {arch.debian} by hand",
    )
