"""Git stores: bare repositories in the cache, and the one worktree per store in which commits are laid out.

Nothing is written into a repository of the user's: a local checkout is read through git's alternates. Commits that we
make have fixed names and dates, so equal input gives equal commit ids on every machine, and cache keys can hold commit
ids.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import git

from series_ci.errors import InfrastructureError
from series_ci.host import files, locks, paths, process, scratch
from series_ci.kernel import objects, worktree
from series_ci.kernel.repo import Author, Repo
from series_ci.progress import Tell

IDENTITY = {
    "GIT_AUTHOR_NAME": "series-ci",
    "GIT_AUTHOR_EMAIL": "series-ci@localhost",
    "GIT_AUTHOR_DATE": "1970-01-01T00:00:00+0000",
    "GIT_COMMITTER_NAME": "series-ci",
    "GIT_COMMITTER_EMAIL": "series-ci@localhost",
    "GIT_COMMITTER_DATE": "1970-01-01T00:00:00+0000",
    **process.GIT_ALONE,
    **worktree.NEUTRAL,
}

TOLD_LINES = 20
"""Lines of git's messages that are shown: it may print one per file, and a kernel has 80,000."""


def said(error: git.GitCommandError) -> str:
    """Return what git printed on standard error, without the text that GitPython puts around it."""
    text = str(error.stderr).strip()
    return re.sub(r"^stderr: '(.*)'$", r"\1", text, flags=re.DOTALL).strip()


