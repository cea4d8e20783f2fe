from __future__ import annotations

from typing import Any

from fakes import inbox
from series_ci.mail import patchmail
from series_ci.mail.posting import Posting, collect
from series_ci.versions import related
from series_ci.versions.related import Linked

TITLE = "mm: keep folios of exiting tasks in fast memory"


def posting(identity: str, subject: str, day: str = "2026-02-03", **more: Any) -> Posting:
    (found,) = collect([patchmail.read(inbox.mail(identity, subject, day, **more))])
    return found


def link(start: Posting, *pool: Posting) -> dict[str, Linked]:
    found = related.link(start, [start, *pool])
    return {each.posting.message_id.removesuffix("@example.org"): each for each in found}


START = posting("v2", f"[PATCH v2] {TITLE}")


def test_same_title_sender_and_file() -> None:
    found = link(START, posting("v3", f"[PATCH v3] {TITLE}", "2026-02-09"))
    assert found["v2"].evidence == ("asked for",)
    assert found["v3"].evidence == ("same sender", "title of v2", "same files")
    assert found["v3"].doubts == ()


def test_renamed_step_by_step() -> None:
    """v4 has too little in common with v2, but v3 is between them."""
    v3 = posting("v3", "[PATCH v3] mm: keep folios of exiting processes in fast memory", "2026-02-09")
    v4 = posting("v4", "[PATCH v4] mm/rmap: keep folio of exiting processes fast", "2026-02-12")
    found = link(START, v4, v3)
    assert "title has 5 of 7 words in common with v2 (-task +process)" in found["v3"].evidence
    assert found["v3"].doubts == found["v4"].doubts == ()
    assert any("v3" in text for text in found["v4"].evidence)
    assert link(START, v4)["v4"].doubts == ("too few words of the title in common to be sure",)


def test_other_files_are_a_reason_to_doubt() -> None:
    found = link(START, posting("v3", f"[PATCH v3] {TITLE}", path="mm/vmscan.c"))
    assert found["v3"].doubts == ("touches mm/vmscan.c, v2 touches mm/rmap.c",)


def test_other_sender_is_a_reason_to_doubt() -> None:
    found = link(START, posting("v3", f"[PATCH v3] {TITLE}", sender="sam@example.org"))
    assert found["v3"].doubts == ("sent by sam@example.org",)


def test_strangers_are_left_out() -> None:
    other = posting("other", "[PATCH v3] mm: count pages in a hurry")
    more = posting("more", "[PATCH v3] mm: keep the pages", sender="sam@example.org")
    assert list(link(START, other, more)) == ["v2"]


def test_change_id_is_enough() -> None:
    body = "Text.\n\nchange-id: 20260203-keep-0123456789ab"
    one = posting("v1", "[PATCH] one name", text=body)
    two = posting("v2", "[PATCH v2] another", text=body, sender="sam@example.org", path="fs/inode.c")
    found = link(one, two)
    assert found["v2"].doubts == ()
    assert found["v2"].evidence[0] == "change-id of the mail of 2026-02-03"


def test_link_that_is_called_a_version_is_enough() -> None:
    text = "Changes in v3:\n- less\n\nv2: https://lore.kernel.org/r/v2@example.org"
    found = link(START, posting("v3", "[PATCH v3] quite another name", text=text, path="fs/inode.c"))
    assert found["v3"].doubts == ()
    assert "it links to v2" in found["v3"].evidence
    older = link(posting("v3", "[PATCH v3] quite another name", text=text), START)
    assert "v3 links to it" in older["v2"].evidence


def test_any_other_link_is_a_reason_to_look() -> None:
    text = "As seen in https://lore.kernel.org/r/v2@example.org"
    found = link(START, posting("other", "[PATCH v3] quite another name", text=text))
    assert found["other"].doubts != ()
    found = link(START, posting("other", "[PATCH v3] another", text=f"v2: {text}", sender="sam@example.org"))
    assert "sent by sam@example.org" in found["other"].doubts


def test_thread_of_the_same_sender() -> None:
    found = link(
        START, posting("v3", "[PATCH v3] mm: keep folios of exiting processes", parent="v2", path="fs/inode.c")
    )
    assert found["v3"].doubts == ()
    assert "in the thread of v2" in found["v3"].evidence
    found = link(START, posting("fix", "[PATCH] net: quite another thing", parent="v2", path="fs/inode.c"))
    assert found["fix"].doubts != ()
    found = link(START, posting("fix", "[PATCH] quite another thing", parent="v2", sender="sam@example.org"))
    assert "fix" not in found


def test_other_title_with_the_same_number_is_a_sibling() -> None:
    sibling = posting("sibling", "[PATCH v2] mm: keep folios of exiting tasks in fast swap")
    found = link(START, sibling)
    assert found["sibling"].doubts == ("v2 has another title and the same number, and a series has one mail for each",)
    assert link(START, posting("again", f"[PATCH v2] {TITLE}"))["again"].doubts == ()
