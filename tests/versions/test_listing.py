"""`series-ci versions`: a series of two patches and a cover letter, from a folder and from a server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fakes import fakelinux, inbox, mails, publicinbox, web
from series_ci.cli import main, terminal
from series_ci.mail.archive import open_archive
from series_ci.manifest import model
from series_ci.progress import Progress
from series_ci.report.versions import show
from series_ci.versions import listing

SOURCE = Path("/usr/src/linux-source-6.12.tar.xz")

ALEX = "Alex Marlow <alex.marlow@example.org>"
KIM = "Kim Sorrel <kim.sorrel@example.org>"
MANIFEST = """\
name: mini
title: "mm: folios of exiting processes"
archive: mail
versions:
  v1:
    message-id: 20260203.v1-0@example.org
    note: "as it began"
  v2:
    message-id: 20260203.v2-0@example.org
  v3:
    message-id: 20260203.v3-0@example.org
trees:
  - spec: linux
"""


def tagged(*trailers: str) -> tuple[mails.Change, ...]:
    """The series with trailers in its second patch."""
    head, tail = mails.SKIP.message.split("Signed-off-by", 1)
    return mails.HELPER, mails.Change(
        "\n".join([head.rstrip("\n"), "", *trailers, f"Signed-off-by{tail}"]), mails.SKIP.edits
    )


V1 = mails.series(mails.BROKEN, version=1)
V2 = mails.series(tagged(f"Acked-by: {ALEX}", f"Reviewed-by: {KIM}"), version=2, cover="mm: folios of exiting tasks")
V3 = mails.series(tagged(f"Acked-by: {ALEX}"), version=3, cover="mm: folios of exiting tasks")
ACK = mails.reply(V1[2], f"Acked-by: {ALEX}", "20260201.ack@example.org").replace(b"Mon, 9 Feb", b"Sun, 1 Feb")
QUOTED = mails.reply(V1[2], f"> Reviewed-by: {KIM}\n\nWho said so?", "20260201.no@example.org").replace(
    ALEX.encode(), KIM.encode()
)
APART = (
    mails.reply(
        V1[2].replace(b"v1-2", b"v0-2"), f"Reviewed-by: {KIM}", "apart@example.org", "Re: mm: folios of exiting things"
    )
    .replace(ALEX.encode(), KIM.encode())
    .replace(b"Mon, 9 Feb", b"Sun, 1 Feb")
)
MAILS = [*V1, *V2, *V3, ACK, QUOTED]


@pytest.fixture
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest and its folder of mails."""
    fakelinux.repository(tmp_path / "linux")
    (tmp_path / "mini.yaml").write_text(MANIFEST, "utf-8")
    mails.folder(tmp_path / "mail", MAILS)
    return tmp_path


def listed(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any], str]:
    status = main(["versions", "--series", str(folder / "mini.yaml"), "--json", *more])
    out, err = capsys.readouterr()
    return status, json.loads(out), err


def marks(found: dict[str, Any]) -> dict[str, list[str]]:
    return {each["version"]: [mark["text"] for mark in each["marks"]] for each in found["versions"]}


def given_in(found: dict[str, Any], version: int) -> dict[str, str | None]:
    return {
        trailer["name"]: trailer["given_in"]
        for trailer in found["versions"][version]["trailers"]
        if trailer["name"] != "Signed-off-by"
    }


def test_the_marks_of_a_series_with_a_cover_letter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found, err = listed(folder, capsys)
    assert status == 0
    assert marks(found) == {
        "v1": [],
        "v2": ["subject changed", "1 trailer without a mail"],
        "v3": ["same patches as v2"],
    }
    assert given_in(found, 1) == {"Acked-by": "20260201.ack@example.org", "Reviewed-by": None}
    assert re.search(r"^✓ mails .* 3 versions, 11 mails in their threads$", err, re.MULTILINE)


