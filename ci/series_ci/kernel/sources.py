"""Make a tree spec a commit in a store: local checkouts, git URLs, tarballs, Debian source packages."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.host import files, locks, paths, process, scratch
from series_ci.host.download import download
from series_ci.host.process import started
from series_ci.kernel.base import Base
from series_ci.kernel.checkout import local_commit
from series_ci.kernel.store import GitError, Store
from series_ci.progress import Tell

SPEC_FORMS = "a git checkout, git+URL@REF, a tarball (path or URL), or debian:PACKAGE"

_TARBALL = re.compile(r"\.tar(\.\w+)?$|\.t[gx]z$")
_FULL_ID = re.compile(r"[0-9a-f]{40}")

UNREADABLE = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)
"""The errors that a file raises which is damaged, cut short or no tarball."""


def first_available(specs: Sequence[str], tell: Tell) -> tuple[Base, int, list[str]]:
    """Return the first tree that can be resolved, its index, and for each tree before it a line with the reason.

    If none can, raises UsageError if each spec is wrong in itself, else InfrastructureError; with several specs its
    details list all reasons.
    """
    refused: list[str] = []
    errors: list[Error] = []
    for index, spec in enumerate(specs):
        try:
            return resolve(spec, tell), index, refused
        except Error as error:
            if files.is_full(error.message):  # the next tree would meet the same full disk
                raise
            tell(f"{spec}: not to be had")
            refused.append(f"{error.message}" + (f" ({error.hint})" if error.hint else ""))
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    kind = UsageError if all(isinstance(error, UsageError) for error in errors) else InfrastructureError
    raise kind(
        f"none of the {len(specs)} trees can be had",
        details="\n".join(refused),
        hint=f"give one with --tree: {SPEC_FORMS}",
    )


def resolve(spec: str, tell: Tell) -> Base:
    """Return the commit that a spec names, in a store of the cache.

    Raises UsageError for a spec that is wrong, InfrastructureError if the tree is missing or cannot be fetched.
    """
    if spec.startswith("debian:"):
        return _debian(spec, tell)
    if spec.startswith("git+"):
        return _git_url(spec, tell)
    if _TARBALL.search(spec):
        return _tarball_url(spec, tell) if re.match(r"https?://", spec) else _tarball(spec, Path(spec), tell)
    return _checkout(spec)


def _debian(spec: str, tell: Tell) -> Base:
    package = spec.removeprefix("debian:")
    path = Path("/usr/src") / f"{package}.tar.xz"
    if not re.fullmatch(r"linux-source(-[\w.+-]+)?", package):
        raise UsageError(f"{spec}: is not one of Debian's kernel source packages", hint="e.g. debian:linux-source-6.12")
    if not path.is_file():
        raise InfrastructureError(f"{spec}: {path} does not exist", hint=f"apt-get install {package}")
    return _tarball(spec, path, tell)


def _tarball_url(spec: str, tell: Tell) -> Base:
    folder = paths.cache() / "downloads"
    target = folder / f"{files.digest(spec)[:12]}-{spec.rsplit('/', 1)[1]}"
    with locks.locked(folder / f"{target.name}.lock", tell):
        if not target.is_file():
            tell(f"downloading {spec}")
            download(spec, target)
    return _tarball(spec, target, tell)


def _tarball(spec: str, path: Path, tell: Tell) -> Base:
    try:
        stat = path.stat()
    except OSError as error:
        raise UsageError(f"{spec}: {error.strerror}", hint=f"a tree is {SPEC_FORMS}") from error
    store = Store(paths.cache() / "trees" / "tarballs.git")
    name = f"import/{files.digest(str(path.resolve()), str(stat.st_size), str(stat.st_mtime_ns))[:20]}"
    if commit := store.ref(name):  # only read: no need to wait for the lock while another process builds
        return Base(spec, store.path, commit, cached=True)
    with store.in_use(tell):
        if commit := store.ref(name):
            return Base(spec, store.path, commit, cached=True)
        tell(f"importing {path.name} into the git store (once)")
        commit = _import(store, path, spec)
        store.keep(name, commit)
    return Base(spec, store.path, commit, cached=False)


def _import(store: Store, path: Path, spec: str) -> str:
    """Stream a tarball into git fast-import, without unpacking it to the disk; return the commit.

    Raises UsageError for a file that is no whole tarball, InfrastructureError if git fails.
    """
    argv = ["git", "-C", str(store.path), "fast-import", "--quiet", "--force", "--depth=0"]
    try:
        with scratch.folder("import") as folder:
            marks = folder / "marks"
            with started([*argv, f"--export-marks={marks}"], stdin=process.PIPE, stderr=process.PIPE) as importer:
                assert importer.stdin is not None
                assert importer.stderr is not None
                try:
                    for piece in _stream(path):
                        importer.stdin.write(piece)
                    importer.stdin.close()
                except BrokenPipeError:
                    pass  # fast-import has ended: its standard error says why
                why = importer.stderr.read().decode("utf-8", "replace").strip()
                if importer.wait() != 0:
                    raise _not_imported(spec, why)
            return marks.read_text("ascii").split()[1]
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno in files.DISK:
            raise files.disk_error(error, str(store.path)) from error
        raise UsageError(f"{spec}: is not a readable tarball: {error}") from error
    finally:
        # Left by imports that failed or were killed: as large as a kernel, and git does not remove them.
        for rest in [*store.path.glob("objects/pack/tmp_pack_*"), *store.path.glob("fast_import_crash_*")]:
            rest.unlink()


def _not_imported(spec: str, why: str) -> InfrastructureError:
    if files.is_full(why):
        return files.disk_full(f"{spec}: cannot be imported")
    fatal = next((line for line in why.splitlines() if line.startswith("fatal")), "git gave no reason")
    return InfrastructureError(f"{spec}: cannot be imported: {fatal}", hint="is the disk full?", details=why)


def _stream(path: Path) -> Iterator[bytes]:
    """Yield the commands for fast-import, with names without their first folder (`linux-6.12/`)."""
    message = f"Import of {path.name}\n".encode()
    yield b"commit refs/series-ci/importing\nmark :1\ncommitter series-ci <series-ci@localhost> 0 +0000\n"
    yield b"data %d\n%s\n" % (len(message), message)
    with _decompressed(path) as content_of_file:
        stream = _Tail(content_of_file)
        tar = tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|")  # noqa: SIM115 (it owns no file)
        for member in tar:
            name = _quoted(member.name)
            content: IO[bytes] | None = tar.extractfile(member) if member.isfile() else None
            if name == b'""' or not (content or member.issym() or member.islnk()):
                continue
            if member.islnk():  # a hard link: its file came earlier
                yield b"C %s %s\n" % (_quoted(member.linkname), name)
                continue
            mode = b"120000" if member.issym() else b"100755" if member.mode & 0o100 else b"100644"
            raw = content.read() if content else os.fsencode(member.linkname)
            yield b"M %s inline %s\ndata %d\n" % (mode, name, len(raw))
            yield raw
            yield b"\n"
        stream.expect_end()


class _Tail:
    """A stream that keeps its last bytes, to tell a whole archive from one that is cut between two members."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self._last = (self._last + piece[-tarfile.BLOCKSIZE :])[-tarfile.BLOCKSIZE :]
        return piece

    def expect_end(self) -> None:
        """Read to the end, so that checksums are verified. Raises EOFError if the archive does not end in zeros."""
        while self.read(1 << 20):
            pass
        if self._last.strip(b"\0"):
            raise EOFError("it breaks off")