class Store:
    """A bare repository in the cache and its worktree. Whoever writes to them holds `in_use`."""

    def __init__(self, path: Path) -> None:
        process.leave_callers_repository()
        self.path = path
        with files.disk_errors(path):
            if not (path / "HEAD").is_file():
                self._create()
        worktree.neutralise(path)
        self.repo = Repo(path)
        self.repo.git.update_environment(**IDENTITY)

    def _create(self) -> None:
        with files.fresh_folder(self.path, replace=False) as making:
            repo = Repo.init(making, bare=True)
            with repo.config_writer() as config:
                # gc would drop commits that only our cache names. Level 1 packs a kernel in half the time of level 6.
                config.set_value("gc", "auto", "0")
                config.set_value("core", "compression", "1")
                config.set_value("advice", "detachedHead", "false")

    @property
    def lock(self) -> Path:
        """The lock file; held for any change to the store or its worktree."""
        return self.path / "series-ci.lock"

    @contextmanager
    def in_use(self, tell: Tell) -> Iterator[Store]:
        """Hold the store's lock for the block; needed to lay out a commit or to make one.

        If another process holds it, `tell` is called once, and the lock is waited for.
        """
        with locks.locked(self.lock, tell):
            yield self

    @property
    def worktree(self) -> Path:
        """The folder where commits of this store are laid out; its path is constant, so that builds are incremental."""
        return paths.cache() / "work" / self.path.name.removesuffix(".git")

    def ref(self, name: str) -> str | None:
        """Return the commit that was kept under `name`, or None."""
        try:
            return str(self.repo.git.rev_parse("--verify", "--quiet", f"refs/series-ci/{name}^{{commit}}"))
        except git.GitCommandError:
            return None

    def keep(self, name: str, commit: str) -> None:
        """Keep `commit` (and what it needs) under `name`."""
        # A git that was killed leaves its lock file. We hold the store, so no other git is at work here.
        (self.path / f"refs/series-ci/{name}.lock").unlink(missing_ok=True)
        self.repo.git.update_ref(f"refs/series-ci/{name}", commit)

    def tree_id(self, commit: str) -> str:
        """Return the id of a commit's tree: equal for equal sources, whatever their history."""
        return str(self.repo.git.rev_parse(f"{commit}^{{tree}}"))

    def text(self, commit: str, path: str) -> str | None:
        """Return a file of a commit as text; None if there is no regular file of that name. Links are not followed.

        Raises InfrastructureError for a file of more than objects.MOST bytes.
        """
        return objects.text(self.path, commit, path)

    def listing(self, commit: str) -> list[str]:
        """Return a line `mode type id<TAB>path` for each file of a commit."""
        return [f"{each.mode} {each.kind} {each.blob}\t{each.path}" for each in objects.entries(self.path, commit)]

    def changed(self, old: str, new: str) -> list[str]:
        """Return the files that differ between two commits."""
        return [each.path for each in objects.changed(self.path, old, new)]

    def contents(self, old: str, new: str) -> dict[str, str]:
        """Return the files that differ between two commits, with their object ids in the new one (zeros: removed)."""
        return {each.path: each.blob for each in objects.changed(self.path, old, new)}

    def between(self, base: str, tip: str) -> list[str]:
        """Return the commits after `base` up to `tip`, the oldest first."""
        return str(self.repo.git.rev_list("--reverse", f"{base}..{tip}")).split()

    def patch(self, base: str, changes: Mapping[str, str], message: str, author: Author) -> tuple[str, bytes]:
        """Commit new texts of files on `base`; return the file name and the content that git format-patch gives.

        Index and objects are in a temporary folder, so nothing in the store changes and no lock is needed. Raises
        InfrastructureError if git fails.
        """
        with scratch.folder("patch") as folder:
            files.write(folder / "objects/info/alternates", f"{self.path / 'objects'}\n")
            apart = {"GIT_INDEX_FILE": f"{folder / 'index'}", "GIT_OBJECT_DIRECTORY": f"{folder / 'objects'}"}
            for role in ("AUTHOR", "COMMITTER"):
                apart |= {f"GIT_{role}_NAME": author.name, f"GIT_{role}_EMAIL": author.email}
                apart[f"GIT_{role}_DATE"] = f"@{author.date}"
            with self.repo.git.custom_environment(**apart):
                try:
                    commit = self._commit(base, changes, message, folder / "text")
                    written = Path(str(self.repo.git.format_patch("-1", "--output-directory", folder, commit)))
                except git.GitCommandError as error:
                    raise InfrastructureError(f"git cannot make the patch: {said(error)}") from error
            return written.name, written.read_bytes()

    def with_texts(self, base: str, changes: Mapping[str, str], message: str) -> str:
        """Commit new texts of files on `base`; return the commit."""
        with scratch.folder("texts") as folder, self.repo.git.custom_environment(GIT_INDEX_FILE=f"{folder / 'index'}"):
            return self._commit(base, changes, message, folder / "text")

    def _commit(self, base: str, changes: Mapping[str, str], message: str, text_file: Path) -> str:
        """Commit without a worktree. Modes stay as they are; of new files, only shell scripts are executable."""
        self.repo.git.read_tree(base)
        for path, text in changes.items():
            entry = str(self.repo.git.ls_tree(base, "--", path))
            files.write(text_file, text.encode("utf-8", "surrogateescape"))  # as text() decodes what is not UTF-8
            blob = self.repo.git.hash_object("-w", "--no-filters", text_file)
            mode = entry[:6] or ("100755" if path.endswith(".sh") else "100644")
            self.repo.git.update_index("--add", "--cacheinfo", f"{mode},{blob},{path}")
        return str(self.repo.git.commit_tree(self.repo.git.write_tree(), "-p", base, "-m", message))

    def check_out(self, commit: str) -> Repo:
        """Lay `commit` out in the worktree: write only the files that differ, remove all that it does not have.

        Lock files and a half-done `git am` of a run that was killed are removed first: we hold the store's lock, so no
        other git is at work here. Raises InfrastructureError if git fails.
        """
        try:
            work = self._open_worktree(commit)
            for lock in Path(work.git_dir).glob("*.lock"):
                lock.unlink(missing_ok=True)
            shutil.rmtree(Path(work.git_dir) / "rebase-apply", ignore_errors=True)
            self._lay_out(work, commit)
            # The index is right now; compare the files with it, for a build may have written to them unseen by git.
            if worktree.differing(self.worktree, self._mark):
                self._lay_out(work, commit)
                if names := worktree.differing(self.worktree, self._mark):
                    raise worktree.refuse(self.worktree, names, commit)
        except git.GitCommandError as error:
            first, *rest = said(error).splitlines() or [""]
            raise InfrastructureError(
                f"git cannot lay out {commit[:12]} in {self.worktree}: {first}", details="\n".join(rest[-TOLD_LINES:])
            ) from error
        return work

    @property
    def _mark(self) -> Path:
        """The file whose time is that of the last comparison of the worktree."""
        return self.path / "series-ci.compared"

    def _lay_out(self, work: Repo, commit: str) -> None:
        work.git.checkout("--force", "--detach", commit)
        work.git.clean("-xdffq")

    def _open_worktree(self, commit: str) -> Repo:
        """Open the worktree; make it anew if it is missing, damaged or not of this store."""
        try:
            work = Repo(self.worktree)
            if not self.path.samefile(work.common_dir):  # a build may have changed where it points
                raise git.InvalidGitRepositoryError(self.worktree)
        except (git.NoSuchPathError, git.InvalidGitRepositoryError):
            shutil.rmtree(self.worktree, ignore_errors=True)
            self.repo.git.worktree("prune")
            self.worktree.parent.mkdir(parents=True, exist_ok=True)
            # Forced twice: a run that was killed in this very command leaves a locked worktree.
            self.repo.git.worktree("add", "-f", "-f", "--detach", "--no-checkout", self.worktree, commit)
            work = Repo(self.worktree)
        work.git.update_environment(**IDENTITY)
        return work

    def fetch(self, url: str, remote_ref: str, name: str) -> str:
        """Fetch one commit without history, keep it under `name` and return it. Raises GitError with git's message."""
        try:
            self.repo.git.fetch("--depth=1", "--no-tags", "--force", url, f"{remote_ref}:refs/series-ci/{name}")
        except git.GitCommandError as error:
            raise GitError(said(error)) from error
        return self.ref(name) or ""


class GitError(Exception):
    """Raised when git fails; the message is git's."""
