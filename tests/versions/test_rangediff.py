from __future__ import annotations

import pytest

from series_ci.versions import rangediff
from series_ci.versions.rangediff import PatchFate, PatchPair, PatchSide

TEXT = """\
 1:  1d5d7f3 =  1:  6b1ff77 mm: the first
 2:  aaaaaaa < -:  ------- mm: the second
-:  ------- >  2:  bbbbbbb mm: 3:  ccccccc ! 3:  ddddddd a title like a header
10:  1111111 !  3:  2222222 mm: the tenth
    @@ mm/rmap.c: int folio_referenced(const struct folio *folio)
      context
    -+	old
    ++	new
    ++	newer

     1:  1d5d7f3 =  1:  6b1ff77 a line of a patch
"""

OLD = [f"old {number}" for number in range(1, 11)]
NEW = [f"new {number}" for number in range(1, 4)]


def test_every_mark_with_its_numbers_and_commits() -> None:
    same, dropped, new, changed = rangediff.parse(TEXT.replace("\n\n", "\n    \n"), OLD, NEW)
    assert same == PatchPair(PatchFate.SAME, PatchSide(1, "old 1", "1d5d7f3"), PatchSide(1, "new 1", "6b1ff77"))
    assert (dropped.mark, dropped.old, dropped.new) == (PatchFate.DROPPED, PatchSide(2, "old 2", "aaaaaaa"), None)
    assert new.old is None
    assert (new.title, dropped.title) == ("new 2", "old 2")
    assert (changed.mark, changed.old and changed.old.number, changed.new and changed.new.number) == ("!", 10, 3)
    assert changed.lines == (
        "@@ mm/rmap.c: int folio_referenced(const struct folio *folio)",
        "  context",
        "-+\told",
        "++\tnew",
        "++\tnewer",
        "",
        " 1:  1d5d7f3 =  1:  6b1ff77 a line of a patch",
    )
    assert (changed.added, changed.removed) == (2, 1)


def test_a_form_feed_in_a_patch_ends_no_line() -> None:
    text = "1:  1d5d7f3 ! 1:  6b1ff77 mm: x\n    -+a\fb\n"
    assert rangediff.parse(text, ["x"], ["y"])[0].lines == ("-+a\fb",)


def test_two_empty_ranges_have_no_pairs() -> None:
    assert rangediff.parse("", [], []) == ()


@pytest.mark.parametrize("text", ["fatal: bad revision\n", "    a line of no patch\n", TEXT])
def test_what_git_never_says_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a line of git range-diff"):
        rangediff.parse(text, OLD, NEW)


def test_equal_needs_the_same_order() -> None:
    def same(old: int, new: int) -> PatchPair:
        return PatchPair(PatchFate.SAME, PatchSide(old, "x"), PatchSide(new, "x"))

    assert rangediff.equal([same(1, 1), same(2, 2)])
    assert not rangediff.equal([same(2, 1), same(1, 2)])
    assert not rangediff.equal([same(1, 1), PatchPair(PatchFate.NEW, None, PatchSide(2, "x"))])
    assert not rangediff.equal([PatchPair(PatchFate.CHANGED, PatchSide(1, "x"), PatchSide(1, "x"), ("+x",))])
