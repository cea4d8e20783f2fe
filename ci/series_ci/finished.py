"""The cache of finished kernels, by content: what was built before is not built again, nor what would fail again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from series_ci import files, kconfig, paths
from series_ci.errors import BuildError

if TYPE_CHECKING:
    from series_ci.build import Toolchain


@dataclass(frozen=True)
class Build:
    """A finished kernel. `objects` counts what this build compiled (0 from the cache); `seconds` is wall time."""

    image: Path
    config: Path
    log: Path
    key: str
    seconds: float
    objects: int
    cached: bool

    @property
    def image_digest(self) -> str:
        """What stands for the kernel in reports."""
        return files.digest(self.image.read_bytes())[:16]


def key(tree_id: str, tools: Toolchain, options: Sequence[kconfig.Asked]) -> str:
    """What a finished kernel depends on: sources by content, architecture, configuration, compiler, variables."""
    return files.digest(tree_id, tools.arch.name, kconfig.render(options), tools.version, *tools.variables)[:24]


def lookup(name: str) -> Build | None:
    """A finished kernel from the cache."""
    folder = paths.cache() / "builds" / name
    record = files.read_json(folder / "build.json")
    image = folder / "image"
    # The digest of the image guards against a cache that was damaged or cut short.
    if not record or not image.is_file() or not (folder / "config").is_file():
        return None
    if files.digest(image.read_bytes()) != record.get("image_digest"):
        return None
    return Build(image, folder / "config", folder / "build.log", name, record["seconds"], 0, cached=True)


def lookup_failure(name: str, log: Path) -> BuildError | None:
    """What the compiler said of sources that it refused before, and would say again; `log` gets that build's log."""
    folder = paths.cache() / "builds" / name
    record = files.read_json(folder / "failed.json")
    kept = folder / "build.log"
    if not record or not kept.is_file():
        return None
    files.write(log, kept.read_bytes())
    return BuildError(record["message"], hint=f"the whole log: {log}", details=record["details"])


def keep(name: str, image: Path, config: Path, log: Path, seconds: float, objects: int) -> Build:
    """Keep what a build made."""
    folder = paths.cache() / "builds" / name
    with files.disk_errors(paths.cache()), files.fresh_folder(folder) as making:
        shutil.copy(image, making / "image")
        shutil.copy(config, making / "config")
        shutil.copy(log, making / "build.log")
        record = {"seconds": seconds, "objects": objects, "image_digest": files.digest(image.read_bytes())}
        files.write_json(making / "build.json", record)
    return Build(folder / "image", folder / "config", folder / "build.log", name, seconds, objects, cached=False)


def keep_failure(name: str, error: BuildError, log: Path) -> None:
    """Keep what the compiler said of sources that do not build."""
    with files.disk_errors(paths.cache()), files.fresh_folder(paths.cache() / "builds" / name) as making:
        shutil.copy(log, making / "build.log")
        files.write_json(making / "failed.json", {"message": error.message, "details": error.details})
