"""What is refused of the mails of a series and of the commits that git makes of them, with a real git."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import fakelinux, mails, strangers
from series_ci.errors import ApplyError
from series_ci.kernel import apply, hazards, rejects, vetting
from series_ci.kernel.base import Base
from series_ci.kernel.store import Store
from series_ci.mail import message
from series_ci.mail.message import Patch
from series_ci.manifest.permit import Permit


def patches(name: str, *diffs: str) -> list[Patch]:
    return [message.patch(raw) for raw in strangers.series(name, *diffs)]


def permit(*kinds: str) -> list[Permit]:
    return [Permit.model_validate({"kind": kind, "reason": f"{kind} is a test"}) for kind in kinds]


def submodule(linux: Path) -> None:
    commit = fakelinux.git(linux, "rev-parse", "HEAD")
    fakelinux.git(linux, "update-index", "--add", "--cacheinfo", f"160000,{commit},mm/sub")
    (linux / "mm/sub").mkdir()


def turned(linux: Path) -> None:
    (linux / "mm/rmap.c").unlink()
    (linux / "mm/rmap.c").symlink_to("/etc/passwd")


def chained(linux: Path) -> None:
    (linux / "mm/up").symlink_to("..")
    (linux / "mm/out").symlink_to("up/../etc/passwd")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "symlink": (lambda linux: (linux / "mm/x").symlink_to("/etc/passwd"), "mm/x is a symbolic link that leads out"),
    "type change": (turned, "mm/rmap.c is a symbolic link that leads out of the tree, to /etc/passwd"),
    "chain": (chained, "mm/out is a symbolic link that leads out of the tree, to up/../etc/passwd"),
    "submodule": (submodule, "mm/sub is a submodule"),
    "modules": (lambda linux: (linux / ".gitmodules").write_text("x\n"), ".gitmodules tells git which"),
    "attributes": (lambda linux: (linux / "mm/.gitattributes").write_text("x\n"), "mm/.gitattributes tells git how"),
    "binary": (lambda linux: (linux / "logo.gif").write_bytes(b"GIF\0\1"), "logo.gif is binary"),
    "name": (lambda linux: (linux / "mm/a\u200b.c").write_text("x\n"), "ZERO WIDTH SPACE"),
    "bytes": (lambda linux: Path(f"{linux}/mm/\udcff.c").write_text("x\n"), "has a backslash in its name"),
}


class TestCommits:
    """Whatever a mail looked like, what git has made of it counts."""

    @pytest.mark.parametrize("name", CHANGES)
    def test_is_refused_by_name(self, linux: Path, base: Base, name: str) -> None:
        change, words = CHANGES[name]
        change(linux)
        fakelinux.git(linux, "add", "-A", "-f", "--", ".", ":!mm/sub")
        fakelinux.git(linux, "commit", "-q", "-m", name)
        made = [base.commit, fakelinux.git(linux, "rev-parse", "HEAD")]
        with pytest.raises(ApplyError) as caught:
            vetting.commits(base.store, made, patches("x", ""), [])
        assert caught.value.message.startswith("patch [1/1] mm: x is refused: ")
        assert words in caught.value.message
        kind = caught.value.hint.partition("kind: ")[2].partition(",")[0]
        allowed = vetting.commits(base.store, made, patches("x", ""), permit(kind))
        assert [(each.kind, each.patch, each.reason) for each in allowed] == [(kind, "1/1 mm: x", f"{kind} is a test")]

    def test_large_files(self, linux: Path, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hazards, "FILE_BYTES", 100_000)
        (linux / "mm/large.h").write_text("x\n" * 50_001)
        made = [base.commit, fakelinux.commit(linux)]
        with pytest.raises(ApplyError, match=r"mm/large\.h has 0\.1 MiB, more than the .* of a source file"):
            vetting.commits(base.store, made, patches("x", ""), [])

    def test_what_the_base_has_already_may_stay_and_go(self, linux: Path, cache: Path) -> None:
        for name in ("symlink", "binary", "attributes"):
            CHANGES[name][0](linux)
        (linux / "mm/in").symlink_to("rmap.c")
        first = fakelinux.commit(linux)
        fakelinux.git(linux, "mv", "logo.gif", "mm/logo.gif")
        (linux / "mm/x").unlink()
        (linux / "mm/in").unlink()
        (linux / "mm/in").symlink_to("vmscan.c")
        (linux / "mm/rmap.c").write_text(fakelinux.RMAP_C + "/* end */\n")
        second = fakelinux.commit(linux)
        (linux / "mm/logo.gif").unlink()
        third = fakelinux.commit(linux)
        made = [first, second, third]
        assert vetting.commits(linux / ".git", made, patches("x", "", ""), []) == []

    def test_a_link_that_leads_out_since_another_one_came(self, linux: Path, cache: Path) -> None:
        (linux / "mm/deep").mkdir()
        (linux / "mm/deep/link").symlink_to("../way/../secret")
        first = fakelinux.commit(linux)  # mm/way is nothing yet
        (linux / "mm/way").symlink_to("..")
        with pytest.raises(ApplyError, match=r"mm/deep/link is a symbolic link that leads out"):
            vetting.commits(linux / ".git", [first, fakelinux.commit(linux)], patches("x", ""), [])


class TestSeries:
    def test_is_refused_before_anything_is_applied(self, base: Base) -> None:
        """The first patch does not fit, and the second is refused: that is said, and no tree was touched."""
        sent = patches("x", strangers.misfit("mm/rmap.c"), strangers.added(".gitattributes", "* text\n"))
        with pytest.raises(ApplyError, match=r"patch \[2/2\] mm: x is refused: \.gitattributes tells git"):
            apply.with_series(base, sent, "x")
        assert not Store(base.store).worktree.exists()

    def test_all_that_is_refused_is_listed(self, base: Base) -> None:
        sent = patches("x", strangers.added(".gitattributes", "x\n") + strangers.link("mm/x", "/etc/passwd"))
        with pytest.raises(ApplyError) as caught:
            apply.with_series(base, sent, "x")
        assert caught.value.details == "mm/x is a symbolic link that leads out of the tree, to /etc/passwd"

    def test_an_applied_one_is_looked_at_again(self, base: Base) -> None:
        """What a manifest permitted, or an older version of ours let pass, is in the store."""
        sent = patches("x", strangers.link("mm/up", ".."), strangers.link("mm/out", "up/../etc"))
        commit, cached = apply.with_series(base, sent, "x", permit("symlink"))
        assert not cached
        assert apply.with_series(base, sent, "x", permit("symlink")) == (commit, True)
        with pytest.raises(ApplyError, match=r"patch \[2/2\] mm: x is refused: mm/out"):
            apply.with_series(base, sent, "x", permit("binary"))

    def test_what_was_permitted_is_told_once(self, base: Base) -> None:
        sent = patches("x", strangers.link("mm/out", "/etc") + strangers.added("größe.txt", "x\n"))
        commit, _cached = apply.with_series(base, sent, "x", permit("symlink"))
        told = apply.permitted(base, commit, sent, permit("symlink"))
        why = "is a symbolic link that leads out of the tree, to /etc"
        assert [(each.kind, each.path, each.why) for each in told] == [("symlink", "mm/out", why)]
        assert told[0].words == f"mm/out {why} (patch 1/1 mm: x), permitted: symlink is a test"
        plain = patches("plain", strangers.added("größe.txt", "x\n"))
        commit, _cached = apply.with_series(base, plain, "plain")
        assert apply.permitted(base, commit, plain, permit("symlink", "name")) == ()

    def test_the_worktree_is_that_of_the_base_after_a_refusal(self, base: Base) -> None:
        sent = patches("x", strangers.link("mm/up", ".."), strangers.link("mm/out", "up/../etc"))
        with pytest.raises(ApplyError):
            apply.with_series(base, sent, "x")
        work = Store(base.store).worktree
        assert fakelinux.git(work, "rev-parse", "HEAD") == base.commit
        assert not (work / "mm/up").is_symlink()

    @pytest.mark.parametrize(
        "diff",
        [
            strangers.added("mm/rmap.c/below", "x\n"),
            strangers.added("mm", "x\n"),
            strangers.link("mm/here", ".") + strangers.added("mm/here/x", "x\n"),
            strangers.edited("mm/none.c", "x\n", "y\n"),
            strangers.removed("mm/rmap.c", "not this\n"),
            strangers.added("mm/rmap.c", "x\n"),
        ],
    )
    def test_names_that_are_in_each_others_way_do_not_apply(self, base: Base, diff: str) -> None:
        with pytest.raises(ApplyError, match=r"^patch \[1/1\] mm: x does not apply"):
            apply.with_series(base, patches("x", diff), "x")

    def test_names_that_differ_in_case_alone_are_two(self, base: Base) -> None:
        sent = patches("x", strangers.added("mm/RMAP.c", "x\n"), strangers.edited("mm/RMAP.c", "x\n", "y\n"))
        commit, _cached = apply.with_series(base, sent, "x")
        assert Store(base.store).text(commit, "mm/RMAP.c") == "y\n"
        assert Store(base.store).text(commit, "mm/rmap.c") == fakelinux.RMAP_C

    def test_a_folder_takes_the_place_of_a_file(self, base: Base) -> None:
        sent = patches(
            "x", strangers.removed("mm/rmap.c", fakelinux.RMAP_C), strangers.added("mm/rmap.c/inner.c", "x\n")
        )
        commit, _cached = apply.with_series(base, sent, "x")
        Store(base.store).check_out(commit)
        assert (Store(base.store).worktree / "mm/rmap.c/inner.c").read_text() == "x\n"
        Store(base.store).check_out(base.commit)
        assert (Store(base.store).worktree / "mm/rmap.c").read_text() == fakelinux.RMAP_C

    def test_a_mail_is_one_patch_whatever_is_in_it(self, base: Base) -> None:
        """A line that begins a mail in a mailbox, and a whole patch behind it."""
        first, hidden = patches("x", strangers.added("mm/one.c", "x\n"), strangers.added("mm/two.c", "x\n"))
        raw = first.raw + b"From 1234 Mon Sep 17 00:00:00 2001\n" + hidden.raw
        commit, _cached = apply.with_series(base, [message.patch(raw)], "x")
        assert Store(base.store).between(base.commit, commit) == [commit]
        assert Store(base.store).changed(base.commit, commit) == ["mm/one.c", "mm/two.c"]
        assert apply.with_series(base, [message.patch(raw)], "x") == (commit, True)

    def test_hooks_of_a_store_are_not_run(self, base: Base, tmp_path: Path) -> None:
        for name in ("applypatch-msg", "pre-applypatch", "post-applypatch", "post-checkout", "post-commit"):
            hook = base.store / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/{name}-ran\n")
            hook.chmod(0o755)
        apply.with_series(base, [message.patch(raw) for raw in mails.series()[1:]], "x")
        assert not list(tmp_path.glob("*-ran"))


class TestRejects:
    @pytest.mark.parametrize("name", ["mm/ü.c", 'mm/"q" x.c', "mm/it's größe.c", "mm/漢字.c"])
    def test_names_that_git_puts_into_quotes(self, linux: Path, cache: Path, base: Base, name: str) -> None:
        sent = patches("x", strangers.added(name, "one\ntwo\n"), strangers.misfit(name))
        with pytest.raises(ApplyError) as caught:
            apply.with_series(base, sent, "x")
        assert caught.value.message.endswith(f"hunk at {name}:1")
        assert "-neither this\n+other\n" in caught.value.details
        assert f"the tree has at {name}:1:\n  1: one\n  2: two" in caught.value.details

    def test_a_file_that_is_not_there(self, base: Base) -> None:
        with pytest.raises(ApplyError, match=r"hunk at mm/ü\.c$"):
            apply.with_series(base, patches("x", strangers.misfit("mm/ü.c")), "x")

    def test_links_are_shown_as_nothing(self, linux: Path, cache: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("of the host\n" * 20)
        (linux / "mm/x.c").symlink_to(tmp_path / "secret")
        (linux / "mm/rmap.c.rej").symlink_to(tmp_path / "secret")
        commit = fakelinux.commit(linux)
        for diff in (
            strangers.misfit("mm/x.c", "120000"),
            strangers.misfit("mm/rmap.c"),
            strangers.misfit("../secret"),
        ):
            assert "of the host" not in rejects.hunks(linux / ".git", commit, patches("x", diff)[0])
        assert rejects.tree_has(linux / ".git", commit, "mm/x.c", 1) == "mm/x.c: not in the tree"
        assert (tmp_path / "secret").read_text() == "of the host\n" * 20
        assert "-neither this" in rejects.hunks(linux / ".git", commit, patches("x", strangers.misfit("mm/rmap.c"))[0])

    def test_nothing_is_left_behind(self, base: Base, scratch: Path) -> None:
        assert rejects.hunks(base.store, base.commit, patches("x", strangers.misfit("mm/rmap.c"))[0])
        assert list(scratch.iterdir()) == []
