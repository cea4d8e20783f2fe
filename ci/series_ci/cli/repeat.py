"""Make the command line that repeats a run."""

from __future__ import annotations

from collections.abc import Sequence

from series_ci.cli.declare import words
from series_ci.cli.options import Options
from series_ci.host import paths, process
from series_ci.manifest.model import Manifest


def line(versions: Sequence[str], options: Options, manifest: Manifest | None, verb: str = "test") -> str:
    """Return a command line that repeats a run from any folder; in CI, from the root of the repository."""
    series = []
    if manifest is not None:
        brought = manifest.path.is_relative_to(paths.share("series"))
        series = ["--series", manifest.name if brought else paths.named(str(manifest.path))]
    return process.quote(["series-ci", verb, *versions, *series, *words(options)])
