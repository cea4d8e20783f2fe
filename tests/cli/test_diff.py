"""`series-ci diff`: what it prints, to which stream, in which looks."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from fakes import lab, publicinbox, terminals
from fakes.here import ROOT
from fakes.lab import Lab
from series_ci.cli import main
from series_ci.host import files, paths

SOURCE = Path("/usr/src/linux-source-6.12.tar.xz")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run directories of this test's own, and none yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return paths.runs()


def ran(capsys: pytest.CaptureFixture[str], found: Lab, *argv: str) -> tuple[int, str, str]:
    status = main(["diff", *argv, "--series", str(found.manifest)])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_diff_of_patches_and_what_to_do_for_their_results(
    shared: Lab, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ran(capsys, shared, "v1", "v3")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "mini: v1 -> v3"
    assert re.fullmatch(rf"both on {shared.linux} \([0-9a-f]{{12}}\)", lines[1])
    commits = r"\d:  [0-9a-f]{7,} (.) \d:  [0-9a-f]{7,}  (.*)"
    assert [m.groups() for line in lines if (m := re.fullmatch(commits, line))] == [
        ("=", "mm: tell the folios that end with their process"),
        ("!", "mm/rmap: leave the folios of exiting processes alone"),
    ]
    assert "    -+\tif (folio_exiting(folio))" in lines  # the tab is a tab
    assert "    ++\tif (folio_is_exiting(folio)" in lines
    for version in ("v1", "v3"):
        told = f"{version} was not tested on this base; to do so: series-ci test {version} --series {shared.manifest}"
        assert told in lines
    for step in ("fetch v1", "fetch v3", "tree", "apply v1", "apply v3"):
        assert re.search(rf"^✓ {step} ", err, re.MULTILINE)


def test_stat_is_one_line_per_patch(shared: Lab, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _err = ran(capsys, shared, "v1", "v3", "--stat", "--quiet")
    assert status == 0
    assert out.splitlines()[2:5] == [
        " 1 =  1  same               mm: tell the folios that end with their process",
        " 2 !  2  changed     +1 -3  mm/rmap: leave the folios of exiting processes alone",
        "",
    ]


def test_equal_versions_say_so_in_one_line(shared: Lab, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ran(capsys, shared, "v1", "v4", "-q")
    assert (status, err) == (0, "")
    assert out == "v1 and v4 are equal: 2 patches, same code, same commit messages\n"


def test_a_version_that_does_not_apply(shared: Lab, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ran(capsys, shared, "v1", "v2")
    assert status == 0
    lines = out.splitlines()
    assert lines[1].startswith("v2: patch [2/2] mm: for another tree does not apply to")
    assert lines[2] == "compared as mailed"
    assert "1 = 1  mm: tell the folios that end with their process" in lines
    assert "does not apply" in err


def test_json_has_it_all(shared: Lab, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _err = ran(capsys, shared, "v1", "v3", "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["series"], found["compared"], found["equal"], found["results"]) == ("mini", "commits", False, None)
    assert (found["old"]["version"], found["new"]["version"]) == ("v1", "v3")
    assert found["old"]["base_commit"] == found["new"]["base_commit"]
    assert found["old"]["test"] == f"series-ci test v1 --series {shared.manifest}"
    assert [each["change"] for each in found["patches"]] == ["same", "changed"]
    changed = found["patches"][1]
    assert (changed["added"], changed["removed"], changed["old"]["number"]) == (1, 3, 2)
    assert "++\tif (folio_is_exiting(folio)" in changed["diff"]


def summary(shared: Lab, state: Path, version: str, **more: object) -> None:
    """What a test of that version would have left behind."""
    assert main(["diff", version, version, "--series", str(shared.manifest), "--json", "-q"]) == 0
    found = {
        "series": "mini",
        "message_id": f"20260203.{version}-0@example.org",
        "verdict": "no regression",
        "error": None,
        "splats": [],
        **more,
    }
    files.write_json(state / version / "summary.json", found)


def row(name: str, status: str) -> dict[str, str]:
    return {"name": name, "base": "PASS", "patched": status, "change": "SAME"}


def test_results_that_differ(shared: Lab, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = base_commit(shared, capsys)
    for version, status in (("v1", "PASS"), ("v3", "FAIL"), ("v4", "PASS")):
        rows = [row("mm/good", status), row("mm/other", "PASS"), *([row("mm/more", "PASS")] * (version == "v3"))]
        summary(shared, state, version, changes=rows, environment={"base_commit": base})
    capsys.readouterr()

    _status, out, _err = ran(capsys, shared, "v1", "v3", "--stat")
    assert out.splitlines()[5:] == [
        f"v1: no regression  ({state}/v1)",
        f"v3: no regression  ({state}/v3)",
        "test     v1    v3",
        "mm/good  PASS  FAIL",
        "1 test gave the same result, 1 test ran for v3 only",
    ]
    _status, out, _err = ran(capsys, shared, "v1", "v3", "--json")
    assert json.loads(out)["results"] == {
        "changed": [{"name": "mm/good", "old": "PASS", "new": "FAIL"}],
        "same": 1,
        "only_old": 0,
        "only_new": 1,
    }
    _status, out, _err = ran(capsys, shared, "v1", "v4")
    assert out.splitlines()[-1] == "2 tests gave the same result"


def test_results_of_real_runs_of_one_version_and_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lab.world(tmp_path) as found:
        assert main(found.argv("v1", "-q")) == 0
        assert main(["test", "v3", "--series", str(found.manifest), "--accel", "tcg", "-q"]) == 4
        found.qemu.plan({"verdicts": {"mm/good": "not ok # exit=1"}})
        sweep = ["test", "v4", "v2", "--series", str(found.manifest), "--accel", "tcg", "-q"]
        assert main(sweep) == 3
        capsys.readouterr()
        _status, out, _err = ran(capsys, found, "v1", "v4", "-q")
        lines = out.splitlines()
        assert lines[0] == "v1 and v4 are equal: 2 patches, same code, same commit messages"
        assert lines[2].startswith("v1: no regression  (")
        assert re.fullmatch(r"v4: no regression  \(.*/mini-sweep-.*/v4\)", lines[3])
        assert lines[4:6] == ["test     v1    v4", "mm/good  PASS  FAIL"]
        _status, out, _err = ran(capsys, found, "v1", "v3", "-q", "--stat")
        assert "v3: does not build: " in out


def test_a_version_that_did_not_build_has_no_results(
    shared: Lab, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = base_commit(shared, capsys)
    summary(shared, state, "v1", changes=[row("mm/good", "PASS")], environment={"base_commit": base})
    error = {"message": "mm/rmap.c:1: error", "details": "", "hint": ""}
    where = {"base_commit": base}
    summary(shared, state, "v3", changes=[], environment=where, verdict="does not build", error=error)
    capsys.readouterr()
    _status, out, _err = ran(capsys, shared, "v1", "v3", "--stat")
    assert out.splitlines()[5:] == [
        f"v1: no regression  ({state}/v1)",
        f"v3: does not build: mm/rmap.c:1: error  ({state}/v3)",
    ]


def base_commit(shared: Lab, capsys: pytest.CaptureFixture[str]) -> str:
    _status, out, _err = ran(capsys, shared, "v1", "v1", "--json")
    return str(json.loads(out)["new"]["base_commit"])


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["v1", "v77"], ["'v77'", "v1, v2, v3, v4"]),
        (["v1"], ["B"]),
        (["v1", "v3", "--mails", "--tree", "x"], ["--mails needs no tree"]),
        (["v1", "v3", "--base-patch", "x"], ["--base-patch needs --tree"]),
        (["v1", "v3", "--tree", "/nonexistent"], ["/nonexistent"]),
    ],
)
def test_a_mistake_is_named(
    shared: Lab, state: Path, capsys: pytest.CaptureFixture[str], argv: list[str], words: list[str]
) -> None:
    status, out, err = ran(capsys, shared, *argv)
    assert (status, out) == (2, "")
    for word in words:
        assert word in err


def on_a_terminal(argv: list[str], **environment: str) -> str:
    """What the program prints on a terminal."""
    env = {"PYTHONPATH": str(ROOT / "ci"), "TERM": "xterm-256color", **environment}
    return terminals.printed([sys.executable, "-m", "series_ci", *argv], env).decode()


def test_colours_are_for_terminals(shared: Lab, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["diff", "v1", "v3", "--series", str(shared.manifest), "--mails", "-q"]
    assert "\x1b[7;31m-\x1b[0m\x1b[2;32m+\tif (folio_exiting(folio))" in on_a_terminal(argv)
    assert "\x1b" not in on_a_terminal(argv, CI="true")
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", on_a_terminal(argv, NO_COLOR="1"))


CONDITION = [
    "    -+\t\t    folio_test_swapbacked(folio) &&",
    "    ++\t\t    folio_test_anon(folio) && folio_test_swapbacked(folio) &&",
]


def changed(out: str) -> list[str]:
    return [line for line in out.splitlines() if re.match("    [-+]", line)]


@publicinbox.needs_mails
def test_the_one_condition_that_came_back(cache: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--series", "exit-skip", "--archive", str(publicinbox.MAIL), "--mails", "-q"]
    assert main(["diff", "v9.2", "v10", *argv]) == 0
    assert changed(capsys.readouterr().out) == CONDITION


@pytest.mark.boot  # the tree is taken from the user's cache, or brought there
@pytest.mark.skipif(not SOURCE.exists(), reason=f"no {SOURCE}: Debian's linux-source-6.12 is not installed")
@publicinbox.needs_mails
def test_the_real_series_on_its_base(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    patch = publicinbox.LORE.parent / "trees" / "july-2024-on-6.12.diff"
    tree = ["--tree", "debian:linux-source-6.12", "--base-patch", str(patch)]
    argv = ["--series", "exit-skip", "--archive", str(publicinbox.MAIL), *tree, "-q"]

    assert main(["diff", "v9.2", "v10", *argv]) == 0
    out = capsys.readouterr().out
    assert changed(out) == CONDITION
    assert "compared as mailed" not in out

    assert main(["diff", "v1", "v2", *argv]) == 0
    out = capsys.readouterr().out
    why = r"^v1: .* does not apply to .*: hunk at include/linux/mm\.h:312\ncompared as mailed$"
    assert re.search(why, out, re.MULTILINE)
    assert "    -+#define VM_EXITING" in out

    assert main(["diff", "v8", "v9.1", "--stat", *argv]) == 0
    assert re.search(r"^ 1 !  1  changed +\+0 -2  mm: shrink skip folio", capsys.readouterr().out, re.MULTILINE)


def test_the_demo(cache: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "v9", "v10", "--series", "demo", "--mails", "-q"]) == 0
    out = capsys.readouterr().out
    assert "1 ! 1  mm/rmap: tell the folios that end with their process" in out
    assert "2 = 2  mm/rmap: leave the folios of an exiting process to the exit" in out
    assert "    ++\tif (!folio_test_anon(folio) || !folio_test_swapbacked(folio))" in out
