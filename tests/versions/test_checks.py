from __future__ import annotations

import pytest

from series_ci.mail import patchmail
from series_ci.versions import checks, trailers
from series_ci.versions.checks import RemarkKind, Sent

AUTHOR = "Robin Vale <robin.vale@example.org>"


def version(
    label: str,
    subject: str,
    body: str = f"Why.\n\nSigned-off-by: {AUTHOR}\n---\n",
    ids: tuple[str, ...] = (),
    code: tuple[str, ...] = (),
) -> Sent:
    raw = f"From: {AUTHOR}\nMessage-ID: <{label}@example.org>\nSubject: {subject}\n\n{body}\n"
    read = patchmail.read(raw.encode())
    return Sent(label, None, (read,), ids or (label,), code or (label,), trailers.claims([read]))


def kinds(*versions: Sent) -> dict[str, list[str]]:
    return {
        each.label: [mark.text for mark in found] for each, found in zip(versions, checks.marks(versions), strict=True)
    }


def details(kind: RemarkKind, *versions: Sent) -> list[str]:
    """What is said about the last version."""
    return [mark.detail for mark in checks.marks(versions)[-1] if mark.kind is kind]


def test_nothing_to_say() -> None:
    assert kinds(version("v1", "[PATCH] mm: x"), version("v2", "[PATCH v2] mm: x")) == {"v1": [], "v2": []}


def test_the_first_version_with_the_same_code() -> None:
    found = kinds(
        version("v1", "[PATCH] mm: x", ids=("a",), code=("1",)),
        version("v2", "[PATCH v2] mm: x", ids=("a",), code=("2",)),
        version("v3", "[PATCH v3] mm: x", ids=("a",), code=("2",)),
        version("v4", "[PATCH v4] mm: x", ids=("a", "b")),
        version("v5", "[PATCH v5] mm: x", ids=("a", "b"), code=("v4",)),
    )
    assert found == {
        "v1": [],
        "v2": ["same patch as v1 but for white space"],
        "v3": ["same patch as v2"],
        "v4": [],
        "v5": ["same patches as v4"],
    }


def test_numbers_and_titles_of_the_subjects() -> None:
    found = kinds(
        version("v1", "[PATCH] mm: folios"),
        version("v2", "[PATCH v2] mm: folio"),
        version("v3", "[PATCH] mm: folio"),
        version("v4.1", "[PATCH v4] mm: folio"),
        version("v4.2", "[PATCH v4] mm: folio"),
        version("v5.1", "[PATCH v5] mm: folio"),
        version("v5.2", "[PATCH v5] mm: folio"),
        version("v5.3", "[PATCH v5] mm: folio"),
    )
    assert found == {
        "v1": [],
        "v2": ["subject changed"],
        "v3": ["no number in the subject"],
        **{label: ["v4 sent twice"] for label in ("v4.1", "v4.2")},
        **{label: ["v5 sent 3 times"] for label in ("v5.1", "v5.2", "v5.3")},
    }
    assert kinds(version("v1", "[PATCH v1] x"), version("v2", "[PATCH] x")) == {
        "v1": [],  # nobody knows what the other one would be
        "v2": ["no number in the subject"],
    }
    old = version("v1", "[PATCH] mm: folios")
    assert details(RemarkKind.SUBJECT, old, version("v2", "[PATCH v2] mm: folio")) == ["it was: mm: folios"]
    twins = [version(label, "[PATCH v4] mm: folio") for label in ("v4.1", "v4.2")]
    assert details(RemarkKind.TWICE, *twins) == ["v4.1 is v4, too"]


def test_trailers_without_a_mail_are_named() -> None:
    sent = version("v1", "[PATCH] x", f"Reviewed-by: Kim <kim@example.org>\nSigned-off-by: {AUTHOR}\n---\n")
    assert kinds(sent) == {"v1": ["1 trailer without a mail"]}
    assert "Reviewed-by: Kim <kim@example.org>" in details(RemarkKind.UNBACKED, sent)[0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"Signed-off-by: {AUTHOR}\n---\n", []),
        ("Signed-off-by: Robin Vale <robin@home.example.org>\n---\n", []),
        (f"---\nSigned-off-by: {AUTHOR}\n", ["sign-off below ---", "author not signed off"]),
        ("Signed-off-by: Kim <kim@example.org>\n---\n", ["author not signed off"]),
        (f"Signed-off-by: {AUTHOR}\n---\nSigned-off-by: Kim <kim@example.org>\n", ["sign-off below ---"]),
        (f"From: Kim <kim@example.org>\n\nSigned-off-by: {AUTHOR}\n---\n", ["author not signed off"]),
    ],
)
def test_sign_offs(body: str, expected: list[str]) -> None:
    assert kinds(version("v1", "[PATCH] x", body)) == {"v1": expected}


SIGNED = f"Signed-off-by: {AUTHOR}\n---\n"
MODES = "old mode 100644\nnew mode 100755\nindex 1234567..89abcde\n"


@pytest.mark.parametrize(
    ("path", "header", "noise"),
    [
        ("mm/rmap.c", MODES, True),
        ("mm/Makefile", MODES, True),
        ("mm/rmap.c", "index 1234567..89abcde\n", True),
        ("mm/rmap.c", "index 1234567..89abcde 100644\n", False),
        ("tools/testing/run.sh", MODES, False),  # may be meant
        ("scripts/check", MODES, False),
    ],
)
def test_mode_noise(path: str, header: str, noise: bool) -> None:
    diff = f"diff --git a/{path} b/{path}\n{header}--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
    sent = version("v1", "[PATCH] x", SIGNED + diff)
    assert kinds(sent) == {"v1": ["mode noise"] if noise else []}
    assert all(path in each for each in details(RemarkKind.MODE, sent))


def test_the_diffstat_may_tell_of_a_mode_that_the_diff_does_not_change() -> None:
    diff = "diff --git a/a.c b/a.c\nindex 1234567..89abcde 100644\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-a\n+b\n"
    sent = version("v1", "[PATCH] x", f"{SIGNED} a.c | 2 +-\n mode change 100644 => 100755 a.c\n\n{diff}")
    assert details(RemarkKind.MODE, sent) == ["the mail says that the mode of a.c changes"]


def test_in_a_series_the_patch_is_named_and_the_cover_letter_needs_no_sign_off() -> None:
    cover = patchmail.read(f"From: {AUTHOR}\nSubject: [PATCH v2 0/2] x\n\nPlease.\n".encode())
    patches = tuple(
        patchmail.read(f"From: {AUTHOR}\nSubject: [PATCH v2 {number}/2] x {number}\n\n{text}\n---\n".encode())
        for number, text in ((1, f"Signed-off-by: {AUTHOR}"), (2, "Nothing."))
    )
    sent = Sent("v2", cover, patches, ("a", "b"), ())
    assert sent.head is cover
    assert details(RemarkKind.UNSIGNED, sent) == [f"no sign-off of the author: 2/2: {AUTHOR}"]
