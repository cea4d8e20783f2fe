"""What is posted of a run: a verdict, words, and places in files. Each destination takes from it what it can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from series_ci import files, letter, mail
from series_ci.errors import UsageError
from series_ci.post import places, words
from series_ci.post.places import Annotation
from series_ci.progress import count


class State(StrEnum):
    """A verdict as destinations show it. WARNING: nothing is worse for sure, but something was seen."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Step:
    """What is known of one patch: its mail, and, if it was built by itself, how that went (else `state` is None)."""

    message_id: str
    state: State | None
    description: str


@dataclass(frozen=True)
class Posting:
    """One tested version. `title` is a line without markup, `summary` Markdown; `digest` is that of all the results."""

    series: str
    version: str
    arch: str
    message_id: str
    state: State
    title: str
    summary: str
    annotations: tuple[Annotation, ...]
    steps: tuple[Step, ...]
    digest: str

    @property
    def context(self) -> str:
        """The name under which results on this architecture replace each other."""
        return f"series-ci/{self.arch}"

    @property
    def identity(self) -> str:
        """The same for the same results, however often they are posted."""
        return f"series-ci:{self.version}:{self.digest[:32]}"


def read(folder: Path) -> Posting:
    """What there is to post of a run directory. Raises UsageError if it holds no finished run of one version."""
    found = files.read_json(folder / "summary.json")
    if found is None:
        raise UsageError(f"{folder}: no finished run", hint="give the run directory of a series-ci test that has ended")
    if isinstance(found.get("versions"), list):
        hint = f"post one of its versions, e.g. {folder / _last(found['versions'])}"
        raise UsageError(f"{folder}: the run of several versions", hint=hint)
    try:
        return of(found, _touched(folder / "series.mbx"), _logs(folder))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{folder / 'summary.json'}: is not the summary of a run: {error!r}") from error


def _last(rows: Sequence[Any]) -> str:
    return str(rows[-1].get("version", "")) if rows and isinstance(rows[-1], dict) else ""


def _touched(mbox: Path) -> tuple[str, ...]:
    """The files that the patches of the run change."""
    try:
        mails = mail.split_mbox(mbox.read_bytes())
    except OSError:
        return ()
    return tuple(dict.fromkeys(path for raw in mails for path in letter.read(raw).paths))


def _logs(folder: Path) -> dict[str, list[str]]:
    """What each test printed on the kernel with the series, by its name."""
    run = files.read_json(folder / "patched" / "run.json") or {}
    return {str(each.get("name")): [str(line) for line in each.get("log") or ()] for each in run.get("results") or ()}


def of(found: Mapping[str, Any], touched: Sequence[str], logs: Mapping[str, Sequence[str]]) -> Posting:
    """The posting of a summary; `touched` are the files of its patches, `logs` its tests' lines."""
    changes: list[dict[str, Any]] = found["changes"]
    broken = [each for each in changes if each["change"] == "BROKEN"]
    flaky = [each for each in changes if each["change"] == "FLAKY"]
    splats = [each for each in found["splats"] if each["change"] == "NEW"]
    environment = found["environment"]
    state = State.FAILURE if found["status"] else State.WARNING if flaky else State.SUCCESS
    return Posting(
        series=str(found["series"]),
        version=str(found["version"]),
        arch=str(environment.get("arch") or "any"),
        message_id=str(found["message_id"]),
        state=state,
        title=words.title(found, broken, flaky, splats),
        summary=words.summary(found, broken, flaky, splats, logs),
        annotations=tuple(places.remarks(found, broken, splats, touched, logs)),
        steps=tuple(_steps(environment["patches"], found["steps"])),
        digest=files.digest(*(repr(found[key]) for key in _RESULTS), repr(environment["base_commit"])),
    )


_RESULTS = ("series", "version", "message_id", "verdict", "changes", "splats", "steps", "error")


def _steps(patches: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]) -> list[Step]:
    made = []
    for index, patch in enumerate(patches):
        state, description = None, ""
        if index < len(steps):
            error, warnings = steps[index]["error"], steps[index]["new_warnings"]
            state = State.FAILURE if error else State.WARNING if warnings else State.SUCCESS
            description = error or (count(len(warnings), "new warning") if warnings else "builds")
        made.append(Step(str(patch["message_id"]), state, str(description)))
    return made