def _decompressed(path: Path) -> IO[bytes]:
    """Open a tarball, decompressed. tarfile's own decompression takes a stream that is cut for one that ends."""
    with path.open("rb") as raw:
        magic = raw.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(path))
    if magic.startswith(b"BZh"):
        return bz2.open(path)
    if magic == b"\xfd7zXZ\0":
        return lzma.open(path)
    return path.open("rb")


def _quoted(member: str) -> bytes:
    """Return a member's name without its first folder, quoted for fast-import."""
    name = member.removeprefix("./").partition("/")[2]
    return b'"%s"' % os.fsencode(name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))


def _git_url(spec: str, tell: Tell) -> Base:
    match = re.fullmatch(r"git\+((?:https?|file|ssh|git)://.+)@([^@:]+)", spec)
    if not match:
        raise UsageError(f"{spec}: a git tree is written git+https://HOST/PATH@REF")
    url, ref = match.groups()
    store = Store(paths.cache() / "trees" / f"git-{files.digest(url)[:12]}.git")
    with store.in_use(tell):
        # Tags and full ids do not move, so those in the store are taken; a branch is fetched each time.
        if commit := store.ref(f"fixed/{ref}"):
            return Base(spec, store.path, commit, cached=True)
        before = store.ref(f"moving/{ref}")
        candidates = [(f"fixed/{ref}", ref)] if _FULL_ID.fullmatch(ref) else [(f"fixed/{ref}", f"refs/tags/{ref}")]
        candidates.append((f"moving/{ref}", ref))
        why = ""
        for name, remote in candidates:
            tell(f"fetching {ref} of {url} (one commit)")
            try:
                commit = store.fetch(url, remote, name)
            except GitError as error:
                why = str(error)
                continue
            return Base(spec, store.path, commit, cached=commit == before)
    unknown = "couldn't find remote ref" in why or "not our ref" in why
    kind = UsageError if unknown else InfrastructureError
    raise kind(f"{spec}: cannot be fetched: {why.splitlines()[-1] if why else 'git gave no reason'}")


def _checkout(spec: str) -> Base:
    """Resolve PATH (its HEAD) or PATH@REV of a local checkout, read through alternates: nothing is written into it."""
    name, rev = (spec, "HEAD") if Path(spec).exists() else (spec.rpartition("@")[0] or spec, spec.rpartition("@")[2])
    commit, objects = local_commit(name, rev)
    store = Store(paths.cache() / "trees" / f"local-{files.digest(str(objects))[:12]}.git")
    files.write(store.path / "objects/info/alternates", f"{objects}\n")
    shallow = objects.parent / "shallow"
    if shallow.is_file():
        files.write(store.path / "shallow", shallow.read_bytes())
    return Base(spec, store.path, commit, cached=True)
