"""The story of `series-ci kselftest export`: the project's own selftest as a patch against a kernel tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.kernel import apply, sources
from series_ci.kernel.export import patch
from series_ci.kernel.source import Base
from series_ci.kernel.store import Store, check_kernel, checkout_around, user
from series_ci.progress import Progress, count


@dataclass(frozen=True)
class Exported:
    """The patch, and where it was written (None: nowhere)."""

    content: bytes
    file: Path | None


def export_patch(spec: str | None, base_patches: Sequence[Path], output: str, progress: Progress) -> Exported:
    """Make the patch for a tree, by default the checkout around us, and write it to a file or a folder (-: nowhere).

    Raises UsageError for a tree or a place that it cannot be made for or written to.
    """
    author = user()
    base = _base(spec or _here(), base_patches, progress)
    with progress.step("patch") as step:
        name, content = patch(base, author)
        step.note(f"from {author.name} <{author.email}>")
    return Exported(content, _write(output, name, content))


def _here() -> str:
    top = checkout_around(Path.cwd())
    if top is None or not (top / "Kbuild").is_file():
        place = "no git checkout" if top is None else f"the git checkout {top}, which is not a kernel tree"
        raise UsageError(f"no tree: the working directory is in {place}", hint=f"--tree SPEC: {sources.SPEC_FORMS}")
    return str(top)


def _base(spec: str, patches: Sequence[Path], progress: Progress) -> Base:
    with progress.step("tree") as step:
        found = sources.resolve(spec, step.update)
        store = Store(found.store)
        version = check_kernel(store, found.commit, spec)
        step.note(f"{spec} is Linux {version}")
        if not patches:
            return found
        with store.in_use(progress.say):
            step.note(count(len(patches), "base patch"))
            return apply.with_base_patches(found, patches)


def _write(output: str, name: str, content: bytes) -> Path | None:
    """Write the patch, and return where; a folder gets it under its own name."""
    if output == "-":
        return None
    path = Path(output)
    if path.is_dir() or output.endswith("/"):
        path /= name
    if path.exists() and not path.is_file():
        raise UsageError(f"--output {output}: is neither a file nor a folder", hint="-o - is standard output")
    # Through links, which are to stay: it is written by rename.
    files.write(path.resolve(), content)
    return path
