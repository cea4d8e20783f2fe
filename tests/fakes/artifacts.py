"""Artifacts and caches by GitHub's rules: what upload-artifact, download-artifact and cache do with files.

The rules are those of upload-artifact 6, download-artifact 7 and cache 5, as their documentation and sources have them.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Inputs = Mapping[str, str]

_NO_PATH = re.compile(r'[":<>|*?\r\n]')
_NO_NAME = re.compile(r'[":<>|*?\r\n\\/]|^$')


class ActionError(Exception):
    """A step that fails."""


@dataclass
class Artifacts:
    """Those of one run of a workflow, by name."""

    folder: Path
    kept: dict[str, Path] = field(default_factory=dict)

    def upload(self, given: Inputs, place: Path) -> str:
        """Keep a file, or what lies in a folder: hidden files and empty folders are left out. What the log says."""
        name, source = given["name"], place / given["path"]
        if _NO_NAME.search(name):
            raise ActionError(f"the artifact name is not valid: {name}")
        if not given["path"]:
            raise ActionError("Input required and not supplied: path")
        root = source if source.is_dir() else source.parent
        found = [each for each in (source.rglob("*") if source.is_dir() else [source]) if each.is_file()]
        names = [each.relative_to(root) for each in found]
        names = [each for each in names if not any(part.startswith(".") for part in each.parts)]
        if not names:
            return self._nothing(given)
        for each in names:
            if _NO_PATH.search(str(each)):
                raise ActionError(f"the path for one of the files in artifact is not valid: {each}")
        if name in self.kept:
            raise ActionError(f"(409) Conflict: an artifact with this name already exists: {name}")
        shutil.rmtree(self.folder / name, ignore_errors=True)
        for each in names:
            target = self.folder / name / each
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / each, target)
        self.kept[name] = self.folder / name
        return ""

    def _nothing(self, given: Inputs) -> str:
        said = f"No files were found with the provided path: {given['path']}"
        if given.get("if-no-files-found") == "error":
            raise ActionError(said)
        return "" if given.get("if-no-files-found") == "ignore" else f"##[warning]{said}"

    def download(self, given: Inputs, place: Path) -> str:
        """Unpack: one by its name, or all that match, each into a folder of its name unless it is the only one.

        That none matches is no error, and makes no folder.
        """
        target = place / given["path"]
        if name := given.get("name"):
            if name not in self.kept:
                raise ActionError(f"Artifact not found for name: {name}")
            shutil.copytree(self.kept[name], target, dirs_exist_ok=True)
            return ""
        found = {name: each for name, each in self.kept.items() if fnmatch.fnmatchcase(name, given.get("pattern", "*"))}
        flat = given.get("merge-multiple") == "true" or len(found) == 1
        for name, source in found.items():
            shutil.copytree(source, target if flat else target / name, dirs_exist_ok=True)
        return ""


@dataclass
class Caches:
    """Those of a repository, by key, the oldest first. They outlive a run."""

    folder: Path
    kept: dict[str, Path] = field(default_factory=dict)

    def save(self, given: Inputs, place: Path) -> str:
        """Keep the folders that are there; a key is used once. Failing, it warns."""
        key = _key(given["key"])
        paths = [each for each in given["path"].split() if each.startswith("~") or (place / each).exists()]
        if key in self.kept or not paths:
            return f"##[warning]cache not saved: {key}"
        target = self.folder / str(len(self.kept))
        target.mkdir(parents=True)
        # The home is this machine's, and the same in all jobs.
        for each in paths:
            if not each.startswith("~"):
                shutil.copytree(place / each, target / each)
        self.kept[key] = target
        return ""

    def restore(self, given: Inputs, place: Path) -> str:
        """Bring back what has the key, else the newest whose key begins with one of those given."""
        key = _key(given["key"])
        beginnings = given.get("restore-keys", "").split("\n")
        wanted = [key] if key in self.kept else []
        for each in beginnings:
            wanted += [name for name in reversed(self.kept) if each and name.startswith(each)]
        if wanted:
            shutil.copytree(self.kept[wanted[0]], place, dirs_exist_ok=True)
        return ""


def _key(key: str) -> str:
    if "," in key or len(key) > 512:
        raise ActionError(f"Key Validation Error: {key}")
    return key
