"""The main job on real kernels: real b4, git, make and QEMU. Minutes when the caches are cold, so marked `boot`.

The demo needs the kernel's source from Debian's package; the real mails need a public-inbox beside the checkout.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.here import ROOT
from series_ci import arch
from series_ci.host import process

SHARED = ROOT.parent / "shared"
SOURCE = Path("/usr/src/linux-source-6.12.tar.xz")
DEMO = ROOT / "series" / "demo" / "demo.yaml"
EXIT_SKIP = ROOT / "series" / "exit-skip.yaml"

pytestmark = [
    pytest.mark.boot,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not SOURCE.exists(), reason=f"no {SOURCE}: Debian's linux-source-6.12 is not installed"),
]

ARM64 = arch.get("arm64")

PROGRAM = "mm/exit_skip"
SHMEM = f"{PROGRAM}:shmem.exiting"
CASES = 82

# What the feature is for: reclaim keeps these, and takes them without it.
KINDS = ("private_anon", "mthp", "mthp_half", "pmd_thp", "file_copied", "device_copied", "swapcache")
KEPT = {
    *(f"{PROGRAM}:{kind}.{case}" for kind in KINDS for case in ("exiting", "exiting_mglru")),
    f"{PROGRAM}:mthp_half.forked",
    *(f"{PROGRAM}:process.thread_group.{kind}" for kind in ("private_anon", "device_copied")),
    *(f"{PROGRAM}:process.{state}.device_copied" for state in ("mreleased", "oom_reaped")),
    *(f"{PROGRAM}:reclaim.{path}.exiting" for path in ("kswapd", "direct")),
}
# What must not be kept, and is where the folio need not be anonymous.
OUTLIVE = {
    *(f"{PROGRAM}:{kind}.{case}" for kind in ("shmem", "memfd") for case in ("exiting", "exiting_mglru")),
    *(f"{PROGRAM}:process.{state}.shmem" for state in ("thread_group", "mreleased", "oom_reaped")),
}

# All cases take more than a minute in each guest: once is enough. These take seconds, and tell the versions apart.
FEW = ("private_anon", "shmem")
FEW_CASES = {f"{PROGRAM}:{kind}.{case}" for kind in FEW for case in ("exiting", "exiting_mglru", "forked", "alive")}


@dataclass(frozen=True)
class Done:
    """One run of the program: exit status, what it printed, and the JSON it left in its run directory."""

    status: int
    out: str
    progress: str
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "summary.json").read_text("utf-8")))

    @property
    def changes(self) -> dict[str, str]:
        return {row["name"]: row["change"] for row in self.summary["changes"]}

    def steps(self) -> dict[str, str]:
        """Name of each finished step -> its notes."""
        return {m[1].strip(): m[2] for m in re.finditer(r"^✓ (.{16}) +[\d.]+ s +(.*)$", self.progress, re.MULTILINE)}


def series_ci(folder: Path, *args: str, verb: str = "test") -> Done:
    argv = [sys.executable, "-m", "series_ci", verb, *args, "--out", str(folder)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "ci"), "CI": "true"}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    print(done.stdout, done.stderr)
    return Done(done.returncode, done.stdout, done.stderr, folder)


def with_few_cases(manifest: Path, folder: Path) -> str:
    """The same series from a manifest of its own, tested with FEW of the kinds of memory alone."""
    text = yaml.safe_load(manifest.read_text("utf-8"))
    here = manifest.parent.resolve()
    for tree in text["trees"]:
        tree["base-patches"] = [str(here / each) for each in tree.get("base-patches", ())]
    text["config"] = [str(here / each) for each in text["config"]]
    if "://" not in text["archive"]:
        text["archive"] = str(here / text["archive"])
    text["tests"] = [{"program": PROGRAM, "args": [word for kind in FEW for word in ("-v", kind)]}]
    path = folder / manifest.name
    path.write_text(yaml.safe_dump(text), "utf-8")
    return str(path)


def exit_skip_changes(done: Done, cases_there: int) -> dict[str, set[str]]:
    """The cases of exit_skip by what became of them; all of them are there."""
    cases = {name: change for name, change in done.changes.items() if name.startswith(f"{PROGRAM}:")}
    assert len(cases) == cases_there
    return {change: {name for name in cases if cases[name] == change} for change in cases.values()}


def test_demo_v10_fixes_and_breaks_nothing_and_the_second_run_goes_straight_to_the_guests(tmp_path: Path) -> None:
    first = series_ci(tmp_path / "first", "v10", "--series", "demo")

    assert first.status == 0
    changes = exit_skip_changes(first, CASES)
    assert changes.keys() == {"FIXED", "SAME"}
    assert changes["FIXED"] == KEPT
    # The tree's own selftests gave results, too, and none became worse.
    assert sum(name.startswith("mm/vmtests-") for name in first.changes) > 100
    assert not {"BROKEN", "SKIPPED"} & set(first.changes.values())
    # How much memory mrelease_test needs for its race it finds by trying, and says so in the name of its result.
    assert {name for name, change in first.changes.items() if change == "GONE" and "child with" not in name} == set()
    assert first.summary["splats"] == []
    suite = ET.parse(first.folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert "no regression" in first.out

    again = series_ci(tmp_path / "again", "v10", "--series", with_few_cases(DEMO, tmp_path))

    assert again.status == 0
    steps = again.steps()
    for name in ("fetch", "tree", "apply", "build base", "build v10", "selftests base", "selftests v10"):
        assert steps[name].startswith("cached"), name


def test_demo_v9_breaks_shmem(tmp_path: Path) -> None:
    done = series_ci(tmp_path / "run", "v9", "--series", with_few_cases(DEMO, tmp_path), "--each-patch")

    assert done.status == 1
    assert [(each["patch"][:3], each["error"], each["new_warnings"]) for each in done.summary["steps"]] == [
        ("1/2", None, []),
        ("2/2", None, []),
    ]
    changes = exit_skip_changes(done, len(FEW_CASES))
    assert (changes["FIXED"], changes["BROKEN"]) == (KEPT & FEW_CASES, OUTLIVE & FEW_CASES)
    # It was seen twice, on fresh boots of both kernels, and both runs were kept.
    for name in ("base", "patched", "base-2", "patched-2"):
        assert (done.folder / name / "run.json").is_file()
    assert f"BROKEN {SHMEM}" in done.out


@pytest.mark.skipif(not process.which(ARM64.gcc), reason=f"no {ARM64.gcc}: tools/test installs it")
@pytest.mark.skipif(not process.which(ARM64.qemu), reason=f"no {ARM64.qemu}: tools/test installs it")
def test_demo_v10_on_arm64_is_what_it_is_here(tmp_path: Path) -> None:
    done = series_ci(tmp_path / "run", "v10", "--series", with_few_cases(DEMO, tmp_path), "--arch", "arm64")

    assert done.status == 0
    changes = exit_skip_changes(done, len(FEW_CASES))
    assert changes == {"FIXED": KEPT & FEW_CASES, "SAME": FEW_CASES - KEPT}
    environment = json.loads((done.folder / "patched/run.json").read_text("utf-8"))["environment"]
    assert environment["arch"] == "arm64"
    assert environment["accelerator"] == "tcg" or not ARM64.foreign


def test_bisect_finds_the_patch_of_demo_v9_that_breaks_shmem(tmp_path: Path) -> None:
    series = with_few_cases(DEMO, tmp_path)
    done = series_ci(tmp_path / "run", "v9", "--series", series, "--test", SHMEM, verb="bisect")

    assert done.status == 0
    found = json.loads((done.folder / "bisect.json").read_text("utf-8"))
    assert (found["first"], found["last"], found["change"]) == (2, 2, "BROKEN")
    assert [(step["number"], step["result"]) for step in found["steps"]] == [(1, "PASS")]
    assert found["titles"][1] in done.out


def test_demo_v7_does_not_build(tmp_path: Path) -> None:
    done = series_ci(tmp_path / "run", "v7", "--series", "demo")

    assert done.status == 4
    assert re.search(r"mm/rmap\.c:\d+:\d+: error: implicit declaration of function", done.progress)
    assert done.summary["verdict"] == "does not build"


@pytest.fixture(scope="module")
def real_series(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The options that take the real mails from a real public-inbox, and the base they apply to."""
    serve = SHARED / "lore" / "serve"
    if not serve.exists() or shutil.which("public-inbox-httpd") is None:
        pytest.skip("needs the mails beside the checkout and Debian's public-inbox")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, serve, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert "serves" in server.stdout.readline()
        patch = SHARED / "trees" / "july-2024-on-6.12.diff"
        archive = f"http://127.0.0.1:{port}/all/"
        tree = ("--tree", "debian:linux-source-6.12", "--base-patch", str(patch))
        yield ("--series", with_few_cases(EXIT_SKIP, tmp_path_factory.mktemp("series")), "--archive", archive, *tree)
    finally:
        server.terminate()
        server.wait()


