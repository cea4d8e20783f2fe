"""Git checkouts of the user, which are only read, and what makes a tree a kernel's."""

from __future__ import annotations

import re
from pathlib import Path

import git

from series_ci.errors import UsageError
from series_ci.host import process
from series_ci.kernel.repo import Author, Repo
from series_ci.kernel.store import Store, said


def local_commit(path: str, revision: str) -> tuple[str, Path]:
    """Return the commit of a revision in a checkout of the user's, and the folder with its objects.

    Raises UsageError if `path` is no checkout, or has no such revision.
    """
    process.leave_callers_repository()
    try:
        theirs = Repo(path)
        commit = str(theirs.git.rev_parse("--verify", f"{revision}^{{commit}}"))
    except git.NoSuchPathError as error:
        raise UsageError(f"{path}: no such folder") from error
    except git.InvalidGitRepositoryError as error:
        raise UsageError(f"{path}: is not a git checkout") from error
    except git.GitCommandError as error:
        raise UsageError(f"{path}: has no commit {revision}: {said(error)}") from error
    return commit, Path(theirs.common_dir).resolve() / "objects"


def checkout_around(folder: Path) -> Path | None:
    """Return the top folder of the git checkout that `folder` is in, or None."""
    process.leave_callers_repository()
    try:
        top = Repo(folder, search_parent_directories=True).working_tree_dir
    except git.InvalidGitRepositoryError:
        return None
    return Path(top) if top else None


def user() -> Author:
    """Return the user as git knows them in the working directory, and the time. Raises UsageError if git does not."""
    # Else git would make up an address from the names of the account and the machine.
    done = process.run(["git", "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"])
    match = re.fullmatch(r"(.+) <(.+)> (\d+ [-+]\d{4})", done.out.strip())
    if done.code != 0 or match is None:
        raise UsageError(
            "git does not know who you are: the patch needs an author and a Signed-off-by",
            hint="git config --global user.name 'Your Name'; git config --global user.email you@example.org",
        )
    return Author(*match.groups())


def check_kernel(store: Store, commit: str, spec: str) -> str:
    """Return the version of a kernel tree, such as `6.12.117`. Raises UsageError for a tree that is none."""
    makefile = store.text(commit, "Makefile") or ""
    settings = re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)$", makefile, re.MULTILINE)
    values: dict[str, str] = dict(settings)
    if not {"VERSION", "PATCHLEVEL"} <= values.keys() or store.text(commit, "Kbuild") is None:
        raise UsageError(
            f"{spec}: is not a kernel tree (no Kbuild, or no VERSION in its Makefile)",
            hint="give the top folder of a Linux source tree",
        )
    numbers = ".".join(values[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if values.get(key))
    return numbers + values.get("EXTRAVERSION", "")
