"""GitPython's repository with our way of starting programs: git ends when we do, and a full disk is said to be one."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import git

from series_ci import files, process


class _Git(git.Git):
    """The commands of a repository."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (GitPython's own signature has eight overloads)
        """Run git. Raises InfrastructureError where git has found the disk full, else GitCommandError."""
        try:
            return super().execute(
                *args, preexec_fn=partial(process.die_with, os.getpid()), pass_fds=files.held(), **kwargs
            )
        except git.GitCommandError as error:
            if files.is_full(str(error.stderr)):
                raise files.disk_full("git cannot write") from error
            raise


class Repo(git.Repo):
    """A repository whose commands are ours."""

    GitCommandWrapperType = _Git
