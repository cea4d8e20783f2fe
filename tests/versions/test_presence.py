from __future__ import annotations

import pytest

from series_ci.versions.presence import holds

CODE = [
    "",
    " ## mm/rmap.c ##",
    "@@ mm/rmap.c: int f(void)",
    " a",
    "+new 1",
    "+new 2",
    " b",
    "@@",
    " c",
    "-old",
    "+new 3",
    " d",
]
BEFORE = ["0", "a", "b", "...", "c", "old", "d", "e"]
AFTER = ["0", "a", "new 1", "new 2", "b", "...", "c", "new 3", "d", "e"]


def there(lines: list[str], code: list[str] = CODE) -> bool:
    return holds(code, {"mm/rmap.c": "\n".join(lines)}.get)


def test_after_the_patch_and_not_before() -> None:
    assert there(AFTER)
    assert not there(BEFORE)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a", "a0", "new 1", "new 2", "b0", "b", "c0", "new 3", "d0"], True),  # the lines around it have changed
        (["a", "new 1", "between", "new 2", "b", "c", "new 3", "d"], False),  # no longer in one piece
        (["c", "new 3", "d", "a", "new 1", "new 2", "b"], False),  # in another order
        (["a", "new 1", "new 2", "b", "c", "old", "d"], False),  # only the first hunk
        (["new 1", "new 2", "new 3", "c", "old", "d"], False),  # the second one could still be applied
        (["a", "new 1", "b", "c", "new 3", "d"], False),  # not all of it
    ],
)
def test_a_tree_that_has_moved_on(lines: list[str], expected: bool) -> None:
    assert there(lines) is expected


def test_the_pieces_of_a_hunk_have_an_order() -> None:
    code = [" ## mm/rmap.c ##", "@@", " a", "+new 1", " b", "+new 2"]
    assert there(["a0", "new 1", "b0", "new 2"], code)
    assert not there(["a0", "new 2", "b0", "new 1"], code)


def test_a_patch_that_only_removes_is_there_when_its_context_is() -> None:
    code = [" ## mm/rmap.c ##", "@@", " a", "-old", " b"]
    assert there(["a", "b"], code)
    assert not there(["a", "old", "b"], code)
    assert not there(["other", "things"], code)


def test_files_that_come_and_go() -> None:
    removed = [" ## mm/gone.c ##", "@@", "-all", "-of it"]
    assert there([], removed)
    added = [" ## mm/new.c ##", "@@", "+all", "+of it"]
    assert not there([], added)
    assert holds(added, {"mm/new.c": "all\nof it\n"}.get)


def test_every_file_has_to_have_it() -> None:
    code = [*CODE, "", " ## mm/new.c ##", "@@", "+all"]
    files = {"mm/rmap.c": "\n".join(AFTER)}
    assert not holds(code, files.get)
    assert holds(code, {**files, "mm/new.c": "all\n"}.get)


def test_what_has_no_lines_is_not_known_to_be_there() -> None:
    assert not there(AFTER, [])
    assert not there(AFTER, ["", " ## mm/rmap.c ##", "old mode 100644", "new mode 100755"])
