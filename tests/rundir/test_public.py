"""What others can use of what a run names, and nothing of this machine."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from fakes.outcomes import outcome, run
from series_ci.kernel import kconfig
from series_ci.kernel.base import Source
from series_ci.pipeline.outcome import version_run
from series_ci.results.model import Result, Status
from series_ci.rundir import public, runlock
from series_ci.rundir.run import Origin, VersionRun
from series_ci.rundir.runlock import Lock

COMMIT = "0123456789abcdef" * 2 + "01234567"
GOOD = Result("mm/a", Status.PASS)
MAIL = "20260203.v10-1@example.org"


def origin(
    tree: str, source: Source | None = None, *patches: str, archive: str = "https://lore.kernel.org/all/"
) -> Origin:
    return Origin(archive, tree, (), "ef" * 20, None, (), patches, source or Source("6.12.7"))


def a_run(repeat: str, found: Origin | None = None) -> VersionRun:
    made = version_run(outcome(run("base", GOOD), run("v10", GOOD)))
    return replace(made, repeat=repeat, origin=found or made.origin, folder="/home/tess/runs/demo-1")


def locked() -> Lock:
    return Lock(
        verb="test",
        series="demo",
        label="v10",
        title="x",
        mails=runlock.Mails(message_ids=(MAIL,), archive="", digest="", patch_ids=()),
        tree=runlock.Tree(spec="x", base_patches=(), base="", patched=""),
        config=runlock.Config(digest=kconfig.digest(""), options=""),
        guest=runlock.Guest(memory=512 << 20, cpus=2, swap=0, accel="tcg"),
        tests=(
            runlock.Program(program="mm/a", name="mm/a", args=(), timeout=None),
            runlock.Program(program="mm/run.sh", name="mm/b", args=("-t", "b"), timeout=None),
        ),
        arch="x86_64",
        tools=runlock.Tools.model_construct(toolchain="gcc"),
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (origin("debian:linux-source-6.12"), "Linux 6.12.7 (Debian's linux-source-6.12)"),
        (
            origin(
                "git+https://git.example.org/linux.git@v6.12",
                Source("6.12.7", COMMIT, "v6.12", "https://git.example.org/linux.git"),
            ),
            "Linux 6.12.7 (commit 0123456789ab, v6.12, of https://git.example.org/linux.git)",
        ),
        (
            origin(
                "/home/tess/linux@topic",
                Source("6.12.7", COMMIT, "v6.12-3-g0123456789ab", "https://git.example.org/linux.git"),
            ),
            "Linux 6.12.7 (commit 0123456789ab, v6.12-3-g0123456789ab, in a clone of https://git.example.org/linux.git)",
        ),
        (origin("/home/tess/linux", Source("6.12.7", COMMIT)), "Linux 6.12.7 (commit 0123456789ab)"),
        (
            origin("https://cdn.example.org/linux-6.12.tar.xz"),
            "Linux 6.12.7 (https://cdn.example.org/linux-6.12.tar.xz)",
        ),
        (origin("/home/tess/linux-6.12.tar.xz"), "Linux 6.12.7 (linux-6.12.tar.xz)"),
        (origin("http://127.0.0.1:80/l.tar.xz"), "Linux 6.12.7 (l.tar.xz)"),
        (origin("/home/tess/linux", Source()), "Linux"),
        (
            origin("debian:linux-source-6.12", None, "off.patch", "b.patch"),
            "Linux 6.12.7 (Debian's linux-source-6.12) with off.patch and b.patch on top",
        ),
    ],
)
def test_tree_as_others_find_it(found: Origin, words: str) -> None:
    assert public.tree(found) == words


@pytest.mark.parametrize(
    "url",
    [
        "/a/b",
        "file:///a",
        "http://localhost/x",
        "http://127.0.0.1:1/x",
        "https://tess:secret@git.example.org/x",
        "ssh://git.example.org/x",
        "http://10.1.2.3/x",
        "http://build/x",
        "tess@git.example.org:x",
    ],
)
def test_addresses_that_nobody_else_has(url: str) -> None:
    assert public.address(url) == ""


@pytest.mark.parametrize(
    "repeat",
    [
        "series-ci test v10 --series demo --tree debian:linux-source-6.12 --each-patch",
        f"series-ci test {MAIL} --tree git+https://git.example.org/linux.git@v6.12 --archive https://lore.example.org/all/",
    ],
)
def test_a_command_that_anybody_can_type_stays(repeat: str) -> None:
    assert public.repetition(a_run(repeat), None) == public.Repetition(tuple(shlex.split(repeat)))


def again(repeat: str, found: Origin, record: Lock | None = None) -> tuple[str, str]:
    made = public.repetition(a_run(repeat, found), record)
    return shlex.join(made.words), " ".join(made.remarks)


def test_a_manifest_of_ones_own_is_no_part_of_it() -> None:
    words, remarks = again(
        "series-ci test v10 --series /home/tess/mini.yaml", origin("debian:linux-source-6.12"), locked()
    )
    assert words == f"series-ci test {MAIL} --tree debian:linux-source-6.12 --test mm/a --memory 512M --cpus 2"
    assert "run.lock" in remarks


@pytest.mark.parametrize(
    "more",
    [
        "--series series/mini.yaml",
        "--series mini.yaml",
        "--tree linux",
        "--base-patch x.patch",
        "--config x.config",
        "--archive mail",
    ],
)
def test_names_relative_to_a_repository_are_no_help_to_others(more: str) -> None:
    words = again(f"series-ci test v10 {more}", origin("debian:linux-source-6.12"))[0]
    assert words.startswith(f"series-ci test {MAIL} --tree debian:linux-source-6.12")


def test_a_checkout_is_named_by_its_commit() -> None:
    found = origin("/home/tess/linux", Source("6.12.7", COMMIT), "off.patch", archive="/home/tess/mail")
    words, remarks = again(
        "series-ci test v10 --series /s/mini.yaml --tree /home/tess/linux --base-patch /p/off.patch "
        "--config /c/x.config --archive /home/tess/mail --test mm/x --arch arm64 --accel tcg --memory 1G --each-patch",
        found,
        locked(),
    )
    assert words == (
        f"series-ci test {MAIL} --tree linux --base-patch off.patch --config x.config --test mm/x "
        "--arch arm64 --accel tcg --memory 1G --cpus 2 --each-patch"
    )
    assert f"linux is a checkout of commit {COMMIT}." in remarks


def test_an_archive_that_others_reach_is_named() -> None:
    repeat = f"series-ci test {MAIL} --archive http://127.0.0.1:8080/all/ --tree debian:linux-source-6.12"
    assert "--archive" not in again(repeat, origin("debian:linux-source-6.12"))[0]
    repeat = f"series-ci test {MAIL} --archive https://lists.example.org/all/ --tree /src/linux"
    assert "--archive https://lists.example.org/all/" in again(repeat, origin("/src/linux"))[0]


def test_patches_that_were_not_sent_anew() -> None:
    record = locked()
    record = record.model_copy(
        update={"mails": record.mails.model_copy(update={"message_ids": ("old@example.org", MAIL)})}
    )
    assert (
        "<old@example.org>"
        in again("series-ci test v2 --series /s/m.yaml", origin("debian:linux-source-6.12"), record)[1]
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/home/tess/.cache/work/x/mm/rmap.c:12: no", "rmap.c:12: no"),
        ("in /home/tess", "in ..."),
        ("gcc -I/home/tess/x/include", "gcc -I..."),
        ("see '/home/tess/runs/demo-1/patched/build.log'.", "see 'build.log'."),
        ("/home/tessa/x and /home/tess2", "/home/tessa/x and /home/tess2"),
        ("/sys/kernel/mm and /proc/1/maps and /tmp/test.x", "/sys/kernel/mm and /proc/1/maps and /tmp/test.x"),
        ("/tmp/.b4.xy.series-ci-tmp/out/a.mbx is", "... is"),
        ("does not apply to /src/linux", "does not apply to Linux"),
        ("base patch /other/place/p.patch", "base patch p.patch"),
        ("/other/place/q.patch", "q.patch"),
    ],
)
def test_folders_of_this_machine_are_left_out(said: str, shown: str) -> None:
    found = a_run("series-ci test v10 --base-patch /other/place/p.patch")
    assert public.without_places(said, found, ["/home/tess", "/"]) == shown
