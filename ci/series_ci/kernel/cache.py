"""The cache of kernels, by content: those that were built, and those whose sources do not compile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from series_ci.errors import BuildError
from series_ci.host import files, inside, paths
from series_ci.kernel import kconfig
from series_ci.kernel.logs import BUILD_LOG, CONFIG

if TYPE_CHECKING:
    from series_ci.kernel.toolchain import Toolchain


MOST_IMAGE = 512 * inside.MIB
MOST_CONFIG = 4 * inside.MIB
MOST_LOG = 1024 * inside.MIB
"""Bytes that are kept of an image, a .config and a log at most."""


@dataclass(frozen=True)
class Build:
    """A finished kernel.

    `objects` is the number of objects that were compiled (0 if it comes from the cache), `seconds` the wall time of the
    build, `sources` a file that lists the files of the tree that the build read; a kernel from elsewhere has none.
    """

    image: Path
    config: Path
    log: Path
    key: str
    seconds: float
    objects: int
    cached: bool
    sources: Path | None = None

    @property
    def inputs(self) -> frozenset[str]:
        """The files of the tree that the build read, by their paths in it."""
        if self.sources is None:
            return frozenset()
        return frozenset(self.sources.read_text("utf-8", "surrogateescape").splitlines())

    @property
    def image_digest(self) -> str:
        """The digest of the image, 16 hexadecimal digits."""
        return files.digest(self.image.read_bytes())[:16]


def key(tree_id: str, tools: Toolchain, options: Sequence[kconfig.Asked]) -> str:
    """Return the key of a kernel: a digest of sources, architecture, configuration, compiler and make variables."""
    return files.digest(tree_id, tools.arch.name, kconfig.render(options), tools.version, *tools.variables)[:24]


def lookup(name: str) -> Build | None:
    """Return the kernel with the key `name`; None if the cache has none, or a damaged one."""
    folder = paths.cache() / "builds" / name
    record = files.read_json(folder / "build.json")
    image, sources = folder / "image", folder / "inputs"
    # The digest of the image guards against a cache that was damaged or cut short.
    if not record or not all(path.is_file() for path in (image, sources, folder / CONFIG)):
        return None
    if files.digest(image.read_bytes()) != record.get("image_digest"):
        return None
    return Build(image, folder / CONFIG, folder / BUILD_LOG, name, record["seconds"], 0, cached=True, sources=sources)


def lookup_failure(name: str, log: Path) -> BuildError | None:
    """Return the error of an earlier build of the same sources, and write its log to `log`; None if there was none."""
    folder = paths.cache() / "builds" / name
    record = files.read_json(folder / "failed.json")
    kept = folder / BUILD_LOG
    # Earlier releases did not compare the worktree with the commit: their failures may be those of other sources.
    if not record or not record.get("compared") or not kept.is_file():
        return None
    files.write(log, kept.read_bytes())
    return BuildError(record["message"], hint=f"the whole log: {log}", details=record["details"])


@dataclass(frozen=True)
class Made:
    """What a build left in `folder`: `image` is the kernel's name there, `inputs` the files of the tree it read."""

    folder: Path
    image: str
    log: Path
    inputs: frozenset[str]
    seconds: float
    objects: int


def keep(name: str, made: Made) -> Build:
    """Copy a kernel into the cache. Raises inside.StrangeFileError if image or configuration is no regular file."""
    folder = paths.cache() / "builds" / name
    with files.disk_errors(paths.cache()), files.fresh_folder(folder) as making:
        inside.copy(made.folder, made.image, making / "image", MOST_IMAGE)
        inside.copy(made.folder, ".config", making / CONFIG, MOST_CONFIG)
        inside.copy(made.log.parent, made.log.name, making / BUILD_LOG, MOST_LOG)
        listing = "".join(f"{each}\n" for each in sorted(made.inputs))
        files.write(making / "inputs", listing.encode("utf-8", "surrogateescape"))
        digest = files.digest((making / "image").read_bytes())
        record = {"seconds": made.seconds, "objects": made.objects, "image_digest": digest}
        files.write_json(making / "build.json", record)
    image, config, log = (folder / each for each in ("image", CONFIG, BUILD_LOG))
    return Build(image, config, log, name, made.seconds, made.objects, cached=False, sources=folder / "inputs")


def keep_failure(name: str, error: BuildError, log: Path) -> None:
    """Keep the error of sources that do not compile. The worktree was compared with the commit before the build."""
    with files.disk_errors(paths.cache()), files.fresh_folder(paths.cache() / "builds" / name) as making:
        inside.copy(log.parent, log.name, making / BUILD_LOG, MOST_LOG)
        record = {"message": error.message, "details": error.details, "compared": True}
        files.write_json(making / "failed.json", record)
