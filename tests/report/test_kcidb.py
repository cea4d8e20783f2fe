"""KCIDB documents that kcidb-io's newest schema takes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kcidb_io import schema

from fakes import rundirs
from fakes.outcomes import MAIL, outcome, request, run
from series_ci.errors import ApplyError, BuildError, UsageError
from series_ci.kernel.base import Source
from series_ci.manifest.model import TreeSource
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.pipeline.rows import Row
from series_ci.report.formats import kcidb_of
from series_ci.report.kcidb import VERSION, document, path, status
from series_ci.results.model import Attempt, Ended, Result, Run, Splat, Status
from series_ci.rundir.run import Stage

START = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def kernel(label: str, *results: Result, splats: tuple[Splat, ...] = (), ended: Ended = Ended.POWEROFF) -> Run:
    boot = Result("boot", Status.PASS)
    return replace(run(label, boot, *results, splats=splats, ended=ended), started=START)


def booted(*results: Result, splats: tuple[Splat, ...] = ()) -> Outcome:
    found = outcome(kernel("base", Result("mm/a", Status.PASS)), kernel("v10", *results, splats=splats))
    return replace(found, boots=(Path("/runs/1/base"), Path("/runs/1/patched")))


def made(found: Outcome) -> dict[str, Any]:
    value = document(version_run(found), {"v10": [MAIL]})
    schema.LATEST.validate(value)
    return json.loads(json.dumps(value))  # type: ignore[no-any-return]


def test_it_is_written_for_the_newest_schema() -> None:
    assert (schema.LATEST.major, schema.LATEST.minor) == (VERSION["major"], VERSION["minor"])


def test_both_kernels_with_all_their_results() -> None:
    timed = Result("mm/exit_skip", Status.PASS, seconds=4.0)
    late = Result("mm/late:x.y", Status.FAIL, "why", ("line 1", "line 2"), 2.5)
    found = made(booted(timed, late))
    base, ours = found["checkouts"]
    assert (base["patchset_hash"], base["valid"], len(ours["patchset_hash"])) == ("", True, 64)
    assert (ours["message_id"], ours["comment"].partition(":")[0]) == ("20260203.v10-1@example.org", "demo v10")
    assert [each["checkout_id"] for each in found["builds"]] == [base["id"], ours["id"]]
    tests = {each["path"]: each for each in found["tests"] if each["build_id"] == found["builds"][1]["id"]}
    assert list(tests) == ["boot", "kselftest.mm.exit_skip", "kselftest.mm.late.x.y", "dmesg"]
    last = tests["kselftest.mm.late.x.y"]
    assert (last["status"], last["duration"], last["comment"]) == ("FAIL", 2.5, "why")
    assert last["log_excerpt"] == "line 1\nline 2"
    # It came after the boot's 1.5 s and the 4 s of the test before.
    assert last["start_time"] == "2026-02-03T04:05:11.500000+00:00"
    assert all("start_time" in each for each in found["tests"])


def test_a_guest_that_was_started_again_is_a_boot_of_its_own() -> None:
    found = booted()
    hung = Attempt("try-1", Ended.HANG, "it hung"), Attempt("guest-2/try-1", Ended.LOST, "QEMU died")
    tests = made(replace(found, runs=(found.runs[0], replace(found.runs[1], attempts=hung))))["tests"]
    boots = [(each["status"], each.get("comment")) for each in tests if each["path"] == "boot"]
    assert boots == [("PASS", None), ("PASS", None), ("FAIL", "it hung"), ("ERROR", "QEMU died")]
    assert len({each["id"] for each in tests}) == len(tests)


def test_a_complaint_of_the_kernel_is_a_test_that_failed() -> None:
    found = made(booted(splats=(Splat("BUG", "BUG: x", "ab", ("BUG: x", "trace")),)))
    assert [(each["status"], each.get("log_excerpt")) for each in found["tests"] if each["path"] == "dmesg"] == [
        ("PASS", None),
        ("FAIL", "BUG: x\ntrace"),
    ]


@pytest.mark.parametrize(
    ("result", "ended", "expected"),
    [
        (Status.XFAIL, Ended.POWEROFF, "PASS"),
        (Status.CRASH, Ended.POWEROFF, "ERROR"),
        (Status.CRASH, Ended.PANIC, "FAIL"),
        (Status.TIMEOUT, Ended.HANG, "FAIL"),
        (Status.NOTRUN, Ended.PANIC, "MISS"),
        (Status.NOTBUILT, Ended.POWEROFF, "MISS"),
        (Status.SKIP, Ended.POWEROFF, "SKIP"),
    ],
)
def test_statuses(result: Status, ended: Ended, expected: str) -> None:
    assert status(Result("mm/a", result), kernel("v10", ended=ended)) == expected


def test_every_status_has_a_word() -> None:
    for each in Status:
        made(booted(Result("mm/a", each)))


def test_what_was_not_booted() -> None:
    refused = made(outcome(error=ApplyError("no", details="a hunk")))
    told = [(each["valid"], each.get("log_excerpt")) for each in refused["checkouts"]]
    assert told == [(True, None), (False, "a hunk")]
    assert (refused["builds"], refused["tests"]) == ([], [])
    unbuilt = made(outcome(error=BuildError("a.c:1", details="a.c:1: error")))
    (build,) = unbuilt["builds"]
    assert (build["status"], build["comment"], build["log_excerpt"]) == ("FAIL", "a.c:1", "a.c:1: error")


def test_a_commit_is_told_only_where_others_have_it() -> None:
    spec = "git+https://git.example.org/linux.git@v6.10"
    found = outcome(error=BuildError("no"))
    public = replace(found, base=replace(found.base, spec=spec))
    assert made(public)["checkouts"][1]["git_commit_hash"] == "ef" * 20
    assert made(public)["checkouts"][1]["git_repository_url"] == "https://git.example.org/linux.git"
    own = TreeSource.model_construct(spec=spec, base_patches=(Path("/x/0001.patch"),))
    ours = replace(public, request=replace(public.request, trees=(own,)))
    assert "git_commit_hash" not in made(ours)["checkouts"][1]
    assert made(ours)["checkouts"][0]["misc"]["base_patches"] == ["0001.patch"]
    assert "git_commit_hash" not in made(found)["checkouts"][0]


def test_a_folder_of_this_machine_is_no_name_of_a_tree() -> None:
    found = booted(Result("mm/a", Status.PASS))
    source = Source("6.12.7", "ab" * 20)
    found = replace(found, base=replace(found.base, spec="/home/tess/linux", source=source))
    found = replace(found, request=replace(found.request, archive="/home/tess/mail"))
    told = made(found)
    assert {each["tree_name"] for each in told["checkouts"]} == {"Linux 6.12.7"}
    assert "/home/tess" not in json.dumps(told)


def test_the_same_run_has_the_same_ids_and_another_one_others() -> None:
    def ids(found: Outcome) -> set[str]:
        return {each["id"] for each in made(found)["tests"]}

    first = booted(Result("mm/a", Status.PASS))
    assert ids(first) == ids(first)
    later = replace(first, runs=tuple(replace(each, started=START.replace(hour=9)) for each in first.runs))
    assert not ids(first) & ids(later)


def test_a_record_without_its_time(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="when it was started"):
        document(version_run(replace(booted(), runs=(run("base"), run("v10")))), {})


def test_a_sweep_has_its_base_once(tmp_path: Path) -> None:
    rows = []
    good = Result("mm/a", Status.PASS)
    for label in ("v3", "v4"):
        found = outcome(kernel("base", good), kernel(label, good), label=label)
        rows.append(Row(request(label=label), found, None, Stage.DONE))
    rundirs.sweep(tmp_path, rows)
    value = kcidb_of(tmp_path)
    schema.LATEST.validate(value)
    names = [each["id"] for kind in ("checkouts", "builds", "tests") for each in value[kind]]
    assert len(set(names)) == len(names)
    assert len([each for each in value["checkouts"] if not each["patchset_hash"]]) == 1


def test_paths() -> None:
    assert path("boot") == "boot"
    assert path("mm/exit_skip:shmem.exiting") == "kselftest.mm.exit_skip.shmem.exiting"
    assert path("mm/run vmtests.sh:#1 a..b") == "kselftest.mm.run_vmtests.sh._1_a._.b"


ANY = st.text(st.characters(), max_size=30)


@settings(max_examples=60)
@given(ANY, ANY)
def test_whatever_is_in_names_and_logs_is_valid(name: str, line: str) -> None:
    made(booted(Result(f"mm/{name}", Status.FAIL, line, (line,) * 3), splats=(Splat(line, line, line, (line,)),)))
