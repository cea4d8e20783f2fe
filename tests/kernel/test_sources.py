from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import fakelinux, web
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import files, locks, paths
from series_ci.kernel import apply, checkout, sources
from series_ci.kernel.base import Base
from series_ci.kernel.store import Store

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    return fakelinux.repository(tmp_path / "linux")


def resolve(spec: str) -> Base:
    return sources.resolve(spec, lambda _line: None)


def head(folder: Path, revision: str = "HEAD") -> str:
    return fakelinux.git(folder, "rev-parse", revision)


def footprint(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every name below a folder, with what a write would change."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        seen = path.lstat()
        found[str(path)] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


def pack(folder: Path, target: Path, *, top: str = "linux-6.12.7/") -> Path:
    """A tarball as release tools make it."""
    openers: dict[str, Callable[..., Any]] = {
        ".xz": lzma.open,
        ".gz": gzip.open,
        ".tgz": gzip.open,
        ".bz2": bz2.open,
        ".tar": open,
    }
    with openers[target.suffix](target, "wb") as out, tarfile.open(fileobj=out, mode="w|") as tar:
        for name in sorted(path.relative_to(folder) for path in folder.rglob("*") if ".git" not in path.parts):
            tar.add(folder / name, f"{top}{name}", recursive=False)
    return target


def everything(base: Base) -> None:
    """Use a base for all that a run does with it."""
    ours = Store(base.store)
    checkout.check_kernel(ours, base.commit, base.spec)
    ours.check_out(base.commit)
    assert (ours.worktree / "mm/rmap.c").read_text() == fakelinux.RMAP_C
    patch = base.store / "x.patch"
    kbuild = " # SPDX-License-Identifier: GPL-2.0\n+# more\n obj-y += init/ mm/\n"
    patch.write_text(f"--- a/Kbuild\n+++ b/Kbuild\n@@ -1,2 +1,3 @@\n{kbuild}")
    apply.with_base_patches(base, [patch])


class TestCheckout:
    def test_head_and_revisions(self, linux: Path) -> None:
        (linux / "new").touch()
        fakelinux.commit(linux)
        fakelinux.git(linux, "branch", "topic/a", "HEAD~")
        assert resolve(str(linux)).commit == head(linux)
        assert resolve(f"{linux}@v6.12.7").commit == head(linux, "HEAD~")
        assert resolve(f"{linux}@topic/a").commit == head(linux, "HEAD~")
        assert resolve(f"{linux}@{head(linux)}").commit == head(linux)
        assert resolve(f"{linux}@HEAD~1").commit == head(linux, "HEAD~")

    def test_path_that_holds_an_at_sign(self, tmp_path: Path) -> None:
        folder = fakelinux.repository(tmp_path / "me@host")
        assert resolve(str(folder)).commit == head(folder)
        assert resolve(f"{folder}@v6.12.7").commit == head(folder)

    def test_changes_that_are_not_committed_are_left_out(self, linux: Path) -> None:
        (linux / "mm/rmap.c").write_text("dirty")
        everything(resolve(str(linux)))

    def test_not_a_byte_is_written_into_it(self, linux: Path) -> None:
        before = footprint(linux)
        everything(resolve(str(linux)))
        everything(resolve(f"{linux}@v6.12.7"))
        assert footprint(linux) == before

    def test_shallow_clone(self, linux: Path, tmp_path: Path) -> None:
        (linux / "new").touch()
        fakelinux.commit(linux)
        shallow = tmp_path / "shallow"
        fakelinux.git(tmp_path, "clone", "-q", "--depth=1", f"file://{linux}", str(shallow))
        before = footprint(shallow)
        base = resolve(str(shallow))
        everything(base)
        assert Store(base.store).repo.git.rev_list("--count", base.commit) == "1"
        assert footprint(shallow) == before

    def test_linked_worktree(self, linux: Path, tmp_path: Path) -> None:
        (linux / "new").touch()
        fakelinux.commit(linux)
        fakelinux.git(linux, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "v6.12.7")
        before = footprint(linux) | footprint(tmp_path / "linked")
        base = resolve(str(tmp_path / "linked"))
        assert base.commit == head(linux, "v6.12.7^{commit}")
        everything(base)
        assert footprint(linux) | footprint(tmp_path / "linked") == before

    def test_bare_repository(self, linux: Path, tmp_path: Path) -> None:
        fakelinux.git(tmp_path, "clone", "-q", "--bare", str(linux), "bare.git")
        everything(resolve(str(tmp_path / "bare.git")))

    @pytest.mark.parametrize("suffix", ["", "@v6.12"])
    def test_no_such_folder(self, tmp_path: Path, suffix: str) -> None:
        with pytest.raises(UsageError, match=f"^{tmp_path}/none: no such folder"):
            resolve(f"{tmp_path}/none{suffix}")

    def test_folder_that_is_no_checkout(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is not a git checkout"):
            resolve(str(tmp_path))

    def test_revision_that_does_not_exist(self, linux: Path) -> None:
        with pytest.raises(UsageError, match=f"^{linux}: has no commit v9.9: .*[Nn]eeded a single revision"):
            resolve(f"{linux}@v9.9")

    def test_checkout_without_a_commit(self, tmp_path: Path) -> None:
        fakelinux.git(tmp_path, "init", "-q", "empty")
        with pytest.raises(UsageError, match="empty: has no commit HEAD"):
            resolve(str(tmp_path / "empty"))

    def test_tree_that_is_no_kernel(self, linux: Path) -> None:
        (linux / "Makefile").write_text("all:\n")
        fakelinux.commit(linux)
        base = resolve(str(linux))
        with pytest.raises(UsageError, match=f"^{linux}: is not a kernel tree"):
            checkout.check_kernel(Store(base.store), base.commit, base.spec)


class TestGitUrl:
    def test_tag_is_fetched_once(self, linux: Path) -> None:
        base = resolve(f"git+file://{linux}@v6.12.7")
        assert base.commit == head(linux)
        assert not base.cached
        everything(base)
        shutil.rmtree(linux)
        again = resolve(f"git+file://{linux}@v6.12.7")
        assert again.cached
        assert again.commit == base.commit

    def test_branch_is_asked_for_each_time(self, linux: Path) -> None:
        assert not resolve(f"git+file://{linux}@main").cached
        assert resolve(f"git+file://{linux}@main").cached
        (linux / "new").touch()
        commit = fakelinux.commit(linux)
        moved = resolve(f"git+file://{linux}@main")
        assert (moved.commit, moved.cached) == (commit, False)

    def test_full_id_is_fetched_once(self, linux: Path) -> None:
        (linux / "new").touch()
        fakelinux.commit(linux)
        old = head(linux, "HEAD~")
        assert resolve(f"git+file://{linux}@{old}").commit == old
        shutil.rmtree(linux)
        assert resolve(f"git+file://{linux}@{old}").cached

    def test_history_is_not_fetched(self, linux: Path) -> None:
        (linux / "new").touch()
        fakelinux.commit(linux)
        base = resolve(f"git+file://{linux}@main")
        assert Store(base.store).repo.git.rev_list("--count", base.commit) == "1"

    def test_repository_is_only_read(self, linux: Path) -> None:
        before = footprint(linux)
        everything(resolve(f"git+file://{linux}@v6.12.7"))
        assert footprint(linux) == before

    @pytest.mark.parametrize("ref", ["v9.9", "0" * 40])
    def test_unknown_ref(self, linux: Path, ref: str) -> None:
        with pytest.raises(UsageError, match=rf"^git\+file://{linux}@{ref}: cannot be fetched: "):
            resolve(f"git+file://{linux}@{ref}")

    def test_unreachable_repository(self, tmp_path: Path) -> None:
        with pytest.raises(InfrastructureError, match=r"cannot be fetched: .*"):
            resolve(f"git+file://{tmp_path}/none@v6.12")

    @pytest.mark.parametrize("spec", ["git+https://example.org/linux", "git+example.org/linux@v6", "git+https://h/p@"])
    def test_url_without_what_it_needs(self, spec: str) -> None:
        with pytest.raises(UsageError, match=r"a git tree is written git\+https://HOST/PATH@REF"):
            resolve(spec)


class TestTarball:
    @pytest.mark.parametrize("name", ["linux.tar.xz", "linux.tar.gz", "linux.tar.bz2", "linux.tar", "linux.tgz"])
    def test_content_is_that_of_the_tree(self, linux: Path, tmp_path: Path, name: str) -> None:
        base = resolve(str(pack(linux, tmp_path / name)))
        assert not base.cached
        assert Store(base.store).tree_id(base.commit) == head(linux, "HEAD^{tree}")
        everything(base)

    def test_second_time_is_cached_until_the_file_changes(self, linux: Path, tmp_path: Path) -> None:
        path = pack(linux, tmp_path / "linux.tar.gz")
        first = resolve(str(path))
        assert resolve(str(path)).cached
        with locks.locked(Store(paths.cache() / "trees" / "tarballs.git").lock, pytest.fail):
            assert sources.resolve(str(path), pytest.fail).cached  # somebody builds: that is no reason to wait
        assert resolve(str(path)).commit == first.commit
        (linux / "new").touch()
        second = resolve(str(pack(linux, path)))
        assert not second.cached
        assert second.commit != first.commit

    def test_file_of_the_same_size_with_another_content_is_another_tree(self, linux: Path, tmp_path: Path) -> None:
        path = pack(linux, tmp_path / "linux.tar")
        size, first = path.stat().st_size, resolve(str(path))
        (linux / "Kbuild").write_text((linux / "Kbuild").read_text().replace("mm", "xx"))
        os.utime(pack(linux, path), (1, 1))
        assert path.stat().st_size == size
        assert resolve(str(path)).commit != first.commit

    def test_programs_links_and_odd_names_survive(self, linux: Path, tmp_path: Path) -> None:
        (linux / "scripts/run.sh").write_text("#!/bin/sh\n")
        (linux / "scripts/run.sh").chmod(0o755)
        (linux / "scripts/link").symlink_to("run.sh")
        (linux / 'odd "name"\\ with\ttab').write_text("x")
        (linux / "näme").write_text("y")
        (linux / "empty").touch()
        fakelinux.commit(linux)
        base = resolve(str(pack(linux, tmp_path / "linux.tar.gz")))
        assert Store(base.store).tree_id(base.commit) == head(linux, "HEAD^{tree}")

    def test_hard_links_are_files(self, linux: Path, tmp_path: Path) -> None:
        os.link(linux / "mm/rmap.c", linux / "mm/twin.c")
        base = resolve(str(pack(linux, tmp_path / "linux.tar.gz")))
        assert Store(base.store).text(base.commit, "mm/twin.c") == fakelinux.RMAP_C
        assert Store(base.store).text(base.commit, "mm/rmap.c") == fakelinux.RMAP_C

    def test_names_that_are_no_utf8_survive(self, linux: Path, tmp_path: Path) -> None:
        with (
            (tmp_path / "linux.tar").open("wb") as out,
            tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar,
        ):
            member = tarfile.TarInfo(os.fsdecode(b"linux/caf\xe9"))
            tar.addfile(member, io.BytesIO())
        base = resolve(str(tmp_path / "linux.tar"))
        assert Store(base.store).repo.git.ls_tree("--name-only", base.commit) == '"caf\\351"'

    def test_leading_dot_folder_is_left_out(self, linux: Path, tmp_path: Path) -> None:
        base = resolve(str(pack(linux, tmp_path / "linux.tar.gz", top="./linux-6.12.7/")))
        assert Store(base.store).tree_id(base.commit) == head(linux, "HEAD^{tree}")

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"^{tmp_path}/none.tar.xz: No such file"):
            resolve(f"{tmp_path}/none.tar.xz")

    def test_file_that_is_no_tarball(self, cache: Path, tmp_path: Path) -> None:
        (tmp_path / "x.tar.xz").write_text("no tarball")
        with pytest.raises(UsageError, match=f"^{tmp_path}/x.tar.xz: is not a readable tarball"):
            resolve(f"{tmp_path}/x.tar.xz")

    @pytest.mark.parametrize("name", ["linux.tar.gz", "linux.tar.xz", "linux.tar"])
    def test_half_a_tarball_is_never_taken_for_a_whole_one(self, linux: Path, tmp_path: Path, name: str) -> None:
        whole = pack(linux, tmp_path / name).read_bytes()
        path = tmp_path / f"cut-{name}"
        end = len(whole.rstrip(b"\0")) if name == "linux.tar" else len(whole)
        for size in range(512, end, 512 if name == "linux.tar" else 61):
            path.write_bytes(whole[:size])
            with pytest.raises(sources.UNREADABLE):
                for _piece in sources._stream(path):
                    pass

    def test_half_a_tarball_leaves_nothing_behind(
        self, linux: Path, cache: Path, tmp_path: Path, scratch: Path
    ) -> None:
        path = pack(linux, tmp_path / "linux.tar.gz")
        path.write_bytes(path.read_bytes()[:-2000])
        ours = Store(cache / "trees/tarballs.git").path
        before = set(ours.rglob("*"))
        (ours / "objects/pack/tmp_pack_x").touch()  # of an import that was killed
        (ours / "fast_import_crash_1").touch()
        with pytest.raises(UsageError, match="is not a readable tarball"):
            resolve(str(path))
        assert set(ours.rglob("*")) - before <= {ours / "series-ci.lock"}
        assert list(scratch.iterdir()) == []

    def test_damaged_bytes_are_noticed(self, linux: Path, tmp_path: Path) -> None:
        path = tmp_path / "linux.tar.gz"
        raw = bytearray(gzip.compress(lzma.decompress(pack(linux, tmp_path / "x.tar.xz").read_bytes()), 0))
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        with pytest.raises(UsageError, match="is not a readable tarball"):
            resolve(str(path))

    def test_git_that_refuses_gives_its_reason(self, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "odd.tar.gz", "w:gz") as tar:
            tar.addfile(tarfile.TarInfo("linux/empty//component"), io.BytesIO())
        with pytest.raises(InfrastructureError, match=f"{tmp_path}/odd.tar.gz: cannot be imported: fatal: "):
            resolve(f"{tmp_path}/odd.tar.gz")


class TestTarballUrl:
    @pytest.mark.parametrize("name", ["linux.tar.xz", "linux.tar.gz"])
    def test_is_downloaded_once(self, linux: Path, tmp_path: Path, name: str) -> None:
        with web.serve({f"/{name}": pack(linux, tmp_path / name).read_bytes()}) as server:
            base = resolve(f"{server.url}/{name}")
            assert Store(base.store).tree_id(base.commit) == head(linux, "HEAD^{tree}")
            assert resolve(f"{server.url}/{name}").cached
            assert server.requests == [f"/{name}"]

    def test_missing_file(self, cache: Path) -> None:
        said = r"/linux\.tar\.xz: the server said 404 "
        with web.serve({}) as server, pytest.raises(InfrastructureError, match=said):
            resolve(f"{server.url}/linux.tar.xz")
        assert not [path for path in (cache / "downloads").iterdir() if path.suffix != ".lock"]

    def test_answer_that_breaks_off_is_asked_for_again(self, linux: Path, tmp_path: Path) -> None:
        with web.serve({"/linux.tar.xz": pack(linux, tmp_path / "linux.tar.xz").read_bytes()}) as server:
            server.cut.add("/linux.tar.xz")
            with pytest.raises(InfrastructureError, match=f"^{server.url}/linux.tar.xz: cannot be fetched: "):
                resolve(f"{server.url}/linux.tar.xz")
            server.cut.clear()
            everything(resolve(f"{server.url}/linux.tar.xz"))

    def test_two_runs_download_once(self, linux: Path, tmp_path: Path) -> None:
        found: list[Base] = []
        with web.serve({"/linux.tar.xz": pack(linux, tmp_path / "linux.tar.xz").read_bytes()}) as server:
            server.gate.clear()
            second_said: list[str] = []

            def second(text: str) -> None:
                second_said.append(text)
                server.gate.set()

            first = threading.Thread(target=lambda: found.append(resolve(f"{server.url}/linux.tar.xz")))
            first.start()
            while not server.requests:
                pass
            found.append(sources.resolve(f"{server.url}/linux.tar.xz", second))
            first.join()
            assert server.requests == ["/linux.tar.xz"]
        assert found[0].commit == found[1].commit
        assert "waiting for it" in second_said[0]


class TestDebian:
    def test_missing_package_is_named_for_apt_get(self) -> None:
        with pytest.raises(InfrastructureError, match=r"/usr/src/linux-source-0\.1\.tar\.xz does not exist") as caught:
            resolve("debian:linux-source-0.1")
        assert caught.value.hint == "apt-get install linux-source-0.1"

    @pytest.mark.parametrize("name", ["bash", "linux-source-6.1/../../etc", "", "linux-source-6;rm"])
    def test_other_packages_are_refused(self, name: str) -> None:
        with pytest.raises(UsageError, match="is not one of Debian's kernel source packages"):
            resolve(f"debian:{name}")

    def test_installed_package_is_a_tarball(self, linux: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pack(linux, tmp_path / "linux-source-6.12.tar.xz")
        monkeypatch.setattr(sources, "Path", lambda name: tmp_path if name == "/usr/src" else Path(name))
        base = resolve("debian:linux-source-6.12")
        assert base.spec == "debian:linux-source-6.12"
        assert Store(base.store).tree_id(base.commit) == head(linux, "HEAD^{tree}")


class TestFirstAvailable:
    def test_first_that_can_be_had_wins_and_the_others_have_reasons(self, linux: Path, tmp_path: Path) -> None:
        told: list[str] = []
        specs = ["debian:linux-source-0.1", f"{tmp_path}/none", str(linux), "never-looked-at"]
        base, index, refused = sources.first_available(specs, told.append)
        assert (base.commit, index) == (head(linux), 2)
        assert refused[0].endswith("does not exist (apt-get install linux-source-0.1)")
        assert refused[1] == f"{tmp_path}/none: no such folder"
        assert len(refused) == 2
        assert told[:2] == [f"{specs[0]}: not to be had", f"{specs[1]}: not to be had"]

    def test_none_lists_all_reasons(self, tmp_path: Path) -> None:
        specs = ["debian:linux-source-0.1", f"{tmp_path}/none"]
        with pytest.raises(InfrastructureError, match="none of the 2 trees can be had") as caught:
            sources.first_available(specs, print)
        assert "apt-get install linux-source-0.1" in caught.value.details
        assert f"{tmp_path}/none: no such folder" in caught.value.details
        assert "--tree" in caught.value.hint

    def test_a_full_disk_is_no_reason_to_try_the_next_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []

        def resolve(spec: str, _tell: object) -> Base:
            tried.append(spec)
            raise files.disk_full(f"{spec}: cannot be imported")

        monkeypatch.setattr(sources, "resolve", resolve)
        with pytest.raises(InfrastructureError, match="first: cannot be imported: no space left") as caught:
            sources.first_available(["first", "second"], print)
        assert tried == ["first"]
        assert "free some space" in caught.value.hint

    def test_none_that_could_ever_be_had_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="none of the 2 trees"):
            sources.first_available([f"{tmp_path}/a", f"{tmp_path}/b"], print)

    @pytest.mark.parametrize(
        ("spec", "kind"), [("debian:linux-source-0.1", InfrastructureError), ("/nonexistent", UsageError)]
    )
    def test_single_spec_keeps_its_own_error(self, spec: str, kind: type[Exception]) -> None:
        with pytest.raises(kind, match=r"not exist|no such folder"):
            sources.first_available([spec], print)


def test_specs_of_every_form_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def stub(kind: str) -> Callable[..., None]:
        return lambda *_arguments: seen.append(kind)

    for name in ("_debian", "_git_url", "_tarball_url", "_tarball", "_checkout"):
        monkeypatch.setattr(sources, name, stub(name))
    for spec in (
        "debian:x",
        "git+https://h/p@r",
        "http://h/x.tar.gz",
        "https://h/x.tgz",
        "x.tar",
        "x.tar.zst",
        "linux",
        "a@b",
    ):
        resolve(spec)
    assert seen == [
        "_debian",
        "_git_url",
        "_tarball_url",
        "_tarball_url",
        "_tarball",
        "_tarball",
        "_checkout",
        "_checkout",
    ]
