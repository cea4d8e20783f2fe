"""Do the work of `series-ci kselftest export`: make the project's own selftest a patch against a kernel tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.kernel import apply, sources
from series_ci.kernel.base import Base
from series_ci.kernel.checkout import check_kernel, checkout_around, user
from series_ci.kernel.export import patch
from series_ci.kernel.store import Store
from series_ci.progress import Progress, count


@dataclass(frozen=True)
class Exported:
    """The patch, and the file it was written to, or None."""

    content: bytes
    file: Path | None


def export_patch(spec: str | None, base_patches: Sequence[Path], output: str, progress: Progress) -> Exported:
    """Make the patch against a tree, and write it to the file or folder `output`; "-" writes none.

    Without `spec` the tree is the checkout that contains the working directory. Raises UsageError if there is no kernel
    tree, if the patch cannot be made for it, and if `output` is neither a file nor a folder.
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
        base = sources.resolve(spec, step.update)
        store = Store(base.store)
        version = check_kernel(store, base.commit, spec)
        step.note(f"{spec} is Linux {version}")
        if not patches:
            return base
        with store.in_use(progress.say):
            step.note(count(len(patches), "base patch"))
            return apply.with_base_patches(base, patches)


def _write(output: str, name: str, content: bytes) -> Path | None:
    """Write the patch and return its path, or None for "-". In a folder the file is called `name`."""
    if output == "-":
        return None
    path = Path(output)
    if path.is_dir() or output.endswith("/"):
        path /= name
    if path.exists() and not path.is_file():
        raise UsageError(f"--output {output}: is neither a file nor a folder", hint="-o - is standard output")
    # Resolved, because files.write renames over its target: that would replace a symbolic link, not follow it.
    files.write(path.resolve(), content)
    return path
