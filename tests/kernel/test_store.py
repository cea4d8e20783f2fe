from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import git
import pytest

from fakes import fakelinux
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import locks
from series_ci.kernel import checkout, objects, repo, sources, store, worktree
from series_ci.kernel.base import Base
from series_ci.kernel.checkout import local_commit
from series_ci.kernel.store import Store


def listing(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".git"
    }


def test_new_store_is_bare_and_without_automatic_gc(cache: Path) -> None:
    made = Store(cache / "trees/x.git")
    assert made.repo.bare
    assert made.repo.git.config("gc.auto") == "0"
    assert Path(made.repo.git.rev_parse("--absolute-git-dir")) == cache / "trees/x.git"


def test_store_that_another_process_made_at_the_same_time_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache / "trees/x.git"
    real = git.Repo.init

    def slow(*args: object, **options: object) -> git.Repo:
        made = real(*args, **options)  # type: ignore[arg-type]
        if not path.exists():
            shutil.copytree(made.git_dir, path)
            (path / "series-ci.lock").write_text("held")
        return made

    monkeypatch.setattr(git.Repo, "init", slow)
    Store(path)
    assert (path / "series-ci.lock").exists()


def test_kept_commits_are_found_by_name(base: Base) -> None:
    ours = Store(base.store)
    assert ours.ref("some/name") is None
    ours.keep("some/name", base.commit)
    assert Store(base.store).ref("some/name") == base.commit


def test_tree_id_depends_on_content_alone(linux: Path, cache: Path) -> None:
    first = sources.resolve(str(linux), print)
    fakelinux.git(linux, "commit", "-q", "--allow-empty", "-m", "nothing")
    second = sources.resolve(str(linux), print)
    ours = Store(second.store)
    assert first.commit != second.commit
    assert ours.tree_id(first.commit) == ours.tree_id(second.commit)


def test_text_listing_and_changed(linux: Path, base: Base) -> None:
    (linux / "mm/new.c").write_text("int x;\n")
    second = fakelinux.commit(linux)
    ours = Store(base.store)
    assert ours.text(base.commit, "mm/rmap.c") == fakelinux.RMAP_C
    assert ours.text(base.commit, "mm/new.c") is None
    assert ours.changed(base.commit, second) == ["mm/new.c"]
    assert {line.partition("\t")[2] for line in ours.listing(base.commit)} == set(fakelinux.FILES)


