"""Run directories from elsewhere: what a run leaves behind is taken, whatever was done to it is found."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import rundirs
from fakes.outcomes import MAIL, outcome, request, run
from series_ci.cli import main
from series_ci.errors import ApplyError, BuildError, Error, InfrastructureError, UsageError
from series_ci.kernel.each_patch import PatchBuild
from series_ci.mail import message
from series_ci.manifest.allow import Allowed
from series_ci.pipeline.outcome import Outcome
from series_ci.pipeline.rows import Row
from series_ci.results import compare, looks
from series_ci.results.model import Result, Run, Splat, Status
from series_ci.rundir import read, verify, verify_files
from series_ci.rundir.run import Stage
from series_ci.rundir.verify_files import SizeLimits

SPLAT = Splat("WARNING", "WARNING: at mm/rmap.c:13", "ab" * 16, ("one", "two"), "f", ("f", "g"), "mm/a")


def kernel(label: str, status: Status, *splats: Splat) -> Run:
    return run(label, Result("boot", Status.PASS), Result("mm/a", status, log=("a line",)), splats=splats)


def tried_twice(*steps: PatchBuild) -> Outcome:
    found = outcome(kernel("base", Status.PASS), kernel("v10", Status.FAIL))
    second = (kernel("base", Status.PASS), kernel("v10", Status.PASS))
    assert found.comparison
    both = looks.join([found.comparison, compare.compare(*second)])
    return replace(found, runs=(*found.runs, *second), comparison=both, steps=steps)


def allowed() -> Outcome:
    found = outcome(kernel("base", Status.PASS), kernel("v10", Status.PASS, SPLAT))
    entry = {"pattern": "rmap", "reason": "known", "link": "https://example.org/1", "expires": "2026-12-31"}
    return replace(found, comparison=compare.compare(*found.runs, [Allowed.model_validate(entry)]))


BROKEN = outcome(kernel("base", Status.PASS), kernel("v10", Status.FAIL, SPLAT))
GOOD = [
    BROKEN,
    allowed(),
    tried_twice(),
    tried_twice(PatchBuild("1/1 x", "12", BuildError("no"), ("mm/a.c: warning: x",))),
    outcome(error=ApplyError("patch 1", details="a hunk", hint="try that")),
    outcome(error=BuildError("a.c:1")),
]


@pytest.mark.parametrize("found", GOOD)
def test_what_a_run_leaves_is_taken(tmp_path: Path, found: Outcome) -> None:
    known = rundirs.version(tmp_path / "run", found)
    assert verify.read_verified(tmp_path / "run") == known


COVER = MAIL.replace(b"v10-1@", b"v10-0@").replace(b"[PATCH v10] mm/rmap: leave the", b"[PATCH v10 0/1] All the")
REPLY = "To: a@example.org\nSubject: Re: x\nIn-Reply-To: <20260203.v10-0@example.org>\n\nFine.\n"


def whole(folder: Path) -> Path:
    """A run with the mails as they were sent."""
    known = rundirs.version(folder, BROKEN, sent=(COVER, MAIL))
    assert known.title == "All the folios of exiting processes alone"
    return folder


def test_the_mails_as_they_were_sent_and_a_reply_are_taken(tmp_path: Path) -> None:
    folder = whole(tmp_path / "run")
    (folder / "reply.eml").write_text(REPLY)
    verify.read_verified(folder)
    # Of a version of which only a part was sent anew it is that part.
    rundirs.version(tmp_path / "part", BROKEN, sent=(MAIL,))
    verify.read_verified(tmp_path / "part")


def sent_as(*mails: bytes) -> Tamper:
    return lambda folder: (folder / "sent.mbx").write_bytes(message.join_mbox(mails))


def replied(text: str) -> Tamper:
    return lambda folder: (folder / "reply.eml").write_text(text)


@pytest.mark.parametrize(
    ("says", "tamper"),
    [
        ("sent.mbx: holds other mails", sent_as()),
        ("sent.mbx: holds other mails", sent_as(COVER)),
        ("sent.mbx: holds other mails", sent_as(MAIL, COVER)),
        ("sent.mbx: holds other mails", sent_as(COVER, COVER, MAIL)),
        ("sent.mbx: holds other mails", sent_as(COVER, MAIL, MAIL.replace(b"v10-1@", b"v10-2@"))),
        ("has the title", sent_as(COVER.replace(b"All", b"None"), MAIL)),
        ("has the title", lambda f: (f / "sent.mbx").unlink()),
        ("has the title", lambda f: change(f / "summary.json", "title", to="Another")),
        ("reply.eml: is no reply to this version", replied(REPLY.replace("v10-0@", "v9-0@"))),
        ("reply.eml: is no reply to this version", replied(REPLY.replace("To: a", "X: a", 1))),
        ("reply.eml: is no reply to this version", replied("x")),
        ("reply.eml: is a link", lambda f: (f / "reply.eml").symlink_to("/etc/passwd")),
    ],
)
def test_mails_and_replies_of_another_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], says: str, tamper: Tamper
) -> None:
    folder = whole(tmp_path / "run")
    tamper(folder)
    refused(folder, says, capsys)


@pytest.mark.parametrize("name", ["reply.eml", "sent.mbx", "v1/sent.mbx", "v1/junit.xml", "v1/run.lock"])
def test_what_is_read_as_a_whole_is_small(tmp_path: Path, name: str) -> None:
    folder = sweep(tmp_path / "run") if "/" in name else whole(tmp_path / "run")
    (folder / name).write_bytes(b"x" * 2_000_000)
    with pytest.raises(UsageError, match=f"{name}: has more than 1 MiB"):
        verify.read_verified(folder, replace(verify_files.LIMITS, record=verify_files.MIB))


def sweep(folder: Path) -> Path:
    rows = []
    errors: dict[str, Error] = {"v2": ApplyError("a"), "v3": BuildError("b"), "v0": UsageError("c")}
    stages = {"v2": Stage.APPLY, "v3": Stage.BUILD, "v0": Stage.FETCH, "v5": Stage.BUILD}
    for label in ("v0", "v1", "v2", "v3", "v4", "v5"):
        error = errors.get(label)
        found = None
        if label in ("v1", "v4"):
            found = replace(BROKEN, request=request(label=label))
        elif label in ("v2", "v3"):
            found = outcome(error=error, label=label)
        stage = stages.get(label, Stage.DONE)
        rows.append(Row(request(label=label), found, error, stage, base="/src/linux" if found else ""))
    rundirs.sweep(folder, rows)
    return folder


def test_a_sweep_is_taken(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    assert verify.read_verified(folder) == read.read(folder)
    verify.verify_version(folder / "v1")
    lost = Row(request(label="v7"), None, InfrastructureError("lost"), Stage.BOOT)
    rundirs.sweep(tmp_path / "other", [lost])
    verify.read_verified(tmp_path / "other")


def change(path: Path, *where: str | int, to: Any) -> None:
    """Put another value into a JSON file."""
    found = json.loads(path.read_text("utf-8"))
    inner = found
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = to
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")


def refused(folder: Path, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder)]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err


Tamper = Callable[[Path], object]


def changed(*where: str | int, to: Any, file: str = "summary.json") -> Tamper:
    return lambda folder: change(folder / file, *where, to=to)


def both(label: str, at: int) -> Tamper:
    """Another verdict, in both places that tell it."""

    def tamper(folder: Path) -> None:
        change(folder / "summary.json", "versions", at, "verdict", to="fine")
        change(folder / label / "summary.json", "verdict", to="fine")

    return tamper


def linked(name: str) -> Tamper:
    """The same content, but elsewhere."""

    def tamper(folder: Path) -> None:
        shutil.move(folder / name, folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return tamper


def retried(ended: str) -> Tamper:
    """A guest that no boot tells of."""

    def tamper(folder: Path) -> None:
        found = json.loads((folder / "summary.json").read_text("utf-8"))
        row = {"retried": [{"kernel": "base", "folder": "base/try-1", "ended": ended, "why": "x"}]}
        items = list(found.items())
        at = [name for name, _value in items].index("boots") + 1
        whole = dict([*items[:at], *row.items(), *items[at:]])
        (folder / "summary.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")

    return tamper


def mailed(folder: Path) -> None:
    path = folder / "series.mbx"
    path.write_text(path.read_text("utf-8").replace("leave the", "kill the"), "utf-8")


def cut(folder: Path) -> None:
    path = folder / "summary.json"
    path.write_bytes(path.read_bytes()[:-9])


TAMPERED: list[tuple[str, Tamper]] = [
    ("base/run.json: is a link", linked("base/run.json")),
    ("base: is a link", linked("base")),
    ("summary.json: is a link", linked("summary.json")),
    ("patched/status.txt: is no regular file", lambda f: os.mkfifo(f / "patched/status.txt")),
    ("evil.sh: is nothing that a run leaves behind", lambda f: (f / "evil.sh").touch()),
    ("..x: is nothing that", lambda f: (f / "base/..x").touch()),
    ("base/base/console.log: is nothing that", lambda f: shutil.copytree(f / "base", f / "base/base")),
    ("series.mbx: is missing", lambda f: (f / "series.mbx").unlink()),
    (
        "series.mbx: holds other patches",
        lambda f: (f / "series.mbx").write_text((f / "series.mbx").read_text().replace("leave the", "kill the")),
    ),
    ("patched/run.json: is missing", lambda f: (f / "patched/run.json").unlink()),
    ("run.json: is not the record of a run", lambda f: (f / "patched/run.json").write_text("{}")),
    ("summary.json: is no JSON", cut),
    ("summary.json: is no JSON", lambda f: (f / "summary.json").write_text("[" * 100_000)),
    ("is no JSON object", lambda f: (f / "summary.json").write_text("[]")),
    ("summary.json: is no JSON", lambda f: (f / "summary.json").write_bytes(b"\xff\xfe")),
    ("is not the summary of a run", lambda f: (f / "summary.json").write_text("{}")),
    ("no finished run", lambda f: (f / "summary.json").unlink()),
    ("has other verdict than the records", changed("verdict", to="no regression")),
    ("has other status than the records", changed("status", to=0)),
    ("has other changes than the records", changed("changes", 1, "change", to="SAME")),
    ("has other changes than the records", changed("changes", to=[])),
    ("has other splats than the records", changed("splats", to=[])),
    ("has other changes than the records", changed("results", 1, "status", to="PASS", file="patched/run.json")),
    ("has other environment than the records", changed("environment", "arch", to="vax")),
    ("has other patched_commit than", changed("environment", "patched_commit", to="12")),
    ("is not what a run writes (at ", changed("environment", "base_commit", to=["12"])),
    ("is not what a run writes", changed("more", to=1)),
    ("is not what a run writes (at series)", changed("series", to=7)),
    ("has a version named '../v1'", changed("version", to="../v1")),
    (
        "names '../../etc' as the folder of a boot",
        changed("boots", "base", to=["../../etc"]),
    ),
    ("names '/etc' as the folder of a boot", changed("boots", "patched", to=["/etc"])),
    ("names 0 boots of the base", changed("boots", "base", to=[])),
    ("has other retried than the records", retried("HANG")),
    ("is not the summary of a run", retried("HUNG")),
    ("patched/try-x/console.log: is nothing that", lambda f: shutil.copytree(f / "base", f / "patched/try-x")),
    ("patched-4/console.log: is nothing that", lambda f: shutil.copytree(f / "base", f / "patched-4")),
    ("is not the summary of a run", changed("status", to=99)),
    ("is not the summary of a run", changed("changes", to=7)),
]


@pytest.mark.parametrize(("says", "tamper"), TAMPERED)
def test_what_was_done_to_a_version_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], says: str, tamper: Tamper
) -> None:
    folder = tmp_path / "in/run"
    rundirs.version(folder, BROKEN)
    tamper(folder)
    refused(folder, says, capsys)


OF_SWEEP: list[tuple[str, Tamper]] = [
    ("has a version named '../v1'", changed("versions", 1, "version", to="../v1")),
    (
        "names '../x/summary.json' as the summary",
        changed("versions", 1, "summary", to="../x/summary.json"),
    ),
    (
        "names 'v4/summary.json' as the summary of v1",
        changed("versions", 1, "summary", to="v4/summary.json"),
    ),
    ("names '../../base' as the folder", changed("boots", "base", to=["../../base"], file="v1/summary.json")),
    ("is not what a run writes (at status)", changed("status", to=0)),
    (
        "is not what a run writes (at versions",
        changed("versions", 1, "cells", "boot", to="FAIL"),
    ),
    (
        "does not say of v1 what v1/summary.json says",
        changed("versions", 1, "message_id", to="x@y"),
    ),
    ("has v2 end at stage done", changed("versions", 2, "stage", to="done")),
    ("of which it knows nothing", changed("versions", 0, "status", to=0)),
    (
        "v1/summary.json: has other verdict",
        lambda f: (
            change(f / "summary.json", "versions", 1, "verdict", to="fine"),
            change(f / "v1/summary.json", "verdict", to="fine"),
        ),
    ),
    ("v9/run.json: is nothing that a run leaves", lambda f: ((f / "v9").mkdir(), (f / "v9/run.json").touch())),
    (
        "v2/summary.json: has the verdict 'fine'",
        lambda f: (
            change(f / "summary.json", "versions", 2, "verdict", to="fine"),
            change(f / "v2/summary.json", "verdict", to="fine"),
        ),
    ),
    ("v4/summary.json: is no JSON", lambda f: (f / "v4/summary.json").unlink()),
    ("is not the summary of a run", changed("versions", 0, to={"version": "v0"})),
    ("has a version named None", changed("versions", 0, to=7)),
]


@pytest.mark.parametrize(("says", "tamper"), OF_SWEEP)
def test_what_was_done_to_a_sweep_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], says: str, tamper: Tamper
) -> None:
    folder = sweep(tmp_path / "in/sweep")
    tamper(folder)
    refused(folder, says, capsys)
    with pytest.raises(UsageError):
        verify.verify_version(folder / "v1")


def test_sizes(tmp_path: Path) -> None:
    rundirs.version(tmp_path / "run", BROKEN)
    for limits in (SizeLimits(record=1), SizeLimits(file=1), SizeLimits(total=1), SizeLimits(files=1)):
        with pytest.raises(UsageError, match="has more than"):
            verify.read_verified(tmp_path / "run", limits)


def test_a_version_that_its_sweep_does_not_name(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    with pytest.raises(UsageError, match="is no version of the sweep"):
        verify.verify_version(folder / "v0")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_one_changed_byte_is_never_another_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    """Whatever byte of a record is changed: it is refused, or the verdict is what it was. Nothing else is raised."""
    folder = tmp_path / "fuzz"
    if not folder.exists():
        rundirs.version(folder, BROKEN)
    name = data.draw(st.sampled_from(["summary.json", "base/run.json", "patched/run.json", "series.mbx"]))
    raw = (folder / name).read_bytes()
    at, byte = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.binary(min_size=0, max_size=2))
    (folder / name).write_bytes(raw[:at] + byte + raw[at + 1 :])
    try:
        found = read.read_version(folder) if verify.read_verified(folder) else None
        assert found
        assert (found.verdict, int(found.status)) == ("regression", 1)
    except UsageError:
        pass
    finally:
        (folder / name).write_bytes(raw)
