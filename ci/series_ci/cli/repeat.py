"""The command line that does the same again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from series_ci.host import paths, process
from series_ci.manifest.model import Manifest

if TYPE_CHECKING:
    from series_ci.cli.request import Options


def line(versions: Sequence[str], options: Options, manifest: Manifest | None, verb: str = "test") -> str:
    """What does the same from any folder, with absolute paths; in CI from the root of the repository."""
    words = ["series-ci", verb, *versions]
    if manifest is not None:
        brought = manifest.path.is_relative_to(paths.share("series"))
        words += ["--series", manifest.name if brought else paths.named(str(manifest.path))]
    if options.archive:
        words += ["--archive", options.archive if "://" in options.archive else _path(options.archive)]
    if options.tree:
        # What has no scheme is a path, perhaps with @REV behind it.
        scheme = re.match(r"[a-z][a-z0-9+.-]*:", options.tree)
        words += ["--tree", options.tree if scheme else _path(options.tree)]
    for option, values in (("--base-patch", options.base_patch), ("--config", options.config)):
        for value in values:
            words += [option, _path(value)]
    for value in options.test:
        words += ["--test", value]
    return process.quote(words + _rest(options))


def _path(name: str) -> str:
    return paths.named(str(Path(name).resolve()))


def _rest(options: Options) -> list[str]:
    """The options that are not the default."""
    words = []
    words += ["--label", options.label] if options.label else []
    words += ["--arch", options.arch] if options.arch else []
    words += ["--toolchain", options.toolchain] if options.toolchain != "gcc" else []
    words += ["--accel", options.accel] if options.accel != "auto" else []
    words += ["--memory", options.memory] if options.memory else []
    words += ["--cpus", str(options.cpus)] if options.cpus else []
    words += ["--swap", options.swap] if options.swap else []
    words += ["--each-patch"] if options.each_patch else []
    return words
