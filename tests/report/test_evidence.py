"""Consoles and patches of a run directory."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from fakes import mails, rundirs
from fakes.mails import HELPER, series
from fakes.outcomes import outcome, request, run
from series_ci.errors import ApplyError
from series_ci.mail import message
from series_ci.pipeline.outcome import Outcome
from series_ci.pipeline.rows import Row
from series_ci.report import evidence
from series_ci.report.html import page
from series_ci.results.model import Result, Status
from series_ci.rundir import read
from series_ci.rundir.run import Stage


def compared(label: str = "v10") -> Outcome:
    good = Result("mm/a", Status.PASS)
    return outcome(run("base", good), run(label, good), label=label)


def gathered(folder: Path) -> evidence.Evidence:
    return evidence.gather(folder, read.read(folder))


def test_a_console_that_is_a_link_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    rundirs.version(folder, compared())
    (tmp_path / "secret").write_text("of the host\n")
    (folder / "base/console.log").unlink(missing_ok=True)
    (folder / "base/console.log").symlink_to(tmp_path / "secret")
    (tmp_path / "far").mkdir()
    (tmp_path / "far/console.log").write_text("of the host\n")
    (folder / "patched/console.log").write_text("a line\n")
    (folder / "patched/guest-2").symlink_to(tmp_path / "far")
    consoles = gathered(folder).consoles
    assert "base" not in consoles
    assert consoles["patched"].lines == ((1, "a line"),)


def test_a_long_console_keeps_both_ends(tmp_path: Path) -> None:
    rundirs.version(tmp_path, compared())
    lines = [f"line {number}" for number in range(1, 5001)]
    (tmp_path / "base/console.log").write_bytes("\n".join(lines).encode() + b"\n\xff\x1b[1mbold\x1b[0m\0\xe2\x80\xae\n")
    console = gathered(tmp_path).consoles["base"]
    assert (console.total, console.left_out) == (5001, 5001 - evidence.HEAD - evidence.TAIL)
    assert (console.lines[0], console.lines[-1]) == ((1, "line 1"), (5001, "\ufffdbold"))
    assert "5001 lines, 3001 in the middle left out" in page(read.read(tmp_path), gathered(tmp_path))


def test_the_guests_after_a_crash_come_after_the_first(tmp_path: Path) -> None:
    rundirs.version(tmp_path, compared())
    (tmp_path / "base/guest-2").mkdir()
    (tmp_path / "base/guest-2/console.log").write_text("a fresh guest\n")
    assert [line for _number, line in gathered(tmp_path).consoles["base"].lines][-2:] == [
        "[    29.000000] base says 29",
        "a fresh guest",
    ]


def test_consoles_come_in_the_order_of_the_guests(tmp_path: Path) -> None:
    """The tenth after the second, and each after the one in whose place it was started."""
    rundirs.version(tmp_path, compared())
    for name in ("guest-10", "guest-2", "guest-2/try-1", "try-1"):
        (tmp_path / "base" / name).mkdir()
        (tmp_path / "base" / name / "console.log").write_text(f"{name}\n")
    lines = [line for _number, line in gathered(tmp_path).consoles["base"].lines]
    assert (lines[0], lines[-3:]) == ("try-1", ["guest-2/try-1", "guest-2", "guest-10"])


def test_versions_share_what_was_booted_once_also_elsewhere(tmp_path: Path) -> None:
    rows = [Row(request(label=label), compared(label), None, Stage.DONE) for label in ("v1", "v2")]
    rundirs.sweep(tmp_path / "sweep", rows)
    shutil.move(tmp_path / "sweep", tmp_path / "moved")
    found = gathered(tmp_path / "moved")
    assert list(found.consoles) == ["base", "v1/patched", "v2/patched"]
    (tmp_path / "moved/v1/patched/console.log").unlink()
    assert list(gathered(tmp_path / "moved").consoles) == ["base", "v2/patched"]


def test_a_version_of_a_sweep_by_itself_has_the_console_of_its_base(tmp_path: Path) -> None:
    rundirs.sweep(tmp_path, [Row(request(label="v1"), compared("v1"), None, Stage.DONE)])
    assert list(gathered(tmp_path / "v1").consoles) == ["../base", "patched"]


def test_what_changed_from_version_to_version(tmp_path: Path) -> None:
    sent = {"v1": series(mails.GOOD, version=1), "v2": series((HELPER,), version=2)}
    refused = {label: outcome(error=ApplyError("no"), label=label) for label in sent}
    rundirs.sweep(tmp_path, [Row(request(label=label), each, None, Stage.APPLY) for label, each in refused.items()])
    for label, raws in sent.items():
        found = json.loads((tmp_path / label / "summary.json").read_text())
        patches = [message.patch(each) for each in raws]
        found["environment"]["patches"] = [
            {"message_id": each.message_id, "patch_id": f"{each.message_id} {number}", "subject": each.subject.title}
            for number, each in enumerate(patches)
            if each.subject.number
        ]
        (tmp_path / label / "summary.json").write_text(json.dumps(found))
        (tmp_path / label / "series.mbx").write_bytes(message.join_mbox(raws))
    (step,) = gathered(tmp_path).changed
    assert (step.old, step.new, step.equal) == ("v1", "v2", False)
    assert "1 dropped" in step.words
    text = page(read.read(tmp_path), gathered(tmp_path))
    assert "v1 to v2: " in text
    assert "1 dropped" in text


def test_without_mails_nothing_is_said_of_patches(tmp_path: Path) -> None:
    rows = [Row(request(label=label), compared(label), None, Stage.DONE) for label in ("v1", "v2")]
    rundirs.sweep(tmp_path, [replace(row) for row in rows])
    (step,) = gathered(tmp_path).changed
    assert step.equal
    (tmp_path / "v1/series.mbx").unlink()
    assert gathered(tmp_path).changed == ()
