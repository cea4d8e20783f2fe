"""Which patch changed a test: the search alone, and with kernels in miniature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import lab, mails
from fakes.lab import PATCHED, Lab
from fakes.mails import Change
from fakes.world import FAILS, PASSES, World
from series_ci.pipeline.bisect import search


@given(st.integers(1, 40), st.data())
def test_the_search_finds_the_first_bad_patch(count: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(1, count))
    asked: list[int] = []

    def answer(number: int) -> bool:
        asked.append(number)
        return number >= bad

    assert search(count, answer) == (bad, bad)
    assert len(asked) == len(set(asked)) <= count.bit_length() + 1
    assert not {0, count} & set(asked)  # both ends are known


@given(st.integers(1, 30), st.data())
def test_patches_without_an_answer_widen_it_and_never_hide_it(count: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(1, count))
    silent = data.draw(st.sets(st.integers(1, count)))
    first, last = search(count, lambda number: None if number in silent else number >= bad)
    assert first <= bad <= last
    # All that is between the ends of the answer is silent.
    assert set(range(first, last)) <= silent


NOTE = ("mm/rmap.c", "/* Who maps a folio. */", "/* Who maps a folio, and how often. */")
MORE = ("mm/vmscan.c", "1 if it was swapped out", "1 if it is swapped out")
MIDDLE = ("mm/vmscan.c", "#include <linux/mm.h>", "#include <linux/mmm.h>")
BACK = ("mm/vmscan.c", "#include <linux/mmm.h>", "#include <linux/mm.h>")
SIGNED = "\n\nSigned-off-by: Robin Vale <robin.vale@example.org>"


def change(title: str, *edits: tuple[str, str, str]) -> Change:
    return Change(title + SIGNED, edits)


FIVE = (mails.HELPER, change("mm/rmap: say more", NOTE), mails.SKIP, change("mm/vmscan: say it", MORE))
GAP = (
    mails.HELPER,
    change("mm/vmscan: include what is not there", MIDDLE),
    Change(mails.SKIP.message, mails.SKIP.edits),
    change("mm/vmscan: include what is there", BACK),
)
STEPS = (
    mails.HELPER,
    change("init: step one", ("init/main.c", '"exiting: ', '"stepone: ')),
    change("init: step two", ("init/main.c", '"stepone: ', '"steptwo: ')),
)
MANIFEST = lab.MANIFEST.replace("trees:", "  v8:\n    message-id: 20260203.v8-0@example.org\ntrees:")
MANIFEST = MANIFEST.replace("trees:", "  v5:\n    message-id: 20260203.v5-0@example.org\ntrees:").replace(
    "trees:", "  v6:\n    message-id: 20260203.v6-0@example.org\ntrees:"
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("world")) as found:
        mails.folder(
            found.mail,
            [
                *lab.mail(),
                *mails.series(FIVE, version=5),
                *mails.series(GAP, version=6),
                *mails.series(STEPS, version=8),
            ],
        )
        found.manifest.write_text(MANIFEST, "utf-8")
        yield found


def test_the_patch_that_broke_a_test(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, **FAILS}, PASSES)
    ran = world.main("bisect", "v5", "--test", "mm/good:exiting")
    assert ran.status == 0
    assert "this patch broke mm/good:exiting (PASS on the base, FAIL with all 4 patches):" in ran.stdout
    assert "  3/4 mm/rmap: leave the folios of exiting processes alone\n" in ran.stdout
    found = json.loads((ran.out / "bisect.json").read_text("utf-8"))
    assert (found["first"], found["last"], found["change"]) == (3, 3, "BROKEN")
    assert [(step["number"], step["result"]) for step in found["steps"]] == [(2, "PASS"), (3, "FAIL")]


def test_the_patch_that_fixed_a_test(world: World) -> None:
    world.lab.qemu.plan({"kernel": lab.BASE, **FAILS}, PASSES)
    ran = world.main("bisect", "v5", "--test", "mm/good", "--json")
    found = json.loads(ran.stdout)
    assert (found["first"], found["last"], found["change"]) == (3, 3, "FIXED")


def test_a_patch_after_which_nothing_builds_leaves_more_than_one(world: World) -> None:
    world.lab.qemu.plan({"kernel": PATCHED, **FAILS}, PASSES)
    ran = world.main("bisect", "v6", "--test", "mm/good:exiting")
    assert ran.status == 0
    assert "one of these patches broke mm/good:exiting" in ran.stdout
    found = json.loads((ran.out / "bisect.json").read_text("utf-8"))
    assert (found["first"], found["last"]) == (2, 4)
    assert "after 2/4 mm/vmscan: include what is not there: no result (does not build: mm/vmscan.c:3" in ran.stdout


def test_a_patch_after_which_the_test_skips_leaves_more_than_one(world: World) -> None:
    skips = {"kernel": "stepone", "verdicts": {"mm/good": "ok # SKIP needs more"}}
    world.lab.qemu.plan(skips, {"kernel": "steptwo", "verdicts": {"mm/good": "not ok # exit=1"}})
    ran = world.main("bisect", "v8", "--test", "mm/good", "--json")
    found = json.loads(ran.stdout)
    assert (found["first"], found["last"]) == (2, 3)
    assert {step["number"]: step["result"] for step in found["steps"]} == {1: "PASS", 2: "SKIP"}


def test_a_patch_that_is_as_the_base_on_one_boot_only_is_not_believed(world: World) -> None:
    fails = {"verdicts": {"mm/good": "not ok # exit=1"}}
    world.lab.qemu.plan({"kernel": "stepone", "boot": 2, **fails}, {"kernel": "steptwo", **fails})
    ran = world.main("bisect", "v8", "--test", "mm/good", "--json")
    found = json.loads(ran.stdout)
    assert (found["first"], found["last"]) == (2, 3)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("mm/good", "mm/good is PASS on the base and with v5: there is no patch to look for"),
        ("mm/good:nothing", "no test mm/good:nothing, neither on the base nor with v5"),
        ("good", "--test good: expected COLLECTION/PROGRAM"),
        ("mm/../good", "--test mm/../good: expected COLLECTION/PROGRAM"),
    ],
)
def test_a_test_that_nothing_changed_is_not_looked_for(world: World, test: str, words: str) -> None:
    ran = world.main("bisect", "v5", "--test", test)
    assert ran.status == 2
    assert words in ran.stderr


def test_a_version_that_does_not_apply(world: World) -> None:
    ran = world.main("bisect", "v2", "--test", "mm/good")
    assert ran.status == 3


# The same series, built patch by patch.


def test_each_patch_is_built(world: World) -> None:
    ran = world.test("v5", "--each-patch")
    assert ran.status == 0
    assert [(each["patch"][:3], each["error"], each["new_warnings"]) for each in ran.summary["steps"]] == [
        (f"{number}/4", None, []) for number in (1, 2, 3, 4)
    ]
    assert "builds  2/4 mm/rmap: say more" in ran.stdout


def test_a_patch_that_breaks_the_build_is_named_though_the_next_one_mends_it(world: World) -> None:
    ran = world.test("v6", "--each-patch")
    assert ran.status == 4
    assert ran.summary["verdict"] == "no regression, but no build after 2 patches"
    errors = [each["error"] and each["error"].partition(":3")[0] for each in ran.summary["steps"]]
    assert errors == [None, "does not build: mm/vmscan.c", "does not build: mm/vmscan.c", None]
    assert ran.junit == (2, 0)
    assert (ran.out / "patch-2/build.log").is_file()


WARNS = change(
    "mm/vmscan: use what is not set",
    ("mm/vmscan.c", "\treturn folio_referenced", "\tint unset;\n\n\treturn folio_referenced"),
    ("mm/rmap.c", "\tint referenced = 0;", "\tint referenced = 0;\n"),
)
MENDS = change(
    "mm/vmscan: mend it",
    ("mm/vmscan.c", "\tint unset;\n\n", ""),
    ("mm/rmap.c", "\tint referenced = 0;", "\tint referenced = folio->mapcount > 7;"),
)


def test_a_new_warning_is_shown_with_the_patch_that_brings_it(world: World, tmp_path: Path) -> None:
    mail = mails.folder(
        tmp_path / "mail", mails.series((mails.HELPER, WARNS, change("mm/vmscan: say it", MORE), MENDS), version=7)
    )
    ran = world.test(mails.message_id(7, 0), "--archive", str(mail), "--tree", str(world.lab.linux), "--each-patch")
    assert ran.status == 0
    new = [each["new_warnings"] for each in ran.summary["steps"]]
    assert [len(each) for each in new] == [0, 1, 0, 0]
    assert new[1][0].startswith("mm/vmscan.c: warning: unused variable")
    assert "2/4 mm/vmscan: use what is not set, 1 new warning\n    mm/vmscan.c: warning" in ran.stdout