# What each version does with the folios of an exiting process that it should not keep. v2 to v4 look at nothing but the
# process (v4 asks for a bit of the VMA that no such area has), v8 and v9 forgot to ask for anonymous folios.
ALL_FATES = {f"{PROGRAM}:{kind}.{case}" for kind in FEW for case in ("exiting", "exiting_mglru", "forked")}
NO_TABLE = {"build": "-", "compiled": "-", "boot": "-", PROGRAM: "-"}


@pytest.mark.lore
def test_all_real_versions_in_one_table(real_series: tuple[str, ...], tmp_path: Path) -> None:
    done = series_ci(tmp_path / "run", "--all", *real_series)

    assert done.status == 1
    versions = {each["version"]: each for each in done.summary["versions"]}
    assert {label: each["same_as"] for label, each in versions.items() if each["same_as"]} == {
        "v3": "v2",
        "v9.1": "v8",
        "v9.2": "v8",
    }
    assert versions["v1"]["cells"] == {"apply": "does not apply", **NO_TABLE}
    assert "hunk at include/linux/mm.h:312" in versions["v1"]["error"]["message"]
    for label in ("v6.1", "v6.2", "v7"):
        assert versions[label]["cells"] == {"apply": "ok", **NO_TABLE, "build": "does not build"}
        what = r"mm/rmap\.c:\d+:\d+: error: implicit declaration of function 'check_stable_address_space'"
        assert re.search(what, versions[label]["error"]["message"])
    kept = {"FIXED": KEPT & FEW_CASES}
    expected = {
        "v2": {**kept, "BROKEN": ALL_FATES - KEPT},
        "v4": {**kept, "BROKEN": ALL_FATES - KEPT},
        "v5": kept,
        "v8": {**kept, "BROKEN": OUTLIVE & FEW_CASES},
        "v10": kept,
    }
    for label, changes in expected.items():
        cases = {name: change for name, change in versions[label]["changes"].items() if name.startswith(f"{PROGRAM}:")}
        assert {change: {name for name in cases if cases[name] == change} for change in cases.values()} == changes, (
            label
        )
        assert versions[label]["cells"]["boot"] == "PASS"
    assert (done.folder / "summary.md").is_file()
