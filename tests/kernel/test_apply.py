from __future__ import annotations

import base64
from pathlib import Path

import git
import pytest

from fakes import fakelinux, mails
from series_ci.errors import ApplyError, InfrastructureError, UsageError
from series_ci.kernel import apply, sources
from series_ci.kernel.base import Base
from series_ci.kernel.store import Store
from series_ci.mail import message
from series_ci.mail.message import Patch


def patches(raws: list[bytes]) -> list[Patch]:
    return [message.patch(raw) for raw in raws if message.patch(raw).subject.number]


def assert_usable(base: Base) -> None:
    """The worktree is clean, and the next series applies."""
    ours = Store(base.store)
    work = ours.check_out(base.commit)
    assert not (Path(work.git_dir) / "rebase-apply").exists()
    assert not list(ours.worktree.rglob("*.rej"))
    commit, _cached = apply.with_series(base, patches(mails.series()), "good")
    assert ours.changed(base.commit, commit) == ["include/linux/mm.h", "mm/rmap.c"]


class TestSeries:
    def test_author_date_and_message_are_those_of_the_mail(self, base: Base) -> None:
        commit, cached = apply.with_series(base, patches(mails.series()), "digest")
        assert not cached
        repo = Store(base.store).repo
        assert repo.git.log("--reverse", "--format=%an|%ae|%aI|%cI", f"{base.commit}..{commit}").splitlines() == [
            "Robin Välé|robin.vale@example.org|2026-02-01T11:05:01+01:00|2026-02-01T11:05:01+01:00",
            "Robin Välé|robin.vale@example.org|2026-02-01T11:05:02+01:00|2026-02-01T11:05:02+01:00",
        ]
        assert repo.git.log("-1", "--format=%B", f"{commit}~").strip() == mails.HELPER.message
        assert repo.git.log("-1", "--format=%B", commit).strip() == mails.SKIP.message
        assert repo.git.log("-1", "--format=%cn", commit) == "series-ci"

    def test_commit_ids_are_the_same_everywhere(
        self, linux: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
    ) -> None:
        found = set()
        for number in range(2):
            monkeypatch.setenv("SERIES_CI_CACHE", str(tmp_path / f"cache{number}"))
            (home / ".gitconfig").write_text(f"[user]\n\tname = User {number}\n\temail = {number}@example.org\n")
            found.add(apply.with_series(sources.resolve(str(linux), print), patches(mails.series()), "digest")[0])
        assert len(found) == 1

    def test_second_time_is_cached(self, base: Base) -> None:
        first, _cached = apply.with_series(base, patches(mails.series()), "digest")
        assert apply.with_series(base, patches(mails.series()), "digest") == (first, True)

    def test_other_content_is_another_commit(self, base: Base) -> None:
        good, _cached = apply.with_series(base, patches(mails.series()), "good")
        bad, cached = apply.with_series(base, patches(mails.series(mails.BROKEN)), "bad")
        assert not cached
        assert good != bad

    @pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
    def test_line_ends_of_mail_servers_do_not_matter(self, base: Base, ends: bytes) -> None:
        raws = [raw.replace(b"\n", ends) for raw in mails.series()]
        commit, _cached = apply.with_series(base, patches(raws), "digest")
        assert "\r" not in (Store(base.store).text(commit, "mm/rmap.c") or "")

    def test_signing_and_hooks_of_the_user_are_left_out(self, home: Path, base: Base, tmp_path: Path) -> None:
        (home / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n")
        apply.with_series(base, patches(mails.series()), "digest")


class TestText:
    def test_one_file_is_replaced_and_nothing_else(self, base: Base) -> None:
        text = "int x; /* \udce4\u00e4 */\n"  # a byte that is no UTF-8, as Store.text() gives it
        commit, cached = apply.with_text(base, "mm/rmap.c", text, "Another rmap")
        ours = Store(base.store)
        assert not cached
        assert ours.changed(base.commit, commit) == ["mm/rmap.c"]
        assert ours.text(commit, "mm/rmap.c") == text
        said = ours.repo.git.log("-1", "--format=%P|%s|%an|%at|%ct", commit)
        assert said == f"{base.commit}|Another rmap|series-ci|0|0"
        assert_usable(base)

    def test_second_time_is_cached_and_other_content_is_another_commit(self, base: Base) -> None:
        first, _cached = apply.with_text(base, "mm/rmap.c", "int x;\n", "Same")
        assert apply.with_text(base, "mm/rmap.c", "int x;\n", "Same") == (first, True)
        others = [("mm/rmap.c", "int y;\n"), ("mm/vmscan.c", "int x;\n")]
        made = {apply.with_text(base, path, text, "Same")[0] for path, text in others}
        assert len(made | {first}) == 3

    def test_a_file_that_the_tree_ignores(self, linux: Path, cache: Path) -> None:
        (linux / ".gitignore").write_text("mm\n")
        fakelinux.commit(linux)
        base = sources.resolve(str(linux), print)
        commit, _cached = apply.with_text(base, "mm/rmap.c", "int x;\n", "Ignored")
        assert Store(base.store).text(commit, "mm/rmap.c") == "int x;\n"


OTHER = fakelinux.RMAP_C.replace("int referenced = 0;", "int referenced = 0, more = 1;")


class TestConflict:
    def test_error_shows_patch_place_hunk_and_what_the_tree_has(self, base: Base) -> None:
        with pytest.raises(ApplyError) as caught:
            apply.with_series(base, patches(mails.series(tree=OTHER)), "conflict")
        error = caught.value
        assert error.message == (
            "patch [2/2] mm/rmap: leave the folios of exiting processes alone does not apply to "
            f"{base.spec} ({base.commit[:12]}): hunk at mm/rmap.c:10"
        )
        assert "--base-patch" in error.hint
        assert "Applying patch mm/rmap.c with 1 reject" in error.details
        assert " \tint referenced = 0, more = 1;\n" in error.details  # the rejected hunk's context
        assert "+\tif (folio_exiting(folio))\n" in error.details
        assert "the tree has at mm/rmap.c:10:" in error.details
        assert "  12: \tint referenced = 0;" in error.details or "  11: \tint referenced = 0;" in error.details
        assert "hint:" not in error.details

    def test_worktree_is_clean_and_usable_afterwards(self, base: Base) -> None:
        with pytest.raises(ApplyError):
            apply.with_series(base, patches(mails.series(tree=OTHER)), "conflict")
        work = Store(base.store).worktree
        assert fakelinux.git(work, "status", "--porcelain", "--ignored") == ""
        assert fakelinux.git(work, "rev-parse", "HEAD") == base.commit
        assert_usable(base)

    @pytest.mark.parametrize("encoding", ["base64", "8bit"])
    def test_rejected_hunk_of_an_encoded_mail_is_shown(self, base: Base, encoding: str) -> None:
        raws = mails.series(tree=OTHER)
        if encoding == "base64":
            head, _, body = raws[2].partition(b"\n\n")
            raws[2] = head.replace(b"8bit", b"base64") + b"\n\n" + base64.encodebytes(body)
        with pytest.raises(ApplyError, match=r"hunk at mm/rmap.c:10") as caught:
            apply.with_series(base, patches(raws), "conflict")
        assert "+\tif (folio_exiting(folio))\n" in caught.value.details

    def test_missing_file_is_named(self, linux: Path, cache: Path) -> None:
        (linux / "mm/rmap.c").unlink()
        fakelinux.commit(linux)
        base = sources.resolve(str(linux), print)
        with pytest.raises(ApplyError, match=r"patch \[2/2\].*: hunk at mm/rmap.c$") as caught:
            apply.with_series(base, patches(mails.series()), "conflict")
        assert "mm/rmap.c: does not exist in index" in caught.value.details
        assert "hint:" not in caught.value.details  # git's advice is for who runs git am

    def test_mail_without_a_patch_is_an_apply_error_too(self, base: Base) -> None:
        raw = mails.reply(mails.series()[0], "no diff", subject="[PATCH 1/1] words")
        with pytest.raises(ApplyError, match=r"patch \[1/1\] words does not apply"):
            apply.with_series(base, patches([raw]), "words")
        assert_usable(base)

    def test_interrupted_git_am_is_recovered(self, base: Base) -> None:
        ours = Store(base.store)
        work = ours.check_out(base.commit)
        with pytest.raises(AssertionError, match="patch does not apply"):
            path = ours.worktree / "x.eml"
            path.write_bytes(mails.series(tree=OTHER)[2])
            fakelinux.git(ours.worktree, "am", str(path))
        assert (Path(work.git_dir) / "rebase-apply").exists()
        (Path(work.git_dir) / "index.lock").touch()
        assert_usable(base)


class TestBasePatches:
    @pytest.fixture
    def patch(self, tmp_path: Path) -> Path:
        other = fakelinux.repository(tmp_path / "other")
        (other / "mm/rmap.c").write_text(OTHER)
        path = tmp_path / "feature-off.patch"
        path.write_text("Some words before it.\n\n" + fakelinux.git(other, "diff") + "\n")
        return path

    def test_none_leaves_the_base_alone(self, base: Base) -> None:
        assert apply.with_base_patches(base, []) is base

    def test_patched_base_takes_the_series_that_was_made_for_it(self, base: Base, patch: Path) -> None:
        patched = apply.with_base_patches(base, [patch])
        ours = Store(base.store)
        assert ours.text(patched.commit, "mm/rmap.c") == OTHER
        assert ours.repo.git.log("-1", "--format=%an|%ad|%s|%P", "--date=unix", patched.commit) == (
            f"series-ci|0|Base patches: feature-off.patch|{base.commit}"
        )
        apply.with_series(patched, patches(mails.series(tree=OTHER)), "digest")
        assert patched.spec == base.spec

    def test_same_patches_give_the_same_commit(
        self, linux: Path, patch: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = apply.with_base_patches(sources.resolve(str(linux), print), [patch])
        assert apply.with_base_patches(sources.resolve(str(linux), print), [patch]).commit == first.commit
        monkeypatch.setenv("SERIES_CI_CACHE", str(tmp_path / "other cache"))
        assert apply.with_base_patches(sources.resolve(str(linux), print), [patch]).commit == first.commit

    def test_patch_that_does_not_apply_is_named(self, base: Base, patch: Path, tmp_path: Path) -> None:
        twice = tmp_path / "twice.patch"
        twice.write_bytes(patch.read_bytes())
        with pytest.raises(UsageError, match=f"base patch {twice} does not apply to {base.spec}") as caught:
            apply.with_base_patches(base, [patch, twice])
        assert "patch failed: mm/rmap.c" in caught.value.details
        assert_usable(base)

    def test_patch_that_does_not_exist_is_named(self, base: Base, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"base patch {tmp_path}/none.patch: No such file"):
            apply.with_base_patches(base, [tmp_path / "none.patch"])

    def test_what_was_made_is_known_without_a_lock(self, base: Base, patch: Path) -> None:
        assert apply.kept_base(base, []) is base
        assert apply.kept_base(base, [patch]) is None
        made = apply.with_base_patches(base, [patch])
        assert apply.kept_base(base, [patch]) == made
        assert apply.kept_series(base, "digest") is None
        commit, _cached = apply.with_series(base, patches(mails.series()), "digest")
        assert apply.kept_series(base, "digest") == commit
        with pytest.raises(UsageError, match="No such file"):
            apply.kept_base(base, [patch.parent / "none.patch"])


class TestRangeDiff:
    def test_what_git_says_of_a_tree_whose_history_was_not_fetched(self, linux: Path, base: Base) -> None:
        other = fakelinux.repository(linux.parent / "other", {"README": "other\n"})
        for folder in (linux, other):
            (folder / "README").write_text("more\n")
            fakelinux.commit(folder)
        bases = [sources.resolve(f"git+file://{folder}@main", print) for folder in (linux, other)]
        assert bases[0].store != bases[1].store
        for each in bases:
            with pytest.raises(git.GitCommandError):  # so the commit before is in neither store
                Store(each.store).repo.git.cat_file("-e", fakelinux.git(linux, "rev-parse", "main~"))
        made = [(each, apply.with_series(each, patches(mails.series()), "digest")[0]) for each in bases]
        lines = apply.range_diff(made[0], made[1], 60).splitlines()
        assert [line.split()[2] for line in lines] == ["=", "="]

    def test_a_commit_that_is_not_there_is_an_error(self, base: Base) -> None:
        with pytest.raises(InfrastructureError, match=r"^git cannot compare .*\.\.0000.*: [^\n]*$"):
            apply.range_diff((base, base.commit), (base, "0" * 40), 60)

    def test_nothing_is_left_behind(self, base: Base, scratch: Path) -> None:
        commit, _cached = apply.with_series(base, patches(mails.series()), "digest")
        apply.range_diff((base, commit), (base, commit), 60)
        assert list(scratch.iterdir()) == []
