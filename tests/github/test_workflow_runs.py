"""The workflows and the action at work: every shell step is run, on a runner that follows GitHub's rules."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes import actions, hosts, lab, mails, posted, scripted
from fakes.actions import GITHUB, ROOT, WORKFLOWS, Runner
from fakes.lab import Lab
from fakes.scripted import Fakes, shard
from series_ci import arch

HOST = arch.host()


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
    run = "series-ci-run-v1-riscv64"
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
        f" [--out] [temp/series-ci/v1-riscv64/{run}] [--] [v1] [v4]",
        f"series-ci [report] [temp/series-ci/v1-riscv64/{run}] [--format] [markdown]",
        "tools [need_venv] []",
        f"series-ci [verify] [parts/{run}]",
        f"series-ci [merge] [parts/{run}] [--series=demo] [--version=v1] [--version=v4]"
        " [--out] [temp/series-ci-merged/riscv64]",
        "series-ci [report] [temp/series-ci-merged/riscv64] [--format] [markdown]",
        "tools [need_venv] []",
        "series-ci [post] [merged/riscv64/v1] [--verify] [--to] [github] [--part] [check]",
        "series-ci [post] [merged/riscv64/v4] [--verify] [--to] [github] [--part] [check]",
    ]
    assert runner.summaries == ["| a table |\n"] * 2
    assert set(runner.artifacts) == {"series-ci-junit-v1-riscv64", run, "series-ci-merged"}
    assert (runner.artifacts[run] / run / "summary.json").exists()


def test_several_jobs_of_a_series(fakes: Fakes) -> None:
    """Of several artifacts each is unpacked into a folder of its name."""
    fakes.plan("v1 v4:riscv64", "v2:riscv64")
    runner = fakes.runner()
    runner.workflow("series.yml", INPUTS)
    assert runner.status == 0, runner.log
    (call,) = fakes.series_ci("merge")
    names = ("series-ci-run-v1-riscv64", "series-ci-run-v2-riscv64")
    assert call.startswith("series-ci [merge] " + " ".join(f"[parts/{name}/{name}]" for name in names) + " ")


def test_two_architectures_of_which_one_fails(fakes: Fakes) -> None:
    """One artifact is left, which is unpacked as a single one is; of the other there is what it left behind."""
    fakes.plan("v1:riscv64", "v1:arm64")
    runner = fakes.runner(FAILS="test", WITH="5", ON="--arch=arm64")
    runner.workflow("series.yml", {**INPUTS, "versions": "v1", "arch": "riscv64 arm64"})
    results = {name: runner.results[name]["result"] for name in ("test", "merge", "post")}
    assert results == {"test": "failure", "merge": "failure", "post": "success"}, runner.log
    assert "no job for arm64 has left a finished run" in runner.log
    assert fakes.series_ci("merge", "post") == [
        "series-ci [merge] [parts/series-ci-run-v1-riscv64] [--series=demo] [--version=v1]"
        " [--out] [temp/series-ci-merged/riscv64]",
        "series-ci [post] [merged/riscv64/v1] [--verify] [--to] [github] [--part] [check]",
    ]
    assert runner.artifacts.keys() >= {"series-ci-unfinished-v1-arm64", "series-ci-merged"}


def test_what_one_job_left_does_not_keep_the_others_from_being_merged(fakes: Fakes) -> None:
    fakes.plan("v1:riscv64", "v4:riscv64")
    runner = fakes.runner(FAILS="verify", WITH="2", ON="-v1-")
    runner.workflow("series.yml", INPUTS)
    assert "::error::series-ci-run-v1-riscv64 is left out: it is not what a run leaves behind" in runner.log
    (call,) = fakes.series_ci("merge")
    assert "-v4-riscv64]" in call
    assert "-v1-riscv64]" not in call


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


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("verb", ["test", "merge"])
def test_what_was_not_tested_is_kept_and_posted(fakes: Fakes, verb: str, *, asked: bool) -> None:
    """Status 6 is a verdict: the job warns, and fails only where that was asked for."""
    runner = fakes.runner(FAILS=verb, WITH="6")
    runner.workflow("series.yml", {**INPUTS, "fail-on-not-tested": asked})
    assert runner.results[verb]["result"] == ("failure" if asked else "success")
    assert "::warning::not tested: " in runner.log
    assert "series-ci-run-v1-riscv64" in runner.artifacts
    assert len(fakes.series_ci("post")) == 2


@pytest.mark.parametrize(
    ("one", "other", "worst"), [("5", "6", "5"), ("6", "0", "6"), ("1", "5", "1"), ("3", "4", "4")]
)
def test_the_worst_of_two_architectures_is_told(fakes: Fakes, one: str, other: str, worst: str) -> None:
    """What was not tested hides nothing that went wrong elsewhere."""
    fakes.plan("v1:riscv64", "v1:arm64")
    status = f'case "$1 $*" in merge*/arm64*) exit {one} ;; merge*) exit {other} ;; esac\nexit "$status"'
    actions.put_program(fakes.programs, "series-ci", scripted.PROGRAM.replace('exit "$status"', status))
    runner = fakes.runner()
    for arches in ("riscv64 arm64", "arm64 riscv64"):
        runner.workflow("series.yml", {**INPUTS, "versions": "v1", "arch": arches, "fail-on-not-tested": True})
        assert runner.results["merge"]["outputs"]["any"] == "true"
        assert runner.failures["merge"] == int(worst)
        runner = fakes.runner()


@pytest.mark.parametrize("status", ["1", "2", "3", "4", "5", "130"])
def test_a_job_ends_as_its_test_did(fakes: Fakes, status: str) -> None:
    runner = fakes.runner(FAILS="test", WITH=status)
    runner.workflow("series.yml", INPUTS)
    assert runner.results["test"]["result"] == "failure"
    assert ("series-ci-run-v1-riscv64" in runner.artifacts) == (status != "5")


def test_a_page_without_a_table_loses_nothing(fakes: Fakes) -> None:
    runner = fakes.runner(FAILS="report", WITH="5")
    runner.workflow("series.yml", INPUTS)
    assert runner.results["test"]["result"] == "failure"
    assert "series-ci-run-v1-riscv64" in runner.artifacts
    assert len(fakes.series_ci("post")) == 2


def test_a_step_that_is_ended_from_outside_leaves_what_there_is(fakes: Fakes) -> None:
    """A job that has run out of time, say: the step says no more how the test ended."""
    killed = scripted.PROGRAM.replace('exit "$status"', '[ "$1" != test ] || kill -KILL "$PPID"')
    actions.put_program(fakes.programs, "series-ci", killed.replace('"$out/.lock"', '"$out/build.log"'))
    runner = fakes.runner()
    runner.workflow("series.yml", INPUTS)
    assert runner.results["test"]["result"] == "failure"
    run = "series-ci-run-v1-riscv64"
    assert (runner.artifacts["series-ci-unfinished-v1-riscv64"] / run / "build.log").exists()
    assert run not in runner.artifacts


def test_one_artifact_that_cannot_be_uploaded_costs_no_other(fakes: Fakes) -> None:
    actions.put_program(fakes.programs, "series-ci", scripted.PROGRAM.replace('touch "$out/junit.xml"', "touch"))
    runner = fakes.runner()
    runner.workflow("series.yml", INPUTS)
    assert runner.results["test"]["result"] == "failure"
    assert "No files were found with the provided path" in runner.log
    assert "series-ci-run-v1-riscv64" in runner.artifacts
    assert runner.summaries == ["| a table |\n"] * 2


def test_a_merge_that_comes_to_nothing_has_nothing_to_post(fakes: Fakes) -> None:
    runner = fakes.runner(FAILS="merge", WITH="5")
    runner.workflow("series.yml", INPUTS)
    assert [runner.results[name]["result"] for name in ("merge", "post")] == ["failure", "skipped"]
    assert "series-ci-merged" not in runner.artifacts


def test_an_architecture_that_is_named_twice_is_merged_once(fakes: Fakes) -> None:
    runner = fakes.runner()
    runner.workflow("series.yml", {**INPUTS, "arch": "riscv64 riscv64"})
    assert runner.status == 0, runner.log
    assert len(fakes.series_ci("merge")) == 1


def test_what_half_was_prepared_is_not_cached(fakes: Fakes) -> None:
    runner = fakes.runner()
    runner.workflow("series.yml", INPUTS)
    assert list(runner.caches.kept) == ["series-ci-Linux-X64-1"]
    runner = Fakes(fakes.folder / "other").runner(FAILS="prepare", WITH="5", ON="--arch=arm64")
    runner.workflow("series.yml", {**INPUTS, "arch": "riscv64 arm64"})
    assert runner.caches.kept == {}
    assert "::warning::nothing prepared for arm64" in runner.log
    assert runner.results["plan"]["result"] == "success"


@pytest.mark.parametrize("bad", ["a/b", "v9 v10", "a:b", "*", ".x", "a\nb"])
def test_a_name_that_no_artifact_may_have_is_refused_before_the_test(fakes: Fakes, bad: str) -> None:
    (fakes.folder / "plan").write_text(json.dumps({"include": [{**shard("v1", "riscv64"), "id": bad}]}), "utf-8")
    runner = fakes.runner()
    runner.workflow("series.yml", INPUTS)
    assert runner.results["test"]["result"] == "failure"
    assert "the input id is" in runner.log
    assert fakes.series_ci("test") == []


def test_an_output_has_one_line(fakes: Fakes) -> None:
    """The runner would take a second line for another output."""
    (fakes.folder / "plan").write_text('{"include": []}\nmatrix={"include": [{"id": "evil"}]}\n', "utf-8")
    runner = fakes.runner()
    runner.workflow("series.yml", INPUTS)
    assert runner.results["plan"]["result"] == "failure"
    assert "output matrix has more than one line" in runner.log


def test_an_arm64_machine_is_called_so(fakes: Fakes) -> None:
    """The kernel calls it aarch64, and so do `uname` and QEMU."""
    actions.put_program(fakes.programs, "uname", "#!/bin/sh\necho aarch64\n")
    fakes.plan("v1 v4:arm64")
    runner = fakes.runner()
    runner.workflow("series.yml", {**INPUTS, "arch": ""})
    assert runner.status == 0, runner.log
    assert len(fakes.series_ci("post")) == 2
    assert "--arch=" not in "".join(fakes.series_ci("prepare", "test"))


def test_a_shared_compiler_cache_is_written_by_the_base_alone(fakes: Fakes) -> None:
    told = scripted.LOGGED.replace("echo >>", """printf ' %s' "$CCACHE_REMOTE_STORAGE" >>"$CALLS"\necho >>""")
    actions.put_program(fakes.programs, "series-ci", scripted.PROGRAM.replace(scripted.LOGGED, told))
    runner = fakes.runner()
    runner.variables = {"SERIES_CI_CCACHE": "redis://a http://b/c"}
    runner.workflow("series.yml", INPUTS)
    stores = {call.split()[1]: call.rpartition("]")[2].strip() for call in fakes.calls if call.startswith("series-ci")}
    assert stores["[prepare]"] == "redis://a http://b/c"
    assert stores["[test]"] == "redis://a|read-only http://b/c|read-only"
    assert {stores[verb] for verb in ("[plan]", "[merge]")} == {""}


def test_nothing_that_does_not_finish_is_merged(fakes: Fakes) -> None:
    runner = fakes.runner(FAILS="test", WITH="5")
    runner.workflow("series.yml", INPUTS)
    assert "series-ci-unfinished-v1-riscv64" in runner.artifacts
    assert runner.results["post"]["result"] == "skipped"
    assert "no job for riscv64 has left a finished run" in runner.log
    assert runner.results["merge"]["result"] == "failure"


def test_a_plan_that_fails_ends_all(fakes: Fakes) -> None:
    runner = fakes.runner(FAILS="plan")
    runner.workflow("series.yml", INPUTS)
    assert [runner.results[name]["result"] for name in ("plan", "merge", "post")] == ["failure", "skipped", "skipped"]


def test_no_step_is_left_out(fakes: Fakes) -> None:
    """What these tests do not run, they say nothing of."""
    fakes.arrive("v11")
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


POST = " [--verify] [--to] [github] [--part] [check]"


def test_what_is_new(fakes: Fakes) -> None:
    fakes.arrive("v11")
    runner = fakes.runner()
    runner.workflow("watch.yml", {"series": ""})
    assert runner.status == 0, runner.log
    out = "temp/series-ci/abv11/series-ci-run-abv11"
    assert fakes.series_ci("watch", "test", "report", "post") == [
        "series-ci [watch] [--once] [--retry=2] [--state=.watch/state.json]",
        f"series-ci [test] [--series=demo] [--label=v11] [--out] [{out}] [--] [20260203.v11-0@example.org]",
        f"series-ci [report] [{out}] [--format] [markdown]",
        "series-ci [post] [runs/series-ci-run-abv11]" + POST,
        "series-ci [watch] [--posted=abv11] [--state=.watch/state.json]",
    ]


def test_two_that_are_new(fakes: Fakes) -> None:
    """Each is in a folder of its own. What was not tested to an end is not posted, and not written down."""
    fakes.arrive("v11", "v12")
    runner = fakes.runner()
    runner.workflow("watch.yml", {"series": ""})
    names = ("series-ci-run-abv11", "series-ci-run-abv12")
    assert fakes.series_ci("post") == [f"series-ci [post] [runs/{name}/{name}]{POST}" for name in names]
    assert fakes.calls[-1] == "series-ci [watch] [--posted=abv11] [--posted=abv12] [--state=.watch/state.json]"
    fakes.calls_file.write_text("")
    runner = fakes.runner(FAILS="test", WITH="5", ON="v11")
    runner.workflow("watch.yml", {"series": ""})
    assert fakes.series_ci("post") == ["series-ci [post] [runs/series-ci-run-abv12]" + POST]
    assert fakes.calls[-1] == "series-ci [watch] [--posted=abv12] [--state=.watch/state.json]"


def test_nothing_to_post_is_no_success(fakes: Fakes) -> None:
    fakes.arrive("v11")
    runner = fakes.runner(FAILS="test", WITH="5")
    runner.workflow("watch.yml", {"series": ""})
    assert [runner.results[name]["result"] for name in ("test", "post", "note")] == ["failure", "failure", "skipped"]
    assert "::error::nothing to post" in runner.log


def test_what_cannot_be_posted_is_not_written_down(fakes: Fakes) -> None:
    fakes.arrive("v11", "v12")
    runner = fakes.runner(FAILS="post", WITH="5", ON="v11")
    runner.workflow("watch.yml", {"series": ""})
    assert runner.results["post"]["result"] == "failure"
    assert fakes.calls[-1] == "series-ci [watch] [--posted=abv12] [--state=.watch/state.json]"


def test_what_is_known_of_a_series_is_not_taken_for_that_of_another(fakes: Fakes) -> None:
    """Caches are looked for by the beginning of their keys."""
    fakes.arrive("v11")
    for series in ("mm-fold", "mm"):
        runner = fakes.runner()
        runner.workflow("watch.yml", {"series": series})
        assert "known: \n" in runner.log
        assert "known: watch --once" in runner.log  # the last job starts from what the first one knew


def test_nothing_new(fakes: Fakes) -> None:
    runner = fakes.runner()
    runner.workflow("watch.yml", {"series": ""})
    results = [runner.results[name]["result"] for name in ("look", "test", "post", "note")]
    assert results == ["success", "skipped", "skipped", "skipped"]


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


@dataclass
class Stage:
    """The program itself, in a repository that holds the series. QEMU, the kernel and GitHub are small."""

    fakes: Fakes
    hub: hosts.GitHub
    host: hosts.Host

    def runner(self) -> Runner:
        given = {
            "GITHUB_API_URL": self.host.url,
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_SHA": posted.SHA,
            "GITHUB_TOKEN": hosts.CANARY,
            "PYTHONPATH": str(ROOT / "ci"),
        }
        runner = self.fakes.runner(**given)
        runner.checkout = self.fakes.folder / "checkout"
        return runner

    def checks(self) -> dict[str, str]:
        """The conclusions of the check runs."""
        return {each["name"]: each["conclusion"] for each in self.hub.runs}


@pytest.fixture
def stage(world: Lab, tmp_path: Path) -> Iterator[Stage]:
    fakes = Fakes(tmp_path)
    tcg = 'if [ "$1" = test ]; then shift; set -- test --accel tcg "$@"; fi'
    program = f'#!/bin/sh\n{tcg}\nexec {sys.executable} -m series_ci "$@"\n'
    actions.put_program(fakes.programs, "series-ci", program)
    for name in ("linux", "mail"):
        shutil.copytree(world.folder / name, tmp_path / "checkout/series" / name)
    for name in ("mini.yaml", "mini.config"):
        shutil.copy(world.folder / name, tmp_path / "checkout/series")
    hub = hosts.GitHub()
    with hosts.serve(hub) as host:
        yield Stage(fakes, hub, host)


MINI = {"series": "series/mini.yaml", "versions": "", "arch": "", "tests": "", "program": "", "program-ref": ""}


def test_a_series_with_the_program_itself(stage: Stage) -> None:
    """From the plan to the check runs."""
    runner = stage.runner()
    runner.workflow("series.yml", MINI)
    assert runner.results["plan"]["result"] == "success", runner.log
    assert [runner.results[name]["result"] for name in ("test", "merge", "post")] == ["failure", "failure", "success"]
    found = json.loads((runner.artifacts["series-ci-merged"] / HOST / "summary.json").read_text("utf-8"))
    assert found["verdict"] == "no regression; some versions do not build"
    names = [f"series-ci/{name}" for name in (f"{HOST} v1", "any v2", f"{HOST} v3", f"{HOST} v4")]
    assert [each["name"] for each in stage.hub.runs] == names
    assert [each["conclusion"] for each in stage.hub.runs] == ["success", "failure", "failure", "success"]
    assert hosts.CANARY not in runner.log
    told = [json.dumps(stage.hub.runs), *runner.summaries]
    for folder in runner.artifacts.values():
        told += [path.read_text("utf-8", "replace") for path in folder.rglob("*") if path.is_file()]
    # The manifest, its tree and its archive lie in the repository; where that was checked out tells nobody anything.
    assert not [text for text in told if f"{runner.workspace}" in text]
    assert "series-ci test --all --series series/mini.yaml" in "".join(runner.summaries)


@pytest.mark.parametrize(("versions", "same"), [("v4", [None]), ("v1 v4", [None, "v1"])])
def test_a_single_job_with_the_program_itself(stage: Stage, versions: str, same: list[str | None]) -> None:
    """One version, and two with equal patches, which one job tests: one artifact."""
    runner = stage.runner()
    runner.workflow("series.yml", {**MINI, "versions": versions})
    assert {each["result"] for each in runner.results.values()} == {"success"}, runner.log
    assert [name for name in runner.artifacts if name.startswith("series-ci-run-")] == [
        f"series-ci-run-{versions.split(maxsplit=1)[0]}-{HOST}"
    ]
    found = json.loads((runner.artifacts["series-ci-merged"] / HOST / "summary.json").read_text("utf-8"))
    assert [row["same_as"] for row in found["versions"]] == same
    assert stage.checks() == {f"series-ci/{HOST} {label}": "success" for label in versions.split()}
    for number, label in enumerate(versions.split(), 1):
        where = f"https://github.example.org/o/r/runs/{number}"
        assert f"posted check run series-ci/{HOST} {label} (success): {where}\n" in runner.log


def test_a_watch_with_the_program_itself(stage: Stage) -> None:
    """A new mail is tested until its results are posted, under the name of its version, and then no more."""
    raws = [*lab.mail(), *mails.series(mails.GOOD, version=5)]
    mails.folder(stage.fakes.folder / "checkout/series/mail", raws)
    stage.host.faults.append(hosts.Fault(code=403, body={"message": "not yet"}))
    runner = stage.runner()
    runner.workflow("watch.yml", {"series": "series/mini.yaml"})
    assert [runner.results[name]["result"] for name in ("look", "test", "post")] == ["success", "success", "failure"]
    assert stage.checks() == {}
    runner = stage.runner()
    runner.workflow("watch.yml", {"series": "series/mini.yaml"})
    assert {each["result"] for each in runner.results.values()} == {"success"}, runner.log
    assert stage.checks() == {f"series-ci/{HOST} v5": "success"}
    runner = stage.runner()
    runner.workflow("watch.yml", {"series": "series/mini.yaml"})
    assert runner.results["test"]["result"] == "skipped"


def test_a_watch_of_what_was_not_tested(stage: Stage) -> None:
    """A header with a function that nobody calls leaves the kernel as it was: the job warns, the check is neutral."""
    raws = [*lab.mail(), *mails.series((mails.HELPER,), version=6)]
    mails.folder(stage.fakes.folder / "checkout/series/mail", raws)
    runner = stage.runner()
    runner.workflow("watch.yml", {"series": "series/mini.yaml"})
    assert {each["result"] for each in runner.results.values()} == {"success"}, runner.log
    assert list(stage.checks().items()) == [(f"series-ci/{HOST} v6", "neutral")]
    assert "::warning::not tested: " in runner.log
