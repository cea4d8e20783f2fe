"""`series-ci init` from the command line to a manifest that can be tested with; the mails are of our own making."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes import fakelinux, inbox, mails, web
from fakes.here import ROOT
from series_ci.cli import main
from series_ci.cli.request import LORE
from series_ci.mail import fetch
from series_ci.mail.archive import open_archive
from series_ci.manifest import model

SERVE = ROOT.parent / "shared/lore/serve"
PROGRAM = [sys.executable, "-m", "series_ci"]
MAINLINE = "git+https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git"

RAWS = [
    *mails.series(version=1, cover="mm: folios that end with their process"),
    *mails.series(version=2, cover="mm: folios that end with their process", reply_to=mails.message_id(1, 0)),
    inbox.mail("maybe", "[PATCH v3] mm: folios that end with all", "2026-02-05", sender="robin.vale@example.org"),
]


@pytest.fixture
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with an archive."""
    work = tmp_path / "work"
    work.mkdir()
    mails.folder(work / "mail", RAWS)
    monkeypatch.chdir(work)
    return work


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(["init", *argv])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return status, out, err


def test_manifest_and_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, mails.message_id(1, 2), "--archive", "mail")
    assert status == 0
    written = folder / "folios-end-their-process.yaml"
    loaded = model.load(written)
    assert {label: each.message_id for label, each in loaded.versions.items()} == {
        "v1": mails.message_id(1, 0),
        "v2": mails.message_id(2, 0),
    }
    assert loaded.archive == folder / "mail"
    assert loaded.trees[0].spec == f"{MAINLINE}@v6.18"
    assert "  #v3:\n  #  message-id: maybe@example.org\n" in written.read_text("utf-8")
    lines = out.splitlines()
    assert lines[0].split() == ["date", "Message-ID", "title"]
    assert f"v2  2026-02-02  {mails.message_id(2, 0)}  mm: folios that end with their process" in lines
    assert (
        "    in the thread of v1; same sender; title of v1; 2 of its 2 patches are in v1 by title; same files" in lines
    )
    assert any(line.strip().startswith("in doubt: ") for line in lines)
    assert lines[-1] == "test:      series-ci test v2 --series folios-end-their-process.yaml"
    assert "2 versions, 1 in doubt" in err


def test_every_version_of_the_manifest_can_be_fetched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, mails.message_id(1, 0), "--archive", "mail", "-o", "mine.yaml", "-q")
    loaded = model.load(folder / "mine.yaml")
    for label, number in (("v1", 1), ("v2", 2)):
        fetched = fetch.fetch_patches(loaded.version(label).message_id, open_archive(str(loaded.archive)))
        assert [each.subject.version for each in fetched.patches] == [number, number]


def test_series_folder_is_where_it_belongs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "series").mkdir()
    assert run(capsys, "folios", "their", "--archive", "mail", "--name", "mine")[0] == 0
    assert model.load(folder / "series/mine.yaml").name == "mine"
    status, _out, err = run(capsys, "folios", "their", "--archive", "mail", "--name", "mine")
    assert status == 2
    assert "series/mine.yaml: is there already" in err
    status, _out, err = run(capsys, "folios", "their", "--archive", "mail", "--name", "mine", "-o", "series/other.yaml")
    assert status == 2
    assert "series/mine.yaml: is a series 'mine' already" in err
    assert not (folder / "series/other.yaml").exists()


def test_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, f"<{mails.message_id(1, 0)}>", "--archive", "mail", "-o", "-")
    assert status == 0
    assert list(yaml.safe_load(out)["versions"]) == ["v1", "v2"]
    assert "in doubt" in err
    assert [path.name for path in folder.iterdir()] == ["mail"]


def test_url_of_the_mail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"https://lore.example.org/all/{mails.message_id(1, 0)}/T/#u"
    assert run(capsys, url, "--archive", "mail", "-o", "-")[0] == 0


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _err = run(capsys, mails.message_id(1, 0), "--archive", "mail", "--json")
    found = json.loads(out)
    assert status == 0
    assert [(each["label"], each["sure"], each["patches"]) for each in found["versions"]] == [
        ("v1", True, 2),
        ("v2", True, 2),
        ("v3", False, 1),
    ]
    assert found["versions"][2]["doubts"]
    assert found["versions"][0]["date"] == "2026-02-01T11:05:00+01:00"
    assert found["versions"][0]["tried"]["base-commit"] == "none in its mails"
    assert Path(found["file"]).is_file()


def test_quiet_and_verbose(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, mails.message_id(1, 0), "--archive", "mail", "-o", "a.yaml", "-q")[2] == ""
    said = run(capsys, mails.message_id(1, 0), "--archive", "mail", "-o", "b.yaml", "--name", "b", "-v")[2]
    assert 'searching for f:"robin.vale@example.org"' in said


