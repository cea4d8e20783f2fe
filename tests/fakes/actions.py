"""A runner of GitHub workflows, as far as those of this project need one: steps are run for real, actions are played.

An expression may name values, and compare or choose between two of them. Artifacts and caches follow GitHub's rules.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fakes.artifacts import ActionError, Artifacts, Caches
from fakes.here import ROOT

GITHUB = ROOT / ".github"

WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
ACTIONS = sorted(GITHUB.glob("actions/*/action.yml"))

Step = dict[str, Any]
Values = Mapping[str, Any]

_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


def load(path: Path) -> dict[str, Any]:
    """A workflow or an action; YAML 1.1 takes its key `on` for a truth."""
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in found.items()}


def steps() -> Iterator[tuple[str, str, Step]]:
    """Every step there is: (file, job, step)."""
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            yield from ((path.name, name, step) for step in job.get("steps", ()))
    for path in ACTIONS:
        yield from ((path.parent.name, "", step) for step in load(path)["runs"]["steps"])


@dataclass
class Runner:
    """One run of a workflow. `artifacts` are those uploaded so far; `ran` the names of the shell steps that ran.

    Each job begins with an empty machine whose paths are those of all others, as on GitHub. `checkout` is what the
    repository has besides this project's own files, `caches` those of the repository. `failures` are the exit statuses
    of the first steps that failed, by job, `status` is that of the job that ran last.
    """

    folder: Path
    environment: Mapping[str, str]
    variables: Values = field(default_factory=dict)
    checkout: Path | None = None
    run_id: int = 1
    ran: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    status: int = 0
    log: str = ""

    def __post_init__(self) -> None:
        self._artifacts = Artifacts(self.folder / "artifacts")
        self.caches = Caches(self.folder / "caches")

    @property
    def artifacts(self) -> dict[str, Path]:
        """The artifacts, by name."""
        return self._artifacts.kept

    @property
    def workspace(self) -> Path:
        """Where the repository is checked out."""
        return self.folder / "work/r/r"

    @property
    def temp(self) -> Path:
        """The job's folder for temporary files."""
        return self.folder / "work/_temp"

    def workflow(self, name: str, inputs: Values) -> None:
        """All jobs, in order; a matrix one after the other."""
        whole = load(GITHUB / "workflows" / name)
        for job_name, job in whole["jobs"].items():
            values: dict[str, Any] = {"inputs": inputs, "needs": self.results, "github": self._github()}
            values |= {"runner": {"os": "Linux", "arch": "X64"}, "vars": self.variables}
            if not (self._may_start(job) and _holds(job.get("if", "!cancelled()"), values)):
                self.results[job_name] = {"result": "skipped", "outputs": {}}
                continue
            matrix = evaluate(job.get("strategy", {}).get("matrix", {}), values)
            entries = json.loads(matrix)["include"] if isinstance(matrix, str) else [{}]
            assert entries, "Error when evaluating 'strategy': matrix must define at least one vector"
            for entry in entries:
                self._job(job_name, job, {**values, "matrix": entry}, whole.get("env", {}))

    def _github(self) -> Values:
        known = {key.removeprefix("GITHUB_").lower(): text for key, text in self.environment.items()}
        fixed = {"run_id": str(self.run_id), "run_attempt": "1", "ref": "refs/heads/main", "repository": "o/r"}
        return {**fixed, "sha": "0" * 40, "token": "", **known}

    def _may_start(self, job: Step) -> bool:
        """What a job needs has to have gone well, unless it says otherwise."""
        needs = job.get("needs", [])
        names = [needs] if isinstance(needs, str) else needs
        always = any(word in job.get("if", "") for word in _STATUS_WORDS)
        return always or all(self.results[name]["result"] == "success" for name in names)

    def _job(self, name: str, job: Step, values: dict[str, Any], environment: Values) -> None:
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        self.temp.mkdir(parents=True)
        if self.checkout:
            shutil.copytree(self.checkout, self.workspace, symlinks=True)
        shutil.copytree(GITHUB, self.workspace / ".github")
        shutil.copytree(self.folder / "tools", self.workspace / "tools")
        shutil.copytree(GITHUB, self.workspace / ".series-ci/.github")
        shutil.copytree(self.folder / "tools", self.workspace / ".series-ci/tools")
        env = _texts({**environment, **job.get("env", {})}, values)
        values["steps"] = {}
        self.status = self._steps(job["steps"], values, env, "")
        self.failures[name] = self.failures.get(name) or self.status
        outputs = {key: evaluate(text, values) for key, text in job.get("outputs", {}).items()}
        before = self.results.get(name, {})
        result = "failure" if self.status or before.get("result") == "failure" else "success"
        self.results[name] = {"result": result, "outputs": outputs}

    def _steps(self, steps_: list[Step], values: dict[str, Any], env: Values, action: str) -> int:
        """Run those whose conditions hold; the status of the first that failed."""
        failed = 0
        for step in steps_:
            if not _holds(step.get("if", ""), values, failed=bool(failed)):
                continue
            own = _texts(step.get("env", {}), values)
            if "run" in step:
                status = self._shell(step, {**env, **own}, values, action)
            else:
                status = self._action(step, values, env)
            failed = failed or status
        return failed

    def _shell(self, step: Step, env: Values, values: dict[str, Any], action: str) -> int:
        self.ran.append(step["name"])
        files = {name: self.temp / name for name in ("OUTPUT", "STEP_SUMMARY", "ENV", "PATH")}
        for path in files.values():
            path.write_text("", "utf-8")
        plain = {key: text for key, text in self.environment.items() if key != "GITHUB_TOKEN"}
        given = {**plain, **env, **{f"GITHUB_{name}": str(path) for name, path in files.items()}}
        given |= {"RUNNER_TEMP": str(self.temp), "GITHUB_ACTION_PATH": action}
        given |= {"GITHUB_WORKSPACE": str(self.workspace), "GITHUB_ACTIONS": "true", "CI": "true"}
        script = self.temp / "step.sh"
        script.write_text(step["run"], "utf-8")
        argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(argv, cwd=self.workspace, env=given, text=True, capture_output=True, check=False)
        self.log += done.stdout + done.stderr
        if text := files["STEP_SUMMARY"].read_text("utf-8"):
            self.summaries.append(text)
        lines = files["OUTPUT"].read_text("utf-8").splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        values["steps"][step.get("id", "")] = {"outputs": outputs}
        return done.returncode

    def _action(self, step: Step, values: dict[str, Any], env: Values) -> int:
        uses: str = step["uses"].partition("@")[0]
        given = _texts(step.get("with", {}), values)
        if uses.startswith("./"):
            path = self.workspace / uses
            whole = load(path / "action.yml")
            unknown = set(given) - set(whole["inputs"])
            assert not unknown, f"{uses} has no input {unknown}"
            inputs = {key: given.get(key, each.get("default", "")) for key, each in whole["inputs"].items()}
            inner = {**values, "inputs": inputs, "steps": {}}
            return self._steps(whole["runs"]["steps"], inner, env, str(path))
        try:
            if play := self._played().get(uses):
                self.log += play(given, self.workspace)
        except ActionError as error:
            self.log += f"{step['name']}: {error}\n"
            return 1
        return 0

    def _played(self) -> dict[str, Callable[[Values, Path], str]]:
        """The actions that do something here. A checkout is there already."""
        return {
            "actions/cache/restore": self.caches.restore,
            "actions/cache/save": self.caches.save,
            "actions/upload-artifact": self._artifacts.upload,
            "actions/download-artifact": self._artifacts.download,
        }


