"""GitPython's repository, whose git processes end with ours, and whose errors tell a full disk from others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import git

from series_ci.host import files, locks, process


class _Git(git.Git):
    """Runs the git commands of a repository."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (GitPython's own signature has eight overloads)
        """Run git. Raises InfrastructureError if the disk is full, GitCommandError for any other failure."""
        try:
            return super().execute(
                *args, preexec_fn=partial(process.die_with, os.getpid()), pass_fds=locks.held(), **kwargs
            )
        except git.GitCommandError as error:
            if files.is_full(str(error.stderr)):
                raise files.disk_full("git cannot write") from error
            raise


class Repo(git.Repo):
    """A repository whose git commands are run by `_Git`."""

    GitCommandWrapperType = _Git


def described(checkout: Path, commit: str) -> str:
    """Return the name that `git describe` gives a commit, such as `v6.12-3-g0123456789ab`; "" if no tag leads to it."""
    try:
        return str(Repo(checkout).git.describe("--tags", "--abbrev=12", "--match=v[0-9]*", commit))
    except git.GitError:
        return ""


def remote(checkout: Path, name: str) -> str:
    """Return the URL of a remote of a checkout; "" if it has no such remote."""
    try:
        return str(Repo(checkout).git.config("--get", f"remote.{name}.url"))
    except git.GitError:
        return ""


@dataclass(frozen=True)
class Author:
    """The author of a commit; `date` is in seconds since 1970 with a time zone, as git prints it."""

    name: str
    email: str
    date: str
