"""The reply to real runs of the miniature series: what it says is of use to others, and of no machine of ours."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import fakelinux, lab, mails
from fakes.lab import Lab
from fakes.world import FAILS, PASSES, Ran, World
from series_ci.cli import main
from series_ci.mail import message
from series_ci.rundir import runlock


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("replies")) as found:
        (found.folder / "home").mkdir()
        yield found


def reply(ran: Ran, *more: str) -> str:
    assert main(["report", str(ran.out), "--format", "mail", "-o", f"{ran.out}.eml", *more]) == 0
    return Path(f"{ran.out}.eml").read_text("utf-8")


def typed(text: str) -> list[str]:
    """The command in a reply, as a shell takes it."""
    return shlex.split(text.partition("To repeat it:\n\n")[2].replace("\\\n", "").partition("\n")[0])


@pytest.mark.parametrize(("version", "status"), [("v1", 1), ("v2", 3), ("v3", 4)])
def test_it_names_no_folder_of_this_machine_and_can_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch, version: str, status: int
) -> None:
    world.lab.qemu.plan({"kernel": lab.PATCHED, **FAILS}, PASSES)
    ran = world.run(version, "--test", "mm/good")
    assert ran.status == status
    text = reply(ran)
    for place in (world.lab.folder, world.folder, Path.cwd(), Path.home()):
        assert str(place) not in text
    assert "Linux 6.12.7 (commit " in text
    words = typed(text)
    assert words[2] == mails.message_id(int(version[1:]), 0)
    # Whoever reads it has a checkout of that name, and the archive.
    monkeypatch.chdir(world.lab.folder)
    more = ["--archive", str(world.lab.mail), "--out", str(world.folder / "again"), "--accel", "tcg"]
    assert main([*words[1:], *more]) == status


def test_the_base_is_named_without_what_is_ours(world: World) -> None:
    """The commit of a base with patches on top is on this machine alone."""
    world.lab.qemu.plan(PASSES)
    patch, source = world.folder / "off.patch", world.lab.linux / "mm/vmscan.c"
    source.write_text("/* off */\n" + source.read_text("utf-8"), "utf-8")
    patch.write_text(fakelinux.git(world.lab.linux, "diff", "-U1") + "\n", "utf-8")
    fakelinux.git(world.lab.linux, "checkout", "-q", "mm/vmscan.c")
    ran = world.run("v1", "--tree", str(world.lab.linux), "--base-patch", str(patch))
    assert ran.status == 0, ran.stderr
    text = " ".join(reply(ran).split())
    head = fakelinux.git(world.lab.linux, "rev-parse", "HEAD").strip()
    assert f"its base, Linux 6.12.7 (commit {head[:12]}, v6.12.7) with off.patch on top, on " in text
    assert ran.summary["environment"]["tree_commit"] == head
    ours = ran.summary["environment"]["base_commit"]
    assert ours != head
    assert ours[:8] not in text
    assert "off.patch" in typed(reply(ran))


def test_the_run_directory_holds_the_mails_as_they_were_sent(world: World) -> None:
    world.lab.qemu.plan(PASSES)
    ran = world.run("v1")
    kept = message.split_mbox((ran.out / "sent.mbx").read_bytes())
    assert kept == [raw.rstrip(b"\n") + b"\n" for raw in mails.series()]
    assert ran.summary["title"] == mails.COVER
    again = world.run("v1", "--out", str(world.folder / "again"))
    assert "cached" in again.stderr
    assert (again.out / "sent.mbx").read_bytes() == (ran.out / "sent.mbx").read_bytes()


def test_the_title_is_that_of_the_cover_letter_in_every_report(world: World) -> None:
    world.lab.qemu.plan(PASSES)
    ran = world.run("v1")
    assert f"2 patches: {mails.COVER}" in ran.stderr
    for form in ("json", "markdown", "html", "junit", "kcidb", "mail"):
        out = world.folder / f"report.{form}"
        assert main(["report", str(ran.out), "--format", form, "-o", str(out)]) == 0
        assert mails.COVER in out.read_text("utf-8"), form
    made = runlock.read(ran.out)
    assert (made.title, made.mails.cover) == (mails.COVER, mails.message_id(1, 0))


def test_a_lock_with_another_cover_letter(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.lab.qemu.plan(PASSES)
    ran = world.run("v1")
    made = runlock.read(ran.out)
    other = made.mails.model_copy(update={"cover": "other@example.org"})
    runlock.write(ran.out, made.model_copy(update={"mails": other}))
    assert main(["verify", str(ran.out)]) == 2
    assert "run.lock: names another cover letter" in capsys.readouterr().err


def test_a_run_of_an_earlier_release_can_be_answered_all_the_same(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.lab.qemu.plan(PASSES)
    ran = world.run("v1")
    (ran.out / "sent.mbx").unlink()
    text = reply(ran)
    assert "test the version again" in capsys.readouterr().err
    assert message.header(message.parse(text.encode()), "To") == "Robin Välé <robin.vale@example.org>"


def test_posted_and_verified_and_merged(world: World) -> None:
    world.lab.qemu.plan(PASSES)
    ran = world.run("v1")
    assert main(["post", str(ran.out), "--to", "mail"]) == 0
    assert main(["verify", str(ran.out)]) == 0
    more = ["--series", str(world.lab.manifest), "--version", "v1", "--out", str(world.folder / "all")]
    assert main(["merge", str(ran.out), *more]) == 0
    assert (world.folder / "all/v1/reply.eml").read_bytes() == (ran.out / "reply.eml").read_bytes()
    assert main(["verify", str(world.folder / "all")]) == 0
