from __future__ import annotations

from pathlib import Path

from fakes import fakelinux, inbox, mails
from series_ci.kernel import sources
from series_ci.kernel.base import Base
from series_ci.mail import patchmail, posting
from series_ci.mail.posting import Posting
from series_ci.versions import bases
from series_ci.versions.bases import MAINLINE, Choice


def collect(*raws: bytes) -> Posting:
    (found,) = posting.collect(patchmail.read(raw) for raw in raws)
    return found


def tried(choice: Choice) -> dict[str, str]:
    return {each.way: each.gave for each in choice.tried}


def series(extra: str = "", day: str = "2024-07-10") -> Posting:
    return collect(inbox.mail("1", "[PATCH] mm: one", day, text=f"Text.\n\n{extra}"))


class TestWithoutATree:
    def test_date(self) -> None:
        choice = bases.choose(series(), None)
        assert (choice.specs, choice.why) == ((f"{MAINLINE}@v6.10",), "by date")
        assert tried(choice) == {
            "base-commit": "none in its mails",
            "change-id": "none in its mails",
            "blobs": "no --tree to look into",
            "date": "sent 2024-07-10, between v6.9 (2024-05-12) and v6.10 (2024-07-14), after its -rc1: v6.10",
        }

    def test_merge_window(self) -> None:
        choice = bases.choose(series(day="2024-05-20"), None)
        assert choice.specs == (f"{MAINLINE}@v6.9",)
        assert "in the merge window: v6.9" in tried(choice)["date"]

    def test_dates_out_of_the_table(self) -> None:
        assert "before v5.10" in tried(bases.choose(series(day="2010-05-20"), None))["date"]
        assert "after v6.18" in tried(bases.choose(series(day="2030-05-20"), None))["date"]

    def test_no_date(self) -> None:
        raw = inbox.mail("1", "[PATCH] mm: one").replace(b"Date: ", b"X-Date: ")
        assert tried(bases.choose(collect(raw), None))["date"] == "its mail has none that can be read"

    def test_base_commit_comes_first_and_the_date_is_what_can_be_had(self) -> None:
        choice = bases.choose(series(f"base-commit: {'a' * 40}"), None)
        assert choice.specs == (f"{MAINLINE}@{'a' * 40}", f"{MAINLINE}@v6.10")
        assert choice.why == "base-commit, else by date"
        assert tried(choice)["base-commit"].startswith("a" * 12)

    def test_base_commit_that_is_cut_short_cannot_be_fetched(self) -> None:
        assert bases.choose(series(f"base-commit: {'a' * 12}"), None).specs == (f"{MAINLINE}@v6.10",)

    def test_change_id_with_the_day_it_was_made(self) -> None:
        found = tried(bases.choose(series("change-id: 20240703-keep-0123456789ab"), None))
        assert found["change-id"] == "the series was begun on 2024-07-03"
        assert tried(bases.choose(series("Change-Id: I0123"), None))["change-id"] == "has no date in it"

    def test_diff_without_ids(self) -> None:
        raw = inbox.mail("1", "[PATCH] mm: one").replace(b"index ", b"xedni ")
        assert tried(bases.choose(collect(raw), None))["blobs"] == "its diffs name none"


class TestWithATree:
    def test_blobs_of_the_right_tree(self, base: Base) -> None:
        choice = bases.choose(collect(*mails.series()), base)
        assert (choice.specs, choice.why) == ((base.spec,), "as given")
        assert tried(choice)["blobs"] == f"2 of 2 files are the same in {base.spec}"

    def test_later_patch_of_a_file_starts_from_what_the_first_made(self, base: Base) -> None:
        twice = mails.Change(
            "mm: once more", (("include/linux/mm.h", "return folio_test_anon", "return !folio_test_anon"),)
        )
        assert "2 of 2" in tried(bases.choose(collect(*mails.series((*mails.GOOD, twice))), base))["blobs"]

    def test_file_that_an_earlier_patch_made_is_in_no_base(self, base: Base) -> None:
        new = mails.Change("mm: new", (("mm/new.c", "", "int x;\n"),))
        more = mails.Change("mm: more", (("mm/new.c", "int x;", "int y;"),))
        assert "1 of 1" in tried(bases.choose(collect(*mails.series((mails.HELPER, new, more))), base))["blobs"]

    def test_blobs_of_another_tree(self, base: Base) -> None:
        posting = collect(*mails.series(tree=fakelinux.RMAP_C + "\n/* another */\n"))
        said = f"1 of 2 files are the same in {base.spec} (other: mm/rmap.c)"
        assert tried(bases.choose(posting, base))["blobs"] == said

    def test_base_commit_is_that_tree(self, base: Base) -> None:
        choice = bases.choose(series(f"base-commit: {base.commit}"), base)
        assert choice.specs == (base.spec,)
        assert tried(choice)["base-commit"] == f"{base.commit[:12]}, which is the given tree"

    def test_base_commit_is_another_one_of_that_checkout(self, linux: Path, cache: Path) -> None:
        old = fakelinux.git(linux, "rev-parse", "HEAD").strip()
        (linux / "mm/new.c").write_text("int x;\n")
        fakelinux.git(linux, "add", "-A", "-f")
        fakelinux.git(linux, "commit", "-q", "-m", "more")
        base = sources.resolve(str(linux), print)
        assert base.commit != old
        choice = bases.choose(series(f"base-commit: {old}"), base)
        assert choice.specs == (f"{linux}@{old}",)
        assert sources.resolve(choice.specs[0], print).commit == old
        assert choice.why == "base-commit, in the given tree"

    def test_base_commit_that_the_tree_does_not_have(self, base: Base) -> None:
        choice = bases.choose(series(f"base-commit: {'a' * 40}"), base)
        assert choice.specs == (base.spec,)
        assert tried(choice)["base-commit"].endswith("does not have that commit")
