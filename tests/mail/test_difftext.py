from __future__ import annotations

import pytest

from fakes import strangers
from series_ci.mail import difftext
from series_ci.mail.difftext import FileChange

PLAIN = """\
diff --git a/mm/rmap.c b/mm/rmap.c
index 26806b49a86f..5b92c3dadcc2 100644
--- a/mm/rmap.c
+++ b/mm/rmap.c
@@ -1,4 +1,4 @@ int f(void)
 one
-- two
+++ three

 four
--\x20
2.39.0
"""


def one(text: str) -> FileChange:
    (change,) = difftext.parse(text)
    return change


def test_lines_are_counted_by_the_numbers_of_their_hunk() -> None:
    change = one(PLAIN)
    assert (change.old, change.new, change.blob) == ("mm/rmap.c", "mm/rmap.c", "26806b49a86f")
    assert (change.insertions, change.deletions) == (1, 1)


def test_signature_is_no_deletion_and_the_next_file_begins_anew() -> None:
    first, second = difftext.parse(PLAIN.replace("--\x20\n2.39.0\n", "") + PLAIN.replace("rmap", "vmscan"))
    assert (first.deletions, second.new, second.deletions) == (1, "mm/vmscan.c", 1)


def test_diff_without_gits_header() -> None:
    text = "--- linux.orig/mm/a.c\t2026-02-03 11:00\n+++ linux/mm/a.c\t2026-02-03\n@@ -1 +1,2 @@\n x\n+y\n"
    change = one(text * 1)
    assert (change.new, change.insertions, change.blob) == ("mm/a.c", 1, "")
    assert [each.new for each in difftext.parse(text + text.replace("a.c", "b.c"))] == ["mm/a.c", "mm/b.c"]


def test_new_file_needs_no_old_content() -> None:
    change = one(
        "diff --git a/mm/new.c b/mm/new.c\nnew file mode 100644\nindex 000000000000..1234567\n--- /dev/null\n"
        "+++ b/mm/new.c\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n"
    )
    assert (change.new, change.blob, change.insertions) == ("mm/new.c", "", 1)


def test_rename_without_a_hunk() -> None:
    change = one("diff --git a/mm/a b.c b/mm/c.c\nsimilarity index 100%\nrename from mm/a b.c\nrename to mm/c.c\n")
    assert (change.old, change.new, change.insertions) == ("mm/a b.c", "mm/c.c", 0)


def test_mode() -> None:
    assert one("diff --git a/tools/x b/tools/x\nold mode 100644\nnew mode 100755\n").mode_changed
    assert not one(PLAIN).mode_changed


@pytest.mark.parametrize(
    ("header", "lost"),
    [
        ("index 1234567..89abcde 100644\n", False),
        ("index 1234567..89abcde\n", True),
        ("old mode 100644\nnew mode 100755\nindex 1234567..89abcde\n", False),
        ("new file mode 100644\nindex 0000000..89abcde\n", False),
        ("deleted file mode 100644\nindex 1234567..0000000\n", False),
    ],
)
def test_a_mode_that_is_named_nowhere_was_lost(header: str, lost: bool) -> None:
    assert one(f"diff --git a/x b/x\n{header}--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n").mode_lost is lost


def test_binary_patch_counts_no_lines() -> None:
    change = one(
        "diff --git a/logo b/logo\nindex 1111111..2222222 100644\nGIT binary patch\nliteral 8\nPc-jYO@@-+--\n+++x\n\n"
    )
    assert (change.new, change.blob, change.insertions, change.deletions) == ("logo", "1111111", 0, 0)


def test_names_of_other_alphabets_are_as_in_the_tree() -> None:
    name = '"a/doc/k\\303\\266nig.txt" "b/doc/k\\303\\266nig.txt"'
    assert one(f"diff --git {name}\nindex 1111111..2222222 100644\n").new == "doc/könig.txt"


def test_hunk_that_breaks_off() -> None:
    assert one(PLAIN.partition("\n four")[0] + "\n+end").insertions == 2


@pytest.mark.parametrize("text", ["", "no diff\n--- a line\n+++ another\n", "@@ -1 +1 @@\n-a\n+b\n"])
def test_what_is_no_diff(text: str) -> None:
    assert difftext.start(text) == -1
    assert difftext.parse(text) == [] or not difftext.parse(text)[0].hunks


def test_start_of_a_diff() -> None:
    assert difftext.start(f"words\n---\n x | 1 +\n\n{PLAIN}") == len("words\n---\n x | 1 +\n\n")


def test_unique() -> None:
    assert difftext.unique(["b", "", "a", "b"]) == ("b", "a")


def test_a_hunk_of_more_lines_than_there_can_be_is_none() -> None:
    head = "diff --git a/x b/x\n--- a/x\n+++ b/x\n"
    (change,) = difftext.parse(f"{head}@@ -1,{'1' * 5000} +1,2 @@\n-a\n+b\n")
    assert (change.hunks, change.insertions) == (0, 0)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('"a/\\303\\274 b/x.c" "b/\\303\\274 b/x.c"', ("ü b/x.c", "ü b/x.c")),
        ('a/x.c "b/\\303\\274.c"', ("x.c", "ü.c")),
        ('"a/\\303\\274.c" b/x.c', ("ü.c", "x.c")),
        ("a/x b/y", ("x", "y")),
        ("a/one two b/one two", ("one two", "one two")),
        ('"a/\\"q\\".c" "b/\\"q\\".c"', ('"q".c', '"q".c')),
    ],
)
def test_names_of_the_header(header: str, names: tuple[str, str]) -> None:
    change = one(f"diff --git {header}\nold mode 100644\nnew mode 100755\n")
    assert (change.old, change.new, change.mode) == (*names, "100755")


@pytest.mark.parametrize("header", ["", "x y", 'a/x "', '"a/x b/y', "c/x d/y", '"a/x"b/y'])
def test_no_header(header: str) -> None:
    assert difftext.parse(f"diff --git {header}\nold mode 100644\n") == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", [' "b/x', " b/x", '"a/', "\\"])
def test_header_of_megabytes(piece: str) -> None:
    """The first way to read it took hours."""
    difftext.parse(f'diff --git "a/x" "b/x{piece * 500_000}\nold mode 100644\n')
    difftext.parse(f"diff --git a/x{piece * 500_000}\nold mode 100644\n")


def test_mode_target_and_kind_of_a_change() -> None:
    text = strangers.link("l", "../x")
    assert (one(text).mode, one(text).target) == ("120000", "../x")
    text = "diff --git a/x b/x\nindex 1234567..0000000 100644\nGIT binary patch\nliteral 12\nabc\n\ndelta 7\nabc\n"
    assert (one(text).binary, one(text).inflated, one(text).mode, one(text).deleted) == (True, 12, "100644", False)
    assert one(PLAIN).mode == "100644"
    assert one(PLAIN.replace("index", "deleted file mode 100644\nindex")).deleted
