"""GitPython's repository with our way of starting programs: git ends when we do, and a full disk is said to be one."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import git

from series_ci.host import files, locks, process


class _Git(git.Git):
    """The commands of a repository."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (GitPython's own signature has eight overloads)
        """Run git. Raises InfrastructureError where git has found the disk full, else GitCommandError."""
        try:
            return super().execute(
                *args, preexec_fn=partial(process.die_with, os.getpid()), pass_fds=locks.held(), **kwargs
            )
        except git.GitCommandError as error:
            if files.is_full(str(error.stderr)):
                raise files.disk_full("git cannot write") from error
            raise


class Repo(git.Repo):
    """A repository whose commands are ours."""

    GitCommandWrapperType = _Git


def described(checkout: Path, commit: str) -> str:
    """What `git describe` calls a commit of a checkout, such as `v6.12-3-g0123456789ab`; empty if no tag is near."""
    try:
        return str(Repo(checkout).git.describe("--tags", "--abbrev=12", "--match=v[0-9]*", commit))
    except git.GitError:
        return ""


def remote(checkout: Path, name: str) -> str:
    """The URL that a checkout has a remote from; empty if it has no such remote."""
    try:
        return str(Repo(checkout).git.config("--get", f"remote.{name}.url"))
    except git.GitError:
        return ""