def test_json_has_what_the_mails_say(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _status, found, _err = listed(folder, capsys)
    first = found["versions"][0]
    assert (found["series"], found["trees"], found["remarks"]) == ("mini", [], [])
    assert first["message_id"] == first["cover"] == mails.message_id(1, 0)
    assert (first["date"], first["number"], first["note"]) == ("2026-02-01T11:05:00+01:00", 1, "as it began")
    assert first["author"] == "Robin Välé <robin.vale@example.org>"
    assert first["diffstat"] == {"files": 2, "insertions": 7, "deletions": 0}
    assert [(each["subject"], each["files"]) for each in first["patches"]] == [
        ("mm: tell the folios that end with their process", ["include/linux/mm.h"]),
        ("mm/rmap: leave the folios of exiting processes alone", ["mm/rmap.c"]),
    ]
    assert first["trees"] == [str(folder / "linux")]


def test_a_mail_in_another_thread_is_found_by_a_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mails.header(APART, "In-Reply-To") == f"<{mails.message_id(0, 2)}>"
    mails.folder(folder / "mail", [*MAILS, APART, *inbox.many(50)])
    _status, found, _err = listed(folder, capsys)
    assert given_in(found, 1)["Reviewed-by"] == "apart@example.org"
    assert marks(found)["v2"] == ["subject changed"]


def test_a_server_that_cannot_search_is_told_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with web.serve(mails.inbox([*V1, ACK, QUOTED], V2, V3)) as server:
        status, found, _err = listed(folder, capsys, "--archive", f"{server.url}/all/")
    assert status == 0
    assert given_in(found, 1) == {"Acked-by": "20260201.ack@example.org", "Reviewed-by": None}
    assert len(found["remarks"]) == 1
    assert found["remarks"][0].startswith("for trailers only the threads of the versions were looked at: ")


def test_a_server_that_can_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with web.serve(mails.inbox([*V1, ACK, QUOTED], V2, V3, [APART])) as server:
        server.search = inbox.searcher([APART])
        _status, found, _err = listed(folder, capsys, "--archive", f"{server.url}/all/")
    assert given_in(found, 1)["Reviewed-by"] == "apart@example.org"
    assert found["remarks"] == []


def test_a_version_that_is_not_there_hides_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = MANIFEST.replace("v2-0@", "gone@")
    (folder / "mini.yaml").write_text(text, "utf-8")
    status, found, err = listed(folder, capsys)
    assert status == 2
    assert marks(found) == {"v1": [], "v2": [], "v3": ["subject changed"]}
    assert "20260203.gone@example.org" in found["versions"][1]["error"]["message"]
    assert "error: 20260203.gone@example.org" in err
    assert main(["versions", "--series", str(folder / "mini.yaml"), "-q"]) == 2
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("v2"))
    assert "has no such mail" in row


def test_a_version_that_is_not_whole_hides_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mails.folder(folder / "mail", [*V1, *V2[:2], *V3])
    status, found, err = listed(folder, capsys)
    assert status == 5
    assert "patch 2/2 is missing" in found["versions"][1]["error"]["message"]
    assert "patch 2/2 is missing" in err
    assert len(found["versions"][2]["patches"]) == 2
    (folder / "mini.yaml").write_text(MANIFEST.replace("v1-0@", "gone@"), "utf-8")
    status, found, _err = listed(folder, capsys)
    assert [bool(each["error"]) for each in found["versions"]] == [True, True, False]
    assert status == 5  # the worse of the two