def evaluate(text: Any, values: Values) -> Any:
    """The text with its expressions replaced; one that is all of it keeps its type."""
    if not isinstance(text, str):
        return text
    if whole := _EXPRESSION.fullmatch(text):
        return _choice(whole[1], values)
    return _EXPRESSION.sub(lambda match: str(_choice(match[1], values)), text)


def _texts(given: Values, values: Values) -> dict[str, str]:
    """Variables and inputs, which are texts whatever was given."""
    found = {key: evaluate(value, values) for key, value in given.items()}
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in found.items()}


def _choice(text: str, values: Values) -> Any:
    return next((found for each in text.split(" || ") if (found := _value(each, values))), "")


def _value(text: str, values: Values) -> Any:
    if match := re.fullmatch(r"fromJSON\((.*)\)", text):
        return _value(match[1], values)
    found: Any = values
    for name in text.split("."):
        found = found.get(name, "")
    return found


_STATUS_WORDS = ("!cancelled()", "always()")
"""Conditions that take the place of `success()`, which is implied otherwise. Nobody cancels anything here."""


def _holds(condition: str, values: Values, *, failed: bool = False) -> bool:
    whole = _EXPRESSION.fullmatch(condition)
    parts = (whole[1] if whole else condition).split(" && ") if condition else []
    if failed and not any(part in _STATUS_WORDS for part in parts):
        return False
    for part in parts:
        if part in _STATUS_WORDS:
            continue
        match = re.fullmatch(r"([\w.-]+) (==|!=) '(\w*)'", part)
        assert match, part
        if (_value(match[1], values) == match[3]) != (match[2] == "=="):
            return False
    return True


def put_program(folder: Path, name: str, text: str) -> None:
    """A program on PATH; who calls it finds `folder` there first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    (folder / name).chmod(0o755)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a step sees; `folder` holds programs that come first."""
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("GITHUB_", "RUNNER_"))}
    return {**kept, "PATH": f"{folder}:{os.environ['PATH']}", **more}
