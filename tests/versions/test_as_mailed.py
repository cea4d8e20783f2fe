from __future__ import annotations

from dataclasses import replace

import pytest

from series_ci.versions import as_mailed
from series_ci.versions.as_mailed import Mailed
from series_ci.versions.rangediff import PatchFate

DIFF = """\
diff --git a/mm/rmap.c b/mm/rmap.c
index 1cf2bffa48ed..e6702bfafdde
--- a/mm/rmap.c
+++ b/mm/rmap.c
@@ -840,3 +840,4 @@ static bool folio_referenced_one(struct folio *folio,
 \tint referenced = 0;

+\t/* one */
 \twhile (page_vma_mapped_walk(&pvmw)) {
@@ -1 +1 @@
-\tlast
+\tthe last
\\ No newline at end of file
--
2.39.0

"""


def patch(title: str = "mm: one", diff: str = DIFF, patch_id: str = "", message: str = "Why.\n") -> Mailed:
    return Mailed("Robin Vale <robin.vale@example.org>", title, message, diff, patch_id or title + diff)


def shape(old: list[Mailed], new: list[Mailed]) -> list[str]:
    """The pairs as `1=1`, `2<`, `>3`, in their order."""
    return [
        f"{pair.old.number if pair.old else ''}{pair.mark}{pair.new.number if pair.new else ''}"
        for pair in as_mailed.compare(old, new)
    ]


def test_the_text_has_what_the_author_wrote_and_no_numbers() -> None:
    assert as_mailed.text(patch(message="Why.\n\nHow.\n")) == [
        " ## Metadata ##",
        "Author: Robin Vale <robin.vale@example.org>",
        "",
        " ## Commit message ##",
        "    mm: one",
        "",
        "    Why.",
        "",
        "    How.",
        "",
        " ## mm/rmap.c ##",
        "@@ mm/rmap.c: static bool folio_referenced_one(struct folio *folio,",
        " \tint referenced = 0;",
        " ",
        "+\t/* one */",
        " \twhile (page_vma_mapped_walk(&pvmw)) {",
        "@@",
        "-\tlast",
        "+\tthe last",
        "\\ No newline at end of file",
    ]


@pytest.mark.parametrize("line", ["old mode 100644", "new file mode 100755", "rename from mm/map.c", "Binary files x"])
def test_what_git_says_of_a_file_is_part_of_the_patch(line: str) -> None:
    assert line in as_mailed.text(patch(diff=DIFF.replace("index", f"{line}\nindex")))


def test_other_line_numbers_and_blob_ids_are_no_change() -> None:
    moved = DIFF.replace("-840,3 +840,4", "-852,3 +852,4").replace("1cf2bffa48ed", "3746a5531018")
    pairs = as_mailed.compare([patch(), patch("mm: two")], [patch(diff=moved), patch("mm: two")])
    assert [(pair.mark, pair.lines) for pair in pairs] == [(PatchFate.SAME, ())] * 2


def test_a_change_is_shown_with_the_part_of_the_patch_that_it_is_in() -> None:
    changed = patch(message="Why not.\n", diff=DIFF.replace("/* one */", "/* 1 */"))
    (pair,) = as_mailed.compare([patch()], [changed])
    assert pair.lines == (
        "@@ Metadata",
        "  ## Commit message ##",
        "     mm: one",
        " ",
        "-    Why.",
        "+    Why not.",
        " ",
        "  ## mm/rmap.c ##",
        " @@ mm/rmap.c: static bool folio_referenced_one(struct folio *folio,",
        " \tint referenced = 0;".replace(" ", "  ", 1),
        "  ",
        "-+\t/* one */",
        "++\t/* 1 */",
        "  \twhile (page_vma_mapped_walk(&pvmw)) {",
        " @@",
        " -\tlast",
    )
    assert (pair.added, pair.removed) == (2, 2)


def test_a_far_change_is_headed_by_its_function() -> None:
    long = DIFF.replace("@@ -840,3 +840,4 @@", "@@ -840,13 +840,14 @@").replace(
        "+\t/* one */\n", " x\n" * 10 + "+\tend\n"
    )
    (pair,) = as_mailed.compare([patch(diff=long)], [patch(diff=long.replace("+\tend", "+\tthe end"))])
    assert pair.lines[0] == "@@ mm/rmap.c: static bool folio_referenced_one(struct folio *folio,"


OTHER = DIFF.replace("rmap", "vmscan").replace("/* one */", "other();").replace("int referenced", "long n")


class TestPairing:
    def test_the_only_patches_are_one_patch_however_different(self) -> None:
        assert shape([patch()], [patch("doc: a text", "diff --git a/doc b/doc\n")]) == ["1!1"]

    def test_patch_id_comes_before_title(self) -> None:
        old = [patch("a b", patch_id="x"), patch("c d", OTHER, patch_id="y")]
        new = [patch("a b", OTHER, patch_id="y"), patch("c d", patch_id="x")]
        assert shape(old, new) == ["2!1", "1!2"]

    def test_title_comes_before_likeness(self) -> None:
        old = [patch("a b", patch_id="1"), patch("c d", OTHER, patch_id="2")]
        new = [patch("a b", OTHER + " ", patch_id="3"), patch("c d", DIFF + " ", patch_id="4")]
        assert shape(old, new) == ["1!1", "2!2"]

    def test_likeness_of_the_code_finds_a_patch_with_another_title(self) -> None:
        old = [patch("mm: one"), patch("sched: other things", OTHER)]
        new = [patch("sched/core: new words", OTHER.replace("other()", "others()")), patch("mm: one")]
        assert shape(old, new) == ["2!1", "1=2"]

    def test_what_is_not_alike_was_dropped_and_added(self) -> None:
        lines = "\n".join(f"+ {number}" for number in range(30))
        new = patch("net: unheard of", f"diff --git a/n b/n\n@@ -0,0 +1,30 @@\n{lines}\n")
        assert shape([patch("a"), patch("mm: gone", OTHER)], [patch("a"), new]) == ["1=1", "2<", ">2"]

    def test_the_best_match_wins_and_each_patch_has_one(self) -> None:
        def lines(*numbers: int) -> str:
            return "diff --git a/x b/x\n@@ -0,0 +1,9 @@\n" + "".join(f"+{number}\n" for number in numbers)

        old = [patch("a", lines(1, 2, 3, 4, 5, 6, 7, 8, 9))]
        new = [patch("b", lines(1, 2, 3, 4, 5, 6, 0, 0, 0)), patch("c", lines(1, 2, 3, 4, 5, 6, 7, 8, 0))]
        assert shape(old, new) == [">1", "1!2"]
        assert shape(new, old) == ["1<", "2!1"]

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("a b c", "a b c", ["1=1", "2=2", "3=3"]),
            ("a b c", "c a", ["3=1", "1=2", "2<"]),
            ("a b", "x a y b", [">1", "1=2", ">3", "2=4"]),
            ("x a b", "a b", ["1<", "2=1", "3=2"]),
            ("a b", "", ["1<", "2<"]),
            ("", "a b", [">1", ">2"]),
        ],
    )
    def test_the_order_is_that_of_git_range_diff(self, old: str, new: str, expected: list[str]) -> None:
        def patches(names: str) -> list[Mailed]:
            return [replace(patch(), title=name, patch_id=name, diff=body(name)) for name in names.split()]

        def body(name: str) -> str:
            return f"diff --git a/{name} b/{name}\n@@ -1 +1,20 @@\n" + f"+{name}\n" * 20

        assert shape(patches(old), patches(new)) == expected