class TestCheckOut:
    def test_lays_out_exactly_the_commit(self, base: Base) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES

    def test_touches_only_what_differs(self, linux: Path, base: Base) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        before = {path: path.stat().st_mtime_ns for path in ours.worktree.rglob("*.[ch]")}
        (linux / "mm/rmap.c").write_text("int other;\n")
        ours.check_out(fakelinux.commit(linux))
        changed = [path.name for path, mtime in before.items() if path.stat().st_mtime_ns != mtime]
        assert changed == ["rmap.c"]

    def test_removes_everything_else_even_what_git_ignores(self, base: Base) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        for name in ("stray", "mm/rmap.o", "mm/rmap.c.rej", "dir/inner/.git/HEAD"):
            path = ours.worktree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
        (ours.worktree / "mm/rmap.c").write_text("damaged")
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES

    @pytest.mark.parametrize("name", ["index.lock", "HEAD.lock"])
    def test_locks_of_a_killed_run_are_removed(self, linux: Path, base: Base, name: str) -> None:
        ours = Store(base.store)
        work = ours.check_out(base.commit)
        (Path(work.git_dir) / name).touch()
        (linux / "new").touch()
        ours.check_out(fakelinux.commit(linux))
        assert (ours.worktree / "new").exists()

    def test_half_a_git_am_of_a_killed_run_is_removed(self, base: Base) -> None:
        ours = Store(base.store)
        work = ours.check_out(base.commit)
        (Path(work.git_dir) / "rebase-apply").mkdir()
        (Path(work.git_dir) / "rebase-apply/applying").touch()
        work = ours.check_out(base.commit)
        assert not (Path(work.git_dir) / "rebase-apply").exists()

    def test_half_a_git_worktree_add_of_a_killed_run_is_made_again(self, base: Base) -> None:
        ours = Store(base.store)
        work = ours.check_out(base.commit)
        (Path(work.git_dir) / "locked").write_text("initializing")
        (Path(work.git_dir) / "HEAD").unlink()
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES

    def test_worktree_of_a_store_that_was_removed_is_made_again(self, linux: Path, base: Base) -> None:
        Store(base.store).check_out(base.commit)
        shutil.rmtree(base.store)
        again = sources.resolve(str(linux), print)
        ours = Store(again.store)
        ours.check_out(again.commit)
        assert listing(ours.worktree) == fakelinux.FILES

    def test_worktree_that_was_removed_is_made_again(self, base: Base) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        shutil.rmtree(ours.worktree)
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES

    def test_missing_objects_are_told(self, linux: Path, base: Base) -> None:
        shutil.rmtree(linux)
        with pytest.raises(InfrastructureError, match=f"git cannot lay out {base.commit[:12]}"):
            Store(base.store).check_out(base.commit)

    def test_git_that_complains_of_each_file_is_told_in_a_few_lines(self, base: Base) -> None:
        complaints = "\n".join(f"error: unable to write file {number}" for number in range(50_000))
        failed = git.GitCommandError("git checkout", 128, f"{complaints}\nfatal: that was all")
        ours = Store(base.store)
        with (
            pytest.MonkeyPatch.context() as patch,
            pytest.raises(InfrastructureError, match=r"unable to write file 0\Z") as caught,
        ):
            patch.setattr(ours, "_open_worktree", Mock(side_effect=failed))
            ours.check_out(base.commit)
        assert caught.value.details.splitlines()[-1] == "fatal: that was all"
        assert len(caught.value.details.splitlines()) == store.TOLD_LINES


POISON = (
    "*.c working-tree-encoding=UTF-16\n[attr]odd text eol=crlf ident\ninit/main.c odd\n"
    "[attr]binary text eol=crlf\nmm/vmscan.c binary\nKconfig filter=lfs diff=x merge=y export-ignore export-subst\n"
)