def test_tree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakelinux.repository(folder / "linux")
    status, out, err = run(capsys, mails.message_id(1, 0), "--archive", "mail", "--tree", "linux", "-o", "mine.yaml")
    assert status == 0
    assert [each.spec for each in model.load(folder / "mine.yaml").trees] == [str(folder / "linux")]
    assert f"  blobs        2 of 2 files are the same in {folder / 'linux'}" in out.splitlines()
    assert "linux is Linux 6.12.7" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "Missing argument"),
        (["1@example.org", "--name", "Mine!"], "--name Mine!: expected small letters"),
        (["1@example.org", "--archive", "nowhere"], "archive nowhere: no such file"),
        (["1@example.org", "--archive", "a b"], "--archive a b: a manifest cannot name"),
        (["1@example.org", "--archive", "mail", "--tree", "a b"], "--tree a b: a manifest cannot name"),
        (["1@example.org", "--archive", "mail", "--tree", "nowhere"], "nowhere: no such folder"),
        (["1@example.org", "--archive", "mail", "-o", "mail"], "--out mail: is a folder"),
        (["1@example.org", "--archive", "mail", "-o", "gone/x.yaml"], "there is no folder gone"),
        (["1@example.org", "--archive", "mail", "-o", "-", "--json"], "both want standard output"),
        (["1@example.org", "--archive", "mail"], "1@example.org: mail has no such mail"),
        (["two words@example.org", "--archive", "mail"], "is no Message-ID"),
        (["-v", "--", "-h@example.org", "--archive", "mail"], "is no Message-ID"),
        (["nothing", "has", "these", "--archive", "mail"], "no patch in mail has the words 'nothing has these'"),
        (["!", "--archive", "mail"], "no patch in mail has the words '!'"),
    ],
)
def test_mistakes(folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str) -> None:
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert said in err
    assert sorted(path.name for path in folder.iterdir()) == ["mail"]


def test_nothing_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mails.folder(folder / "mail", mails.series()[:2])
    status, out, err = run(capsys, mails.message_id(1, 0), "--archive", "mail")
    assert (status, out) == (5, "")
    assert f"{mails.message_id(1, 0)}: mail has no whole version of this series" in err
    assert "not whole: 2/2 is missing" in err


def test_server_that_is_down(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/all"
        status, _out, err = run(capsys, "1@example.org", "--archive", url)
    assert status == 5
    assert f"{url}/1@example.org/t.mbox.gz: cannot be fetched" in err
    assert "hint:" in err


def test_words_on_a_server_that_cannot_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with web.serve({}) as server:
        server.search = lambda _query, _offset: inbox.SWITCHED_OFF
        status, _out, err = run(capsys, "folios", "--archive", f"{server.url}/all")
    assert status == 5
    assert "cannot be searched" in err
    assert "Message-IDs of the other versions by hand" in err.replace("\n", " ")


def test_lore_is_the_default() -> None:
    from series_ci.cli.init import init

    (option,) = [each for each in init.params if each.name == "archive"]
    assert option.default == LORE


@pytest.fixture(scope="module")
def public_inbox() -> Iterator[str]:
    """A real public-inbox with the mails of a real series."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    with subprocess.Popen([sys.executable, SERVE, str(port)], stdout=subprocess.PIPE) as served:
        assert served.stdout
        if b"serves" not in served.stdout.readline():
            pytest.skip("no public-inbox here")
        yield f"http://127.0.0.1:{port}/all"
        served.terminate()


@pytest.mark.lore
@pytest.mark.skipif(not SERVE.exists(), reason="no real mails beside this checkout")
class TestRealSeries:
    def find(self, *argv: str) -> dict[str, Any]:
        # As a process of its own: it ends all children of the process it ran in, and the server is one of ours.
        argv = (*PROGRAM, "init", *argv, "--json", "--name", "real", "-o", "real.yaml")
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def known(self) -> dict[str, str]:
        return {label: each.message_id for label, each in model.load(ROOT / "series/exit-skip.yaml").versions.items()}

    def test_from_the_mail_of_v7(self, public_inbox: str, folder: Path) -> None:
        known = self.known()
        found = self.find(known["v7"], "--archive", public_inbox)
        assert {each["label"]: each["message_id"] for each in found["versions"]} == known
        assert [each["label"] for each in found["versions"] if not each["sure"]] == ["v1"]
        evidence = {each["label"]: "; ".join(each["evidence"]) for each in found["versions"]}
        assert "v6 again, 11 minutes after v6.1" in evidence["v6.2"]
        assert "no number in the subject; sent between v2 (2024-01-31) and v4 (2024-07-08)" in evidence["v3"]
        assert "(-process +task)" in evidence["v4"]
        assert "the newest that b4 finds" in evidence["v10"]
        assert found["unlinked"] == ["not linked: v1: the one in doubt may be it"]
        loaded = model.load(folder / "real.yaml")
        assert list(loaded.versions) == [label for label in known if label != "v1"]
        assert [each.spec for each in loaded.trees] == [f"{MAINLINE}@v6.10"]
        assert [each.spec for each in loaded.trees_for("v2")] == [f"{MAINLINE}@v6.8"]

    @pytest.mark.parametrize("asked", ["v2", "v3", "v9.1"])
    def test_from_others(self, public_inbox: str, folder: Path, asked: str) -> None:
        known = self.known()
        found = self.find(known[asked], "--archive", public_inbox)
        assert {each["label"]: each["message_id"] for each in found["versions"]} == known

    def test_from_words(self, public_inbox: str, folder: Path) -> None:
        found = self.find("shrink", "skip", "folio", "--archive", public_inbox)
        assert {each["label"]: each["message_id"] for each in found["versions"]} == self.known()

    def test_from_an_answer_with_hunks(self, public_inbox: str, folder: Path) -> None:
        found = self.find("20240710033212.36497-1-21cnbao@gmail.com", "--archive", public_inbox)
        assert found["asked_for"] == self.known()["v7"]
