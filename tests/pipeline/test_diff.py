"""Two versions of the miniature series: applied to one base or to two, or only as mailed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import fakelinux, lab, mails
from series_ci.cli.options import Options
from series_ci.cli.request import make_request
from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import files, locks, paths
from series_ci.manifest.request import Request
from series_ci.pipeline.diff import compare_versions
from series_ci.progress import Progress
from series_ci.versions.difference import Difference
from series_ci.versions.rangediff import PatchFate

OTHER = mails.Change("mm: for another tree", (("mm/rmap.c", "mapcount > 2", "mapcount > 3"),))
LATER = mails.Change(
    mails.SKIP.message,
    (
        (
            "mm/rmap.c",
            "\tif (folio->mapcount > 2)",
            "\tif (folio_exiting(folio))\n\t\treturn -1;\n\tif (folio->mapcount > 2)",
        ),
    ),
)

SINGLE = mails.Change("mm: a helper", (("include/linux/helper.h", "", "".join(f"/* {n} */\n" for n in range(20))),))
REWRITTEN = mails.Change("mm: do it here", (("mm/here.c", "", "".join(f"int x{n};\n" for n in range(20))),))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two checkouts and the mails of v1 to v4 for the one, v5 for the other."""
    folder = tmp_path_factory.mktemp("world")
    with lab.world(folder) as found:
        other = fakelinux.repository(folder / "other", {"mm/rmap.c": lab.OTHER_TREE})
        assert other.is_dir()
        raws = [*lab.mail(), *mails.series((mails.HELPER, LATER), version=5, tree=lab.OTHER_TREE)]
        raws += [*mails.series((SINGLE,), version=6, cover=""), *mails.series((REWRITTEN,), version=7, cover="")]
        mails.folder(found.mail, raws)
        more = "".join(f"  v{n}:\n    message-id: 20260203.v{n}-1@example.org\n" for n in (6, 7))
        v5 = "  v5:\n    message-id: 20260203.v5-0@example.org\n    trees: [{spec: other}]\n"
        found.manifest.write_text(lab.MANIFEST.replace("trees:\n", f"{v5}{more}trees:\n"), "utf-8")
        yield folder


def request_for(world: Path, version: str) -> Request:
    return make_request(version, Options(str(world / "mini.yaml")))


def diff(world: Path, old: str, new: str, *, mails_only: bool = False) -> Difference:
    requests = [request_for(world, each) for each in (old, new)]
    return compare_versions(requests[0], requests[1], Progress(), mails_only=mails_only)


def marks(found: Difference) -> str:
    return "".join(pair.mark for pair in found.pairs)


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_changed_patch_is_shown_against_the_one_it_was(world: Path) -> None:
    found = diff(world, "v1", "v3")
    assert marks(found) == "=!"
    assert not found.as_mailed
    assert not found.equal
    assert found.same_base
    lines = found.pairs[1].lines
    assert "-+\tif (folio_exiting(folio))" in lines
    assert "++\tif (folio_is_exiting(folio)" in lines
    assert "-    They are freed in a moment: to swap them out is work for nothing." in lines
    assert [side and side.title for side in (found.pairs[1].old, found.pairs[1].new)] == [
        "mm/rmap: leave the folios of exiting processes alone"
    ] * 2


def test_a_version_that_was_sent_again_is_equal(world: Path) -> None:
    found = diff(world, "v1", "v4")
    assert marks(found) == "=="
    assert found.equal


def test_the_only_patch_of_a_version_is_compared_however_little_is_left(world: Path) -> None:
    (pair,) = diff(world, "v6", "v7").pairs
    assert pair.mark is PatchFate.CHANGED
    assert pair.old and pair.new
    assert (pair.old.title, pair.new.title) == ("mm: a helper", "mm: do it here")
    assert min(pair.added, pair.removed) >= 20


