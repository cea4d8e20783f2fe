"""Make commits in a store: a base with its patches, a version of the series by `git am`, one changed file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import git

from series_ci.errors import ApplyError, InfrastructureError, UsageError
from series_ci.host import files, process, scratch
from series_ci.kernel import objects, rejects, vetting
from series_ci.kernel.base import Base
from series_ci.kernel.hazards import Permitted
from series_ci.kernel.repo import Repo
from series_ci.kernel.store import IDENTITY, Store, said
from series_ci.mail.message import Patch
from series_ci.manifest.permit import Permit

_FAILED_AT = re.compile(r"^error: patch failed: (.+):(\d+)$", re.MULTILINE)
_MISSING = re.compile(r"^error: (.+): (?:No such file or directory|does not exist in index)$", re.MULTILINE)


def _only_message(error: git.GitCommandError) -> str:
    return "\n".join(line for line in said(error).splitlines() if not line.startswith("hint:"))


def kept_base(base: Base, patches: Sequence[Path]) -> Base | None:
    """Return the base that `with_base_patches` made before, or None.

    Only reads the store, so the caller need not hold its lock. Raises UsageError if a patch cannot be read.
    """
    if not patches:
        return base
    commit = Store(base.store).ref(_base_name(base, patches))
    return Base(base.spec, base.store, commit, base.cached) if commit else None


def _base_name(base: Base, patches: Sequence[Path]) -> str:
    try:
        return f"base/{files.digest(base.commit, files.digest_files(patches))[:20]}"
    except OSError as error:
        raise UsageError(f"base patch {error.filename}: {error.strerror}") from error


def with_base_patches(base: Base, patches: Sequence[Path]) -> Base:
    """Apply patches to `base` and return the result, one commit on top of it.

    Raises UsageError if a patch cannot be read or does not apply.
    """
    if kept := kept_base(base, patches):
        return kept
    store = Store(base.store)
    name = _base_name(base, patches)
    work = store.check_out(base.commit)
    for patch in patches:
        try:
            work.git.apply("--index", "--whitespace=nowarn", patch.resolve())
        except git.GitCommandError as error:
            raise UsageError(
                f"base patch {patch} does not apply to {base.spec}",
                hint="the base patch was made for another tree: give the right --base-patch, or another --tree",
                details=_only_message(error),
            ) from error
    tree = work.git.write_tree()
    message = "Base patches: " + ", ".join(patch.name for patch in patches)
    commit = str(work.git.commit_tree(tree, "-p", base.commit, "-m", message))
    store.keep(name, commit)
    return Base(base.spec, base.store, commit, base.cached)


def with_text(base: Base, path: str, text: str, message: str) -> tuple[str, bool]:
    """Return the commit on `base` that gives the file `path` the content `text`, and whether the store had it."""
    store = Store(base.store)
    raw = text.encode("utf-8", "surrogateescape")  # as Store.text() gave what is no UTF-8
    name = f"text/{files.digest(base.commit, path, raw, message)[:20]}"
    if commit := store.ref(name):
        return commit, True
    commit = store.with_texts(base.commit, {path: text}, message)
    store.keep(name, commit)
    return commit, False


def kept_series(base: Base, digest: str) -> str | None:
    """Return the commit that `with_series` made before, or None. Only reads, so it needs no lock."""
    return Store(base.store).ref(_series_name(base, digest))


def _series_name(base: Base, digest: str) -> str:
    return f"applied/{files.digest(base.commit, digest)[:20]}"


def blob(base: Base, path: str) -> str:
    """Return the object id of a file in a base; "" if the base has no such file."""
    entry = objects.entry(base.store, base.commit, path)
    return entry.blob if entry and entry.kind == "blob" else ""


def has_commit(base: Base, commit: str) -> bool:
    """Return whether the store of a base, or the checkout that it borrows objects from, has a commit."""
    try:
        Store(base.store).repo.git.cat_file("-e", f"{commit}^{{commit}}")
    except git.GitCommandError:
        return False
    return True


def with_series(base: Base, patches: Sequence[Patch], digest: str, permits: Sequence[Permit] = ()) -> tuple[str, bool]:
    """Apply the patches of a version to `base`; return the last commit, and whether the store had it.

    `digest` identifies the content of the patches. Raises ApplyError for a patch that has a hazard which no permit
    covers (see `hazards`), and for one that does not apply, with its file, hunk and conflict. The worktree is clean
    afterwards in any case.
    """
    vetting.mails(patches, permits)
    store = Store(base.store)
    if commit := kept_series(base, digest):
        vetting.commits(store.path, [base.commit, *store.between(base.commit, commit)], patches, permits)
        return commit, True
    work = store.check_out(base.commit)
    commits = [base.commit]
    try:
        for patch in patches:
            commits.append(_commit(work, patch, base, commits[-1]))
            vetting.commits(store.path, commits[-2:], [patch], permits)
    except ApplyError:
        store.check_out(base.commit)
        raise
    store.keep(_series_name(base, digest), commits[-1])
    return commits[-1], False


def _commit(work: Repo, patch: Patch, base: Base, onto: str) -> str:
    """Apply a patch by git am and return the commit. Raises ApplyError."""
    try:
        _am(work, patch)
    except git.GitCommandError as error:
        raise _conflict(patch, base, onto, _only_message(error)) from error
    return str(work.git.rev_parse("HEAD"))


def permitted(base: Base, commit: str, patches: Sequence[Patch], permits: Sequence[Permit]) -> tuple[Permitted, ...]:
    """Return the hazards in the patches of an applied version that the permits of a manifest cover."""
    if not permits:
        return ()
    store = Store(base.store)
    commits = [base.commit, *store.between(base.commit, commit)]
    covered = [*vetting.mails(patches, permits), *vetting.commits(store.path, commits, patches, permits)]
    return tuple(dict.fromkeys(covered))


def range_diff(old: tuple[Base, str], new: tuple[Base, str], creation_factor: int) -> str:
    """Return the output of `git range-diff` for two versions, each a base and the last commit of the series on it.

    The bases may be in different stores: a temporary repository borrows the objects of both, and neither is written
    to. `creation_factor` is git's: the percentage of a patch that may change before git takes it for another one.
    """
    process.leave_callers_repository()
    stores = sorted({base.store for base, _commit in (old, new)})
    with scratch.folder("range") as folder:
        repo = Repo.init(folder, bare=True)
        repo.git.update_environment(**IDENTITY)
        files.write(folder / "objects/info/alternates", "".join(f"{store / 'objects'}\n" for store in stores))
        ranges = [f"{base.commit}..{commit}" for base, commit in (old, new)]
        try:
            output: bytes = repo.git.range_diff(
                "--no-color", f"--creation-factor={creation_factor}", *ranges, stdout_as_string=False
            )
        except git.GitCommandError as error:
            # The reason is in the first line; git prints its usage after it.
            why = next(iter(said(error).splitlines()), "git gave no reason")
            raise InfrastructureError(f"git cannot compare {' and '.join(ranges)}: {why}") from error
        finally:
            repo.close()
    return output.decode("utf-8", "replace")


def _am(work: Repo, patch: Patch) -> None:
    """Apply one mail by `git am`, from a file of its own: in an mbox, lines that begin with `From ` would be quoted."""
    # With the committer date of today the same series would get another commit id each time.
    date: Mapping[str, str] = {"GIT_COMMITTER_DATE": ""}
    with scratch.folder("am") as folder, work.git.custom_environment(**date):
        name = folder / "patch.eml"
        name.write_bytes(patch.raw)
        work.git.am("--committer-date-is-author-date", "--no-gpg-sign", "--quiet", name)


def _conflict(patch: Patch, base: Base, onto: str, message: str) -> ApplyError:
    """Return the error for a patch that git am refused: every hunk that failed, and what the tree has there.

    `onto` is the commit that the patch was to be applied to.
    """
    title = f"[{patch.subject.number}/{patch.subject.total}] {patch.subject.title}"
    failed = [(name, int(line)) for name, line in _FAILED_AT.findall(message)]
    where = ", ".join(f"{name}:{line}" for name, line in failed) or ", ".join(_MISSING.findall(message))
    details = rejects.hunks(base.store, onto, patch) or message
    if failed:
        details += "\n" + "\n".join(rejects.tree_has(base.store, onto, name, line) for name, line in failed)
    return ApplyError(
        f"patch {title} does not apply to {base.spec} ({base.commit[:12]})" + (f": hunk at {where}" if where else ""),
        hint="the series was made for another base: give it with --tree and --base-patch",
        details=details,
    )
