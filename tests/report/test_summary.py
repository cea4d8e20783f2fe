"""The JSON object of an outcome: its keys are a promise to scripts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes.outcomes import outcome, run
from series_ci.errors import ApplyError, BuildError, Error, ExitStatus
from series_ci.kernel.each_patch import PatchBuild
from series_ci.pipeline.outcome import status, verdict, version_run
from series_ci.results.model import Result, Splat, Status
from series_ci.rundir.summary import version_json

GOOD, BAD = Result("mm/a", Status.PASS), Result("mm/a", Status.FAIL, "why")
KEYS = [
    *("series", "version", "title", "message_id", "verdict", "status", "coverage", "changes", "splats"),
    *("steps", "error", "run_dir", "boots", "environment", "repeat"),
]


def test_the_keys_of_a_comparison() -> None:
    found = version_json(
        version_run(outcome(run("base", GOOD), run("v10", BAD, splats=(Splat("BUG", "BUG: x", "ff"),))))
    )
    assert list(found) == KEYS
    again = json.loads(json.dumps(found))
    assert (again["series"], again["version"], again["message_id"]) == ("demo", "v10", "20260203.v10-1@example.org")
    assert again["title"] == "mm/rmap: leave the folios of exiting processes alone"
    assert (again["verdict"], again["status"]) == ("regression", 1)
    assert again["changes"] == [
        {"name": "mm/a", "base": "PASS", "patched": "FAIL", "change": "BROKEN", "reason": "why"}
    ]
    assert [each["change"] for each in again["splats"]] == ["NEW"]
    assert (again["run_dir"], again["repeat"]) == ("/runs/1", "series-ci test v10 --series demo")
    assert again["error"] is None


def test_a_patch_on_the_way_that_does_not_build_counts_unless_something_broke() -> None:
    steps = (
        PatchBuild("1/2 first", "12", BuildError("does not build: a.c:1"), ()),
        PatchBuild("2/2 second", "34", None, ("mm/a.c: warning: unused",)),
    )
    found = replace(outcome(run("base", GOOD), run("v10", GOOD)), steps=steps)
    assert (status(found), verdict(found)) == (4, "no regression, but no build after 1 patch")
    assert version_json(version_run(found))["steps"] == [
        {"patch": "1/2 first", "commit": "12", "error": "does not build: a.c:1", "new_warnings": [], "coverage": None},
        {
            "patch": "2/2 second",
            "commit": "34",
            "error": None,
            "new_warnings": ["mm/a.c: warning: unused"],
            "coverage": None,
        },
    ]
    assert status(replace(outcome(run("base", GOOD), run("v10", BAD)), steps=steps)) == 1


def test_the_environment_holds_what_is_needed_to_do_it_again() -> None:
    environment = version_json(version_run(outcome(run("base", GOOD), run("v10", GOOD, commit="1234"))))["environment"]
    assert environment["qemu"] == "QEMU emulator version 9.8.7"
    assert environment["accelerator"] == "tcg"
    assert environment["archive"] == "https://lore.example.org/all/"
    assert (environment["tree"], environment["base_commit"]) == ("/src/linux", "ef" * 20)
    assert environment["patched_commit"] == "1234"
    assert environment["trees_not_used"] == ["debian:x: is not here"]
    assert environment["patches"] == [
        {
            "message_id": "20260203.v10-1@example.org",
            "patch_id": "ab" * 20,
            "subject": "mm/rmap: leave the folios of exiting processes alone",
        }
    ]


@pytest.mark.parametrize(
    ("error", "words", "number"),
    [
        (ApplyError("patch 1", details="a hunk", hint="try that"), "does not apply", ExitStatus.APPLY),
        (BuildError("a.c:1", details="a hunk", hint="try that"), "does not build", ExitStatus.BUILD),
    ],
)
def test_a_version_that_was_not_booted(error: Error, words: str, number: ExitStatus) -> None:
    failed = outcome(error=error)
    assert (verdict(failed), status(failed)) == (words, number)
    found = version_json(version_run(failed))
    assert list(found) == KEYS
    assert (found["verdict"], found["status"], found["changes"], found["splats"]) == (words, int(number), [], [])
    assert found["error"] == {"message": error.message, "details": "a hunk", "hint": "try that"}
    assert found["environment"]["patched_commit"] is None


def test_a_version_that_changes_nothing_is_ok() -> None:
    same = outcome(run("base", BAD), run("v10", BAD))
    assert (verdict(same), status(same)) == ("no regression", ExitStatus.OK)
