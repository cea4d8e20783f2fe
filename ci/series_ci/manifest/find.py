"""Find manifests: series/*.yaml and files one folder below, by name, or the default one."""

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
    """One manifest file. A broken one has an error in place of a manifest, and the name that it seems to have."""

    path: Path
    name: str
    default: bool
    manifest: Manifest | None = None
    error: UsageError | None = None

    def open(self) -> Manifest:
        """Return the manifest, or raise the error that it has."""
        if self.manifest is None:
            raise self.error or UsageError(f"{self.path}: cannot be read")
        return self.manifest

    def __str__(self) -> str:
        return f"{self.name}  {self.manifest.title}" if self.manifest else f"{self.name}  (broken) {self.error}"


def entries(folder: Path) -> list[ManifestEntry]:
    """Return all manifests of a folder. A broken one does not hide others."""
    files = [*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]
    return [_entry(path) for path in sorted(files) if not path.name.startswith(".")]


def find(name: str | None, folders: Iterable[Path]) -> Manifest:
    """Return the manifest with that path or name, or the default one if `name` is None.

    The first folder that has it wins. Raise UsageError if there is none, or if one folder has several.
    """
    if name and ("/" in name or name.endswith((".yaml", ".yml"))):
        return load(Path(name))
    seen: list[ManifestEntry] = []
    for folder in folders:
        in_folder = entries(folder)
        wanted = [entry for entry in in_folder if (entry.default if name is None else entry.name == name)]
        if len(wanted) > 1:
            raise _ambiguous(name, wanted)
        if wanted:
            return wanted[0].open()
        seen += in_folder
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


def _ambiguous(name: str | None, candidates: list[ManifestEntry]) -> UsageError:
    wanted = f"named {name!r}" if name else "marked 'default: true'"
    paths = ", ".join(str(entry.path) for entry in candidates)
    return UsageError(f"found {len(candidates)} series {wanted}, expected one: {paths}")


def _unknown(name: str | None, seen: list[ManifestEntry]) -> UsageError:
    known = [entry.name for entry in seen]
    expected = f"expected one of {', '.join(known)}" if known else "and no other series either"
    missing = f"no series {name!r}" if name else "no series marked 'default: true'"
    meant = near(name or "", known)
    hint = f"did you mean {meant[0]}?" if meant else "name a series, or give the path of a manifest"
    return UsageError(f"found {missing}, {expected}", hint=hint, details="\n".join(str(entry) for entry in seen))
