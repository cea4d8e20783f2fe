"""Which mails of an archive are new versions of a series, and what a look costs the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fakes import mails, web
from fakes.inbox import mail, searcher
from series_ci.errors import InfrastructureError
from series_ci.mail.archive import Archive, open_archive
from series_ci.mail.search import NoSearchError
from series_ci.manifest.model import Manifest, load
from series_ci.progress import Progress
from series_ci.versions import arrivals
from series_ci.versions.arrivals import Arrival
from series_ci.versions.ledger import Fate, Ledger, Record

TEXT = """\
name: mini
title: "mm: fold"
archive: .
versions:
  v1: {message-id: v1@example.org}
  v2: {message-id: v2@example.org}
trees: [{spec: linux}]
"""

TITLE = "mm: fold the folios of exiting processes"
OLD = [mail("v1", f"[PATCH] {TITLE}", "2026-02-01"), mail("v2", f"[PATCH v2] {TITLE}", "2026-02-02")]


class Said(Progress):
    """Progress that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "mini.yaml").write_text(TEXT, "utf-8")
    return load(tmp_path / "mini.yaml")


@pytest.fixture
def known(tmp_path: Path, cache: Path) -> Ledger:
    return Ledger(tmp_path / "state.json")


def archive(raws: Sequence[bytes]) -> Archive:
    return Archive("mails", mails=tuple(raws))


def look(manifest: Manifest, known: Ledger, *new: bytes, said: Said | None = None) -> list[Arrival]:
    return arrivals.look(manifest, archive([*OLD, *new]), known, said or Said())


def test_a_new_version(manifest: Manifest, known: Ledger) -> None:
    assert look(manifest, known) == []
    found = look(manifest, known, mail("v3", f"[PATCH v3] {TITLE}", "2026-02-03"))
    assert found == [Arrival("v3@example.org", f"v3: {TITLE}", "v3")]
    # Whoever asked has not written it down yet: it is still new.
    assert look(manifest, known, mail("v3", f"[PATCH v3] {TITLE}", "2026-02-03")) == found
    known.put({"v3@example.org": Record(Fate.DONE)})
    assert look(manifest, known, mail("v3", f"[PATCH v3] {TITLE}", "2026-02-03")) == []


def test_a_version_has_a_label_that_no_other_has(manifest: Manifest, known: Ledger) -> None:
    new = [
        mail("again", f"[PATCH v2] {TITLE}", "2026-02-03"),
        mail("v3", f"[PATCH v3] {TITLE}", "2026-02-04"),
        mail("rfc", f"[RFC PATCH v3] {TITLE}", "2026-02-05"),
    ]
    assert [each.label for each in look(manifest, known, *new)] == ["v2.2", "v3", "rfc-v3"]


def test_a_label_of_the_manifest_is_taken(tmp_path: Path, known: Ledger) -> None:
    """A manifest may call its versions as it likes, even by the number of one that is yet to come."""
    (tmp_path / "mini.yaml").write_text(TEXT.replace("v1:", "v3:"), "utf-8")
    found = look(load(tmp_path / "mini.yaml"), known, mail("v3", f"[PATCH v3] {TITLE}", "2026-02-03"))
    assert [each.label for each in found] == ["v3-20260203"]


def test_several_come_oldest_first(manifest: Manifest, known: Ledger) -> None:
    new = [mail(f"v{n}", f"[PATCH v{n}] {TITLE}", f"2026-02-0{n}") for n in (4, 3)]
    assert [each.message_id for each in look(manifest, known, *new)] == ["v3@example.org", "v4@example.org"]


def test_what_is_older_than_the_manifests_newest_was_left_out_on_purpose(manifest: Manifest, known: Ledger) -> None:
    assert look(manifest, known, mail("rfc", f"[RFC PATCH] {TITLE}", "2026-01-30")) == []


def test_other_mails_of_the_sender_are_looked_at_once(manifest: Manifest, known: Ledger) -> None:
    other = mail("net", "[PATCH] net: frobnicate all devices", "2026-02-04", path="net/a.c")
    assert look(manifest, known, other) == []
    assert known["net@example.org"].fate is Fate.OTHER


def test_what_is_in_doubt_is_for_a_person(manifest: Manifest, known: Ledger) -> None:
    said = Said()
    stranger = mail("v3", f"[PATCH v3] {TITLE}", "2026-02-03", sender="sam@example.org")
    assert look(manifest, known, stranger, said=said) == []
    assert known["v3@example.org"].fate is Fate.DOUBTFUL
    assert [line for line in said.lines if "may be a new version: sent by sam@example.org" in line]
    assert look(manifest, known, stranger, said=said) == []
    assert len([line for line in said.lines if "may be" in line]) == 1


def test_a_version_that_is_not_whole_yet_is_waited_for(manifest: Manifest, known: Ledger) -> None:
    said = Said()
    parts = [mail("v3", f"[PATCH v3 0/2] {TITLE}", "2026-02-03", path=None)]
    parts += [
        mail(f"v3-{n}", f"[PATCH v3 {n}/2] {TITLE} {n}", "2026-02-03", parent="v3", path="mm/rmap.c") for n in (1, 2)
    ]
    assert look(manifest, known, *parts[:2], said=said) == []
    assert any("1 patch not in the archive yet" in line for line in said.lines)
    assert [each.message_id for each in look(manifest, known, *parts)] == ["v3@example.org"]


@pytest.fixture
def server() -> Iterator[web.Server]:
    with web.serve(mails.inbox(*([raw] for raw in OLD))) as running:
        yield running


def test_a_look_that_finds_nothing_new_is_two_searches(manifest: Manifest, known: Ledger, server: web.Server) -> None:
    server.search = searcher(OLD[::-1])
    where = open_archive(f"{server.url}/all/")
    assert arrivals.look(manifest, where, known, Said()) == []
    server.requests.clear()
    server.queries.clear()
    assert arrivals.look(manifest, where, known, Said()) == []
    assert len(server.requests) == 2
    assert server.queries == [
        'f:"robin@example.org" AND d:20260202..',
        "s:fold AND s:folios AND s:exiting AND s:processes AND d:20260202..",
    ]


def test_a_server_that_cannot_search(manifest: Manifest, known: Ledger, server: web.Server) -> None:
    server.search = lambda _query, _offset: (501, b"no")
    with pytest.raises(NoSearchError, match="cannot be searched"):
        arrivals.look(manifest, open_archive(f"{server.url}/all/"), known, Said())


def test_a_server_that_is_down_leaves_nothing_behind(manifest: Manifest, known: Ledger, server: web.Server) -> None:
    server.search = lambda _query, _offset: (503, b"busy")
    with pytest.raises(InfrastructureError, match="503"):
        arrivals.look(manifest, open_archive(f"{server.url}/all/"), known, Said())
    assert not known.path.exists()
