from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fakes import inbox
from series_ci.mail import patchmail, posting
from series_ci.manifest import model
from series_ci.manifest.model import Manifest
from series_ci.versions import labels, related
from series_ci.versions.bases import MAINLINE, Choice, Tried
from series_ci.versions.draft import Draft, collections, render, slug

OLD, NEW = f"{MAINLINE}@v6.8", f"{MAINLINE}@v6.10"
TITLE = "mm: keep folios"


def choice(*specs: str) -> Choice:
    return Choice(specs, "by date", (Tried("date", "sent then"),))


def draft(title: str = TITLE, last: str = "") -> Draft:
    raws = [
        inbox.mail("a", f"[PATCH] {title}", "2026-01-03"),
        inbox.mail("b", f"[PATCH v2] {title}", "2026-02-03"),
        inbox.mail("c", f"[PATCH v3] {last or title}", "2026-02-09"),
    ]
    first, *others = posting.collect(patchmail.read(raw) for raw in raws)
    versions = tuple(labels.assign(related.link(first, others)))
    choices = {"v1": choice(OLD), "v2": choice(NEW), "v3": choice(NEW)}
    return Draft("mine", title, "https://lore.kernel.org/all/", versions, choices)


def load(text: str, folder: Path) -> Manifest:
    path = folder / "mine.yaml"
    path.write_text(text, "utf-8")
    return model.load(path)


def test_manifest_says_what_was_found(tmp_path: Path) -> None:
    text = render(draft())
    loaded = load(text, tmp_path)
    assert (loaded.name, loaded.title) == ("mine", TITLE)
    assert {label: each.message_id for label, each in loaded.versions.items()} == {
        "v1": "a@example.org",
        "v2": "b@example.org",
        "v3": "c@example.org",
    }
    assert [each.spec for each in loaded.trees] == [NEW]
    assert [each.spec for each in loaded.trees_for("v1")] == [OLD]
    assert loaded.version("v2").trees == ()
    assert "# 2026-01-03: no number in the subject, and none is older; asked for" in text
    assert "#   date: sent then" in text
    assert max(len(line) for line in text.splitlines()) < 120


def test_doubtful_version_comes_back_by_removing_the_marks(tmp_path: Path) -> None:
    found = draft(last="mm: keep the folios of tasks")
    assert [each.label for each in found.sure] == ["v1", "v2"]
    text = render(found)
    assert list(load(text, tmp_path).versions) == ["v1", "v2"]
    assert "# in doubt: too few words of the title in common to be sure\n" in text
    uncommented = text.replace("#v3:", "v3:").replace("#  message-id", "  message-id")
    assert load(uncommented, tmp_path).version("v3").message_id == "c@example.org"


def test_trees_are_those_of_most_versions_and_of_the_newest_among_equals(tmp_path: Path) -> None:
    found = draft()
    other = replace(found, choices={**found.choices, "v2": choice(OLD)})
    assert [each.spec for each in load(render(other), tmp_path).trees] == [OLD]
    two = replace(found, versions=found.versions[1:], choices={"v2": choice(OLD), "v3": choice(NEW)})
    assert [each.spec for each in load(render(two), tmp_path).trees] == [NEW]
    both = replace(found, choices=dict.fromkeys(found.choices, choice(NEW, OLD)))
    assert [each.spec for each in load(render(both), tmp_path).trees] == [NEW, OLD]


@pytest.mark.parametrize(
    "title",
    [
        "mm: a: b # c",
        "'quotes\" and \\backslashes",
        "- @`%&*!|>{}[]?",
        "Välé: größer, 中文, 🐧",
        "bell \x07 and \x85 and \ufeff \u2028 line",
        "true",
        "12e3",
        "~",
    ],
)
def test_any_title(tmp_path: Path, title: str) -> None:
    found = replace(draft(), title=title, notes=(f"about {title}",))
    assert load(render(found), tmp_path).title == title


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("mm/rmap: leave the folios of exiting processes alone", "leave-folios-exiting-processes"),
        ("mm: Add 2 Folios", "add-2-folios"),
        ("中文", "series"),
        ("", "series"),
        ("net: use-after-free of _x_", "use-after-free-x"),
    ],
)
def test_slug(title: str, name: str) -> None:
    assert slug(title) == name


def test_collections() -> None:
    paths = ["mm/rmap.c", "mm/vmscan.c", "fs/inode.c", "tools/testing/selftests/net/forwarding/x.sh", "net/core/dev.c"]
    assert collections(paths) == ("mm", "net/forwarding", "net")
    there = ["tools/testing/selftests/mm/cow.c"]
    assert collections(paths, there) == ("mm", "net/forwarding")
    assert collections(["fs/inode.c"]) == ()


def test_collections_are_proposed_in_a_comment(tmp_path: Path) -> None:
    text = render(replace(draft(), collections=("mm",)))
    assert "#   - program: mm/PROGRAM\n" in text
    assert load(text, tmp_path).tests == ()
    assert load(text.replace("# tests:", "tests:").replace("#   - program", "  - program"), tmp_path).tests != ()
