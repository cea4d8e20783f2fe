"""A runner of GitHub workflows, as far as those of this project need one: steps are run for real, actions are played.

Caches are empty and artifacts are folders; an expression may name values, and compare or choose between two of them.
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
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

    `status` is the exit status of the last step that failed in the job that ran last.
    """

    folder: Path
    environment: Mapping[str, str]
    variables: Values = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    log: str = ""

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    def workflow(self, name: str, inputs: Values) -> None:
        """All jobs, in order; a matrix one after the other."""
        whole = load(GITHUB / "workflows" / name)
        for job_name, job in whole["jobs"].items():
            values: dict[str, Any] = {"inputs": inputs, "needs": self.results, "github": _github(self.environment)}
            values |= {"runner": {"os": "Linux", "arch": "X64"}, "vars": self.variables}
            if not (self._may_start(job) and _holds(job.get("if", ""), values)):
                self.results[job_name] = {"result": "skipped", "outputs": {}}
                continue
            matrix = evaluate(job.get("strategy", {}).get("matrix", {}), values)
            for entry in json.loads(matrix)["include"] if isinstance(matrix, str) else [{}]:
                self._job(job_name, job, {**values, "matrix": entry}, whole.get("env", {}))

    def _may_start(self, job: Step) -> bool:
        """What a job needs has to have gone well, unless it says otherwise."""
        needs = job.get("needs", [])
        names = [needs] if isinstance(needs, str) else needs
        return "!cancelled()" in job.get("if", "") or all(self.results[name]["result"] == "success" for name in names)

    def _job(self, name: str, job: Step, values: dict[str, Any], environment: Values) -> None:
        place = self.folder / f"{name}-{next(self._numbers)}"
        shutil.copytree(GITHUB, place / ".github")
        shutil.copytree(self.folder / "tools", place / "tools")
        shutil.copytree(place, place / ".series-ci")
        (place / "temp").mkdir()
        env = {key: evaluate(text, values) for key, text in {**environment, **job.get("env", {})}.items()}
        values["steps"] = {}
        self.status = self._steps(job["steps"], values, env, place, "")
        outputs = {key: evaluate(text, values) for key, text in job.get("outputs", {}).items()}
        result = "failure" if self.status or self.results.get(name, {}).get("result") == "failure" else "success"
        self.results[name] = {"result": result, "outputs": outputs}

    def _steps(self, steps_: list[Step], values: dict[str, Any], env: Values, place: Path, action: str) -> int:
        for step in steps_:
            if not _holds(step.get("if", ""), values):
                continue
            own = {key: evaluate(text, values) for key, text in step.get("env", {}).items()}
            if "run" in step:
                status = self._shell(step, {**env, **own}, values, place, action)
            else:
                status = self._action(step, values, env, place)
            if status:
                return status
        return 0

    def _shell(self, step: Step, env: Values, values: dict[str, Any], place: Path, action: str) -> int:
        self.ran.append(step["name"])
        files = {name: place / "temp" / name for name in ("OUTPUT", "STEP_SUMMARY", "ENV", "PATH")}
        for path in files.values():
            path.write_text("", "utf-8")
        plain = {key: text for key, text in self.environment.items() if key != "GITHUB_TOKEN"}
        given = {**plain, **env, **{f"GITHUB_{name}": str(path) for name, path in files.items()}}
        given |= {"RUNNER_TEMP": str(place / "temp"), "GITHUB_ACTION_PATH": action, "GITHUB_WORKSPACE": str(place)}
        script = place / "temp/step.sh"
        script.write_text(step["run"], "utf-8")
        argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(argv, cwd=place, env=given, text=True, capture_output=True, check=False)
        self.log += done.stdout + done.stderr
        if text := files["STEP_SUMMARY"].read_text("utf-8"):
            self.summaries.append(text)
        lines = files["OUTPUT"].read_text("utf-8").splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        values["steps"][step.get("id", "")] = {"outputs": outputs}
        return done.returncode

    def _action(self, step: Step, values: dict[str, Any], env: Values, place: Path) -> int:
        uses: str = step["uses"].partition("@")[0]
        given = {key: evaluate(str(text), values) for key, text in step.get("with", {}).items()}
        if uses.startswith("./"):
            whole = load(place / uses / "action.yml")
            unknown = set(given) - set(whole["inputs"])
            assert not unknown, f"{uses} has no input {unknown}"
            inputs = {key: given.get(key, each.get("default", "")) for key, each in whole["inputs"].items()}
            inner = {**values, "inputs": inputs, "steps": {}}
            return self._steps(whole["runs"]["steps"], inner, env, place, str(place / uses))
        _PLAYED[uses](self, given, place)
        return 0

    def _upload(self, given: Values, place: Path) -> None:
        assert given["name"] not in self.artifacts
        source, target = place / given["path"], self.folder / "artifacts" / given["name"]
        if not source.exists():
            assert given.get("if-no-files-found") == "ignore"
            return
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*"))
        else:
            target.mkdir(parents=True)
            shutil.copy(source, target)
        self.artifacts[given["name"]] = target

    def _download(self, given: Values, place: Path) -> None:
        if name := given.get("name"):
            shutil.copytree(self.artifacts[name], place / given["path"])
            return
        for name, source in self.artifacts.items():
            if fnmatch.fnmatch(name, given["pattern"]):
                shutil.copytree(source, place / given["path"] / name)


def _nothing(_runner: Runner, _given: Values, _place: Path) -> None:
    """A checkout is there already, and a cache is empty."""


_PLAYED = {
    "actions/checkout": _nothing,
    "actions/cache/restore": _nothing,
    "actions/cache/save": _nothing,
    "actions/upload-artifact": Runner._upload,
    "actions/download-artifact": Runner._download,
}


def _github(environment: Mapping[str, str]) -> Values:
    known = {key.removeprefix("GITHUB_").lower(): text for key, text in environment.items()}
    return {"run_id": "1", "ref": "refs/heads/main", "repository": "o/r", "sha": "0" * 40, "token": "", **known}


def evaluate(text: Any, values: Values) -> Any:
    """The text with its expressions replaced; one that is all of it keeps its type."""
    if not isinstance(text, str):
        return text
    if whole := _EXPRESSION.fullmatch(text):
        return _choice(whole[1], values)
    return _EXPRESSION.sub(lambda match: str(_choice(match[1], values)), text)


def _choice(text: str, values: Values) -> Any:
    return next((found for each in text.split(" || ") if (found := _value(each, values))), "")


def _value(text: str, values: Values) -> Any:
    if match := re.fullmatch(r"fromJSON\((.*)\)", text):
        return _value(match[1], values)
    found: Any = values
    for name in text.split("."):
        found = found.get(name, "")
    return found


def _holds(condition: str, values: Values) -> bool:
    whole = _EXPRESSION.fullmatch(condition)
    for part in (whole[1] if whole else condition).split(" && ") if condition else ():
        if part == "!cancelled()":
            continue
        match = re.fullmatch(r"([\w.-]+) (==|!=) '(\w+)'", part)
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
