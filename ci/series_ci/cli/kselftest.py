"""`series-ci kselftest`: what to do with the project's own kernel selftest besides running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from series_ci.cli import terminal
from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.kernel import apply, sources
from series_ci.kernel.export import patch
from series_ci.kernel.store import Base, Store, check_kernel, checkout_around, user
from series_ci.progress import Progress, count


@click.group()
def kselftest() -> None:
    """The project's own kernel selftest, kselftest/mm/exit_skip.c."""


@kselftest.command()
@click.option(
    "--tree",
    "spec",
    metavar="SPEC",
    help="the kernel tree: a git checkout, git+URL@REF, a tarball, debian:PACKAGE  [default: the checkout you are in]",
)
@click.option(
    "--base-patch", "base_patches", metavar="FILE", multiple=True, help="a patch that comes before ours (repeatable)"
)
@click.option("-o", "--output", metavar="FILE|DIR|-", default=".", help="where to write it; - for standard output")
@click.option("-v", "--verbose", is_flag=True, help="show every command that is run")
def export(spec: str | None, base_patches: tuple[str, ...], output: str, *, verbose: bool) -> int:
    """Write the selftest as a patch against a kernel tree, ready for git am, checkpatch and git send-email.

    The author is who git says you are. Neither the tree nor its branches and index are touched: a checkout is read at
    its last commit.
    """
    progress = terminal.Terminal(verbose=verbose)
    author = user()
    base = _base(spec or _here(), [Path(each) for each in base_patches], progress)
    with progress.step("patch") as step:
        name, content = patch(base, author)
        step.note(f"from {author.name} <{author.email}>")
    if output == "-":
        click.echo(content, nl=False)
    else:
        click.echo(_write(output, name, content))
    return 0


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


def _write(output: str, name: str, content: bytes) -> Path:
    """Write the patch; a folder gets it under its own name."""
    path = Path(output)
    if path.is_dir() or output.endswith("/"):
        path /= name
    if path.exists() and not path.is_file():
        raise UsageError(f"--output {output}: is neither a file nor a folder", hint="-o - is standard output")
    # Through links, which are to stay: it is written by rename.
    files.write(path.resolve(), content)
    return path