def test_bases_in_two_stores_and_neither_is_changed(world: Path) -> None:
    for version in ("v1", "v5"):
        diff(world, version, version)
    before = {path: listing(path) for path in (paths.cache() / "trees", world / "linux", world / "other")}

    found = diff(world, "v1", "v5")

    assert marks(found) == "=!"
    assert not found.same_base
    assert found.old.base and found.new.base
    assert found.old.base.store != found.new.base.store
    assert "- \tif (folio->mapcount > 1)" in found.pairs[1].lines
    assert "+ \tif (folio->mapcount > 2)" in found.pairs[1].lines
    assert {path: listing(path) for path in before} == before


@pytest.mark.parametrize(("old", "new", "which"), [("v2", "v1", "old"), ("v1", "v2", "new")])
def test_what_does_not_apply_is_compared_as_mailed(world: Path, old: str, new: str, which: str) -> None:
    found = diff(world, old, new)
    assert found.as_mailed
    version = getattr(found, which)
    assert version.commit is None
    assert "patch [2/2] mm: for another tree does not apply to" in version.refusal
    assert "mm/rmap.c:" in version.refusal
    assert found.pairs[0].mark is PatchFate.SAME
    assert {pair.mark for pair in found.pairs[1:]} <= {PatchFate.CHANGED, PatchFate.NEW, PatchFate.DROPPED}
    assert not found.equal


def test_mails_need_no_tree_and_say_the_same_as_git(world: Path) -> None:
    with_tree, without = (diff(world, "v1", "v3", mails_only=each) for each in (False, True))
    assert without.as_mailed
    assert without.old.base is None
    assert marks(without) == marks(with_tree)
    for ours, gits in zip(without.pairs, with_tree.pairs, strict=True):
        # Which of several empty lines was taken out is a matter of taste, and hunks end there.
        first, second = (sorted(x for x in each.lines if x[0] in "+-" and x[1:].strip()) for each in (ours, gits))
        assert first == second


def test_what_is_there_needs_no_lock(world: Path) -> None:
    """A kernel is built under the store's lock: for minutes in which a diff of what is cached need not wait."""

    class Impatient(Progress):
        def say(self, text: str) -> None:
            assert "waiting" not in text, text

    first = diff(world, "v1", "v3")
    assert first.old.base
    with locks.locked(first.old.base.store / "series-ci.lock", pytest.fail):
        requests = [request_for(world, each) for each in ("v1", "v3")]
        compare_versions(requests[0], requests[1], Impatient(), mails_only=False)


def test_a_mail_that_is_not_there(world: Path) -> None:
    gone = request_for(world, "v1")
    asked = make_request("nobody@example.org", Options(None, str(world / "mail"), str(world / "linux")))
    with pytest.raises(UsageError, match=r"nobody@example\.org: .* has no such mail"):
        compare_versions(asked, gone, Progress(), mails_only=True)


def test_a_tree_that_is_not_there_is_an_error_and_no_reason_to_compare_mails(world: Path) -> None:
    options = Options(str(world / "mini.yaml"), None, "debian:linux-source-0.0")
    requests = [make_request(each, options) for each in ("v1", "v3")]
    with pytest.raises(InfrastructureError, match=r"linux-source-0\.0"):
        compare_versions(requests[0], requests[1], Progress(), mails_only=False)


def test_results_on_the_same_base_are_found(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first = diff(world, "v1", "v3")
    assert (first.old.tested, first.new.tested) == (None, None)
    assert first.old.base
    for name, commit in (("right", first.old.base.commit), ("wrong", "0" * 40)):
        summary = {
            "series": "mini",
            "message_id": first.old.request.message_id,
            "verdict": name,
            "changes": [],
            "environment": {"base_commit": commit},
        }
        files.write_json(paths.runs() / name / "summary.json", summary)
    found = diff(world, "v1", "v3")
    assert found.old.tested
    assert found.old.tested.verdict == "right"
    assert found.new.tested is None
    by_mail = diff(world, "v1", "v3", mails_only=True)
    assert by_mail.old.tested