class TestComparison:
    """What a worktree holds is what its commit says, by content."""

    def test_attributes_of_a_tree_have_no_say(self, linux: Path, base: Base) -> None:
        changes = {".gitattributes": POISON, "mm/.gitattributes": "* eol=crlf\n", "init/id.c": "/* $Id$ */\n"}
        fakelinux.write(linux, changes)
        (linux / ".git/info/attributes").write_text(worktree.ATTRIBUTES)  # or git would not take the files as they are
        ours = Store(base.store)
        commit = fakelinux.commit(linux)
        ours.check_out(commit)
        stored = {path: ours.text(commit, path) for path in [*fakelinux.FILES, *changes]}
        assert listing(ours.worktree) == stored
        assert fakelinux.git(ours.worktree, "status", "--porcelain", "--ignored") == ""
        checked = fakelinux.git(ours.worktree, "check-attr", "-a", "mm/rmap.c", "mm/vmscan.c", "init/main.c", "Kconfig")
        assert {line.split(": ", 1)[1] for line in checked.splitlines()} <= {"odd: set", "binary: set"}

    def test_nor_what_an_older_version_of_ours_has_laid_out_by_them(self, linux: Path, base: Base) -> None:
        fakelinux.write(linux, {".gitattributes": POISON})
        (linux / ".git/info/attributes").write_text(worktree.ATTRIBUTES)
        poisoned = fakelinux.commit(linux)
        ours = Store(base.store)
        ours.check_out(base.commit)
        (base.store / "info/attributes").unlink()
        # As it was before: git writes the files by the tree's attributes, and takes them for what the next commit has.
        for name in ("mm/rmap.c", "init/main.c"):
            (ours.worktree / name).unlink()
        fakelinux.git(ours.worktree, "checkout", "--force", "--detach", poisoned)
        assert (ours.worktree / "mm/rmap.c").read_bytes().startswith(b"\xff\xfe")
        Store(base.store).check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES

    @pytest.mark.parametrize("mark", [True, False])
    def test_a_file_of_the_same_size_and_time_does_not_pass(self, base: Base, mark: bool) -> None:
        """git itself is deceived: all that it looks at is as it was, but for the content."""
        ours = Store(base.store)
        work = ours.check_out(base.commit)
        path, old = ours.worktree / "mm/rmap.c", 1_000_000_000
        os.utime(path, (old, old))
        with work.config_writer() as config:  # a second is long, and a test is not to wait for the next one
            config.set_value("core", "trustctime", "false")
        fakelinux.git(ours.worktree, "update-index", "--refresh")
        path.write_text(fakelinux.RMAP_C.replace("referenced++", "referenced--"))
        os.utime(path, (old, old))
        assert fakelinux.git(ours.worktree, "status", "--porcelain") == ""
        if not mark:
            (base.store / "series-ci.compared").unlink()
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES

    @pytest.mark.parametrize("kind", ["program", "link", "pipe", "folder", "hole"])
    def test_nor_does_another_kind_of_file(self, base: Base, kind: str) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        path = ours.worktree / "mm/rmap.c"
        if kind == "program":
            path.chmod(0o755)
        elif kind == "hole":
            os.truncate(path, 1 << 42)
        else:
            path.unlink()
        if kind == "link":
            path.symlink_to("vmscan.c")
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES
        assert path.stat().st_mode & 0o777 == 0o644

    def test_links_are_compared_by_where_they_lead(self, linux: Path, base: Base) -> None:
        (linux / "mm/odd").symlink_to(".././mm//rmap.c")
        commit = fakelinux.commit(linux)
        ours = Store(base.store)
        ours.check_out(commit)
        first = (ours.worktree / "mm/odd").lstat().st_mtime_ns
        ours.check_out(commit)
        assert (ours.worktree / "mm/odd").lstat().st_mtime_ns == first
        (ours.worktree / "mm/odd").unlink()
        (ours.worktree / "mm/odd").symlink_to("/etc/passwd")
        ours.check_out(commit)
        assert os.readlink(ours.worktree / "mm/odd") == ".././mm//rmap.c"  # noqa: PTH115 (pathlib shortens it)

    def test_only_what_was_written_to_since_is_read_again(self, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        read: list[str] = []
        real = worktree._holds
        monkeypatch.setattr(worktree, "_holds", lambda path, *more: read.append(path.name) or real(path, *more))
        monkeypatch.setattr(worktree, "MARGIN", -(10**12))  # as if all had been laid out long ago
        ours.check_out(base.commit)
        assert read == []
        monkeypatch.setattr(worktree, "MARGIN", 10**12)
        ours.check_out(base.commit)
        assert "rmap.c" in read

    def test_a_clock_that_was_set_back_is_not_believed(self, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        later = base.store / "series-ci.compared"
        os.utime(later, (4_000_000_000, 4_000_000_000))
        (ours.worktree / "mm/rmap.c").write_text("damaged")
        assert worktree.differing(ours.worktree, later) == ["mm/rmap.c"]

    def test_what_does_not_become_right_is_an_error(self, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
        ours = Store(base.store)
        monkeypatch.setattr(worktree, "_holds", lambda path, *_more: path.name != "rmap.c")
        with pytest.raises(InfrastructureError, match=f"does not hold what {base.commit[:12]} says: mm/rmap.c"):
            ours.check_out(base.commit)

    def test_a_worktree_that_leads_to_another_repository_is_made_again(self, base: Base, tmp_path: Path) -> None:
        ours = Store(base.store)
        ours.check_out(base.commit)
        other = fakelinux.repository(tmp_path / "other", {"mm/rmap.c": "int other;\n"})
        (ours.worktree / ".git").write_text(f"gitdir: {other}/.git\n")
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES
        assert fakelinux.git(other, "status", "--porcelain") == ""


class TestObjects:
    """Commits are read from git's objects."""

    def test_a_link_a_folder_and_a_submodule_have_no_text(self, linux: Path, base: Base) -> None:
        (linux / "secret").symlink_to("/etc/passwd")
        (linux / "walk.c").symlink_to("mm/rmap.c")
        (linux / "far").symlink_to("mm")
        fakelinux.git(linux, "update-index", "--add", "--cacheinfo", f"160000,{base.commit},sub")
        fakelinux.git(linux, "add", "secret", "walk.c", "far")
        fakelinux.git(linux, "commit", "-q", "-m", "links")
        commit = fakelinux.git(linux, "rev-parse", "HEAD")
        ours = Store(base.store)
        for path in (
            "secret",
            "walk.c",
            "far",
            "far/rmap.c",
            "sub",
            "mm",
            "mm/",
            "",
            ".",
            "..",
            "/etc/passwd",
            "../x",
            "a\0b",
        ):
            assert ours.text(commit, path) is None, path
        assert ours.text(commit, "mm/rmap.c") == fakelinux.RMAP_C
        assert objects.links(base.store, commit) == {"secret": "/etc/passwd", "walk.c": "mm/rmap.c", "far": "mm"}

    def test_a_file_that_is_too_large_is_named(self, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(objects, "MOST", 100)
        assert Store(base.store).text(base.commit, "include/uapi/linux/mman.h")
        with pytest.raises(InfrastructureError, match=r"^mm/rmap.c: has .*are not read$"):
            Store(base.store).text(base.commit, "mm/rmap.c")

    def test_names_are_whole(self, linux: Path, base: Base) -> None:
        names = ["mm/ü.c", 'mm/"q".c', "mm/t\tn\nx.c", "mm/*.c", ":(top)x", "mm/b\\s.c"]
        for name in names:
            (linux / name).write_text(f"{name}\n")
        (linux / os.fsdecode(b"mm/\xff.c")).write_text("x\n")
        commit = fakelinux.commit(linux)
        ours = Store(base.store)
        assert sorted(ours.changed(base.commit, commit)) == sorted([*names, "mm/\\xff.c"])
        assert ours.contents(base.commit, commit).keys() == {*names, "mm/\\xff.c"}
        assert {line.partition("\t")[2] for line in ours.listing(commit)} >= {*names}
        for name in names:
            assert ours.text(commit, name) == f"{name}\n"


class TestUsersGit:
    def test_settings_of_the_user_change_nothing(self, home: Path, linux: Path, cache: Path, tmp_path: Path) -> None:
        hooks = tmp_path / "hooks"
        hooks.mkdir()
        (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
        (hooks / "post-checkout").chmod(0o755)
        (home / ".gitconfig").write_text(f"[core]\n\tautocrlf = true\n\teol = crlf\n\thooksPath = {hooks}\n")
        base = sources.resolve(str(linux), print)
        ours = Store(base.store)
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES
        assert not (tmp_path / "hook-ran").exists()

    def test_environment_of_a_git_hook_does_not_lead_elsewhere(
        self, linux: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = fakelinux.repository(tmp_path / "other", {"mm/rmap.c": "int other;\n"})
        before = sorted(path.relative_to(other) for path in other.rglob("*"))
        monkeypatch.setenv("GIT_DIR", str(other / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(other))
        monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
        base = sources.resolve(str(linux), print)
        assert base.commit == fakelinux.git(linux, "rev-parse", "HEAD")
        ours = Store(base.store)
        ours.keep("some/name", base.commit)
        ours.check_out(base.commit)
        assert listing(ours.worktree) == fakelinux.FILES
        assert sorted(path.relative_to(other) for path in other.rglob("*")) == before


class TestUser:
    @pytest.fixture(autouse=True)
    def _alone(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        monkeypatch.delenv("EMAIL", raising=False)
        monkeypatch.chdir(home)

    def test_as_git_has_it(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (home / ".gitconfig").write_text("[user]\n\tname = Robin Välé\n\temail = robin.vale@example.org\n")
        monkeypatch.setenv("GIT_AUTHOR_DATE", "1767603600 +0100")
        assert checkout.user() == repo.Author("Robin Välé", "robin.vale@example.org", "1767603600 +0100")

    def test_nobody(self) -> None:
        with pytest.raises(UsageError, match="git does not know who you are") as caught:
            checkout.user()
        assert "git config --global user.email" in caught.value.hint


def test_checkout_around_a_folder(linux: Path, tmp_path: Path, cache: Path) -> None:
    assert checkout.checkout_around(linux) == linux
    assert checkout.checkout_around(linux / "mm") == linux
    assert checkout.checkout_around(tmp_path) is None
    bare = Store(cache / "trees/x.git").path
    assert checkout.checkout_around(bare) is None


class TestCheckKernel:
    def test_version(self, base: Base) -> None:
        assert checkout.check_kernel(Store(base.store), base.commit, base.spec) == "6.12.7"

    def test_version_with_extra(self, linux: Path, base: Base) -> None:
        text = fakelinux.MAKEFILE.replace("EXTRAVERSION =", "EXTRAVERSION = -rc3").replace(
            "SUBLEVEL = 7", "SUBLEVEL = 0"
        )
        (linux / "Makefile").write_text(text)
        commit = fakelinux.commit(linux)
        assert checkout.check_kernel(Store(base.store), commit, "x") == "6.12.0-rc3"

    @pytest.mark.parametrize("gone", ["Makefile", "Kbuild"])
    def test_tree_that_is_no_kernel(self, linux: Path, base: Base, gone: str) -> None:
        (linux / gone).unlink()
        commit = fakelinux.commit(linux)
        with pytest.raises(UsageError, match=r"^the-spec: is not a kernel tree") as caught:
            checkout.check_kernel(Store(base.store), commit, "the-spec")
        assert "Linux source tree" in caught.value.hint


def test_two_processes_take_turns_in_a_store(base: Base) -> None:
    code = (
        "import sys; from pathlib import Path; from series_ci.kernel.store import Store\n"
        "with Store(Path(sys.argv[1])).in_use(print):\n    print('held', flush=True); sys.stdin.read()\n"
    )

    argv = [sys.executable, "-c", code, str(base.store)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        said: list[str] = []

        def waiting(text: str) -> None:
            said.append(text)
            assert other.stdin
            other.stdin.close()

        with locks.locked(Store(base.store).lock, waiting):
            other.wait()
    assert f"process {other.pid}" in said[0]


def test_what_commits_hold_that_an_older_one_does_not(base: Base, linux: Path) -> None:
    fakelinux.write(linux, {"mm/rmap.c": "first\n", "mm/new.c": "new\n"})
    fakelinux.commit(linux, "first")
    (linux / "mm/vmscan.c").unlink()
    fakelinux.commit(linux, "second")
    tip, _objects = local_commit(str(linux), "HEAD")
    store = Store(base.store)
    between = store.between(base.commit, tip)
    assert [store.text(each, "mm/new.c") for each in between] == ["new\n", "new\n"]
    assert between[-1] == tip
    held = store.contents(base.commit, tip)
    assert held.keys() == {"mm/rmap.c", "mm/new.c", "mm/vmscan.c"}
    assert set(held["mm/vmscan.c"]) == {"0"}
    assert held["mm/new.c"] == store.contents(base.commit, between[0])["mm/new.c"]
