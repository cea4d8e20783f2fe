from __future__ import annotations

from pathlib import Path

import pytest

from fakes import fakelinux, mails
from series_ci.errors import InfrastructureError
from series_ci.host import process
from series_ci.kernel import history, sources
from series_ci.kernel.base import Base
from series_ci.mail import difftext, message, patchmail
from series_ci.versions import as_mailed, upstream
from series_ci.versions.checks import Sent

LATER = {"GIT_COMMITTER_DATE": "2026-03-01T12:00:00+0000"}
OTHER_CODE = mails.Change(
    mails.SKIP.message,
    (
        (
            "mm/rmap.c",
            "\tif (folio->mapcount > 1)",
            "\tif (folio_exiting(folio))\n\t\treturn 0;\n\tif (folio->mapcount > 1)",
        ),
    ),
)


def sent(label: str, raws: list[bytes]) -> Sent:
    patches = [raw for raw in raws if message.patch(raw).subject.number]
    texts = [message.body_of(message.parse(raw)) for raw in patches]
    code = tuple(line for text in texts for line in as_mailed.code(text[difftext.start(text) :]))
    ids = (process.run(["git", "patch-id", "--stable"], stdin=raw).out.split()[0] for raw in patches)
    return Sent(label, None, tuple(patchmail.read(raw) for raw in patches), tuple(ids), code)


V1 = sent("v1", mails.series((mails.HELPER, OTHER_CODE), version=1))
V2 = sent("v2", mails.series(version=2))


def merge(linux: Path, tmp_path: Path, raws: list[bytes]) -> list[str]:
    """Apply a version as a maintainer does, with a commit before and one after it; the commits of its patches."""
    (linux / "README").write_text("before\n")
    before = fakelinux.commit(linux)
    for raw in raws[1:]:
        (tmp_path / "patch.eml").write_bytes(raw)
        fakelinux.git(linux, "am", "-q", str(tmp_path / "patch.eml"), env=LATER)
    made = fakelinux.git(linux, "log", "--reverse", "--format=%H", f"{before}..").splitlines()
    (linux / "README").write_text("after\n")
    fakelinux.git(linux, "commit", "-q", "-a", "-m", "After", env=LATER)
    return made


def look(linux: Path, *versions: Sent) -> list[list[str]]:
    base = sources.resolve(str(linux), print)
    return [[mark.text for mark in marks] for marks in upstream.look(base, versions)]


def test_the_version_that_was_merged(linux: Path, cache: Path, tmp_path: Path) -> None:
    commits = merge(linux, tmp_path, mails.series(version=2))
    assert look(linux, V1, V2) == [[], [f"merged as {commits[1][:12]}"]]
    (mark,) = upstream.look(sources.resolve(str(linux), print), [V2])[0]
    for commit, patch in zip(commits, V2.patches, strict=True):
        assert f'{commit[:12]} ("{patch.subject.title}")' in mark.detail


def test_another_title_is_found_by_its_author(linux: Path, cache: Path, tmp_path: Path) -> None:
    raws = [
        raw.replace(b"leave the folios of exiting processes alone", b"another title") for raw in mails.series(version=2)
    ]
    commits = merge(linux, tmp_path, raws)
    assert look(linux, V1, V2)[1] == [f"merged as {commits[1][:12]}"]


def test_what_was_changed_on_the_way_is_the_last_version(linux: Path, cache: Path, tmp_path: Path) -> None:
    changed = mails.Change(OTHER_CODE.message, ((*OTHER_CODE.edits[0][:2], OTHER_CODE.edits[0][2].replace("0", "-2")),))
    commits = merge(linux, tmp_path, mails.series((mails.HELPER, changed), version=3))
    assert look(linux, V1, V2) == [[], [f"merged as {commits[1][:12]}, changed on the way"]]


def test_code_without_a_commit_of_its_own(linux: Path, cache: Path, tmp_path: Path) -> None:
    for raw in mails.series(version=2)[1:]:
        (tmp_path / "patch.eml").write_bytes(raw)
        fakelinux.git(linux, "apply", str(tmp_path / "patch.eml"))
    assert look(linux, V1, V2) == [[], []]
    fakelinux.git(linux, "commit", "-q", "-a", "-m", "Merge of the whole world", env=LATER)
    base = sources.resolve(str(linux), print)
    assert [[(mark.text, mark.detail) for mark in marks] for marks in upstream.look(base, [V1, V2])] == [
        [],
        [(f"code is in {linux}", "no commit of that tree is this patch")],
    ]


def test_a_tree_without_history_may_have_the_code(linux: Path, cache: Path, tmp_path: Path) -> None:
    merge(linux, tmp_path, mails.series(version=2))
    spec = f"git+file://{linux}@main"
    base = sources.resolve(spec, print)
    assert not history.has_history(base)
    assert [[(mark.text, mark.detail) for mark in marks] for marks in upstream.look(base, [V1, V2])] == [
        [],
        [(f"code is in {spec}", "that tree has no history")],
    ]


def test_commits_from_before_the_first_version_do_not_count(linux: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "patch.eml").write_bytes(mails.series(version=2)[1])
    early = {"GIT_COMMITTER_DATE": "2026-01-20T12:00:00+0000"}
    fakelinux.git(linux, "am", "-q", str(tmp_path / "patch.eml"), env=early)
    single = Sent("v1", None, V2.patches[:1], V2.patch_ids[:1], V2.code)
    assert look(linux, single) == [[]]


def test_trees_in_the_cache(linux: Path, base: Base) -> None:
    assert history.imported() == []
    found = sources.resolve(f"git+file://{linux}@v6.12.7", print)
    assert history.imported() == [Base("v6.12.7", found.store, found.commit, cached=True)]


def test_a_commit_that_is_gone_is_an_error(base: Base) -> None:
    with pytest.raises(InfrastructureError, match="git show fails in"):
        history.shown(base, ["0" * 40])
