"""The series there are: manifests in series/*.yaml and one folder below, found by name or by being the default."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.manifest.model import Manifest, load
from series_ci.manifest.yamlfile import near


@dataclass(frozen=True)
class ManifestEntry:
    """One manifest file. A broken one has no manifest but its error, and the name it seems to have."""

    path: Path
    name: str
    default: bool
    manifest: Manifest | None = None
    error: UsageError | None = None

    def open(self) -> Manifest:
        """The manifest, or what is wrong with it."""
        if self.manifest is None:
            raise self.error or UsageError(f"{self.path}: cannot be read")
        return self.manifest

    def __str__(self) -> str:
        return f"{self.name}  {self.manifest.title}" if self.manifest else f"{self.name}  (broken) {self.error}"


def entries(folder: Path) -> list[ManifestEntry]:
    """All manifests of a folder; a broken one hides no other."""
    files = [*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]
    return [_entry(path) for path in sorted(files) if not path.name.startswith(".")]


def find(name: str | None, folders: Iterable[Path]) -> Manifest:
    """The manifest of that path or of that name, or the default one; the first folder that has it wins."""
    if name and ("/" in name or name.endswith((".yaml", ".yml"))):
        return load(Path(name))
    seen: list[ManifestEntry] = []
    for folder in folders:
        here = entries(folder)
        wanted = [entry for entry in here if (entry.default if name is None else entry.name == name)]
        if len(wanted) > 1:
            raise _ambiguous(name, wanted)
        if wanted:
            return wanted[0].open()
        seen += here
    raise _unknown(name, seen)


def _entry(path: Path) -> ManifestEntry:
    try:
        manifest = load(path)
        return ManifestEntry(path, manifest.name, manifest.default, manifest)
    except UsageError as error:
        text = _text(path)
        name = re.search(r"^name:[ \t]*[\"']?([a-z0-9][a-z0-9-]*)", text, re.MULTILINE)
        default = re.search(r"^default:[ \t]*true\b", text, re.MULTILINE)
        return ManifestEntry(path, name[1] if name else path.stem, bool(default), error=error)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _ambiguous(name: str | None, found: list[ManifestEntry]) -> UsageError:
    what = f"named {name!r}" if name else "marked 'default: true'"
    return UsageError(f"found {len(found)} series {what}, expected one: {', '.join(str(e.path) for e in found)}")


def _unknown(name: str | None, seen: list[ManifestEntry]) -> UsageError:
    known = [entry.name for entry in seen]
    there = f"expected one of {', '.join(known)}" if known else "and no other series either"
    what = f"no series {name!r}" if name else "no series marked 'default: true'"
    meant = near(name or "", known)
    hint = f"did you mean {meant[0]}?" if meant else "name a series, or give the path of a manifest"
    return UsageError(f"found {what}, {there}", hint=hint, details="\n".join(str(entry) for entry in seen))