def test_a_tree_that_has_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for raw in V3[1:]:
        (folder / "patch.eml").write_bytes(raw)
        later = {"GIT_COMMITTER_DATE": "2026-03-01T12:00:00+0000"}
        fakelinux.git(folder / "linux", "am", "-q", str(folder / "patch.eml"), env=later)
    head = fakelinux.git(folder / "linux", "rev-parse", "HEAD")
    _status, found, _err = listed(folder, capsys, "--tree", str(folder / "linux"))
    assert found["trees"] == [str(folder / "linux")]
    assert (
        {version: texts[-1:] for version, texts in marks(found).items()}
        == {
            "v1": [],
            "v2": [f"merged as {head[:12]}"],  # the same patches
            "v3": [f"merged as {head[:12]}"],
        }
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--series", "none"], ["'none'"]),
        (["--series", "demo", "--archive", "/nonexistent"], ["/nonexistent"]),
        (["--series", "demo", "--tree", "/nonexistent"], ["/nonexistent"]),
        (["--series", "demo", "--tree", "/"], ["/: is not a git checkout"]),
    ],
)
def test_a_mistake_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], words: list[str]
) -> None:
    assert main(["versions", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for word in words:
        assert word in err


def shown(folder: Path, *, long: bool, width: int) -> list[str]:
    """What a terminal of that width shows, without its colours."""
    found = model.load(folder / "mini.yaml")
    out = terminal.console(stderr=False)
    out._force_terminal, out._width, out.no_color = True, width, True
    with out.capture() as captured:
        show(listing.look(found, open_archive(str(found.archive)), None, Progress()), out, long=long)
    return re.sub(r"\x1b\[[\d;]*m", "", captured.get()).splitlines()


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_a_terminal(folder: Path, width: int) -> None:
    lines = shown(folder, long=False, width=width)
    assert lines[0] == "mini: mm: folios of exiting processes"
    assert lines[1] == "version  sent              patches  +/-    marks"
    assert lines[2] == "v1       2026-02-01 11:05  2        +7 -0"
    assert all(len(line) <= width for line in lines)
    text = " ".join(line[42:] for line in lines[3:])
    assert " ".join(text.split()) == "subject changed, 1 trailer without a mail same patches as v2"


def test_a_block_has_what_the_mails_say(folder: Path) -> None:
    lines = shown(folder, long=True, width=80)
    start = lines.index("v2  mm: folios of exiting tasks")
    block = lines[start : lines.index("", start)]
    assert block[1:9] == [
        "  Message-ID   20260203.v2-0@example.org",
        "  sent         2026-02-02 11:05 +0100",
        "  author       Robin Välé <robin.vale@example.org>",
        "  patches      2: 2 files, +7 -0",
        "               1/2 mm: tell the folios that end with their process  +5 -0",
        "               2/2 mm/rmap: leave the folios of exiting processes alone  +2 -0",
        f"  base         not said; the manifest has {folder / 'linux'}",
        "  trailers     1/2 Signed-off-by: Robin Välé <robin.vale@example.org>",
    ]
    assert f"               2/2 Acked-by: {ALEX}  (in 20260201.ack@example.org)" in block
    assert f"               2/2 Reviewed-by: {KIM}  (no mail says so)" in block
    assert "  marks        subject changed: it was: Folios that end with their process" in block


def test_a_log_is_not_broken_into_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", "--series", str(folder / "mini.yaml"), "-q"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out
    assert len(out.splitlines()) == 5


REAL_MARKS = {
    "v1": ["mode noise"],
    "v2": ["subject changed", "mode noise"],
    "v3": ["same patch as v2", "no number in the subject", "subject changed", "mode noise"],
    "v4": ["sign-off below ---", "author not signed off", "mode noise"],
    "v5": ["subject changed", "mode noise"],
    "v6.1": ["v6 sent twice"],
    "v6.2": ["v6 sent twice"],
    "v7": ["same patch as v6.2 but for white space"],
    "v8": ["2 trailers without a mail", "mode noise"],
    "v9.1": ["same patch as v8", "v9 sent twice", "mode noise"],
    "v9.2": ["same patch as v8", "v9 sent twice"],
    "v10": [],
}


@publicinbox.needs_mails
def test_the_real_series(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", "--series", "exit-skip", "--archive", str(publicinbox.MAIL), "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert marks(found) == REAL_MARKS
    missing = [each["value"] for each in found["versions"][8]["trailers"] if each["name"] == "Reviewed-by"]
    assert [value.split(" <")[0] for value in missing] == ["Matthew Wilcox", "David Hildenbrand"]
    given = [each["given_in"] for each in found["versions"][8]["trailers"]]
    assert [bool(each) for each in given] == [False, False, True, False]


@pytest.mark.lore
def test_the_real_series_from_a_real_public_inbox(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with publicinbox.serving() as archive:
        assert main(["versions", "--series", "exit-skip", "--archive", archive, "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert marks(found) == REAL_MARKS
    assert found["remarks"] == []


@pytest.mark.boot  # the tree is taken from the user's cache, or brought there
@pytest.mark.skipif(not SOURCE.exists(), reason=f"no {SOURCE}: Debian's linux-source-6.12 is not installed")
@publicinbox.needs_mails
def test_linux_has_the_code_of_the_last_version_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tree = "debian:linux-source-6.12"
    argv = ["--series", "exit-skip", "--archive", str(publicinbox.MAIL), "--tree", tree, "--json", "-q"]
    assert main(["versions", *argv]) == 0
    found = marks(json.loads(capsys.readouterr().out))
    assert [version for version, texts in found.items() if f"code is in {tree}" in texts] == ["v10"]


def test_the_demo(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", "--series", "demo", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert marks(found) == {"v7": [], "v8": [], "v9": [], "v10": []}
    assert [len(each["patches"]) for each in found["versions"]] == [2] * 4
    assert found["versions"][3]["changelog"].startswith("Changes in v10:\n  - 1/2 asks for an anonymous folio")
