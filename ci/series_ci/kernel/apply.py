"""Changes to a tree: the base patches that make it the series' base, the series itself by `git am`, single files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import git

from series_ci.errors import ApplyError, InfrastructureError, UsageError
from series_ci.host import files, process, scratch
from series_ci.kernel import objects, rejects, vetting
from series_ci.kernel.hazards import Permitted
from series_ci.kernel.repo import Repo
from series_ci.kernel.source import Base
from series_ci.kernel.store import IDENTITY, Store, said
from series_ci.mail.message import Patch
from series_ci.manifest.permit import Permit

_FAILED_AT = re.compile(r"^error: patch failed: (.+):(\d+)$", re.MULTILINE)
_MISSING = re.compile(r"^error: (.+): (?:No such file or directory|does not exist in index)$", re.MULTILINE)


def _only_message(error: git.GitCommandError) -> str:
    return "\n".join(line for line in said(error).splitlines() if not line.startswith("hint:"))


def kept_base(base: Base, patches: Sequence[Path]) -> Base | None:
    """What `with_base_patches` made before, or None. Only reads: it needs no lock. Raises UsageError."""
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
    """`base` with patches on top that make it the tree the series was written for. Raises UsageError."""
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
    """The commit of `base` with `text` as the content of the file `path`, and whether it was already there."""
    store = Store(base.store)
    raw = text.encode("utf-8", "surrogateescape")  # as Store.text() gave what is no UTF-8
    name = f"text/{files.digest(base.commit, path, raw, message)[:20]}"
    if commit := store.ref(name):
        return commit, True
    commit = store.with_texts(base.commit, {path: text}, message)
    store.keep(name, commit)
    return commit, False


def kept_series(base: Base, digest: str) -> str | None:
    """The commit that `with_series` made before, or None. Only reads: it needs no lock."""
    return Store(base.store).ref(_series_name(base, digest))


def _series_name(base: Base, digest: str) -> str:
    return f"applied/{files.digest(base.commit, digest)[:20]}"


def blob(base: Base, path: str) -> str:
    """The id of a file's content in a base, "" if it has no such file."""
    found = objects.entry(base.store, base.commit, path)
    return found.blob if found and found.kind == "blob" else ""


def has_commit(base: Base, commit: str) -> bool:
    """Whether the store of a base (and the checkout that it borrows from) has a commit."""
    try:
        Store(base.store).repo.git.cat_file("-e", f"{commit}^{{commit}}")
    except git.GitCommandError:
        return False
    return True


def with_series(base: Base, patches: Sequence[Patch], digest: str, permits: Sequence[Permit] = ()) -> tuple[str, bool]:
    """The commit of `base` with the patches of a version on top, and whether it was already there.

    `digest` stands for the content of the patches. Raises ApplyError for a patch that is refused by name (see
    `hazards`), and with the patch, the file, the hunk and the conflict; the worktree is clean afterwards in any case.
    """
    vetting.mails(patches, permits)
    store = Store(base.store)
    if commit := kept_series(base, digest):
        vetting.commits(store.path, [base.commit, *store.between(base.commit, commit)], patches, permits)
        return commit, True
    work = store.check_out(base.commit)
    made = [base.commit]
    try:
        for patch in patches:
            made.append(_commit(work, patch, base, made[-1]))
            vetting.commits(store.path, made[-2:], [patch], permits)
    except ApplyError:
        store.check_out(base.commit)
        raise
    store.keep(_series_name(base, digest), made[-1])
    return made[-1], False


def _commit(work: Repo, patch: Patch, base: Base, onto: str) -> str:
    """The commit that git am makes of a patch. Raises ApplyError."""
    try:
        _am(work, patch)
    except git.GitCommandError as error:
        raise _conflict(patch, base, onto, _only_message(error)) from error
    return str(work.git.rev_parse("HEAD"))


def permitted(base: Base, commit: str, patches: Sequence[Patch], permits: Sequence[Permit]) -> tuple[Permitted, ...]:
    """What the patches of an applied version have that they only may have because a manifest says so."""
    if not permits:
        return ()
    store = Store(base.store)
    made = [base.commit, *store.between(base.commit, commit)]
    found = [*vetting.mails(patches, permits), *vetting.commits(store.path, made, patches, permits)]
    return tuple(dict.fromkeys(found))


def range_diff(old: tuple[Base, str], new: tuple[Base, str], creation_factor: int) -> str:
    """What `git range-diff` says of two versions, each a base and the commit with the patches on top of it.

    The bases may be in different stores: a repository that lasts as long as the command sees the objects of both, and
    neither is written to. `creation_factor` is git's: the percentage of a patch that may change before it is another.
    """
    process.leave_callers_repository()
    stores = sorted({base.store for base, _commit in (old, new)})
    with scratch.folder("range") as folder:
        repo = Repo.init(folder, bare=True)
        repo.git.update_environment(**IDENTITY)
        files.write(folder / "objects/info/alternates", "".join(f"{store / 'objects'}\n" for store in stores))
        ranges = [f"{base.commit}..{commit}" for base, commit in (old, new)]
        try:
            said_by_git: bytes = repo.git.range_diff(
                "--no-color", f"--creation-factor={creation_factor}", *ranges, stdout_as_string=False
            )
        except git.GitCommandError as error:
            # After the reason comes all that git knows about its options.
            why = next(iter(said(error).splitlines()), "git gave no reason")
            raise InfrastructureError(f"git cannot compare {' and '.join(ranges)}: {why}") from error
        finally:
            repo.close()
    return said_by_git.decode("utf-8", "replace")


def _am(work: Repo, patch: Patch) -> None:
    """One mail by `git am`, from a file of its own: so no mailbox quoting can come between."""
    # The committer date follows the author's, or the same series would get another commit id each time.
    date: Mapping[str, str] = {"GIT_COMMITTER_DATE": ""}
    with scratch.folder("am") as folder, work.git.custom_environment(**date):
        name = folder / "patch.eml"
        name.write_bytes(patch.raw)
        work.git.am("--committer-date-is-author-date", "--no-gpg-sign", "--quiet", name)


def _conflict(patch: Patch, base: Base, onto: str, message: str) -> ApplyError:
    """What to tell the user about a patch that git am refused: every failed hunk, and what the tree has instead.

    `onto` is the commit that it was to go on.
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
